//! Constructors of the errors that a provider answers with. The host acts on the kind; a person reads the rest.
//!
//! Must be absent: anything that knows HTTP (see [`http`](crate::http)).

use std::time::Duration;

use crate::types::{Attribute, Error, ErrorKind, InvalidInput, Upstream};

/// What every function of a provider answers with.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// An excerpt of an answer is cut here.
pub(crate) const EXCERPT: usize = 2048;

/// ```
/// use novacron_cicd_sdk::types::{Error, ErrorKind};
///
/// let error = Error::not_found("job build-42 is not there").hint("was it renamed?");
/// assert_eq!(error.kind, ErrorKind::NotFound);
/// assert_eq!(error.hint.as_deref(), Some("was it renamed?"));
/// ```
impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, more: Vec::new() }
    }

    /// The platform does not know who we are, or no longer.
    #[must_use]
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthorized, message)
    }

    /// The platform knows who we are, and refuses. `permission` is what is missing, where the platform names it.
    #[must_use]
    pub fn forbidden(message: impl Into<String>, permission: Option<String>) -> Self {
        Self::new(ErrorKind::Forbidden(permission), message)
    }

    /// What was asked for is not there, or not for us.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Somebody else was there first: a name is taken, a revision is old, a run has ended.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A value that was given is not taken. The message is made of both.
    #[must_use]
    pub fn invalid_input(field: impl Into<String>, reason: impl Into<String>) -> Self {
        let (field, reason) = (field.into(), reason.into());
        let message = format!("{field}: {reason}");
        Self::new(ErrorKind::InvalidInput(InvalidInput { field, reason }), message)
    }

    /// The platform wants us to wait, for so long where it says it.
    #[must_use]
    pub fn rate_limited(message: impl Into<String>, wait: Option<Duration>) -> Self {
        let millis = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        Self::new(ErrorKind::RateLimited(millis), message)
    }

    /// The platform, or this version of it, cannot do it. `feature` is a token: `artifacts.upload`, `gitlab>=17.4`.
    #[must_use]
    pub fn unsupported(feature: impl Into<String>) -> Self {
        let feature = feature.into();
        let message = format!("{feature} is not supported here");
        Self::new(ErrorKind::Unsupported(feature), message)
    }

    /// The platform answered with what is no other kind. `answer` is cut to what an excerpt may hold.
    #[must_use]
    pub fn upstream(message: impl Into<String>, status: u16, answer: impl Into<String>) -> Self {
        let mut excerpt = answer.into();
        truncate(&mut excerpt, EXCERPT);
        Self::new(ErrorKind::Upstream(Upstream { status, excerpt }), message)
    }

    /// Nothing was done; the same call may be made again.
    #[must_use]
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transient, message)
    }

    /// It was sent and there is no whole answer: the platform may have acted. The host looks before it sends again.
    #[must_use]
    pub fn outcome_unknown(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::OutcomeUnknown, message)
    }

    /// The plugin itself is wrong.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A kind that this contract does not name.
    #[must_use]
    pub fn other(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other(kind.into()), message)
    }

    /// What the reader can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts `message` in place of the one that is there.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Adds one of the plugin's own keys (`x-...`): a request id of the platform, for example.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.more.push(attribute(key, value));
        self
    }
}

/// A key and its value, as `more` and `fields` take them.
///
/// ```
/// let attribute = novacron_cicd_sdk::attribute("x-request-id", "17");
/// assert_eq!((attribute.key.as_str(), attribute.value.as_str()), ("x-request-id", "17"));
/// ```
#[must_use]
pub fn attribute(key: impl Into<String>, value: impl Into<String>) -> Attribute {
    Attribute { key: key.into(), value: value.into() }
}

/// The value of `key`, where `more` has it.
///
/// ```
/// use novacron_cicd_sdk::{attribute, lookup};
///
/// let more = [attribute("novacron.repository", "https://git.example/app")];
/// assert_eq!(lookup(&more, "novacron.repository"), Some("https://git.example/app"));
/// assert_eq!(lookup(&more, "novacron.version"), None);
/// ```
#[must_use]
pub fn lookup<'a>(more: &'a [Attribute], key: &str) -> Option<&'a str> {
    more.iter().find(|attribute| attribute.key == key).map(|attribute| attribute.value.as_str())
}

/// Cuts at a character's border, so that at most `limit` bytes stay.
pub(crate) fn truncate(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_cut_at_a_characters_border() {
        let error = Error::upstream("m", 500, "é".repeat(2000) + "x");
        let ErrorKind::Upstream(upstream) = error.kind else { unreachable!("made as upstream") };
        assert_eq!(upstream.excerpt.len(), EXCERPT);
        let odd = Error::upstream("m", 500, format!("x{}", "é".repeat(2000)));
        let ErrorKind::Upstream(upstream) = odd.kind else { unreachable!("made as upstream") };
        assert_eq!(upstream.excerpt.len(), EXCERPT - 1);
    }

    #[test]
    fn a_wait_is_told_in_milliseconds() {
        let error = Error::rate_limited("m", Some(Duration::from_secs(3)));
        assert_eq!(error.kind, ErrorKind::RateLimited(Some(3000)));
    }
}
