//! The forms in which a value travels. Each is a pattern of its own, found byte for byte.

use std::{collections::BTreeSet, fmt::Write};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use crate::secret::check_maskable;

/// Adds all forms of a value, and of each of its lines.
pub(super) fn add(value: &[u8], patterns: &mut BTreeSet<Vec<u8>>) {
    let mut pieces = BTreeSet::from([value, value.trim_ascii()]);
    if value.trim_ascii().iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        let lines = value.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
        pieces.extend(lines.filter(|line| !is_public(line)));
    }
    for piece in pieces.into_iter().filter(|piece| check_maskable(piece).is_ok()) {
        patterns.insert(piece.to_vec());
        add_hex(piece, patterns);
        add_base64(piece, patterns);
        add_percent(piece, patterns);
        if let Ok(text) = std::str::from_utf8(piece) {
            add_json(text, patterns);
            add_xml(text, patterns);
        }
    }
}

/// The frame of a PEM block says only that there is one; on its own it is no secret.
fn is_public(line: &[u8]) -> bool {
    (line.starts_with(b"-----BEGIN ") || line.starts_with(b"-----END ")) && line.ends_with(b"-----")
}

fn add_hex(value: &[u8], patterns: &mut BTreeSet<Vec<u8>>) {
    patterns.insert(hex::encode(value).into_bytes());
    patterns.insert(hex::encode_upper(value).into_bytes());
}

/// Base64 of the value where 0, 1 or 2 bytes of something else come before it in its group of three.
fn add_base64(value: &[u8], patterns: &mut BTreeSet<Vec<u8>>) {
    for before in 0..3 {
        let framed = [&[0; 2][..before], value].concat();
        // Characters that hold bits of a neighbour are not known: those at the begin, and the last where a rest is left.
        let from = [0, 2, 3][before];
        let whole = framed.len() * 8 / 6;
        for encoded in [STANDARD.encode(&framed), URL_SAFE.encode(&framed)] {
            let unpadded = encoded.trim_end_matches('=').len();
            // The latter two where the value is the last thing in the encoded text.
            for to in [whole, unpadded, encoded.len()] {
                add_wrapped_base64(&encoded[from..to], patterns);
            }
        }
    }
}

/// Base64 itself as it stands in URLs and in JSON strings.
fn add_wrapped_base64(encoded: &str, patterns: &mut BTreeSet<Vec<u8>>) {
    patterns.insert(encoded.into());
    if encoded.contains(['+', '/', '=']) {
        patterns.insert(encoded.replace('/', "\\/").into());
        patterns.insert(percent(encoded.as_bytes(), |byte| byte.is_ascii_alphanumeric(), false, true));
        patterns.insert(percent(encoded.as_bytes(), |byte| byte.is_ascii_alphanumeric(), false, false));
    }
}

/// What an encoder leaves as it is beside letters and digits, and whether it writes a space as `+`.
const ENCODERS: [(&[u8], bool); 18] = [
    (b"", false),
    // RFC 3986's unreserved characters, and the same for forms (Go, Python), and with the separators of a path.
    (b"-._~", false),
    (b"-._~", true),
    (b"-._~/", false),
    (b"-._~!$&'()*+,;=:@", false),
    // JavaScript: encodeURIComponent, encodeURI, escape.
    (b"-_.!~*'()", false),
    (b"-_.!~*'();,/?:@&=+$#", false),
    (b"@*_+-./", false),
    // The URL standard: forms, components, user info, segments and paths (the older and the newer set), queries of web
    // addresses and others, fragments, and where only what is no ASCII text is encoded.
    (b"*-._", true),
    (b"-_.!~*'()%", false),
    (b"!$%&'()*+,-._~", false),
    (b"!$&'()*+,-.:;=@[]^_|~", false),
    (b"!$%&'()*+,-./:;=@[\\]^_|~", false),
    (b"!$%&'()*+,-./:;=@[\\]_|~", false),
    (b"!$%&()*+,-./:;=?@[\\]^_`{|}~", false),
    (b"!$%&'()*+,-./:;=?@[\\]^_`{|}~", false),
    (b"!#$%&'()*+,-./:;=?@[\\]^_{|}~", false),
    (b" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", false),
];

fn add_percent(value: &[u8], patterns: &mut BTreeSet<Vec<u8>>) {
    for upper in [true, false] {
        for (kept, plus) in ENCODERS {
            patterns.insert(percent(value, |byte| byte.is_ascii_alphanumeric() || kept.contains(&byte), plus, upper));
        }
        patterns.insert(percent(value, |_| false, false, upper));
    }
}

fn percent(value: &[u8], keep: impl Fn(u8) -> bool, plus: bool, upper: bool) -> Vec<u8> {
    let digits = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut encoded = Vec::with_capacity(value.len() * 3);
    for &byte in value {
        match byte {
            b' ' if plus => encoded.push(b'+'),
            _ if keep(byte) => encoded.push(byte),
            _ => encoded.extend([b'%', digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]),
        }
    }
    encoded
}

/// How careful a JSON writer is beyond what it must.
#[derive(Clone, Copy)]
struct JsonStyle {
    /// Only ASCII comes out.
    ascii: bool,
    /// Written as `\u` though it need not be.
    numbered: &'static str,
    /// `\/`
    slash: bool,
    /// The digits behind `\u`.
    upper: bool,
}

fn add_json(text: &str, patterns: &mut BTreeSet<Vec<u8>>) {
    for ascii in [false, true] {
        for numbered in ["", "<>&", "<>&'\"+`"] {
            for slash in [false, true] {
                for upper in [false, true] {
                    patterns.insert(json(text, JsonStyle { ascii, numbered, slash, upper }).into_bytes());
                }
            }
        }
    }
}

fn json(text: &str, style: JsonStyle) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            _ if style.numbered.contains(character) => number(&mut escaped, character, style.upper),
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '/' if style.slash => escaped.push_str("\\/"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            '\0'..='\u{1f}' => number(&mut escaped, character, style.upper),
            _ if style.ascii && !character.is_ascii() => number(&mut escaped, character, style.upper),
            _ => escaped.push(character),
        }
    }
    escaped
}

fn number(escaped: &mut String, character: char, upper: bool) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String does not fail.
        let _ = if upper { write!(escaped, "\\u{unit:04X}") } else { write!(escaped, "\\u{unit:04x}") };
    }
}

fn add_xml(text: &str, patterns: &mut BTreeSet<Vec<u8>>) {
    for quotes in [
        None,
        Some(("&quot;", "&apos;")),
        Some(("&quot;", "&#39;")),
        Some(("&#34;", "&#39;")),
        Some(("&quot;", "&#x27;")),
    ] {
        let mut escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        if let Some((double, single)) = quotes {
            escaped = escaped.replace('"', double).replace('\'', single);
        }
        patterns.insert(escaped.into_bytes());
    }
}
