//! From what `http.send` refuses or loses to the error that a provider answers with.

use crate::{imports::http::SendError, types::Error};

use super::send::Sent;

/// Nothing sent is `transient`. Sent without a whole answer is `transient` only for what reads: of what changes
/// something nobody knows whether it came.
pub(super) fn error(error: SendError, sent: &Sent) -> Error {
    let what = &sent.what;
    match error {
        SendError::Denied(why) => Error::forbidden(format!("{what} was not allowed: {why}"), None)
            .hint("widen the provider's grants, if the plugin may go there"),
        SendError::BadRequest(why) => Error::internal(format!("{what} is no request that can be sent: {why}")),
        SendError::NoSuchCredential(slot) => Error::unauthorized(format!("credential slot {slot} is empty"))
            .hint(format!("fill slot {slot} of the provider with a secret")),
        SendError::NotSent(why) => Error::transient(format!("{what} was not sent: {why}")),
        SendError::Interrupted(why) if sent.reads => Error::transient(format!("{what} was interrupted: {why}")),
        SendError::Interrupted(why) => {
            Error::outcome_unknown(format!("{what} was sent and its answer is missing: {why}"))
        }
        SendError::TooLarge(size) if sent.reads => {
            Error::other("too-large", format!("the answer to {what} is too large: {size} bytes"))
        }
        SendError::LoginFailed(why) => Error::unauthorized(format!("{what} was not sent: {why}"))
            .hint("check the user name and the secret of that slot"),
        SendError::Budget(why) => Error::other("budget", format!("{what} was not sent: {why}")),
        SendError::Other(why) if sent.reads => Error::internal(format!("{what} failed: {why}")),
        SendError::Other(why) => Error::outcome_unknown(format!("{what} failed: {why}")),
        // The platform answered, so it has acted; what it said is lost.
        SendError::TooLarge(size) => {
            Error::outcome_unknown(format!("{what} was sent and its answer is too large: {size} bytes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ErrorKind;

    #[test]
    fn what_became_of_it_depends_on_whether_it_changes_something() {
        let text = || "why".to_owned();
        let other = |kind: &str| ErrorKind::Other(kind.into());
        let rows = [
            (SendError::Denied(text()), ErrorKind::Forbidden(None), ErrorKind::Forbidden(None)),
            (SendError::BadRequest(text()), ErrorKind::Internal, ErrorKind::Internal),
            (SendError::NoSuchCredential(text()), ErrorKind::Unauthorized, ErrorKind::Unauthorized),
            (SendError::NotSent(text()), ErrorKind::Transient, ErrorKind::Transient),
            (SendError::Interrupted(text()), ErrorKind::Transient, ErrorKind::OutcomeUnknown),
            (SendError::TooLarge(9), other("too-large"), ErrorKind::OutcomeUnknown),
            (SendError::Budget(text()), other("budget"), other("budget")),
            (SendError::Other(text()), ErrorKind::Internal, ErrorKind::OutcomeUnknown),
            (SendError::LoginFailed(text()), ErrorKind::Unauthorized, ErrorKind::Unauthorized),
        ];
        for (given, reading, changing) in rows {
            let sent = |reads| Sent { what: "POST /x".into(), reads, slot: None };
            assert_eq!(error(given.clone(), &sent(true)).kind, reading, "{given:?}");
            assert_eq!(error(given.clone(), &sent(false)).kind, changing, "{given:?}");
        }
    }
}
