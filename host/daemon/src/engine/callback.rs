//! Where runs call back. Must be absent: looking names up, since what a name means on another machine is not known here.

use url::{Host, Url};

/// The base of the addresses that are handed to platforms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CallbackBase {
    /// None: runs that call back cannot be triggered.
    #[default]
    None,
    /// The loopback address that the host listens on: good for platforms on this machine alone.
    Loopback(Url),
    /// The configured `public_url`: good for every platform.
    Public(Url),
}

impl CallbackBase {
    /// Under which address the runs of a platform reach this host; none where they cannot.
    #[must_use]
    pub fn reached_from(&self, platform: &Url) -> Option<&Url> {
        match self {
            Self::Public(base) => Some(base),
            Self::Loopback(base) if is_here(platform) => Some(base),
            Self::Loopback(_) | Self::None => None,
        }
    }
}

/// Whether the URL names this machine's loopback: `localhost` and what is below it (RFC 6761, section 6.3), or an address.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn without_a_public_url_only_platforms_on_this_machine_are_given_an_address() {
        let loopback = CallbackBase::Loopback(Url::parse("http://127.0.0.1:8094").unwrap());
        let public = CallbackBase::Public(Url::parse("https://host.example.com").unwrap());
        for (platform, here) in [
            ("http://127.0.0.1:9000/hook", true),
            ("http://127.8.9.1/", true),
            ("http://[::1]:9000/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://LOCALHOST:9000/", true),
            ("http://localhost./", true),
            ("http://ci.localhost/", true),
            ("http://notlocalhost/", false),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
            ("http://0.0.0.0/", false),
            ("http://[fe80::1]/", false),
            ("https://ci.example.com/", false),
        ] {
            let url = Url::parse(platform).unwrap();
            assert_eq!(loopback.reached_from(&url).is_some(), here, "{platform}");
            assert!(public.reached_from(&url).is_some(), "{platform}");
            assert_eq!(CallbackBase::None.reached_from(&url), None, "{platform}");
        }
    }
}
