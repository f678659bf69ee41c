//! What a sender says of the bytes that follow: `x-sha256`, or `content-digest` as RFC 9530 has it.

use base64::Engine as _;
use http::HeaderMap;

use super::{ApiError, artifacts::SHA256};

/// The digest that a sender says of a body, in hexadecimal digits.
pub(super) fn digest(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
    if let Some(value) = text(SHA256.as_str()) {
        let good = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        let refuse =
            ApiError::Header { name: "x-sha256", value: value.clone(), reason: "it is not 64 hexadecimal digits" };
        return if good { Ok(Some(value.to_ascii_lowercase())) } else { Err(refuse) };
    }
    let Some(value) = text("content-digest") else { return Ok(None) };
    // Other algorithms may stand beside it; they are not ours to check.
    let Some(member) = value.split(',').find_map(|member| member.trim().strip_prefix("sha-256=")) else {
        return Ok(None);
    };
    let bytes = member.strip_prefix(':').and_then(|member| member.strip_suffix(':'));
    let bytes = bytes.and_then(|bytes| base64::engine::general_purpose::STANDARD.decode(bytes).ok());
    match bytes {
        Some(bytes) if bytes.len() == 32 => Ok(Some(hex::encode(bytes))),
        _ => Err(ApiError::Header {
            name: "content-digest",
            value,
            reason: "its sha-256 is not 32 bytes in base64 between colons",
        }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn a_digest_is_taken_from_either_header_and_checked_for_its_form() {
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let field = "sha-512=:AAAA:, sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
        let rows = [
            ("x-sha256", hex, Ok(Some(hex))),
            ("content-digest", field, Ok(Some(hex))),
            ("content-digest", "sha-512=:AAAA:", Ok(None)),
            ("x-sha256", "abc", Err(())),
            ("content-digest", "sha-256=:AAAA:", Err(())),
            ("content-digest", "sha-256=abc", Err(())),
        ];
        for (name, value, expected) in rows {
            let name = header::HeaderName::from_static(name);
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
            let found = digest(&headers);
            assert_eq!(found.as_ref().map(Option::as_deref).map_err(|_| ()), expected, "{value}");
        }
    }
}
