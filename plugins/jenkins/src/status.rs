//! From Jenkins' words for how a build stands to ours.
//!
//! Pure. `hudson/model/Result.java` has five results, worst last: SUCCESS, UNSTABLE, FAILURE, NOT_BUILT, ABORTED. A word
//! that is none of them is shown as it came.

use novacron_cicd_sdk::types::{State, Status};

use crate::settings::Unstable;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    /// `building`: an executor works on it.
    pub(crate) building: bool,
    /// `inProgress`: also true while it is brought to its end after that (`hudson/model/Run.java`, state POST_PRODUCTION).
    /// Older cores do not say it.
    pub(crate) in_progress: Option<bool>,
    /// `result`: may stand there long before the build has ended.
    pub(crate) result: Option<&'a str>,
    /// Whether everything that interrupted it was a time limit.
    pub(crate) timed_out: bool,
}

pub(crate) fn of_build(word: Word<'_>, unstable: Unstable) -> Status {
    if word.building || word.in_progress == Some(true) {
        // UNSTABLE and FAILURE are set while steps go on, so a result says nothing about the end.
        return Status::of(
            State::Running,
            word.result.map_or_else(|| "building".into(), |set| format!("building/{set}")),
        );
    }
    let Some(result) = word.result else {
        // Neither at work nor ended: the controller went down under it.
        return Status::of(State::Failed, "no result").reason("lost");
    };
    match result {
        "SUCCESS" => Status::of(State::Succeeded, result),
        "UNSTABLE" => Status::of(unstable.state(), result).reason("unstable").condition("warnings"),
        "FAILURE" => Status::of(State::Failed, result),
        // A time limit is not somebody's wish, though Jenkins has one word for both.
        "ABORTED" if word.timed_out => Status::of(State::Failed, result).reason("timeout"),
        "ABORTED" => Status::of(State::Canceled, result),
        "NOT_BUILT" => Status::of(State::Skipped, result),
        other => Status::of(State::Failed, other).reason("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `building`, `inProgress`, `result`, a time limit; then state, reason, word.
    type Row = (bool, Option<bool>, Option<&'static str>, bool, State, Option<&'static str>, &'static str);

    #[test]
    fn a_build_stands_as_jenkins_says_and_ends_only_when_it_has_ended() {
        let rows: [Row; 16] = [
            (true, Some(true), None, false, State::Running, None, "building"),
            (true, Some(true), Some("UNSTABLE"), false, State::Running, None, "building/UNSTABLE"),
            (true, None, Some("FAILURE"), false, State::Running, None, "building/FAILURE"),
            (false, Some(true), Some("SUCCESS"), false, State::Running, None, "building/SUCCESS"),
            (false, Some(true), None, false, State::Running, None, "building"),
            (false, Some(false), Some("SUCCESS"), false, State::Succeeded, None, "SUCCESS"),
            (false, None, Some("SUCCESS"), false, State::Succeeded, None, "SUCCESS"),
            (false, Some(false), Some("UNSTABLE"), false, State::Succeeded, Some("unstable"), "UNSTABLE"),
            (false, Some(false), Some("FAILURE"), false, State::Failed, None, "FAILURE"),
            (false, Some(false), Some("FAILURE"), true, State::Failed, None, "FAILURE"),
            (false, Some(false), Some("ABORTED"), false, State::Canceled, None, "ABORTED"),
            (false, Some(false), Some("ABORTED"), true, State::Failed, Some("timeout"), "ABORTED"),
            (false, Some(false), Some("NOT_BUILT"), false, State::Skipped, None, "NOT_BUILT"),
            (false, Some(false), Some("MELTED"), false, State::Failed, Some("unknown"), "MELTED"),
            (false, Some(false), None, false, State::Failed, Some("lost"), "no result"),
            (false, None, None, false, State::Failed, Some("lost"), "no result"),
        ];
        for (building, in_progress, result, timed_out, state, reason, platform) in rows {
            let status = of_build(Word { building, in_progress, result, timed_out }, Unstable::Succeeded);
            let found = (status.state, status.reason.as_deref(), status.platform.as_str());
            assert_eq!(found, (state, reason, platform), "{building} {in_progress:?} {result:?} {timed_out}");
        }
    }

    #[test]
    fn unstable_is_what_the_operator_says() {
        let word = Word { building: false, in_progress: Some(false), result: Some("UNSTABLE"), timed_out: false };
        for (setting, state) in [(Unstable::Succeeded, State::Succeeded), (Unstable::Failed, State::Failed)] {
            let status = of_build(word, setting);
            assert_eq!((status.state, status.conditions), (state, vec!["warnings".to_owned()]));
        }
    }
}
