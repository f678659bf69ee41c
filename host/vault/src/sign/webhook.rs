//! Signatures of webhooks: Standard Webhooks out and in, GitHub's and the plain token in.
//!
//! Replays within the tolerance are the caller's to refuse, by the delivery's id.

use base64::{Engine, engine::general_purpose::STANDARD};
use novacron_cicd_domain::Timestamp;
use zeroize::Zeroizing;

use super::{SignError, constant_time_eq, hmac_sha256, hmac_sha256_parts};
use crate::Secret;

/// How far a timestamp may be from now, as Standard Webhooks proposes it.
pub const DEFAULT_TOLERANCE_SECONDS: u64 = 300;

const PREFIX: &[u8] = b"whsec_";
/// More signatures than any rotation needs; each costs a comparison.
const MOST_SIGNATURES: usize = 16;

/// The three headers of a Standard Webhooks delivery, as they came.
#[derive(Clone, Copy, Debug)]
pub struct WebhookHeaders<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since the Unix epoch.
    pub timestamp: &'a str,
    /// `webhook-signature`: one or more, separated by spaces.
    pub signature: &'a str,
}

/// The bytes to sign with: what stands in base64 behind `whsec_`, or the secret as it is where it has no such prefix.
fn key(secret: &Secret) -> Result<Zeroizing<Vec<u8>>, SignError> {
    let refuse = |reason| Err(SignError::BadKey { purpose: "Standard Webhooks", reason });
    let key = match secret.expose().strip_prefix(PREFIX) {
        None => secret.expose().to_vec(),
        Some(encoded) => match STANDARD.decode(encoded.trim_ascii()) {
            Ok(key) => key,
            Err(_) => return refuse("what stands behind whsec_ is not base64"),
        },
    };
    if key.is_empty() { refuse("it is empty") } else { Ok(Zeroizing::new(key)) }
}

/// The value of `webhook-signature` for a message: `v1,` and the HMAC-SHA256 over `id.timestamp.body` in base64.
///
/// `seconds` is the value of `webhook-timestamp`.
///
/// # Errors
/// [`SignError::BadKey`], or [`SignError::BadHeader`] where the id has a character that would make the signed text
/// ambiguous or the header invalid.
pub fn standard_webhooks(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> Result<String, SignError> {
    if id.is_empty() || id.contains('.') || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SignError::BadHeader("id"));
    }
    Ok(format!("v1,{}", STANDARD.encode(mac(&key(secret)?, id, &seconds.to_string(), body))))
}

fn mac(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
    hmac_sha256_parts(key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])
}

/// Accepts a delivery that any of `secrets` signed (two while a secret is being rotated) not too far from `now`.
///
/// Signatures of other versions than `v1` are passed over.
///
/// # Errors
/// [`SignError::Missing`], [`SignError::Malformed`], [`SignError::Stale`], [`SignError::Mismatch`] or
/// [`SignError::BadKey`].
pub fn verify_standard_webhooks(
    secrets: &[&Secret],
    headers: WebhookHeaders<'_>,
    body: &[u8],
    now: Timestamp,
    tolerance_seconds: u64,
) -> Result<(), SignError> {
    for (name, value) in
        [("webhook-id", headers.id), ("webhook-timestamp", headers.timestamp), ("webhook-signature", headers.signature)]
    {
        if value.is_empty() {
            return Err(SignError::Missing(name));
        }
    }
    // Digits alone: what `parse` also takes (a sign) would be another text than the one that was signed.
    let digits = headers.timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = match headers.timestamp.parse() {
        Ok(seconds) if digits => seconds,
        _ => return Err(SignError::Malformed("webhook-timestamp")),
    };
    let off = (now.0.div_euclid(1000)).abs_diff(seconds);
    if off > tolerance_seconds {
        return Err(SignError::Stale { off, tolerance: tolerance_seconds });
    }
    let mut given = Vec::new();
    for signature in headers.signature.split_ascii_whitespace().take(MOST_SIGNATURES) {
        match signature.split_once(',') {
            Some(("v1", encoded)) => given.extend(STANDARD.decode(encoded).ok()),
            Some(_) => {}
            None => return Err(SignError::Malformed("webhook-signature")),
        }
    }
    let mut matched = false;
    for secret in secrets {
        let expected = mac(&key(secret)?, headers.id, headers.timestamp, body);
        for signature in &given {
            matched |= constant_time_eq(signature, &expected);
        }
    }
    if matched { Ok(()) } else { Err(SignError::Mismatch) }
}

/// What GitHub sends as `X-Hub-Signature-256`, and many a receiver of webhooks checks: `sha256=` and the HMAC-SHA256 over the
/// body, keyed by the secret's text.
///
/// # Errors
/// [`SignError::BadKey`] for an empty secret.
pub fn github(secret: &Secret, body: &[u8]) -> Result<String, SignError> {
    refuse_empty(secret, "GitHub webhooks")?;
    Ok(format!("sha256={}", hex::encode(hmac_sha256(secret.expose(), body))))
}

/// Accepts a body that GitHub signed: `X-Hub-Signature-256: sha256=<hex>`. The older SHA-1 header is not a signature.
///
/// # Errors
/// [`SignError::Missing`], [`SignError::Malformed`], [`SignError::Mismatch`]; [`SignError::BadKey`] for an empty secret.
pub fn verify_github(secrets: &[&Secret], header: &str, body: &[u8]) -> Result<(), SignError> {
    if header.is_empty() {
        return Err(SignError::Missing("x-hub-signature-256"));
    }
    let malformed = SignError::Malformed("x-hub-signature-256");
    let encoded = header.strip_prefix("sha256=").ok_or_else(|| malformed.clone())?;
    let given = hex::decode(encoded).map_err(|_| malformed)?;
    let mut matched = false;
    for secret in secrets {
        refuse_empty(secret, "GitHub webhooks")?;
        matched |= constant_time_eq(&given, &hmac_sha256(secret.expose(), body));
    }
    if matched { Ok(()) } else { Err(SignError::Mismatch) }
}

/// Accepts a header that holds the secret itself (`X-Gitlab-Token` and the like).
///
/// # Errors
/// [`SignError::Missing`], [`SignError::Mismatch`]; [`SignError::BadKey`] for an empty secret.
pub fn verify_token(secrets: &[&Secret], given: &str) -> Result<(), SignError> {
    if given.is_empty() {
        return Err(SignError::Missing("token"));
    }
    // Through a keyed digest, so that not even the secret's length shows in the time.
    let given = hmac_sha256(b"token", given.as_bytes());
    let mut matched = false;
    for secret in secrets {
        refuse_empty(secret, "webhook tokens")?;
        matched |= constant_time_eq(&given, &hmac_sha256(b"token", secret.expose()));
    }
    if matched { Ok(()) } else { Err(SignError::Mismatch) }
}

fn refuse_empty(secret: &Secret, purpose: &'static str) -> Result<(), SignError> {
    if secret.is_empty() { Err(SignError::BadKey { purpose, reason: "it is empty" }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
