//! What the public listener shows of itself: a certificate and its key from files, read again when they change.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;

use crate::config::{ConfigError, PublicTls};

/// A certificate in use, and where it is from.
pub(super) struct Certificate {
    files: PublicTls,
    loaded: ArcSwap<Loaded>,
}

struct Loaded {
    acceptor: TlsAcceptor,
    written: Written,
}

/// When the files were written, as far as they are there.
type Written = [Option<SystemTime>; 2];

impl Certificate {
    /// Reads both files.
    pub(super) fn load(files: PublicTls) -> Result<Self, ConfigError> {
        let loaded = ArcSwap::from_pointee(read(&files)?);
        Ok(Self { files, loaded })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.loaded.load().acceptor.clone()
    }

    /// Takes files that were written since. What can't be used is told once, and what was there before stays.
    pub(super) fn refresh(&self) {
        let before = self.loaded.load_full();
        let written = written(&self.files);
        if written == before.written {
            return;
        }
        let acceptor = match read(&self.files) {
            Ok(loaded) => {
                tracing::info!(file = %self.files.certificate.display(), "took the renewed certificate");
                loaded.acceptor
            }
            Err(error) => {
                tracing::warn!(%error, "the renewed certificate can't be used, the one before it serves on");
                before.acceptor.clone()
            }
        };
        self.loaded.store(Arc::new(Loaded { acceptor, written }));
    }
}

fn written(files: &PublicTls) -> Written {
    let of = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    [of(&files.certificate), of(&files.key)]
}

fn read(files: &PublicTls) -> Result<Loaded, ConfigError> {
    // Before the files are read: what is written in between is then taken the next time.
    let written = written(files);
    let unusable = |key: &'static str, path: &Path, reason: &dyn std::fmt::Display| ConfigError::Value {
        key,
        value: path.display().to_string(),
        from: "what that file holds".into(),
        reason: reason.to_string(),
    };
    let no_chain = |reason: &dyn std::fmt::Display| unusable("public_tls_cert", &files.certificate, reason);
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(|error| no_chain(&error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| no_chain(&error))?;
    if chain.is_empty() {
        return Err(no_chain(&"there is no certificate in it"));
    }
    let no_key = |reason: &dyn std::fmt::Display| unusable("public_tls_key", &files.key, reason);
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| no_key(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| no_chain(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| no_key(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { acceptor: TlsAcceptor::from(Arc::new(config)), written })
}
