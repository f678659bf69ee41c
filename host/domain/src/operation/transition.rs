//! How an operation moves: the one place that says what may follow what.
//!
//! ```text
//! queued ─claim→ claimed ─send→ sent ─finish→ done
//!   ↑  │            │            ├─refuse→ failed
//!   │  └─cancel→ canceled        ├─lose, recover→ by recovery class: queued, sent (look first), ambiguous
//!   └───retry, not-found─────────┘
//! ambiguous ─resolve→ done (adopt), queued (resend), failed (abandon)
//! ```
//!
//! Never from sent back to queued but where that is safe: nothing was done, the platform deduplicates, a look found
//! nothing, or an operator said so.

use super::{Operation, OperationState, RecoveryClass};
use crate::{Coded, Timestamp};

/// What happens to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationEvent {
    /// An engine takes it, until then.
    Claim {
        /// The end of the lease.
        until: Timestamp,
    },
    /// It is about to be sent: to be stored before the first byte goes out.
    Send,
    /// The platform took it, or a look found that it had.
    Finish,
    /// The platform refused it, or it can't be sent at all.
    Refuse {
        /// The error's code.
        code: String,
        /// The error's sentence.
        message: String,
    },
    /// Nothing was done; again at `due`.
    Retry {
        /// Not before.
        due: Timestamp,
        /// The error's code.
        code: String,
        /// The error's sentence.
        message: String,
    },
    /// It was sent and nobody knows what became of it.
    Lose {
        /// Not before, where something more can be done.
        due: Timestamp,
        /// The error's code.
        code: String,
        /// The error's sentence.
        message: String,
    },
    /// Whoever had it is gone: its lease ended, or the daemon began anew. Never of one's own call in flight.
    Recover,
    /// A look found that nothing was done; it is sent again at `due`.
    NotFound {
        /// Not before.
        due: Timestamp,
    },
    /// A look found nothing yet, or could not be had; again at `due`.
    LookAgain {
        /// Not before.
        due: Timestamp,
    },
    /// Somebody gave it up.
    Cancel,
    /// An operator settles what nobody can know.
    Resolve(Resolution),
}

impl OperationEvent {
    /// The word for it in errors and logs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Claim { .. } => "claim",
            Self::Send => "send",
            Self::Finish => "finish",
            Self::Refuse { .. } => "refuse",
            Self::Retry { .. } => "retry",
            Self::Lose { .. } => "lose",
            Self::Recover => "recover",
            Self::NotFound { .. } => "not-found",
            Self::LookAgain { .. } => "look-again",
            Self::Cancel => "cancel",
            Self::Resolve(Resolution::Adopt) => "adopt",
            Self::Resolve(Resolution::Resend) => "resend",
            Self::Resolve(Resolution::Abandon) => "abandon",
        }
    }
}

/// What an operator says of an operation that nobody knows the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It was done; what the platform calls the outcome is the caller's to record.
    Adopt,
    /// It was not done: send it again.
    Resend,
    /// Leave it.
    Abandon,
}

/// What must be done before more can be known of an operation that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Send it again: the platform deduplicates on our id.
    Resend,
    /// Search the platform for our token.
    Search,
    /// Read what is there and compare it with what was wanted.
    Compare,
    /// Ask an operator.
    Ask,
}

/// A move that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation that is {from} can't {event}: {reason}", from = from.as_str())]
pub struct InvalidTransition {
    /// Where it stands.
    pub from: OperationState,
    /// What was to happen.
    pub event: &'static str,
    /// Why it can't.
    pub reason: &'static str,
}

impl Coded for InvalidTransition {
    fn code(&self) -> &'static str {
        "operation.invalid-transition"
    }

    fn hint(&self) -> Option<String> {
        match (self.event, self.from) {
            ("cancel", OperationState::Sent) => Some("wait for its outcome, then cancel what it started".into()),
            ("adopt" | "resend" | "abandon", _) => Some("only an ambiguous operation needs that decision".into()),
            _ => None,
        }
    }
}

impl Operation {
    /// What must be done to settle it, where it was sent and its outcome is open.
    #[must_use]
    pub const fn recovery(&self) -> Option<Recovery> {
        match (self.state, self.recovery) {
            (OperationState::Ambiguous, _) | (OperationState::Sent, RecoveryClass::None) => Some(Recovery::Ask),
            (OperationState::Sent, RecoveryClass::IdempotentKey) => Some(Recovery::Resend),
            (OperationState::Sent, RecoveryClass::Searchable) => Some(Recovery::Search),
            (OperationState::Sent, RecoveryClass::ByState) => Some(Recovery::Compare),
            _ => None,
        }
    }

