//! What can go wrong with keys and sealed values. No variant holds a secret, nor a part of one.

use std::path::PathBuf;

use novacron_cicd_domain::Coded;

/// Why a vault could not be opened, or a value not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The key file could not be read or made.
    #[error("the vault's key file {} could not be {action}: {source}", path.display())]
    KeyFile {
        /// Where it is or would be.
        path: PathBuf,
        /// `read`, `made`.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others than its owner may read or write the key file.
    #[error("the vault's key file {} has mode {mode:04o}, so that others than its owner can reach it", path.display())]
    KeyExposed {
        /// Where it is.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key is not 32 bytes, or not base64.
    #[error("the vault's key from {origin} is no key: {reason}")]
    KeyMalformed {
        /// The key file's path, or `the environment`.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Sealed by a version that this one does not know, or not a sealed value.
    #[error("the sealed value of {context} has format {version}, and only format 1 is known")]
    UnknownFormat {
        /// The place that it was read from.
        context: String,
        /// The first byte.
        version: u8,
    },
    /// Too short to be a sealed value.
    #[error("the sealed value of {context} is cut short: {length} bytes, and the smallest has {least}")]
    Truncated {
        /// The place that it was read from.
        context: String,
        /// How long it is.
        length: usize,
        /// The shortest that it can be.
        least: usize,
    },
    /// Sealed under another key.
    #[error("the sealed value of {context} is sealed under key {sealed_by}, and this vault has key {ours}")]
    OtherKey {
        /// The place that it was read from.
        context: String,
        /// The id of the key that it was sealed under.
        sealed_by: String,
        /// The id of the key that this vault has.
        ours: String,
    },
    /// Changed since, or taken from another place.
    #[error("the sealed value of {context} was changed since it was sealed, or was sealed for another place")]
    NotAuthentic {
        /// The place that it was read from.
        context: String,
    },
    /// The value is too large to seal.
    #[error("the value of {context} is too large to seal")]
    TooLarge {
        /// The place that it is for.
        context: String,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    NoRandomness(String),
}

impl Coded for VaultError {
    fn code(&self) -> &'static str {
        match self {
            Self::KeyFile { .. } => "vault.key-file",
            Self::KeyExposed { .. } => "vault.key-exposed",
            Self::KeyMalformed { .. } => "vault.key-malformed",
            Self::UnknownFormat { .. } => "vault.unknown-format",
            Self::Truncated { .. } => "vault.truncated",
            Self::OtherKey { .. } => "vault.other-key",
            Self::NotAuthentic { .. } => "vault.not-authentic",
            Self::TooLarge { .. } => "vault.too-large",
            Self::NoRandomness(_) => "vault.no-randomness",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::KeyFile { path, .. } => format!("the daemon's user must own {} and its directory", path.display()),
            Self::KeyExposed { path, .. } => {
                format!("chmod 600 {}; where others may have read it, set every secret anew", path.display())
            }
            Self::KeyMalformed { .. } => {
                "a key is 32 random bytes in base64, as `openssl rand -base64 32` makes one".into()
            }
            Self::UnknownFormat { .. } => {
                "a newer version has written it: run that version, or set the secret anew".into()
            }
            Self::OtherKey { .. } => {
                "start with the key that the state directory was made with, or set the secret anew".into()
            }
            Self::Truncated { .. } | Self::NotAuthentic { .. } => {
                "restore the database from a backup, or set the secret anew".into()
            }
            Self::TooLarge { .. } => "keep it in a file, and a key to that file here".into(),
            Self::NoRandomness(_) => "see whether getrandom(2) is allowed in this container".into(),
        })
    }
}
