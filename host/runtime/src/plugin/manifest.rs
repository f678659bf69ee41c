//! The manifest: the only description of a plugin, in the plugin itself. Strict: what is not known is refused by name,
//! since a key that nobody enforces is worse than none.

mod check;
mod settings;

use std::collections::BTreeMap;

use novacron_cicd_domain::operation::RecoveryClass;
use serde::Deserialize;

use super::PluginError;

pub use settings::{SettingsProblem, SettingsSchema};

pub(crate) use check::fits;

/// What a plugin says of itself and asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// `[a-z0-9-]`, 2 to 40 characters, begins and ends with a letter or digit.
    pub id: String,
    /// The plugin's own version.
    pub version: semver::Version,
    /// The contract's version that it is built for.
    pub contract: semver::Version,
    /// What is shown to people.
    pub title: String,
    /// What is shown to people who ask for more.
    #[serde(default)]
    pub description: String,
    /// Who says the truth about a run.
    #[serde(default)]
    pub runs: Reporting,
    /// Where it wants to go.
    #[serde(default)]
    pub egress: EgressWants,
    /// The slots for credentials that it has.
    #[serde(default, rename = "credential")]
    pub credentials: Vec<CredentialSlot>,
    /// How an unknown outcome of a changing function is settled; a function that is not named is [`RecoveryClass::None`].
    #[serde(default)]
    pub recovery: BTreeMap<String, RecoveryClass>,
    /// What its settings look like.
    #[serde(default)]
    pub settings: SettingsSchema,
    /// How its webhooks are checked.
    #[serde(default)]
    pub webhooks: Option<Webhooks>,
}

/// Who says the truth about a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reporting {
    /// We read it on the platform.
    #[default]
    Poll,
    /// The run's own callbacks.
    Callback,
}

/// Where a plugin wants to go beyond its provider's base URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EgressWants {
    /// `{base-url}`, an origin (`https://uploads.example.com`), or `*` for whatever the operator grants.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Where a download may be redirected to: `.blob.example.net`, `files.example.net`, or `*`.
    #[serde(default)]
    pub redirect_hosts: Vec<String>,
    /// Requests that read though their method says otherwise: `POST /graphql`.
    #[serde(default)]
    pub reads: Vec<String>,
}

/// A slot for a credential.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CredentialSlot {
    /// `[a-z0-9-]`, 1 to 40 characters.
    pub slot: String,
    /// How it is placed.
    pub kind: CredentialKind,
    /// The header of a kind `header`, and of what is made with a kind `hmac`.
    #[serde(default)]
    pub header: Option<String>,
    /// Whether a provider without it is refused.
    #[serde(default)]
    pub required: bool,
    /// What is shown to people.
    #[serde(default)]
    pub description: String,
    /// Whether its value may stand in the body of a request; a login may place it there anyway.
    #[serde(default)]
    pub body: bool,
    /// Origins that it may go to beyond the base URL's own.
    #[serde(default)]
    pub origins: Vec<String>,
}

/// How a credential is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialKind {
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`.
    Basic,
    /// A header of its own.
    Header,
    /// A key for signatures over requests.
    Hmac,
    /// A private key for tokens that are signed.
    Key,
    /// The host exchanges it for a token.
    Exchange,
    /// The host logs in with it and keeps what it gets.
    Session,
}

impl CredentialKind {
    /// The word that the manifest has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Header => "header",
            Self::Hmac => "hmac",
            Self::Key => "key",
            Self::Exchange => "exchange",
            Self::Session => "session",
        }
    }
}

/// How webhooks of the platform are checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Webhooks {
    /// What is signed and how.
    pub scheme: WebhookScheme,
    /// The slot with the key or token.
    pub slot: String,
    /// The slot with the key of a platform that signs as Standard Webhooks does, where it is told to, and has another scheme
    /// else: where the operator fills it, nothing is taken that is not signed so.
    #[serde(default)]
    pub signing_slot: Option<String>,
}

/// What of a webhook is signed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookScheme {
    /// Standard Webhooks: id, timestamp and body.
    StandardWebhooks,
    /// The body, in `X-Hub-Signature-256`.
    Github,
    /// A token, in `X-Gitlab-Token`.
    Gitlab,
    /// A token, as bearer.
    Token,
    /// A token, at the end of the address: for senders that sign nothing and set no header.
    Address,
}

impl Manifest {
    /// Reads a manifest and checks all that can be checked without the component.
    ///
    /// # Errors
    /// [`PluginError::Manifest`], [`PluginError::Contract`].
    pub fn parse(text: &str) -> Result<Self, PluginError> {
        // The version first: a manifest for a later contract may hold keys that are not known here.
        check::contract_of(text)?;
        let manifest: Self = toml::from_str(text).map_err(|error| check::wrong(text, &error))?;
        check::values(&manifest)?;
        Ok(manifest)
    }

    /// A slot by its name.
    #[must_use]
    pub fn credential(&self, slot: &str) -> Option<&CredentialSlot> {
        self.credentials.iter().find(|credential| credential.slot == slot)
    }

    /// How an unknown outcome of a function (`runs.trigger`) is settled.
    #[must_use]
    pub fn recovery(&self, function: &str) -> RecoveryClass {
        self.recovery.get(function).copied().unwrap_or(RecoveryClass::None)
    }
}
