//! Where a provider's requests may go, by name: exact origins, suffixes for redirects, networks.
//!
//! Names only; what they resolve to is judged in `address`. Must be absent: a comparison that is not exact, but for the
//! suffixes of redirect hosts.

use std::fmt;

use ipnet::IpNet;
use novacron_cicd_domain::provider::Provider;
use url::Url;

use super::{
    error::{ScopeError, SendError},
    resolve::Whose,
    scope::Wants,
};

/// Scheme, host and port: what an allow-list compares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// Of a URL that [`normalise`] let through.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self { https, host: url.host_str()?.to_owned(), port: url.port_or_known_default()? })
    }

    /// A text that names an origin and nothing else.
    pub(super) fn parse(text: &str, place: &'static str) -> Result<Self, ScopeError> {
        let refuse = |reason| ScopeError::BadOrigin { place, text: text.to_owned(), reason };
        let url = Url::parse(text).map_err(|_| refuse("it is no URL"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it has more than scheme, host and port"));
        }
        let url = normalise(url).map_err(refuse)?;
        // The URL parser takes it for a letter like any other.
        if url.host_str().is_some_and(|host| host.contains('*')) {
            return Err(refuse("an origin has no wildcards"));
        }
        Self::of(&url).ok_or_else(|| refuse("its scheme is neither https nor http"))
    }

    pub(super) fn is_https(&self) -> bool {
        self.https
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.https { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != usual { write!(f, ":{}", self.port) } else { Ok(()) }
    }
}

/// One spelling for one place: no fragment, no dot at the end of the host; refuses user info, which is a credential that
/// nobody granted.
pub(super) fn normalise(mut url: Url) -> Result<Url, &'static str> {
    if !matches!(url.scheme(), "https" | "http") {
        return Err("its scheme is neither https nor http");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds user info; name a credential slot instead");
    }
    url.set_fragment(None);
    if let Some(host) = url.host_str().and_then(|host| host.strip_suffix('.')).map(str::to_owned) {
        if host.is_empty() || host.ends_with('.') {
            return Err("its host ends with dots");
        }
        url.set_host(Some(&host)).map_err(|_| "its host is no host")?;
    }
    Ok(url)
}

/// A host, or every host below a name; with the scheme's usual port where none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    Named { below: bool, host: String, port: Option<u16> },
}

impl HostPattern {
    fn parse(text: &str, place: &'static str) -> Result<Self, ScopeError> {
        let refuse = || ScopeError::BadHost { place, text: text.to_owned() };
        if text == "*" {
            return Ok(Self::Any);
        }
        let (below, rest) = text.strip_prefix('.').map_or((false, text), |rest| (true, rest));
        // The URL parser knows what a host and a port are; what it changes but for upper case was no host.
        let url = Url::parse(&format!("https://{rest}/")).map_err(|_| refuse())?;
        let host = url.host_str().ok_or_else(refuse)?.to_owned();
        let plain = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        // One label alone (".com") would be everybody.
        if plain != rest.to_ascii_lowercase() || host.contains('*') || (below && !host.contains('.')) {
            return Err(refuse());
        }
        Ok(Self::Named { below, host, port: url.port() })
    }

    fn matches(&self, origin: &Origin) -> bool {
        let usual = if origin.https { 443 } else { 80 };
        match self {
            Self::Any => true,
            Self::Named { below, host, port } => {
                origin.port == port.unwrap_or(usual) && host_matches(*below, host, &origin.host)
            }
        }
    }

    /// Whether everything that `other` matches is matched by this one.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (
                Self::Named { below, host, port },
                Self::Named { below: other_below, host: other_host, port: other_port },
            ) => {
                port == other_port
                    && if *other_below {
                        *below && (other_host == host || host_matches(true, host, other_host))
                    } else {
                        host_matches(*below, host, other_host)
                    }
            }
        }
    }
}

