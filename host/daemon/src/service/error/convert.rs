//! Errors of the parts below, as the use cases give them on.

use novacron_cicd_domain::{Coded, field::FieldError, parameter::ParameterError};
use novacron_cicd_store::StoreError;

use super::{Problem, ServiceError};
use crate::{artifact::BlobError, log::LogError};

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what, key } => Self::NotFound { what, key },
            StoreError::Conflict { what, key } => Self::NameTaken { what, name: key },
            StoreError::InUse { what, key, by } => Self::InUse { what, name: key, by: vec![by] },
            StoreError::Stale { what, key, expected, found } => {
                Self::Stale { what, name: key, given: expected, current: found }
            }
            other => Self::Store(other),
        }
    }
}

impl From<LogError> for ServiceError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Gap { expected, given } => Self::LogGap { expected, given },
            LogError::Complete => Self::conflict(error.code(), error.to_string(), "nothing more can be added to it"),
            LogError::TooLarge => Self::TooLarge { what: "the log".into(), limit: crate::log::MOST },
            LogError::BehindEnd { .. } => Self::invalid("/offset", error.code(), error.to_string()),
            LogError::Store(error) => error.into(),
            LogError::Vault(error) => error.into(),
            LogError::Io { file, source } => Self::Io { what: format!("the log file {file}"), source },
        }
    }
}

impl From<BlobError> for ServiceError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Mismatch { what, expected, found } => {
                Self::Mismatch { what: format!("the {what} of the bytes"), expected, found }
            }
            BlobError::TooLarge(limit) => Self::TooLarge { what: "the artifact".into(), limit },
            BlobError::Broken(_) => Self::invalid("", error.code(), error.to_string()),
            BlobError::Missing(_) => Self::Io {
                what: "the artifact's bytes".into(),
                source: std::io::Error::new(std::io::ErrorKind::NotFound, error.to_string()),
            },
            BlobError::Io(source) => Self::Io { what: "the blob directory".into(), source },
        }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self { at: format!("/{}", error.field.replace('.', "/")), code: error.code(), message: error.to_string() }
    }
}

impl From<ParameterError> for Problem {
    fn from(error: ParameterError) -> Self {
        Self { at: format!("/parameters/{}", error.parameter), code: error.code(), message: error.to_string() }
    }
}
