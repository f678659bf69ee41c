//! From a name to the addresses that may be dialled, and no others.
//!
//! The HTTP client asks this resolver and dials what it answers, so a name that changes its mind between check and dial
//! gains nothing. The client does not ask for literal addresses: the door checks those itself.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use ipnet::IpNet;

use super::{address, error::SendError, scope::ProviderScope};

/// How names become addresses; tests bring their own.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Every address of a name.
    ///
    /// # Errors
    /// Whatever keeps the name from being resolved.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// For whom something is dialled: what an operator would have to change.
#[derive(Clone, Debug)]
pub(super) struct Whose {
    /// `provider` or `subscriber`: also the noun of the command line.
    pub(super) what: &'static str,
    pub(super) name: String,
}

/// Resolves for one provider or subscriber.
pub(super) struct Vetted {
    lookup: Arc<dyn Lookup>,
    whose: Whose,
    networks: Vec<IpNet>,
    /// The host of the provider's proxy: the operator named it, wherever it is.
    proxy: Option<String>,
}

impl Vetted {
    pub(super) fn new(lookup: Arc<dyn Lookup>, whose: Whose, networks: Vec<IpNet>, proxy: Option<String>) -> Self {
        Self { lookup, whose, networks, proxy }
    }

    pub(super) fn of_provider(lookup: Arc<dyn Lookup>, scope: &ProviderScope) -> Self {
        let proxy = scope.provider().grants.proxy.as_ref().and_then(|proxy| url::Url::parse(&proxy.url).ok());
        let proxy = proxy.and_then(|url| url.host_str().map(str::to_owned));
        Self::new(lookup, scope.reach().whose(), scope.reach().networks().to_vec(), proxy)
    }
}

/// No address of a name may be dialled; found again among the causes of the client's error.
#[derive(Debug, thiserror::Error)]
#[error("no address of the name may be dialled")]
pub(super) struct NothingToDial(pub(super) SendError);

impl reqwest::dns::Resolve for Vetted {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (lookup, whose, networks) = (self.lookup.clone(), self.whose.clone(), self.networks.clone());
        let is_proxy = self.proxy.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let name = name.as_str();
            let addresses = lookup.lookup(name).await?;
            if is_proxy {
                let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
                return Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs);
            }
            let mut dialled = Vec::new();
            let mut refused = None;
            for address in addresses {
                match address::check(address, &networks) {
                    Ok(()) => dialled.push(SocketAddr::new(address, 0)),
                    Err(why) => refused = Some(why),
                }
            }
            match (dialled.is_empty(), refused) {
                (false, _) => Ok(Box::new(dialled.into_iter()) as reqwest::dns::Addrs),
                (true, Some(why)) => Err(NothingToDial(denial(&whose, Some(name), &why)).into()),
                (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into()),
            }
        })
    }
}

/// Checks a URL whose host is an address: the client would dial it without asking the resolver.
pub(super) fn check_literal(whose: &Whose, networks: &[IpNet], url: &url::Url) -> Result<(), SendError> {
    let address = match url.host() {
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
        _ => return Ok(()),
    };
    address::check(address, networks).map_err(|why| denial(whose, None, &why))
}

fn denial(Whose { what, name: whose }: &Whose, name: Option<&str>, why: &address::Refused) -> SendError {
    let address::Refused { address, class, grantable } = why;
    let refused = match name {
        Some(name) => {
            format!("{name} resolves to {address}, which is {class}, and {what} {whose} may not dial that")
        }
        None => format!("{address} is {class}, and {what} {whose} may not dial that"),
    };
    if *grantable {
        SendError::denied(refused, format!("{what} update {whose} --grant-network {}", IpNet::from(*address)))
    } else {
        SendError::never(refused)
    }
}
