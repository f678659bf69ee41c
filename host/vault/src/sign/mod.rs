//! What keys are for: each function takes a [`Secret`] and gives back what may be seen.

mod jwt;
mod webhook;

use crypto_box::{PublicKey, aead::OsRng};
use hmac::{Hmac, KeyInit, Mac};
use novacron_cicd_domain::Coded;
use sha2::Sha256;
use subtle::ConstantTimeEq;

pub use jwt::{JwtAlgorithm, jwt};
pub use webhook::{
    DEFAULT_TOLERANCE_SECONDS, WebhookHeaders, github, standard_webhooks, verify_github, verify_standard_webhooks,
    verify_token,
};

use crate::Secret;

/// Why nothing was signed, sealed or accepted. Never says what the right signature would have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The secret is no key for this.
    #[error("the secret is no key for {purpose}: {reason}")]
    BadKey {
        /// `RS256`, `Standard Webhooks`, ...
        purpose: &'static str,
        /// What is wrong with it, in words that hold none of it.
        reason: &'static str,
    },
    /// The public key is not a point to seal to.
    #[error("the public key can't be sealed to")]
    BadPublicKey,
    /// The claims are not a JSON object.
    #[error("the claims of a JWT must be a JSON object")]
    BadClaims,
    /// The message's id or its timestamp can't be signed.
    #[error("the webhook's {0} is empty or holds a character that a header can't")]
    BadHeader(&'static str),
    /// No header, or an empty one.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// The header can't be read.
    #[error("the header {0} is malformed")]
    Malformed(&'static str),
    /// Too old, or too far in the future.
    #[error("the webhook's timestamp is {off} seconds off, and {tolerance} are allowed")]
    Stale {
        /// By how much it is away from now.
        off: u64,
        /// How much may be.
        tolerance: u64,
    },
    /// No signature is that of this body under this secret.
    #[error("the signature does not match")]
    Mismatch,
}

impl Coded for SignError {
    fn code(&self) -> &'static str {
        match self {
            Self::BadKey { .. } => "sign.bad-key",
            Self::BadPublicKey => "sign.bad-public-key",
            Self::BadClaims => "sign.bad-claims",
            Self::BadHeader(_) => "sign.bad-header",
            Self::Missing(_) => "signature.missing",
            Self::Malformed(_) => "signature.malformed",
            Self::Stale { .. } => "signature.stale",
            Self::Mismatch => "signature.mismatch",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::BadKey { purpose: "RS256", .. } => {
                "store the private key as PEM (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)".into()
            }
            Self::BadKey { purpose: "ES256", .. } => {
                "store a P-256 key as PKCS#8 PEM: openssl pkcs8 -topk8 -nocrypt -in key.pem".into()
            }
            Self::BadKey { .. } => "behind whsec_ stands base64; a secret without that prefix is taken as it is".into(),
            Self::Stale { .. } => "compare the clocks of both machines".into(),
            Self::Missing(_) | Self::Malformed(_) => "see whether the sender signs, and by which scheme".into(),
            Self::Mismatch => {
                "both sides must have the same secret, and nothing between them may change the body".into()
            }
            Self::BadPublicKey | Self::BadClaims | Self::BadHeader(_) => return None,
        })
    }
}

/// HMAC-SHA256 of a message.
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    hmac_sha256_parts(key, &[message])
}

/// HMAC-SHA256 of the parts in their order, without joining them in memory.
#[must_use]
pub fn hmac_sha256_parts(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether two values are the same, in a time that depends on their lengths alone.
#[must_use]
pub fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Seals a value to a public key so that only the holder of its private half can read it (libsodium's sealed box).
///
/// # Errors
/// [`SignError::BadPublicKey`].
pub fn seal_box(public_key: &[u8; 32], value: &Secret) -> Result<Vec<u8>, SignError> {
    // The all-zero key is what an unset field looks like, and everybody can open what is sealed to it.
    if public_key == &[0; 32] {
        return Err(SignError::BadPublicKey);
    }
    PublicKey::from_bytes(*public_key).seal(&mut OsRng, value.expose()).map_err(|_| SignError::BadPublicKey)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        for (key, message, expected) in [
            (vec![0x0b; 20], &b"Hi There"[..], "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex::encode(hmac_sha256(&key, message)), expected);
            let (head, tail) = message.split_at(5);
            assert_eq!(hex::encode(hmac_sha256_parts(&key, &[head, b"", tail])), expected);
        }
    }

    #[test]
    fn a_sealed_box_opens_with_its_private_key_alone() {
        let private = crypto_box::SecretKey::generate(&mut OsRng);
        let other = crypto_box::SecretKey::generate(&mut OsRng);
        let sealed = seal_box(private.public_key().as_bytes(), &Secret::new("for you alone")).unwrap();
        assert_eq!(sealed.len(), 32 + 16 + 13);
        assert_eq!(private.unseal(&sealed).unwrap(), b"for you alone");
        assert!(other.unseal(&sealed).is_err());
        let again = seal_box(private.public_key().as_bytes(), &Secret::new("for you alone")).unwrap();
        assert_ne!(sealed, again);
    }

    #[test]
    fn nothing_is_sealed_to_an_unset_key() {
        assert_eq!(seal_box(&[0; 32], &Secret::new("value")).err(), Some(SignError::BadPublicKey));
    }
}
