//! Keys stay with the host: what is made of them becomes a slot for
//! [`Request::credential`](crate::http::Request::credential).

use serde::Serialize;

use crate::{error::Result, imports, types::Error};

pub use imports::keys::KeyError;

/// A JWT signed with the key in `slot`, as a slot that is a bearer credential for this call.
///
/// ```no_run
/// # fn f() -> novacron_cicd_sdk::Result<()> {
/// use novacron_cicd_sdk::{clock, http::Request, keys};
///
/// let now = clock::now() / 1000;
/// let claims = serde_json::json!({ "iss": "12345", "iat": now - 60, "exp": now + 540 });
/// let slot = keys::sign_jwt("app-key", "RS256", &claims)?;
/// Request::get("/app").credential(slot).send()?.ok()?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`KeyError`] says, and `internal` where the claims are no JSON object.
pub fn sign_jwt(slot: &str, algorithm: &str, claims: &impl Serialize) -> Result<String> {
    let claims = serde_json::to_string(claims).map_err(|error| Error::internal(format!("claims: {error}")))?;
    Ok(imports::keys::sign_jwt(slot, algorithm, &claims)?)
}

/// An HMAC-SHA256 of `message` with the key in `slot`, as a slot that is a header credential for this call.
/// `encoding` is `hex` or `base64`. Signatures over a request itself are asked for with
/// [`Request::sign`](crate::http::Request::sign).
///
/// ```no_run
/// # fn f() -> novacron_cicd_sdk::Result<()> {
/// let slot = novacron_cicd_sdk::keys::hmac("key", "hex", b"2026-01-01")?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`KeyError`] says.
pub fn hmac(slot: &str, encoding: &str, message: &[u8]) -> Result<String> {
    Ok(imports::keys::hmac(slot, "hmac-sha256", encoding, message)?)
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NoSuchSlot(slot) => Self::unauthorized(format!("credential slot {slot} is empty"))
                .hint(format!("fill slot {slot} of the provider with a secret")),
            KeyError::NotAllowed(text) => Self::internal(text),
            KeyError::Invalid(text) => {
                Self::unauthorized(text).hint("check that the secret in the slot is a key of the right kind")
            }
            KeyError::Other(text) => Self::internal(text),
        }
    }
}
