//! Why a call did not do what it was asked to.

use crate::{Coded, Retry};

/// A failed call: what kind of failure, what to read, what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{plugin} {function}: {message}")]
pub struct CallError {
    /// What a program acts on.
    pub kind: CallErrorKind,
    /// What a person reads.
    pub message: String,
    /// What the reader can do about it.
    pub hint: Option<String>,
    /// The plugin's id.
    pub plugin: String,
    /// The function of the contract: `runs.trigger`.
    pub function: String,
    /// Whether a request that changes something may have reached the platform before the call ended.
    pub sent: bool,
}

/// What kind of failure it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// The credential was refused.
    Unauthorized,
    /// The permission that is missing, where the platform names it.
    Forbidden(Option<String>),
    /// Our own policy did not let the request out: the provider's grants do not cover it.
    Denied,
    /// It is not there.
    NotFound,
    /// Something else stands in the way.
    Conflict,
    /// The platform takes no such value.
    InvalidInput {
        /// Which.
        field: String,
        /// Why.
        reason: String,
    },
    /// Milliseconds to wait, where the platform says it.
    RateLimited(Option<u64>),
    /// The plugin or the platform has no such feature: `artifacts.upload`.
    Unsupported(String),
    /// The platform answered with an error of its own.
    Upstream {
        /// The HTTP status.
        status: u16,
        /// The begin of the answer's text.
        excerpt: String,
    },
    /// Nothing was done: it may be sent again.
    Transient,
    /// Sent, and no whole answer: the platform may have acted.
    OutcomeUnknown,
    /// The plugin's own fault, in its own words.
    Internal,
    /// A kind that a later contract names.
    Other(String),
    /// The guest was ended by the sandbox or ended itself.
    Trap {
        /// By what.
        cause: TrapCause,
    },
    /// A call that only reads took longer than it may.
    Timeout,
    /// Whoever asked gave up.
    Canceled,
}

/// What ended a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrapCause {
    /// More memory than it may have.
    Memory,
    /// More work than it may do.
    Cpu,
    /// Recursion deeper than its stack.
    Stack,
    /// Larger tables, more tables or more instances than it may have.
    Table,
    /// More bytes or handles handed to the host in one call than it may.
    HostCall,
    /// It gave up itself: a panic, an `unreachable`, an exit.
    Unreachable,
    /// It broke the rules of the component model, or of this contract.
    Contract,
    /// Anything else.
    Other,
}

impl TrapCause {
    /// The word that is logged and counted.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Stack => "stack",
            Self::Table => "table",
            Self::HostCall => "host-call",
            Self::Unreachable => "unreachable",
            Self::Contract => "contract",
            Self::Other => "other",
        }
    }
}

impl CallErrorKind {
    /// Stable, lower-case, dotted.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "call.unauthorized",
            Self::Forbidden(_) => "call.forbidden",
            Self::Denied => "egress.denied",
            Self::NotFound => "call.not-found",
            Self::Conflict => "call.conflict",
            Self::InvalidInput { .. } => "call.invalid-input",
            Self::RateLimited(_) => "call.rate-limited",
            Self::Unsupported(_) => "call.unsupported",
            Self::Upstream { .. } => "call.upstream",
            Self::Transient => "call.transient",
            Self::OutcomeUnknown => "call.outcome-unknown",
            Self::Internal => "call.internal",
            Self::Other(_) => "call.other",
            Self::Trap { .. } => "call.trap",
            Self::Timeout => "call.timeout",
            Self::Canceled => "call.canceled",
        }
    }
}

impl CallError {
    /// What the engine does about it.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match &self.kind {
            CallErrorKind::RateLimited(wait) => Retry::Safe(*wait),
            CallErrorKind::Transient => Retry::Safe(None),
            CallErrorKind::OutcomeUnknown => Retry::Unknown,
            CallErrorKind::Timeout | CallErrorKind::Canceled if !self.sent => Retry::Safe(None),
            // The guest did not live to say what became of its request.
            CallErrorKind::Timeout | CallErrorKind::Canceled | CallErrorKind::Trap { .. } if self.sent => {
                Retry::Unknown
            }
            // A gateway's answer tells nothing of what the server behind it did.
            CallErrorKind::Upstream { status: 502 | 504, .. } if self.sent => Retry::Unknown,
            CallErrorKind::Upstream { status: 500..=599, .. } if !self.sent => Retry::Safe(None),
            _ => Retry::Never,
        }
    }
}

impl Coded for CallError {
    fn code(&self) -> &'static str {
        self.kind.code()
    }

    fn hint(&self) -> Option<String> {
        if self.hint.is_some() {
            return self.hint.clone();
        }
        let hint = match &self.kind {
            CallErrorKind::Unauthorized => "check the secret that fills the provider's credential slot".into(),
            CallErrorKind::Forbidden(Some(permission)) => format!("give the provider's account {permission}"),
            CallErrorKind::Forbidden(None) => "give the provider's account the permission that this needs".into(),
            CallErrorKind::Denied => "widen the provider's grants, if the plugin may go there".into(),
            CallErrorKind::RateLimited(_) | CallErrorKind::Transient => "try again later".into(),
            CallErrorKind::OutcomeUnknown => "look on the platform whether it was done before doing it again".into(),
            CallErrorKind::Trap { .. } => {
                format!("report this to the author of {}; other calls are not affected", self.plugin)
            }
            CallErrorKind::Timeout => "check whether the platform is reachable and quick enough".into(),
            _ => return None,
        };
        Some(hint)
    }
}