    /// The operation after an event. `version` stays: the store counts it.
    ///
    /// # Errors
    /// [`InvalidTransition`]; the operation is then as it was wherever it is stored.
    pub fn transition(mut self, event: OperationEvent, now: Timestamp) -> Result<Self, InvalidTransition> {
        use OperationState::{Ambiguous, Canceled, Claimed, Done, Failed, Queued, Sent};
        let (from, word) = (self.state, event.as_str());
        let refuse = |reason| Err(InvalidTransition { from, event: word, reason });
        // Strictly later than the first sending, so that `is_known_undone` can tell the first from a later one.
        let updated = if event == OperationEvent::Send {
            self.first_sent.map_or(now, |first| now.max(first.plus_millis(1)))
        } else {
            now
        };
        let lookable = matches!(self.recovery, RecoveryClass::Searchable | RecoveryClass::ByState);
        match (self.state, event) {
            (Done | Failed | Canceled, _) => return refuse("it is settled"),
            (Queued, OperationEvent::Claim { .. }) if self.due > now => return refuse("it is not due"),
            (Claimed, OperationEvent::Claim { .. }) if self.is_leased(now) => return refuse("another engine has it"),
            (Queued | Claimed, OperationEvent::Claim { until }) => {
                self.state = Claimed;
                self.lease_until = Some(until);
            }
            (Claimed, OperationEvent::Send) => {
                self.state = Sent;
                self.attempts = self.attempts.saturating_add(1);
                self.first_sent = self.first_sent.or(Some(now));
                self.error = None;
            }
            (Sent, OperationEvent::Finish) => {
                self.rest(Done, now);
                self.error = None;
            }
            (Claimed | Sent, OperationEvent::Refuse { code, message }) => {
                self.rest(Failed, now);
                self.error = Some((code, message));
            }
            (Claimed | Sent, OperationEvent::Retry { due, code, message }) => {
                if self.is_known_undone() {
                    self.first_sent = None;
                }
                self.rest(Queued, due);
                self.error = Some((code, message));
            }
            (Sent, OperationEvent::Lose { due, code, message }) => {
                self.rest(self.unknown(), due);
                self.error = Some((code, message));
            }
            (Claimed, OperationEvent::Recover) => self.rest(Queued, now),
            (Sent, OperationEvent::Recover) => match self.unknown() {
                // Whoever recovers it goes on with the look, under the lease that it has.
                Sent => {}
                state => self.rest(state, now),
            },
            (Sent, OperationEvent::NotFound { due }) if lookable => self.rest(Queued, due),
            (Sent, OperationEvent::LookAgain { due }) if lookable => self.rest(Sent, due),
            (Sent, OperationEvent::NotFound { .. } | OperationEvent::LookAgain { .. }) => {
                return refuse("its recovery class has no look");
            }
            (Queued | Claimed, OperationEvent::Cancel) if self.first_sent.is_some() => {
                // An earlier attempt may have been taken: not sent again, and not said to be undone.
                self.rest(Ambiguous, now);
            }
            (Queued | Claimed, OperationEvent::Cancel) => self.rest(Canceled, now),
            (Sent, OperationEvent::Resolve(_)) if !lookable || self.is_leased(now) => {
                return refuse("it is still being settled");
            }
            (Ambiguous | Sent, OperationEvent::Resolve(resolution)) => match resolution {
                Resolution::Adopt => self.rest(Done, now),
                Resolution::Resend => self.rest(Queued, now),
                Resolution::Abandon => {
                    self.rest(Failed, now);
                    self.error = Some(("operation.abandoned".into(), "an operator gave it up".into()));
                }
            },
            (Sent, OperationEvent::Cancel) => return refuse("it may have reached the platform"),
            (Queued, _) => return refuse("no engine has it"),
            (Claimed, _) => return refuse("it was not sent"),
            (Sent, _) => return refuse("it was sent"),
            (Ambiguous, _) => return refuse("an operator must decide"),
        }
        self.updated = updated;
        Ok(self)
    }

    /// Nobody has it; it is looked at again at `due`.
    fn rest(&mut self, state: OperationState, due: Timestamp) {
        self.state = state;
        self.due = due;
        self.lease_until = None;
    }

    fn is_leased(&self, now: Timestamp) -> bool {
        self.lease_until.is_some_and(|until| until > now)
    }

    /// Whether no attempt but the one under way was ever sent; then, if that did nothing, nothing was done at all.
    fn is_known_undone(&self) -> bool {
        self.state == OperationState::Sent && self.first_sent == Some(self.updated)
    }

    /// Where an unknown outcome leads.
    const fn unknown(&self) -> OperationState {
        match self.recovery {
            RecoveryClass::IdempotentKey => OperationState::Queued,
            RecoveryClass::Searchable | RecoveryClass::ByState => OperationState::Sent,
            RecoveryClass::None => OperationState::Ambiguous,
        }
    }
}
