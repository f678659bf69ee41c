//! The vault's key: made once in a file that its owner alone can read, or given.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{Secret, VaultError};

pub(crate) const KEY_LENGTH: usize = 32;
/// More than any spelling of a key with white space around it; a larger file is some other file.
const FILE_LIMIT: u64 = 1024;

/// Where the vault's key comes from.
pub enum KeySource {
    /// A file with the key in base64, made at the first start with mode 0600 in a directory that exists.
    File(PathBuf),
    /// The key in base64, as an environment variable holds it.
    Base64(Secret),
    /// The 32 bytes themselves.
    Bytes(Secret),
}

/// A key, and whether it was made just now.
pub(crate) struct Key {
    pub(crate) bytes: Zeroizing<[u8; KEY_LENGTH]>,
    pub(crate) made: bool,
}

impl Key {
    pub(crate) fn load(source: &KeySource) -> Result<Self, VaultError> {
        let (bytes, made) = match source {
            KeySource::File(path) => match read(path) {
                Err(VaultError::KeyFile { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    let made = make(path)?;
                    // Read back, whoever made it: two starts side by side must end up with one key.
                    (read(path)?, made)
                }
                read => (read?, false),
            },
            KeySource::Base64(text) => (decode(text.expose(), "the environment")?, false),
            KeySource::Bytes(bytes) => (fixed(bytes.expose(), "the caller")?, false),
        };
        Ok(Self { bytes, made })
    }
}

fn read(path: &Path) -> Result<Zeroizing<[u8; KEY_LENGTH]>, VaultError> {
    let failed = |source| VaultError::KeyFile { path: path.into(), action: "read", source };
    let file = File::open(path).map_err(failed)?;
    // Of the open file, not of the path: it can't be exchanged in between.
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(VaultError::KeyExposed { path: path.into(), mode });
    }
    // With room for all of it from the start: a vector that grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(FILE_LIMIT as usize + 1));
    file.take(FILE_LIMIT).read_to_end(&mut text).map_err(failed)?;
    decode(&text, &path.display().to_string())
}

/// Whether this call made it. The file appears with its whole content or not at all, and never over one that is there.
fn make(path: &Path) -> Result<bool, VaultError> {
    let failed = |source| VaultError::KeyFile { path: path.into(), action: "made", source };
    let mut key = Zeroizing::new([0_u8; KEY_LENGTH]);
    fill_random(&mut key[..])?;
    let mut text = Zeroizing::new(STANDARD.encode(&key[..]).into_bytes());
    text.push(b'\n');

    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut suffix = [0_u8; 8];
    fill_random(&mut suffix)?;
    let draft = directory.join(format!(".vault-key-{}", hex::encode(suffix)));
    let published = write_new(&draft, &text).and_then(|()| match fs::hard_link(&draft, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    });
    let removed = fs::remove_file(&draft);
    let made = published.map_err(failed)?;
    removed.map_err(failed)?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    Ok(made)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn decode(text: &[u8], origin: &str) -> Result<Zeroizing<[u8; KEY_LENGTH]>, VaultError> {
    let bytes = STANDARD.decode(text.trim_ascii()).map(Zeroizing::new);
    // The decoder's own words would name a byte of the key.
    let bytes = bytes.map_err(|_| malformed(origin, "it is not base64 with its padding".into()))?;
    fixed(&bytes, origin)
}

fn fixed(bytes: &[u8], origin: &str) -> Result<Zeroizing<[u8; KEY_LENGTH]>, VaultError> {
    let mut key = Zeroizing::new([0_u8; KEY_LENGTH]);
    if bytes.len() != KEY_LENGTH {
        return Err(malformed(origin, format!("it has {} bytes and must have {KEY_LENGTH}", bytes.len())));
    }
    key.copy_from_slice(bytes);
    Ok(key)
}

fn malformed(origin: &str, reason: String) -> VaultError {
    VaultError::KeyMalformed { origin: origin.into(), reason }
}

pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), VaultError> {
    getrandom::fill(bytes).map_err(|error| VaultError::NoRandomness(error.to_string()))
}
