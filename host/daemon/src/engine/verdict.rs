//! What becomes of one attempt at an operation, decided before anything of it is written.

use novacron_cicd_domain::{Coded, Timestamp, platform::CallError, run::SeenRun};

use super::ports::Changed;

/// What becomes of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The platform took it.
    Done(Effect),
    /// Nothing was done: it is queued again, for `due`.
    Retry {
        /// Not before.
        due: Timestamp,
        /// Why.
        why: Why,
    },
    /// The platform may have acted: it stays sent, and is looked at again at `due`, by its recovery class.
    Unsettled {
        /// Not before.
        due: Timestamp,
        /// Why.
        why: Why,
        /// How often it has been looked for since it was last sent.
        looks: u32,
    },
    /// It was refused, or will never work.
    Failed(Why),
    /// Nobody can know.
    Ambiguous(Why),
    /// Given up, and nothing was done.
    Canceled(Why),
}

/// What taking it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that we keep.
    Nothing,
    /// This run.
    Seen(Box<SeenRun>),
    /// A place in the platform's queue; `folded`: one that was there already.
    Queued {
        /// As the plugin wrote it.
        ticket: String,
        /// Two of ours, one of theirs.
        folded: bool,
    },
    /// The queue let go of it.
    Dropped(Option<String>),
    /// This is what the platform calls the pipeline now.
    Pipeline(Option<String>),
    /// This is what a change that only the platform knows led to.
    Changed(Box<Changed>),
}

/// A stable code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Stable, dotted.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Why {
    /// In our own words.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl From<&CallError> for Why {
    fn from(error: &CallError) -> Self {
        Self { code: error.code().into(), message: error.to_string() }
    }
}
