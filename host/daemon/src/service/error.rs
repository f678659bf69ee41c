//! Why a use case refused or failed: one sentence, one stable code, one hint, one class.
//!
//! Only the API turns a class into an HTTP status. Must be absent: status numbers, and values of secrets.

mod coded;
mod convert;

use novacron_cicd_domain::{
    name::InvalidName,
    platform::{CallError, CallErrorKind},
    provider::Provider,
    token::Role,
};
use novacron_cicd_runtime::{RuntimeError, plugin::PluginError};
use novacron_cicd_store::StoreError;
use novacron_cicd_vault::{VaultError, sign::SignError};

/// What kind of answer an error asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The request cannot be meant: something in it is wrong.
    Invalid,
    /// It is not known who asks.
    Unauthorized,
    /// Whoever asks may not.
    Forbidden,
    /// The thing is not there.
    NotFound,
    /// Something that is there stands in the way.
    Conflict,
    /// The thing was changed since it was read.
    Stale,
    /// The provider's plugin, platform or grants do not have it.
    Unsupported,
    /// Too much at once.
    RateLimited {
        /// Milliseconds to wait, where that is known.
        retry_after: Option<u64>,
    },
    /// The platform behind the provider failed or refused.
    Upstream,
    /// Not now: the host is starting, stopping, or lacks something of its own.
    Unavailable,
    /// No room is left.
    Full,
    /// A fault of the host.
    Internal,
}

/// One of several things that are wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a JSON pointer into what was given: `/settings/timeout`, `/parameters/BRANCH`.
    pub at: String,
    /// A stable code.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
}

