//! Standard Webhooks signatures, written from their specification and not from the host's code: a second opinion.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use sha2::Sha256;

/// A signed time may be this far from ours, either way.
const TOLERANCE_SECONDS: i64 = 300;

/// Why a delivery is not believed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing(&'static str),
    Stale,
    Forged,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(header) => write!(f, "the header {header} is missing or unreadable"),
            Self::Stale => write!(f, "webhook-timestamp is more than {TOLERANCE_SECONDS} s away"),
            Self::Forged => write!(f, "no signature in webhook-signature is right"),
        }
    }
}

fn key(secret: &str) -> Vec<u8> {
    match secret.strip_prefix("whsec_").map(|text| STANDARD.decode(text)) {
        Some(Ok(bytes)) => bytes,
        _ => secret.as_bytes().to_vec(),
    }
}

fn mac(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key(secret)).expect("HMAC takes keys of any length");
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// The value of `webhook-signature` for this delivery.
#[must_use]
pub fn sign(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    format!("v1,{}", STANDARD.encode(mac(secret, id, &timestamp.to_string(), body).finalize().into_bytes()))
}

/// The delivery's id, when one of its signatures is right and its time is near `now` (seconds).
pub(crate) fn verify(secret: &str, headers: &HeaderMap, body: &[u8], now: i64) -> Result<String, Refusal> {
    let header =
        |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok()).ok_or(Refusal::Missing(name));
    let id = header("webhook-id")?;
    let timestamp = header("webhook-timestamp")?;
    let signatures = header("webhook-signature")?;
    let sent: i64 = timestamp.parse().map_err(|_| Refusal::Missing("webhook-timestamp"))?;
    if sent.abs_diff(now) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(Refusal::Stale);
    }
    let right = signatures
        .split(' ')
        .filter_map(|one| one.strip_prefix("v1,"))
        .filter_map(|text| STANDARD.decode(text).ok())
        .any(|bytes| mac(secret, id, timestamp, body).verify_slice(&bytes).is_ok());
    if right { Ok(id.to_owned()) } else { Err(Refusal::Forged) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the Standard Webhooks specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn headers(id: &str, timestamp: i64, signature: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let timestamp = timestamp.to_string();
        for (name, value) in [
            ("webhook-id", Some(id)),
            ("webhook-timestamp", Some(timestamp.as_str())),
            ("webhook-signature", signature),
        ] {
            if let Some(value) = value {
                headers.insert(name, value.parse().expect("the rows hold plain text"));
            }
        }
        headers
    }

    #[test]
    fn the_specifications_example_comes_out() {
        assert_eq!(sign(SECRET, ID, TIME, BODY), SIGNATURE);
    }

    #[test]
    fn only_a_fresh_and_whole_delivery_is_believed() {
        let other = format!("v1,AAAA {SIGNATURE}");
        let rows = [
            ("right", ID, Some(SIGNATURE), BODY, TIME, Ok(ID.to_owned())),
            ("the second of two", ID, Some(other.as_str()), BODY, TIME, Ok(ID.to_owned())),
            ("another body", ID, Some(SIGNATURE), b"{}".as_slice(), TIME, Err(Refusal::Forged)),
            ("another id", "msg_2", Some(SIGNATURE), BODY, TIME, Err(Refusal::Forged)),
            ("late", ID, Some(SIGNATURE), BODY, TIME + 301, Err(Refusal::Stale)),
            ("early", ID, Some(SIGNATURE), BODY, TIME - 301, Err(Refusal::Stale)),
            ("unsigned", ID, None, BODY, TIME, Err(Refusal::Missing("webhook-signature"))),
        ];
        for (what, id, signature, body, now, wanted) in rows {
            assert_eq!(verify(SECRET, &headers(id, TIME, signature), body, now), wanted, "{what}");
        }
    }
}