fn host_matches(below: bool, pattern: &str, host: &str) -> bool {
    if !below {
        return host == pattern;
    }
    host.strip_suffix(pattern).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

/// How far a provider reaches: what its plugin asks for and its operator granted.
#[derive(Debug)]
pub(super) struct Reach {
    name: String,
    base_url: Url,
    base: Origin,
    allowed: Vec<Origin>,
    wanted: Vec<Origin>,
    wants_any: bool,
    redirects: Vec<HostPattern>,
    networks: Vec<IpNet>,
    reads: Vec<(String, String)>,
}

impl Reach {
    pub(super) fn new(provider: &Provider, wants: &Wants) -> Result<Self, ScopeError> {
        let bad_base =
            |reason| ScopeError::BadOrigin { place: "the base URL", text: provider.base_url.to_string(), reason };
        let base_url = normalise(provider.base_url.clone()).map_err(bad_base)?;
        let base = Origin::of(&base_url).ok_or_else(|| bad_base("it has no host"))?;

        let mut wanted = Vec::new();
        let mut wants_any = false;
        for text in &wants.hosts {
            match text.as_str() {
                "{base-url}" => {}
                "*" => wants_any = true,
                _ => wanted.push(Origin::parse(text, "the manifest's hosts")?),
            }
        }
        let mut allowed = vec![base.clone()];
        for text in &provider.grants.origins {
            let origin = Origin::parse(text, "the granted origins")?;
            if base.https && !origin.https {
                let reason = "plain http is only for a provider whose base URL is plain http";
                return Err(ScopeError::BadOrigin { place: "the granted origins", text: text.clone(), reason });
            }
            if wants_any || wanted.contains(&origin) {
                allowed.push(origin);
            }
        }
        let redirects = intersect(
            &patterns(&wants.redirect_hosts, "the manifest's redirect hosts")?,
            &patterns(&provider.grants.redirect_hosts, "the granted redirect hosts")?,
        );
        let networks = provider.grants.private_networks.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
        let reads = wants.reads.iter().map(|text| read(text)).collect::<Result<_, _>>()?;
        let name = provider.name.to_string();
        Ok(Self { name, base_url, base, allowed, wanted, wants_any, redirects, networks, reads })
    }

    pub(super) fn base(&self) -> &Origin {
        &self.base
    }

    pub(super) fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// For whom it is dialled.
    pub(super) fn whose(&self) -> Whose {
        Whose { what: "provider", name: self.name.clone() }
    }

    pub(super) fn allows(&self, origin: &Origin) -> bool {
        self.allowed.contains(origin)
    }

    /// What a guest wrote, as a URL: absolute, or a path below the base URL.
    pub(super) fn join(&self, text: &str) -> Result<Url, SendError> {
        let url = if text.starts_with('/') {
            let mut base = self.base_url.clone();
            base.set_query(None);
            // Put behind the base as text, so that neither `//host` nor `/\host` can name another host.
            Url::parse(&format!("{}{text}", base.as_str().trim_end_matches('/')))
        } else {
            Url::parse(text)
        };
        let bad =
            |reason: &dyn fmt::Display| SendError::BadRequest(format!("the request's URL can't be used: {reason}"));
        normalise(url.map_err(|error| bad(&error))?).map_err(|reason| bad(&reason))
    }

    /// The target of a redirect, relative to where it came from.
    pub(super) fn follow(&self, from: &Url, location: &str) -> Result<Url, SendError> {
        let bad = |reason: &dyn fmt::Display| SendError::never(format!("the redirect can't be followed: {reason}"));
        let url = from.join(location).map_err(|error| bad(&error))?;
        normalise(url).map_err(|reason| bad(&reason))
    }

    /// Whether the allow-list has this URL's origin.
    pub(super) fn check(&self, url: &Url) -> Result<Origin, SendError> {
        let name = &self.name;
        let origin = Origin::of(url).ok_or_else(|| SendError::BadRequest("the request's URL has no host".into()))?;
        if self.allows(&origin) {
            return Ok(origin);
        }
        if self.base.https && !origin.https {
            let what = format!("{origin} is plain http, and the base URL of provider {name} is https");
            return Err(SendError::never(what));
        }
        if self.wants_any || self.wanted.contains(&origin) {
            let what = format!("provider {name} may not reach {origin}: it was not granted");
            return Err(SendError::denied(what, format!("provider update {name} --grant-origin {origin}")));
        }
        Err(SendError::never(format!(
            "provider {name} may not reach {origin}: its base URL is at {}, and its plugin does not ask for more such origins",
            self.base
        )))
    }

    /// Whether a download may be redirected to this URL, which is not an allowed origin.
    pub(super) fn check_redirect(&self, url: &Url) -> Result<Origin, SendError> {
        let name = &self.name;
        let origin = Origin::of(url).ok_or_else(|| SendError::never("the redirect has no host"))?;
        if self.base.https && !origin.https {
            return Err(SendError::never(format!("the redirect leads from https to plain http at {origin}")));
        }
        if self.redirects.iter().any(|pattern| pattern.matches(&origin)) {
            return Ok(origin);
        }
        Err(SendError::denied(
            format!("the redirect leads to {origin}, which is no redirect host of provider {name}"),
            format!(
                "provider update {name} --grant-redirect-host {} (the plugin's manifest must ask for it)",
                origin.host
            ),
        ))
    }

    /// Whether this request changes something, as far as method and manifest tell.
    pub(super) fn changes(&self, method: &str, url: &Url) -> bool {
        if matches!(method, "GET" | "HEAD" | "OPTIONS") {
            return false;
        }
        let below = url.path().strip_prefix(self.base_url.path().trim_end_matches('/'));
        let read = |(read_method, path): &(String, String)| {
            read_method == method && (below.is_some_and(|below| is_path(path, below)) || is_path(path, url.path()))
        };
        !(Origin::of(url).as_ref() == Some(&self.base) && self.reads.iter().any(read))
    }
}

/// Whether `path` is the one of a manifest's read, where `*` stands for one segment, whatever it is.
fn is_path(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut there) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), there.next()) {
            (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(wanted), Some(segment)) if wanted == segment => {}
            _ => return false,
        }
    }
}

fn patterns(texts: &[String], place: &'static str) -> Result<Vec<HostPattern>, ScopeError> {
    texts.iter().map(|text| HostPattern::parse(text, place)).collect()
}

fn intersect(wanted: &[HostPattern], granted: &[HostPattern]) -> Vec<HostPattern> {
    let mut both = Vec::new();
    for want in wanted {
        for grant in granted {
            if want.covers(grant) {
                both.push(grant.clone());
            } else if grant.covers(want) {
                both.push(want.clone());
            }
        }
    }
    both
}

pub(super) fn network(text: &str) -> Result<IpNet, ScopeError> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| ScopeError::BadNetwork(text.to_owned()))
}

fn read(text: &str) -> Result<(String, String), ScopeError> {
    match text.split_once(' ') {
        Some((method, path)) if path.starts_with('/') && method.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            Ok((method.to_owned(), path.to_owned()))
        }
        _ => Err(ScopeError::BadRead(text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
