//! Signatures over what is really sent: made after the secrets are in the body, by keys that the guest never sees.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use novacron_cicd_contract::bindings::novacron::cicd::types::{Signature, SignedPart};
use novacron_cicd_vault::{Secret, sign::hmac_sha256_parts};

use super::{error::SendError, headers};

/// Signs and puts the result into its header.
pub(super) fn sign(headers: &mut HeaderMap, signature: &Signature, key: &Secret, body: &[u8]) -> Result<(), SendError> {
    let name = headers::for_host(&signature.header)?;
    if signature.algorithm != "hmac-sha256" {
        let algorithm = &signature.algorithm;
        return Err(SendError::BadRequest(format!("the algorithm {algorithm:?} is unknown; there is hmac-sha256")));
    }
    let parts: Vec<&[u8]> = signature
        .message
        .iter()
        .map(|part| match part {
            SignedPart::Text(text) => text.as_bytes(),
            SignedPart::Body => body,
        })
        .collect();
    let digest = hmac_sha256_parts(&key_bytes(key, &signature.key)?, &parts);
    let encoded = match signature.encoding.as_str() {
        "base64" => STANDARD.encode(digest),
        "hex" => hex::encode(digest),
        other => {
            return Err(SendError::BadRequest(format!("the encoding {other:?} is unknown; there are base64 and hex")));
        }
    };
    let value = HeaderValue::from_str(&format!("{}{encoded}", signature.prefix))
        .map_err(|_| SendError::BadRequest(format!("the prefix of the signature in {name} can't stand in a header")))?;
    headers.insert(name, value);
    Ok(())
}

/// The key itself: Standard Webhooks writes it as base64 behind `whsec_`, all others as it is.
fn key_bytes(key: &Secret, slot: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, SendError> {
    let refuse = |why| SendError::NoSuchCredential(format!("the key in slot {slot:?} {why}"));
    let bytes = match key.expose().strip_prefix(b"whsec_") {
        Some(encoded) => STANDARD.decode(encoded.trim_ascii()).map_err(|_| refuse("is not base64 behind whsec_"))?,
        None => key.expose().to_vec(),
    };
    if bytes.is_empty() { Err(refuse("is empty")) } else { Ok(zeroize::Zeroizing::new(bytes)) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn signature(encoding: &str, algorithm: &str) -> Signature {
        Signature {
            header: "webhook-signature".into(),
            prefix: "v1,".into(),
            key: "signing".into(),
            algorithm: algorithm.into(),
            encoding: encoding.into(),
            message: vec![SignedPart::Text("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.".into()), SignedPart::Body],
        }
    }

    #[test]
    fn a_signature_is_that_of_the_standard_webhooks_example() {
        // The example of the Standard Webhooks reference libraries.
        let key = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let mut headers = HeaderMap::new();
        sign(&mut headers, &signature("base64", "hmac-sha256"), &key, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for (encoding, algorithm) in [("base32", "hmac-sha256"), ("hex", "md5")] {
            let signed = sign(&mut HeaderMap::new(), &signature(encoding, algorithm), &Secret::new("key"), b"");
            assert!(matches!(signed, Err(SendError::BadRequest(_))), "{encoding} {algorithm}");
        }
    }
}
