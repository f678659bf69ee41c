//! Values sealed for the database: XChaCha20-Poly1305 under one key, each bound to the place that it is kept at.
//!
//! A sealed value is `format (1) | key id (8) | nonce (24) | ciphertext and tag`. The head and the context are
//! authenticated with it, so a value that is moved to another row or another database does not open.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};

use crate::{
    KeySource, Secret, VaultError,
    key::{Key, fill_random},
};

const FORMAT: u8 = 1;
const ID_LENGTH: usize = 8;
const HEAD_LENGTH: usize = 1 + ID_LENGTH;
const NONCE_LENGTH: usize = 24;
const TAG_LENGTH: usize = 16;
const LEAST: usize = HEAD_LENGTH + NONCE_LENGTH + TAG_LENGTH;

/// Seals and opens values under one key.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    key_id: [u8; ID_LENGTH],
    made: bool,
}

impl Vault {
    /// Opens it, making the key file where it is asked for and not there yet.
    ///
    /// # Errors
    /// [`VaultError::KeyFile`], [`VaultError::KeyExposed`] or [`VaultError::KeyMalformed`].
    pub fn open(source: &KeySource) -> Result<Self, VaultError> {
        let key = Key::load(source)?;
        let digest =
            Sha256::new().chain_update(b"novacron-cicd vault key id\0").chain_update(&key.bytes[..]).finalize();
        let mut key_id = [0; ID_LENGTH];
        key_id.copy_from_slice(&digest[..ID_LENGTH]);
        Ok(Self { cipher: XChaCha20Poly1305::new(&(*key.bytes).into()), key_id, made: key.made })
    }

    /// Whether the key was made just now: then nothing that was sealed before can be opened.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.made
    }

    /// The key's public name, which tells keys apart and nothing else.
    #[must_use]
    pub fn key_id(&self) -> String {
        hex::encode(self.key_id)
    }

    /// Seals a value for one place: `context` names it, e.g. `secret/registry-password`, and opening needs the same.
    ///
    /// # Errors
    /// [`VaultError::NoRandomness`], [`VaultError::TooLarge`].
    pub fn seal(&self, context: &str, value: &Secret) -> Result<Vec<u8>, VaultError> {
        let mut sealed = Vec::with_capacity(LEAST + value.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.key_id);
        let mut nonce = [0; NONCE_LENGTH];
        fill_random(&mut nonce)?;
        sealed.extend_from_slice(&nonce);
        let aad = authenticated(&sealed[..HEAD_LENGTH], context);
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: value.expose(), aad: &aad })
            .map_err(|_| VaultError::TooLarge { context: context.into() })?;
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    /// [`VaultError::Truncated`], [`VaultError::UnknownFormat`], [`VaultError::OtherKey`] or
    /// [`VaultError::NotAuthentic`].
    pub fn unseal(&self, context: &str, sealed: &[u8]) -> Result<Secret, VaultError> {
        if let Some(&version) = sealed.first()
            && version != FORMAT
        {
            return Err(VaultError::UnknownFormat { context: context.into(), version });
        }
        if sealed.len() < LEAST {
            return Err(VaultError::Truncated { context: context.into(), length: sealed.len(), least: LEAST });
        }
        let (head, rest) = sealed.split_at(HEAD_LENGTH);
        let (nonce, ciphertext) = rest.split_at(NONCE_LENGTH);
        if head[1..] != self.key_id {
            return Err(VaultError::OtherKey {
                context: context.into(),
                sealed_by: hex::encode(&head[1..]),
                ours: self.key_id(),
            });
        }
        let not_authentic = || VaultError::NotAuthentic { context: context.into() };
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().map_err(|_| not_authentic())?;
        let aad = authenticated(head, context);
        self.cipher
            .decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Secret::new)
            .map_err(|_| not_authentic())
    }
}

/// The head has a fixed length, so no two (head, context) run together to the same bytes.
fn authenticated(head: &[u8], context: &str) -> Vec<u8> {
    [head, context.as_bytes()].concat()
}