/// Why a use case refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A text that is to be a name is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// No bearer token, or none that is good.
    #[error("{reason}")]
    Unauthorized {
        /// What is wrong with it, without the token.
        reason: &'static str,
    },
    /// The role is too small.
    #[error("{actor} has the role {}, and this needs {}", .has.as_str(), .needed.as_str())]
    Forbidden {
        /// Who asked.
        actor: String,
        /// With which role.
        has: Role,
        /// The role that is needed.
        needed: Role,
    },
    /// There is no such thing.
    #[error("there is no {what} {key:?}")]
    NotFound {
        /// `provider`, `pipeline`, `run`, ...
        what: &'static str,
        /// What was asked for.
        key: String,
    },
    /// The name belongs to another.
    #[error("the {what} name {name:?} is taken")]
    NameTaken {
        /// `provider`, `pipeline`, `secret`, `token`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Others lean on it.
    #[error("the {what} {name:?} is in use by {}", .by.join(", "))]
    InUse {
        /// `provider` or `secret`.
        what: &'static str,
        /// Its name.
        name: String,
        /// By what: `pipeline build`, `provider jenkins-prod`.
        by: Vec<String>,
    },
    /// The thing was changed since it was read.
    #[error("the {what} {name:?} is at version {current}, not {given}")]
    Stale {
        /// `provider`, `pipeline`.
        what: &'static str,
        /// Its name.
        name: String,
        /// The version that the request names.
        given: i64,
        /// The version that it has.
        current: i64,
    },
    /// No such plugin is loaded.
    #[error("there is no plugin {plugin:?}")]
    UnknownPlugin {
        /// What was asked for.
        plugin: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// A plugin is there and does not work.
    #[error("the plugin {plugin:?} cannot be used: {reason}")]
    BrokenPlugin {
        /// Its id.
        plugin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing like it waits for approval.
    #[error(transparent)]
    NotWaiting(PluginError),
    /// A provider's configuration does not fit its plugin.
    #[error("{}", sentence(.0))]
    Configuration(Vec<Problem>),
    /// Parameters do not fit what the pipeline declares.
    #[error("{}", sentence(.0))]
    Parameters(Vec<Problem>),
    /// Several things in the request are wrong.
    #[error("{}", sentence(.0))]
    Several(Vec<Problem>),
    /// Something else in the request is wrong.
    #[error("{message}")]
    Invalid {
        /// A JSON pointer to it.
        at: String,
        /// A stable code.
        code: &'static str,
        /// A sentence.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The thing is in a state in which this cannot be done.
    #[error("{message}")]
    Conflict {
        /// A stable code.
        code: &'static str,
        /// A sentence.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The provider's plugin cannot do it.
    #[error("the plugin {plugin:?} of provider {provider:?} has no {feature}")]
    Unsupported {
        /// The provider's name.
        provider: String,
        /// The plugin's id.
        plugin: String,
        /// The interface of the contract: `run-cancel`.
        feature: &'static str,
    },
    /// Runs of this provider call back, and the host has no address that its platform can reach.
    #[error("runs of provider {provider:?} call back, and this host has no address that {platform} can reach")]
    NoPublicUrl {
        /// The provider's name.
        provider: String,
        /// Its base URL.
        platform: String,
    },
    /// The platform could not be reached, or made no sense.
    #[error("provider {provider:?} cannot be reached at {url}: {source}")]
    Unreachable {
        /// The provider's name.
        provider: String,
        /// Where.
        url: String,
        /// What the call said.
        source: Box<CallError>,
    },
    /// The provider was reached, or not, and it did not go well.
    #[error("provider {provider:?}: {source}")]
    Call {
        /// The provider's name.
        provider: String,
        /// What the call said.
        source: Box<CallError>,
    },
    /// A piece of a log does not join on to what is there.
    #[error("the log has {expected} bytes, and this piece begins at {given}")]
    LogGap {
        /// Where the next piece has to begin.
        expected: u64,
        /// Where this one begins.
        given: u64,
    },
    /// Bytes are not what they were said to be.
    #[error("{what} is {found}, and {expected} was expected")]
    Mismatch {
        /// `the sha256 of app.tar.gz`, `the size of app.tar.gz`.
        what: String,
        /// What was said.
        expected: String,
        /// What it is.
        found: String,
    },
    /// More than the host takes.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What.
        what: String,
        /// The most that is taken.
        limit: u64,
    },
    /// The state is locked, full, broken, or something is not there.
    #[error(transparent)]
    Store(StoreError),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The runtime of the plugins could not do its work.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A file of the state directory could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was to be done with which file.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A webhook that nobody signed who may.
    #[error("the webhook is refused: {0}")]
    Hook(#[from] SignError),
    /// Too much at once; whoever asked is to come again.
    #[error("{what}")]
    Busy {
        /// A sentence.
        what: &'static str,
    },
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

fn sentence(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&problem.message);
    }
    text
}

impl ServiceError {
    /// A thing that is not there.
    pub(crate) fn not_found(what: &'static str, key: impl std::fmt::Display) -> Self {
        Self::NotFound { what, key: key.to_string() }
    }

    pub(crate) const fn busy(what: &'static str) -> Self {
        Self::Busy { what }
    }

    /// What the provider's plugin cannot do.
    pub(crate) fn unsupported(provider: &Provider, feature: &'static str) -> Self {
        Self::Unsupported { provider: provider.name.to_string(), plugin: provider.plugin.clone(), feature }
    }

    /// Something in the request that is wrong.
    pub(crate) fn invalid(at: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { at: at.into(), code, message: message.into(), hint: None }
    }

    /// A state in which something cannot be done.
    pub(crate) fn conflict(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into(), hint: Some(hint.into()) }
    }

    /// What a file operation said.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// What a call of `provider` said.
    pub(crate) fn call(provider: impl std::fmt::Display) -> impl FnOnce(CallError) -> Self {
        let provider = provider.to_string();
        move |source| Self::Call { provider, source: Box::new(source) }
    }

    /// The single things that are wrong with the request, where there is more to say than the sentence.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Configuration(problems) | Self::Parameters(problems) | Self::Several(problems) => problems.clone(),
            Self::Invalid { at, code, message, .. } => {
                vec![Problem { at: at.clone(), code, message: message.clone() }]
            }
            _ => Vec::new(),
        }
    }

    /// What kind of answer this asks for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Name(_)
            | Self::UnknownPlugin { .. }
            | Self::Configuration(_)
            | Self::Parameters(_)
            | Self::Invalid { .. }
            | Self::Mismatch { .. }
            | Self::TooLarge { .. } => ErrorClass::Invalid,
            Self::Hook(SignError::BadKey { .. }) => ErrorClass::Internal,
            Self::Unauthorized { .. } | Self::Hook(_) => ErrorClass::Unauthorized,
            Self::Forbidden { .. } => ErrorClass::Forbidden,
            Self::NotFound { .. } | Self::NotWaiting(_) => ErrorClass::NotFound,
            Self::NameTaken { .. } | Self::InUse { .. } | Self::Conflict { .. } | Self::LogGap { .. } => {
                ErrorClass::Conflict
            }
            Self::Stale { .. } => ErrorClass::Stale,
            Self::Unsupported { .. } => ErrorClass::Unsupported,
            Self::NoPublicUrl { .. } | Self::BrokenPlugin { .. } | Self::Busy { .. } | Self::Stopping => {
                ErrorClass::Unavailable
            }
            Self::Call { source, .. } => call_class(source),
            Self::Unreachable { .. } => ErrorClass::Upstream,
            Self::Several(problems) => {
                debug_assert!(!problems.is_empty(), "an error has a cause");
                ErrorClass::Invalid
            }
            Self::Store(error) => store_class(error),
            Self::Vault(_) | Self::Runtime(_) => ErrorClass::Internal,
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorClass::Full,
                _ => ErrorClass::Internal,
            },
        }
    }
}

fn call_class(error: &CallError) -> ErrorClass {
    match &error.kind {
        CallErrorKind::NotFound => ErrorClass::NotFound,
        CallErrorKind::Conflict => ErrorClass::Conflict,
        CallErrorKind::InvalidInput { .. } => ErrorClass::Invalid,
        CallErrorKind::RateLimited(retry_after) => ErrorClass::RateLimited { retry_after: *retry_after },
        CallErrorKind::Unsupported(_) | CallErrorKind::Denied => ErrorClass::Unsupported,
        // That the platform refuses *us* is no statement about whoever asked.
        _ => ErrorClass::Upstream,
    }
}

fn store_class(error: &StoreError) -> ErrorClass {
    match error {
        StoreError::NotFound { .. } => ErrorClass::NotFound,
        StoreError::Conflict { .. } | StoreError::InUse { .. } => ErrorClass::Conflict,
        StoreError::Stale { .. } => ErrorClass::Stale,
        StoreError::Cursor { .. } | StoreError::Invalid { .. } => ErrorClass::Invalid,
        StoreError::Busy | StoreError::Closed => ErrorClass::Unavailable,
        StoreError::Full => ErrorClass::Full,
        StoreError::Locked { .. } => ErrorClass::Unavailable,
        _ => ErrorClass::Internal,
    }
}
