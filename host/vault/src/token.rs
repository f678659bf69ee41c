//! Bearer tokens: 32 random bytes behind a prefix that tells scanners and people what they found. Only a hash is kept.
//!
//! A plain SHA-256 is enough where the value is random: there is nothing to guess that a slow hash would protect.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Secret, VaultError, key::fill_random};

/// What a token is good for; its prefix says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `ncc_`: the API, with a role.
    Api,
    /// `ncr_`: the callbacks of one run.
    Run,
}

impl TokenKind {
    /// What every token of this kind begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Api => "ncc_",
            Self::Run => "ncr_",
        }
    }
}

/// A new token of the API, and the hash to keep of it.
///
/// # Errors
/// [`VaultError::NoRandomness`].
pub fn token() -> Result<(Secret, String), VaultError> {
    mint(TokenKind::Api)
}

/// A new token, and the hash to keep of it.
///
/// # Errors
/// [`VaultError::NoRandomness`].
pub fn mint(kind: TokenKind) -> Result<(Secret, String), VaultError> {
    let mut random = Zeroizing::new([0_u8; 32]);
    fill_random(&mut random[..])?;
    let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(&random[..]));
    let mut text = String::with_capacity(kind.prefix().len() + encoded.len());
    text.push_str(kind.prefix());
    text.push_str(&encoded);
    let hash = hash(&text);
    Ok((Secret::new(text), hash))
}

/// Which kind of token a text looks like; none: it can't be one of ours.
#[must_use]
pub fn kind_of(text: &str) -> Option<TokenKind> {
    let kind = [TokenKind::Api, TokenKind::Run].into_iter().find(|kind| text.starts_with(kind.prefix()))?;
    let body = &text[kind.prefix().len()..];
    let encoded = body.len() == 43 && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    encoded.then_some(kind)
}

/// What is kept of a token: SHA-256, 64 lower-case hexadecimal digits. To look it up by its hash leaks nothing of it.
#[must_use]
pub fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// Whether `token` is the one that `kept` is the hash of, in constant time.
#[must_use]
pub fn verify(token: &str, kept: &str) -> bool {
    hash(token).as_bytes().ct_eq(kept.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_token_has_its_prefix_and_43_characters_and_its_hash_finds_it() {
        for kind in [TokenKind::Api, TokenKind::Run] {
            let (secret, kept) = mint(kind).unwrap();
            let text = secret.expose_str().unwrap();
            assert!(text.starts_with(kind.prefix()));
            assert_eq!(text.len(), 4 + 43);
            assert_eq!(kind_of(text), Some(kind));
            assert_eq!(kept.len(), 64);
            assert!(verify(text, &kept));
            assert!(!verify(&text[..46], &kept));
            assert!(!kept.contains(&text[4..]));
        }
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let (first, _) = token().unwrap();
        let (second, _) = token().unwrap();
        assert!(!first.matches(second.expose()));
    }

    #[test]
    fn what_does_not_look_like_a_token_is_none() {
        let long = format!("ncc_{}", "a".repeat(44));
        for text in ["", "ncc_", "ncx_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ncc_a b", long.as_str(), "ncc_é"]
        {
            assert_eq!(kind_of(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_hash_is_plain_sha_256() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
