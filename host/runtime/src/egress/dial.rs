//! The HTTP clients of each provider: TLS, pools, and nothing that acts on its own.
//!
//! No client follows a redirect, reads a proxy from the environment, keeps cookies or tries again: all of that would pass
//! by the door's checks. HTTP/1.1 alone, because dropping a request then closes its connection, and because what was
//! written and what was not stays plain.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use novacron_cicd_domain::{id::ProviderId, provider::Provider};
use reqwest::Client;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    DoorConfig,
    error::{ScopeError, SendError},
    resolve::Vetted,
    scope::ProviderScope,
};

/// The clients of one provider. None is shared with another, so neither is a connection or a TLS session.
pub(super) struct Clients {
    /// What reads: keeps connections.
    pub(super) reads: Client,
    /// What changes: a new connection each time. On one that was kept, the platform may hang up just as the request
    /// leaves, and nobody could say whether it was acted on.
    pub(super) changes: Client,
    /// Transfers: bytes as they come.
    pub(super) streams: Client,
}

/// The clients of every provider that was used.
pub(super) struct Dialer {
    config: DoorConfig,
    kept: Mutex<HashMap<ProviderId, Kept>>,
}

struct Kept {
    made_for: Arc<ProviderScope>,
    clients: Arc<Clients>,
}

impl Dialer {
    pub(super) fn new(config: DoorConfig) -> Self {
        Self { config, kept: Mutex::default() }
    }

    pub(super) fn clients(&self, scope: &Arc<ProviderScope>) -> Result<Arc<Clients>, SendError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get(&scope.provider().id)
            && (Arc::ptr_eq(&kept.made_for, scope) || kept.made_for.dials_like(scope))
        {
            return Ok(kept.clients.clone());
        }
        let clients = Arc::new(self.make(scope).map_err(|error| SendError::NotSent(error.to_string()))?);
        kept.insert(scope.provider().id, Kept { made_for: scope.clone(), clients: clients.clone() });
        Ok(clients)
    }

    pub(super) fn forget(&self, provider: ProviderId) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&provider);
    }

    fn make(&self, scope: &ProviderScope) -> Result<Clients, ScopeError> {
        let bad = |reason: String| bad_roots(scope.provider(), reason);
        let tls = tls(scope.provider().grants.authorities.as_deref()).map_err(bad)?;
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(Vetted::new(self.config.lookup.clone(), scope.reach()))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .http1_only()
                .https_only(scope.reach().base().is_https())
                .connect_timeout(self.config.connect_timeout)
                .user_agent(&self.config.user_agent)
        };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| bad(error.to_string()));
        Ok(Clients {
            reads: build(builder().pool_max_idle_per_host(8))?,
            changes: build(builder().pool_max_idle_per_host(0))?,
            streams: build(builder().pool_max_idle_per_host(0).no_gzip().read_timeout(self.config.idle_timeout))?,
        })
    }
}

fn bad_roots(provider: &Provider, reason: String) -> ScopeError {
    ScopeError::BadRoots { provider: provider.name.to_string(), reason }
}

/// Refuses certificate authorities that could not be used, before anything is sent.
pub(super) fn check_authorities(provider: &Provider) -> Result<(), ScopeError> {
    let Some(pem) = &provider.grants.authorities else { return Ok(()) };
    roots(Some(pem)).map(drop).map_err(|reason| bad_roots(provider, reason))
}

/// The public authorities, and those in `extra`.
fn roots(extra: Option<&str>) -> Result<rustls::RootCertStore, String> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = extra {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        if roots.len() == before {
            return Err("there is no certificate in them".into());
        }
    }
    Ok(roots)
}

fn tls(extra: Option<&str>) -> Result<rustls::ClientConfig, String> {
    let roots = roots(extra)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    #[test]
    fn certificate_authorities_that_are_none_are_refused() {
        for (pem, message) in
            [("", "there is no certificate"), ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "")]
        {
            let error = super::tls(Some(pem)).err();
            assert!(error.as_ref().is_some_and(|error| error.contains(message)), "{pem:?}: {error:?}");
        }
        assert!(super::tls(None).is_ok());
    }
}
