//! The body of a request: the guest's bytes, and the secrets that the host puts between them.
//!
//! A secret part is structure, never text, so nothing that came from a platform can be taken for one. Must be absent: an
//! error that shows a byte of a value.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_vault::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::error::SendError;

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes `value` at the end of `body` as `escape` says; `reference` is for the error alone.
pub(super) fn place(body: &mut Vec<u8>, value: &[u8], escape: &str, reference: &str) -> Result<(), SendError> {
    let text = || {
        std::str::from_utf8(value).map_err(|_| {
            let way = "is not text; write it as base64";
            SendError::BadRequest(format!("the secret {reference:?} can't be written as {escape}: it {way}"))
        })
    };
    match escape {
        "none" => body.extend_from_slice(value),
        "json" => {
            let quoted = serde_json::to_vec(text()?)
                .map_err(|_| SendError::BadRequest(format!("the secret {reference:?} can't be written as json")))?;
            body.extend_from_slice(&quoted[1..quoted.len() - 1]);
        }
        "xml" => xml(body, text()?).map_err(|character| {
            let number = u32::from(character);
            SendError::BadRequest(format!("the secret {reference:?} can't be written as xml: it holds U+{number:04X}"))
        })?,
        "form" => body.extend(form_urlencoded::byte_serialize(value).flat_map(str::bytes)),
        "percent" => body.extend(percent_encode(value, RESERVED).flat_map(str::bytes)),
        "base64" => body.extend_from_slice(STANDARD.encode(value).as_bytes()),
        other => {
            let known = "none, json, xml, form, percent and base64";
            return Err(SendError::BadRequest(format!("the escape {other:?} is unknown; there are {known}")));
        }
    }
    Ok(())
}

/// Escapes for text and attribute values alike; a character that XML 1.0 has no spelling for is refused.
fn xml(body: &mut Vec<u8>, text: &str) -> Result<(), char> {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // Parsers fold these where they stand as they are.
            '\t' | '\n' | '\r' => {
                // Writing to a String does not fail.
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => return Err(character),
            _ => escaped.push(character),
        }
    }
    body.extend_from_slice(escaped.as_bytes());
    Ok(())
}

/// The key that a value is sealed to, as platforms write it: base64 or hex of 32 bytes.
pub(super) fn public_key(key: &Secret, slot: &str) -> Result<[u8; 32], SendError> {
    let text = key.expose_str().unwrap_or_default().trim();
    let exact = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).ok();
    // 64 hexadecimal digits are base64 too, but not of 32 bytes.
    STANDARD
        .decode(text)
        .ok()
        .and_then(exact)
        .or_else(|| hex::decode(text).ok().and_then(exact))
        .ok_or_else(|| SendError::BadRequest(format!("what was captured into {slot:?} is no public key of 32 bytes")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_secret_is_escaped_for_its_place() {
        let value = "a\"b\\<&'>\n\u{e9} +/%=~";
        let rows = [
            ("none", "a\"b\\<&'>\n\u{e9} +/%=~"),
            ("json", "a\\\"b\\\\<&'>\\n\u{e9} +/%=~"),
            ("xml", "a&quot;b\\&lt;&amp;&apos;&gt;&#10;\u{e9} +/%=~"),
            ("form", "a%22b%5C%3C%26%27%3E%0A%C3%A9+%2B%2F%25%3D%7E"),
            ("percent", "a%22b%5C%3C%26%27%3E%0A%C3%A9%20%2B%2F%25%3D~"),
            ("base64", "YSJiXDwmJz4Kw6kgKy8lPX4="),
        ];
        for (escape, expected) in rows {
            let mut body = b"<".to_vec();
            place(&mut body, value.as_bytes(), escape, "deploy").unwrap();
            assert_eq!(String::from_utf8(body).unwrap(), format!("<{expected}"), "{escape}");
        }
    }

    #[test]
    fn a_secret_that_has_no_spelling_is_refused_and_not_shown() {
        for (value, escape) in
            [(&b"pl\xffanted"[..], "json"), (b"pl\xffanted", "xml"), (b"pl\x01anted", "xml"), (b"planted", "yaml")]
        {
            let error = place(&mut Vec::new(), value, escape, "deploy").unwrap_err();
            assert!(matches!(&error, SendError::BadRequest(text) if !text.contains("anted")), "{escape}: {error}");
        }
    }

    #[test]
    fn a_public_key_is_read_as_platforms_write_it() {
        let bytes = [7_u8; 32];
        for text in [STANDARD.encode(bytes), hex::encode(bytes), format!(" {}\n", STANDARD.encode(bytes))] {
            assert_eq!(public_key(&Secret::new(text), "key").unwrap(), bytes);
        }
        for text in ["", "AAAA", "no key"] {
            assert!(public_key(&Secret::new(text), "key").is_err());
        }
    }
}
