//! What kind of platform it is: drawn from the seed, within what platforms really are.

use novacron_cicd_domain::operation::RecoveryClass;

use super::time::Dice;
use crate::engine::ports::Reporting;

/// What a platform answers to a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// The run.
    Run,
    /// A place in its queue.
    Queue,
    /// That it was taken.
    Taken,
}

/// What doing a run again makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// An attempt of the same run, counted.
    Attempt,
    /// New jobs under the same run; nobody counts.
    Jobs,
    /// Another run.
    Run,
}

/// How runs of others are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discovery {
    Not,
    Listing,
    Changes,
}

/// The platform of a simulation, and how its plugin says that unknown outcomes are settled.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) reporting: Reporting,
    pub(super) trigger: RecoveryClass,
    pub(super) retry: RecoveryClass,
    pub(super) cancel: RecoveryClass,
    pub(super) answers: Answers,
    pub(super) again: Again,
    pub(super) discovery: Discovery,
    /// Whether runs can be searched for by their token.
    pub(super) searches: bool,
    /// Whether a list shows the token of a run.
    pub(super) tokens: bool,
    /// Whether it says when a run last changed.
    pub(super) says_when: bool,
    /// How far its clock is from ours, in milliseconds.
    pub(super) skew: i64,
    /// How far its search and its lists lag behind, in milliseconds.
    pub(super) lag: i64,
    /// How often in a hundred calls something goes wrong.
    pub(super) trouble: u64,
}

impl Profile {
    pub(super) fn draw(dice: &Dice) -> Self {
        use RecoveryClass::{ByState, IdempotentKey, None, Searchable};
        let calls_back = dice.chance(20);
        let trigger = if calls_back {
            dice.pick(&[IdempotentKey, None])
        } else {
            dice.pick(&[IdempotentKey, Searchable, ByState, None])
        };
        let searches = !calls_back && (matches!(trigger, Searchable | ByState) || dice.chance(50));
        let answers = match (calls_back, searches) {
            (true, _) => dice.pick(&[Answers::Run, Answers::Taken]),
            (false, true) => dice.pick(&[Answers::Run, Answers::Queue, Answers::Taken]),
            (false, false) => dice.pick(&[Answers::Run, Answers::Queue]),
        };
        let again = dice.pick(&[Again::Attempt, Again::Jobs, Again::Run]);
        let retry = match again {
            Again::Attempt | Again::Jobs => dice.pick(&[IdempotentKey, ByState, None]),
            Again::Run if searches => dice.pick(&[IdempotentKey, Searchable, None]),
            Again::Run => dice.pick(&[IdempotentKey, None]),
        };
        let discovery = dice.pick(&[Discovery::Not, Discovery::Listing, Discovery::Changes]);
        Self {
            reporting: if calls_back { Reporting::Callback } else { Reporting::Poll },
            trigger,
            retry,
            cancel: dice.pick(&[IdempotentKey, ByState, None]),
            answers,
            again,
            discovery: if calls_back { Discovery::Not } else { discovery },
            searches,
            tokens: dice.chance(50),
            says_when: dice.chance(50),
            skew: dice.between(-60_000, 60_000),
            lag: dice.pick(&[0, 0, 1_000, 10_000]),
            trouble: dice.pick(&[0, 10, 30, 60]),
        }
    }

    pub(super) fn supports(&self, interface: &str) -> bool {
        match interface {
            "run-cancel" => true,
            "run-search" => self.searches,
            "run-retry" => self.reporting == Reporting::Poll,
            "run-listing" => self.discovery == Discovery::Listing,
            "run-changes" => self.discovery == Discovery::Changes,
            _ => false,
        }
    }

    pub(super) fn recovery(&self, function: &str) -> RecoveryClass {
        match function {
            "runs.trigger" => self.trigger,
            "run-retry.retry" => self.retry,
            "run-cancel.cancel" => self.cancel,
            _ => RecoveryClass::None,
        }
    }
}
