//! Why something did not go out, or came back unusable.
//!
//! A sentence of this module reaches the guest and the operator. Must be absent: header values, queries, bodies, secrets.

use novacron_cicd_contract::bindings::novacron::cicd::http;
use novacron_cicd_domain::Coded;

/// Why a request has no answer.
///
/// [`SendError::NotSent`] and [`SendError::Interrupted`] are kept apart with care: after the first a changing request may
/// be sent again, after the second the platform may have acted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Egress policy says no.
    #[error("{what}")]
    Denied {
        /// What was refused, and by which rule.
        what: String,
        /// What the operator can do to allow it; none where nothing does.
        allow: Option<String>,
    },
    /// The request itself can't be sent.
    #[error("{0}")]
    BadRequest(String),
    /// The slot is not there, has no value, or is not for this use.
    #[error("{0}")]
    NoSuchCredential(String),
    /// The login that the slot needs failed; the request itself was not sent.
    #[error("{0}")]
    LoginFailed(String),
    /// No byte of the request left this machine.
    #[error("{0}")]
    NotSent(String),
    /// Bytes may have left, and no whole answer came.
    #[error("{0}")]
    Interrupted(String),
    /// The answer is longer than what may be read.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(u64),
    /// The call's budget is spent.
    #[error("{0}")]
    Budget(String),
    /// What fits nowhere else.
    #[error("{0}")]
    Other(String),
}

impl SendError {
    pub(super) fn denied(what: impl Into<String>, allow: impl Into<String>) -> Self {
        Self::Denied { what: what.into(), allow: Some(allow.into()) }
    }

    pub(super) fn never(what: impl Into<String>) -> Self {
        Self::Denied { what: what.into(), allow: None }
    }

    /// The same error with every text put through `mask`.
    #[must_use]
    pub(super) fn map_text(self, mask: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Denied { what, allow } => Self::Denied { what: mask(&what), allow: allow.map(|text| mask(&text)) },
            Self::BadRequest(text) => Self::BadRequest(mask(&text)),
            Self::NoSuchCredential(text) => Self::NoSuchCredential(mask(&text)),
            Self::LoginFailed(text) => Self::LoginFailed(mask(&text)),
            Self::NotSent(text) => Self::NotSent(mask(&text)),
            Self::Interrupted(text) => Self::Interrupted(mask(&text)),
            Self::Budget(text) => Self::Budget(mask(&text)),
            Self::Other(text) => Self::Other(mask(&text)),
            Self::TooLarge(limit) => Self::TooLarge(limit),
        }
    }
}

impl Coded for SendError {
    fn code(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "egress.denied",
            Self::BadRequest(_) => "egress.bad-request",
            Self::NoSuchCredential(_) => "egress.no-such-credential",
            Self::LoginFailed(_) => "egress.login-failed",
            Self::NotSent(_) => "egress.not-sent",
            Self::Interrupted(_) => "egress.interrupted",
            Self::TooLarge(_) => "egress.too-large",
            Self::Budget(_) => "egress.budget",
            Self::Other(_) => "egress.other",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Denied { allow, .. } => allow.clone(),
            Self::NoSuchCredential(_) => Some("`plugin inspect` lists the slots that the plugin has".into()),
            Self::LoginFailed(_) => {
                Some("check the user name and the secret that the slot has: `provider show`".into())
            }
            Self::TooLarge(_) => Some("ask for less, or for a window of it".into()),
            Self::Interrupted(_) => Some("look what the platform made of it before sending it again".into()),
            _ => None,
        }
    }
}

impl From<SendError> for http::SendError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Denied { what, allow: Some(allow) } => Self::Denied(format!("{what}; to allow it: {allow}")),
            SendError::Denied { what, allow: None } => Self::Denied(what),
            SendError::BadRequest(text) => Self::BadRequest(text),
            SendError::NoSuchCredential(text) => Self::NoSuchCredential(text),
            SendError::LoginFailed(text) => Self::LoginFailed(text),
            SendError::NotSent(text) => Self::NotSent(text),
            SendError::Interrupted(text) => Self::Interrupted(text),
            SendError::TooLarge(limit) => Self::TooLarge(limit),
            SendError::Budget(text) => Self::Budget(text),
            SendError::Other(text) => Self::Other(text),
        }
    }
}

/// Why a provider has no scope: something in its manifest, its grants or its settings would not be enforced as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A text that is no origin.
    #[error("{text:?} in {place} is not an origin: {reason}")]
    BadOrigin {
        /// Where it stands.
        place: &'static str,
        /// What stands there.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is no host pattern.
    #[error("{text:?} in {place} is not a host or a suffix of hosts")]
    BadHost {
        /// Where it stands.
        place: &'static str,
        /// What stands there.
        text: String,
    },
    /// A text that is no network.
    #[error("{0:?} in the private networks is not a network")]
    BadNetwork(String),
    /// A text that is no request line.
    #[error("{0:?} in the manifest's reads is not a method and a path")]
    BadRead(String),
    /// A proxy that none can be.
    #[error("the proxy {url:?} can't be used: {reason}")]
    BadProxy {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A header that the operator may not add: it is the host's own.
    #[error("{0:?} is no header that can be added")]
    BadHeader(String),
    /// The provider's own certificate authorities can't be read.
    #[error("the certificate authorities of provider {provider} can't be used: {reason}")]
    BadRoots {
        /// Whose they are.
        provider: String,
        /// What is wrong with them.
        reason: String,
    },
}

impl Coded for ScopeError {
    fn code(&self) -> &'static str {
        match self {
            Self::BadOrigin { .. } => "egress.bad-origin",
            Self::BadHost { .. } => "egress.bad-host",
            Self::BadNetwork(_) => "egress.bad-network",
            Self::BadRead(_) => "egress.bad-read",
            Self::BadProxy { .. } => "egress.bad-proxy",
            Self::BadHeader(_) => "egress.bad-header",
            Self::BadRoots { .. } => "egress.bad-roots",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::BadOrigin { .. } => "write scheme, host and port alone, e.g. https://uploads.example.com".into(),
            Self::BadHost { .. } => "write a host, or a suffix that begins with a dot, e.g. .blob.example.net".into(),
            Self::BadNetwork(_) => "write an address and a prefix length, e.g. 10.0.0.0/8".into(),
            Self::BadRead(_) => "write the method and the path, e.g. POST /graphql".into(),
            Self::BadProxy { .. } => {
                "write scheme, host and port alone, e.g. http://proxy.example.com:3128; user name and password stand beside"
                    .into()
            }
            Self::BadHeader(_) => "name one that no other part of a request writes, e.g. CF-Access-Client-Secret".into(),
            Self::BadRoots { .. } => "give one or more certificates in PEM form".into(),
        })
    }
}
