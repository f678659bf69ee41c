//! A guest's typed error as the domain's kind of failure.

use novacron_cicd_domain::platform::CallErrorKind;

use crate::bindings::novacron::cicd::types as wit;

/// The most that is kept of an upstream's answer, in bytes.
const EXCERPT_LIMIT: usize = 2048;
/// The most that is kept of a message or hint, in bytes.
const MESSAGE_LIMIT: usize = 4096;

impl From<wit::ErrorKind> for CallErrorKind {
    fn from(kind: wit::ErrorKind) -> Self {
        match kind {
            wit::ErrorKind::Unauthorized => Self::Unauthorized,
            wit::ErrorKind::Forbidden(permission) => Self::Forbidden(permission),
            wit::ErrorKind::NotFound => Self::NotFound,
            wit::ErrorKind::Conflict => Self::Conflict,
            wit::ErrorKind::InvalidInput(wit::InvalidInput { field, reason }) => Self::InvalidInput { field, reason },
            wit::ErrorKind::RateLimited(wait) => Self::RateLimited(wait),
            wit::ErrorKind::Unsupported(feature) => Self::Unsupported(feature),
            wit::ErrorKind::Upstream(wit::Upstream { status, excerpt }) => {
                Self::Upstream { status, excerpt: cut(excerpt, EXCERPT_LIMIT) }
            }
            wit::ErrorKind::Transient => Self::Transient,
            wit::ErrorKind::OutcomeUnknown => Self::OutcomeUnknown,
            wit::ErrorKind::Internal => Self::Internal,
            wit::ErrorKind::Other(kind) => Self::Other(kind),
        }
    }
}

/// A guest's error as kind, message and hint, the texts cut to what an error may hold.
#[must_use]
pub fn fault(error: wit::Error) -> (CallErrorKind, String, Option<String>) {
    (error.kind.into(), cut(error.message, MESSAGE_LIMIT), error.hint.map(|hint| cut(hint, MESSAGE_LIMIT)))
}

fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_excerpt_is_cut_between_two_characters() {
        let excerpt = format!("{}é", "a".repeat(EXCERPT_LIMIT - 1));
        let kind = wit::ErrorKind::Upstream(wit::Upstream { status: 500, excerpt });
        let expected = CallErrorKind::Upstream { status: 500, excerpt: "a".repeat(EXCERPT_LIMIT - 1) };
        assert_eq!(CallErrorKind::from(kind), expected);
    }
}
