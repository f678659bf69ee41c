//! Why a command did not do what it was asked to, and the number that a script sees.

use std::process::ExitCode;

use novacron_cicd_domain::Coded;

use crate::{api::Problem, config::ConfigError, service::ServiceError};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was done.
    Ok = 0,
    /// The work failed, or the daemon refused it.
    Failed = 1,
    /// The command line, what it names, or the configuration is wrong.
    Usage = 2,
    /// The daemon can't be reached.
    Unreachable = 3,
    /// Still at work when `--timeout` was over; the work goes on.
    StillRunning = 4,
    /// Nobody can know whether the platform did it.
    Ambiguous = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The arguments do not fit together.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The configuration can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody answers.
    #[error("the daemon can't be reached at {url}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// There is no token to show.
    #[error("there is no token for {url}")]
    NoToken {
        /// Where the daemon is.
        url: String,
    },
    /// The daemon refused.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The daemon, or something before it, said something else.
    #[error("{url} did not answer as this daemon does: {reason}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// What came.
        reason: String,
    },
    /// The connection broke in the middle.
    #[error("the connection to the daemon broke off: {reason}")]
    BrokenOff {
        /// What the system said.
        reason: String,
    },
    /// What was downloaded is not what was to be downloaded.
    #[error("{name} has the sha256 {found}, and {expected} was expected")]
    Digest {
        /// The artifact's name.
        name: String,
        /// As the daemon says it.
        expected: String,
        /// Of the bytes that came.
        found: String,
    },
    /// There is a file already.
    #[error("{path} is there already")]
    Exists {
        /// Where it was to be written.
        path: String,
    },
    /// This machine could not do it.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was to be done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The daemon could not start, or its state could not be used.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The daemon could not listen.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CliError {
    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// The number that a script sees.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::Config(_) | Self::NoToken { .. } | Self::Exists { .. } => Exit::Usage,
            Self::Unreachable { .. } => Exit::Unreachable,
            // The daemon says that the request can't be meant, or that the token is none.
            Self::Refused(problem) if matches!(problem.status, 400 | 401 | 422) => Exit::Usage,
            Self::Listen { .. } => Exit::Usage,
            Self::Refused(_)
            | Self::Unexpected { .. }
            | Self::BrokenOff { .. }
            | Self::Digest { .. }
            | Self::Io { .. }
            | Self::Service(_) => Exit::Failed,
        }
    }
}

impl Coded for CliError {
    fn code(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "cli.usage",
            Self::Config(error) => error.code(),
            Self::Unreachable { .. } => "cli.unreachable",
            Self::NoToken { .. } => "cli.no-token",
            Self::Refused(_) => "cli.refused",
            Self::Unexpected { .. } => "cli.unexpected-answer",
            Self::BrokenOff { .. } => "cli.broken-off",
            Self::Digest { .. } => "cli.digest-mismatch",
            Self::Exists { .. } => "cli.file-exists",
            Self::Io { .. } => "cli.io",
            Self::Service(error) => error.code(),
            Self::Listen { .. } => "serve.cannot-listen",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Config(error) => error.hint(),
            Self::Unreachable { .. } => {
                Some("start it with `novacron-cicd serve`, or say where it is with --url or NOVACRON_CICD_URL".into())
            }
            Self::NoToken { .. } => {
                Some("name a file with --token-file, or put the token into NOVACRON_CICD_TOKEN".into())
            }
            Self::Refused(problem) => problem.hint.clone(),
            Self::Unexpected { .. } => Some("look at --url: is it this daemon, and nothing before it?".into()),
            Self::BrokenOff { .. } => Some("run the command again; what was asked for goes on in the daemon".into()),
            Self::Digest { .. } => Some("nothing was written; download it again".into()),
            Self::Exists { .. } => Some("name another file with --file, or add --force".into()),
            Self::Io { .. } => None,
            Self::Service(error) => error.hint(),
            Self::Listen { .. } => Some("choose another address with --listen; port 0 takes any that is free".into()),
        }
    }
}
