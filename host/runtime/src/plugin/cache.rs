//! Compiled components on disk, so that a second start compiles nothing.
//!
//! An entry is machine code that will be run: it is taken only when its tag, keyed with a key that the host gives, proves
//! that this host wrote it for this very file, engine and machine. Everything else is a miss.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    hash::{Hash, Hasher},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, component::Component};
use zeroize::Zeroizing;

const TAG_LENGTH: usize = 32;
/// Changes whenever the layout of an entry does.
const LAYOUT: &[u8] = b"novacron-cicd compiled component 1\0";

/// The cache's directory and its key.
pub(crate) struct Cache {
    directory: PathBuf,
    key: Zeroizing<[u8; 32]>,
    /// Of the engine and the machine.
    target: [u8; 32],
}

impl Cache {
    /// Opens it; the directory is made, and closed to everybody else.
    pub(crate) fn open(directory: &Path, key: Zeroizing<[u8; 32]>, engine: &Engine) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        if fs::metadata(directory)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        }
        let mut hasher = Sha256Hasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        std::env::consts::ARCH.hash(&mut hasher);
        std::env::consts::OS.hash(&mut hasher);
        Ok(Self { directory: directory.to_owned(), key, target: hasher.0.finalize().into() })
    }

    /// The compiled component of the file with this digest; none where there is none that can be trusted.
    pub(crate) fn get(&self, engine: &Engine, digest: &[u8; 32]) -> Option<Component> {
        let mut entry = fs::read(self.path(digest)).ok()?;
        if entry.len() < TAG_LENGTH {
            return None;
        }
        let code = entry.split_off(TAG_LENGTH);
        if self.mac(digest, &code).verify_slice(&entry).is_err() {
            tracing::warn!(digest = %hex::encode(&digest[..4]), "an entry of the compile cache is not ours or damaged, the plugin is compiled again");
            return None;
        }
        deserialize(engine, &code)
    }

    /// Keeps a compiled component. A failure costs the next start some time and nothing else.
    pub(crate) fn put(&self, digest: &[u8; 32], component: &Component) {
        let kept = component.serialize().map_err(io::Error::other).and_then(|code| {
            let tag = self.mac(digest, &code).finalize().into_bytes();
            publish(&self.directory, &self.path(digest), &[&tag, &code])
        });
        if let Err(error) = kept {
            tracing::warn!(%error, "a compiled plugin could not be kept for the next start");
        }
    }

    fn path(&self, digest: &[u8; 32]) -> PathBuf {
        self.directory.join(format!("{}-{}.cwasm", hex::encode(digest), hex::encode(&self.target[..8])))
    }

    fn mac(&self, digest: &[u8; 32], code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.key).expect("a key of any length will do");
        mac.update(LAYOUT);
        mac.update(digest);
        mac.update(&self.target);
        mac.update(code);
        mac
    }
}

/// A new file under its whole content or not at all, readable to its owner alone.
pub(crate) fn publish(directory: &Path, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut suffix = [0_u8; 8];
    getrandom::fill(&mut suffix).map_err(io::Error::other)?;
    let draft = directory.join(format!(".draft-{}", hex::encode(suffix)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        // What is left over is not taken for anything, and the error that counts is the one at hand.
        let _ = fs::remove_file(&draft);
    }
    written
}

#[expect(
    unsafe_code,
    reason = "wasmtime's own way to load compiled code: a cached start is a hundred times quicker than compiling"
)]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `code` must be what `Component::serialize` of a compatible engine gave, unchanged. The caller has verified a
    // tag over it that only the holder of this host's key can make, which covers the engine's compatibility hash and the
    // machine; the bytes are in memory of our own, so nobody can change them after that.
    let component = unsafe { Component::deserialize(engine, code) };
    component.inspect_err(|error| tracing::warn!(%error, "an entry of the compile cache is not usable")).ok()
}

/// A hasher whose result does not change from one build of the standard library to the next.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; 32] = self.0.clone().finalize().into();
        u64::from_le_bytes(digest[..8].try_into().expect("8 of 32 bytes"))
    }
}
