//! The HTTP clients of each provider: TLS, pools, and nothing that acts on its own.
//!
//! No client follows a redirect, reads a proxy from the environment, keeps cookies or tries again: all of that would pass
//! by the door's checks. HTTP/1.1 alone, because dropping a request then closes its connection, and because what was
//! written and what was not stays plain.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use novacron_cicd_domain::{id::ProviderId, provider::Provider};
use novacron_cicd_vault::Secret;
use reqwest::Client;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    DoorConfig,
    allow::Origin,
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
    password: Option<Arc<Secret>>,
    clients: Arc<Clients>,
}

impl Kept {
    fn serves(&self, scope: &Arc<ProviderScope>, password: Option<&Arc<Secret>>) -> bool {
        let same = Arc::ptr_eq(&self.made_for, scope) || self.made_for.dials_like(scope);
        same && self.password.as_ref().map(|secret| secret.expose()) == password.map(|secret| secret.expose())
    }
}

impl Dialer {
    pub(super) fn new(config: DoorConfig) -> Self {
        Self { config, kept: Mutex::default() }
    }

    /// The clients of a provider, whose proxy wants `password`.
    pub(super) fn clients(
        &self,
        scope: &Arc<ProviderScope>,
        password: Option<Arc<Secret>>,
    ) -> Result<Arc<Clients>, SendError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get(&scope.provider().id).filter(|kept| kept.serves(scope, password.as_ref())) {
            return Ok(kept.clients.clone());
        }
        let made = self.make(scope, password.as_deref()).map_err(|error| SendError::NotSent(error.to_string()))?;
        let clients = Arc::new(made);
        kept.insert(scope.provider().id, Kept { made_for: scope.clone(), password, clients: clients.clone() });
        Ok(clients)
    }

    /// How long a stream may stand still.
    pub(super) fn idle(&self) -> Duration {
        self.config.idle_timeout
    }

    pub(super) fn forget(&self, provider: ProviderId) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&provider);
    }

    fn make(&self, scope: &ProviderScope, password: Option<&Secret>) -> Result<Clients, ScopeError> {
        let bad = |reason: String| bad_roots(scope.provider(), reason);
        let tls = tls(scope.provider().grants.authorities.as_deref()).map_err(bad)?;
        let proxy = proxy(scope.provider(), password)?;
        let builder = || {
            let resolver = Vetted::of_provider(self.config.lookup.clone(), scope);
            let builder =
                self::builder(&self.config, tls.clone(), resolver).https_only(scope.reach().base().is_https());
            match &proxy {
                Some(proxy) => builder.proxy(proxy.clone()),
                None => builder,
            }
        };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| bad(error.to_string()));
        Ok(Clients {
            reads: build(builder().pool_max_idle_per_host(8))?,
            changes: build(builder().pool_max_idle_per_host(0))?,
            streams: build(builder().pool_max_idle_per_host(0).no_gzip().read_timeout(self.config.idle_timeout))?,
        })
    }
}

/// A client that does nothing on its own.
pub(super) fn builder(config: &DoorConfig, tls: rustls::ClientConfig, resolver: Vetted) -> reqwest::ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .http1_only()
        .connect_timeout(config.connect_timeout)
        .user_agent(&config.user_agent)
}

/// What takes the provider's requests.
fn proxy(provider: &Provider, password: Option<&Secret>) -> Result<Option<reqwest::Proxy>, ScopeError> {
    let Some(proxy) = &provider.grants.proxy else { return Ok(None) };
    let bad = |reason: &str| ScopeError::BadProxy { url: proxy.url.clone(), reason: reason.to_owned() };
    let origin = Origin::parse(&proxy.url, "a proxy").map_err(|_| bad("it is no scheme, host and port"))?;
    let made = reqwest::Proxy::all(origin.to_string()).map_err(|error| bad(&error.to_string()))?;
    let password = match password.map(Secret::expose_str) {
        Some(None) => return Err(bad("its password is no text")),
        Some(Some(password)) => password,
        None => "",
    };
    Ok(Some(match &proxy.username {
        Some(username) => made.basic_auth(username, password),
        None => made,
    }))
}

fn bad_roots(provider: &Provider, reason: String) -> ScopeError {
    ScopeError::BadRoots { provider: provider.name.to_string(), reason }
}

/// Refuses a proxy and certificate authorities that could not be used, before anything is sent.
pub(super) fn check(provider: &Provider) -> Result<(), ScopeError> {
    proxy(provider, None)?;
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

pub(super) fn tls(extra: Option<&str>) -> Result<rustls::ClientConfig, String> {
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
