//! JSON Web Tokens, as platforms take them in exchange for an access token.

use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::SignError;
use crate::Secret;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// RSA, PKCS#1 v1.5, SHA-256; the key is PEM.
    Rs256,
    /// ECDSA on P-256, SHA-256; the key is PKCS#8 PEM.
    Es256,
    /// HMAC-SHA256; the key is the secret's bytes.
    Hs256,
}

impl JwtAlgorithm {
    /// The name that the header carries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm that `name` names; there is none for `none`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256, Self::Hs256].into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// A signed token with the claims as they are given (`iat`, `exp` and `iss` included).
///
/// It is a secret itself: whoever has it can use it until it ends.
///
/// # Errors
/// [`SignError::BadClaims`], [`SignError::BadKey`].
pub fn jwt(
    algorithm: JwtAlgorithm,
    key: &Secret,
    key_id: Option<&str>,
    claims: &serde_json::Value,
) -> Result<Secret, SignError> {
    if !claims.is_object() {
        return Err(SignError::BadClaims);
    }
    let refuse = |reason| SignError::BadKey { purpose: algorithm.as_str(), reason };
    // The library's own words can hold parts of the key file, so they are not passed on.
    let (id, key) = match algorithm {
        JwtAlgorithm::Hs256 if key.is_empty() => return Err(refuse("it is empty")),
        JwtAlgorithm::Hs256 => (Algorithm::HS256, EncodingKey::from_secret(key.expose())),
        JwtAlgorithm::Rs256 => (
            Algorithm::RS256,
            EncodingKey::from_rsa_pem(key.expose()).map_err(|_| refuse("it is not an RSA private key in PEM"))?,
        ),
        JwtAlgorithm::Es256 => (
            Algorithm::ES256,
            EncodingKey::from_ec_pem(key.expose()).map_err(|_| refuse("it is not an EC private key in PKCS#8 PEM"))?,
        ),
    };
    let mut header = Header::new(id);
    header.kid = key_id.map(str::to_owned);
    let token = jsonwebtoken::encode(&header, claims, &key).map_err(|_| refuse("it does not sign"))?;
    Ok(Secret::new(token))
}

#[cfg(test)]
mod tests;
