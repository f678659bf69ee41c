//! What the HTTP layer itself refuses, beside what the use cases refuse.

use novacron_cicd_domain::Coded;

use crate::service::ServiceError;

/// Why a request was not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A use case refused or failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// No such path.
    #[error("there is nothing at {path}")]
    NoRoute {
        /// The path.
        path: String,
    },
    /// The path is there, the method is not.
    #[error("{path} does not take {method}")]
    Method {
        /// The method.
        method: String,
        /// The path.
        path: String,
    },
    /// A body that is not JSON where JSON is taken.
    #[error("the body is {given}, and application/json is taken here")]
    MediaType {
        /// What the request says of its body.
        given: String,
    },
    /// More bytes than are read.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: u64,
    },
    /// The body broke off.
    #[error("the body broke off: {reason}")]
    BrokenOff {
        /// What the connection said.
        reason: String,
    },
    /// The body is no JSON, or not of the right shape.
    #[error("the body can't be read: {reason}")]
    Body {
        /// The parser's words, with line and column.
        reason: String,
    },
    /// A field that means nothing.
    #[error("unknown field {field}")]
    UnknownField {
        /// Its name.
        field: String,
        /// The fields that mean something, as the parser lists them.
        expected: Option<String>,
    },
    /// A parameter of the query that does not fit.
    #[error("the query can't be read: {reason}")]
    Query {
        /// The parser's words.
        reason: String,
    },
    /// A part of the path that does not fit.
    #[error("the path can't be read: {reason}")]
    Path {
        /// The parser's words.
        reason: String,
    },
    /// A header that does not fit.
    #[error("header {name} can't be {value:?}: {reason}")]
    Header {
        /// Which.
        name: &'static str,
        /// As it was given.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The same key with another request.
    #[error("idempotency key {key:?} was used for another request")]
    KeyMismatch {
        /// The key.
        key: String,
    },
    /// The same key, and the first request is not answered yet.
    #[error("the request with idempotency key {key:?} is still under way")]
    KeyInFlight {
        /// The key.
        key: String,
    },
    /// A part of a file that is not there.
    #[error("the range {range:?} is not within {size} bytes")]
    Range {
        /// As it was asked for.
        range: String,
        /// How many bytes there are.
        size: u64,
    },
    /// The process is being stopped.
    #[error("the daemon is stopping")]
    Stopping,
    /// A handler gave up.
    #[error("the daemon could not answer this request because of a fault of its own")]
    Panic,
}

impl Coded for ApiError {
    fn code(&self) -> &'static str {
        match self {
            Self::Service(error) => error.code(),
            Self::NoRoute { .. } => "http.no-route",
            Self::Method { .. } => "http.method-not-allowed",
            Self::MediaType { .. } => "http.unsupported-media-type",
            Self::TooLarge { .. } => "http.body-too-large",
            Self::BrokenOff { .. } => "http.body-broken-off",
            Self::Body { .. } => "request.invalid-body",
            Self::UnknownField { .. } => "request.unknown-field",
            Self::Query { .. } => "request.invalid-query",
            Self::Path { .. } => "request.invalid-path",
            Self::Header { .. } => "request.invalid-header",
            Self::KeyMismatch { .. } => "idempotency.mismatch",
            Self::KeyInFlight { .. } => "idempotency.in-flight",
            Self::Range { .. } => "http.range-not-satisfiable",
            Self::Stopping => "http.stopping",
            Self::Panic => "http.internal",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Service(error) => error.hint(),
            Self::NoRoute { .. } => Some("/v1/openapi.json lists every path".into()),
            Self::Method { .. } => Some("the allow header lists the methods that are taken".into()),
            Self::MediaType { .. } => Some("send the header content-type: application/json".into()),
            Self::UnknownField { expected, .. } => {
                Some(expected.as_ref().map_or_else(|| "leave it out".into(), |fields| format!("it can be {fields}")))
            }
            Self::KeyMismatch { .. } => Some("use a new key for a new request".into()),
            Self::KeyInFlight { .. } => Some("wait, then send the same request with the same key again".into()),
            Self::Stopping => Some("send the request again once the daemon is back".into()),
            Self::Panic => Some("the daemon's log has more under this request's id".into()),
            Self::TooLarge { .. } => Some("limits.body_kib and limits.artifact_mib are the bounds".into()),
            Self::Body { .. }
            | Self::BrokenOff { .. }
            | Self::Query { .. }
            | Self::Path { .. }
            | Self::Header { .. }
            | Self::Range { .. } => None,
        }
    }
}
