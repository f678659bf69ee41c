//! A provider: a configured connection to a platform through a plugin.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, id::ProviderId, name::Name};

/// A configured connection: plugin, base URL, credentials and grants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// Ours.
    pub id: ProviderId,
    /// Unique.
    pub name: Name,
    /// The plugin's id, as its manifest says it.
    pub plugin: String,
    /// Where the platform is.
    pub base_url: url::Url,
    /// Valid against the manifest's schema; never holds a secret.
    pub settings: serde_json::Value,
    /// Credential slot to the names of the secrets that fill it.
    pub credentials: BTreeMap<String, CredentialSource>,
    /// What the operator allows beyond the base URL's own origin.
    pub grants: Grants,
    /// What the last check or call said of it.
    pub health: Health,
    /// 1 at first, one more on every change: the entity tag.
    pub version: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// What fills a credential slot: names of secrets, never their values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSource {
    /// The user name of a basic credential; not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name of the secret that holds the password, token or key.
    pub secret: String,
}

/// What the operator grants this provider beyond its base URL's origin and the public certificate authorities: where it may
/// go, whom it believes, and what takes it there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Further origins, exact: `https://uploads.example.com`, `http://10.0.0.7:8080`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Hosts that a redirect of a download may lead to, as suffixes: `.blob.example.net`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_hosts: Vec<String>,
    /// Networks of private or loopback addresses that may be dialled: `10.0.0.0/8`, `127.0.0.1/32`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_networks: Vec<String>,
    /// Certificate authorities in PEM form that are believed beside the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// The proxy that takes all its requests; none: they go straight there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// Headers that a gate before the platform wants (single sign-on, a gateway), on each request to the base URL's origin:
    /// name to the name of the secret that is the value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A forward proxy. It resolves the names of those behind it, so which addresses they have is its business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Scheme, host and port: `http://proxy.example.com:3128`.
    pub url: String,
    /// Who we are to it; not a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The name of the secret that is the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Grants {
    /// The names of the secrets that it names, and where: `headers/NAME`, `proxy/secret`.
    pub fn secrets(&self) -> impl Iterator<Item = (String, &str)> {
        let headers = self.headers.iter().map(|(name, secret)| (format!("headers/{name}"), secret.as_str()));
        let proxy = self.proxy.as_ref().and_then(|proxy| proxy.secret.as_deref());
        headers.chain(proxy.map(|secret| ("proxy/secret".to_owned(), secret)))
    }
}

/// What the last check or call said of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// none: never reached yet.
    pub healthy: Option<bool>,
    /// When that was found.
    pub at: Option<Timestamp>,
    /// The last error's sentence, where it is not healthy.
    pub error: Option<String>,
    /// Who we are on the platform.
    pub account: Option<String>,
    /// The platform's version, in its own words.
    pub platform_version: Option<String>,
}
