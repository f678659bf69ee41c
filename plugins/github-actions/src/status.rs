//! From GitHub's words for how a run, a job or a step stands to ours.
//!
//! Pure. GitHub has two words, a status and, at the end, a conclusion. A word that is not known is shown as it came.

use novacron_cicd_sdk::types::{State, Status};

/// How it stands.
pub(crate) fn of(status: Option<&str>, conclusion: Option<&str>) -> Status {
    let status = status.unwrap_or("requested");
    let plain = |state| Status::of(state, status);
    match (status, conclusion) {
        ("completed", Some(conclusion)) => ended(conclusion),
        // The end was told before what it is.
        ("completed", None) => plain(State::Running),
        ("queued" | "requested", _) => plain(State::Pending).reason("queued"),
        // For others of its concurrency group.
        ("pending", _) => plain(State::Pending).reason("blocked"),
        ("waiting", _) => plain(State::Waiting).reason("gate"),
        ("in_progress", _) => plain(State::Running),
        _ => plain(State::Running).reason("unknown"),
    }
}

fn ended(conclusion: &str) -> Status {
    let as_is = |state| Status::of(state, format!("completed/{conclusion}"));
    match conclusion {
        "success" => as_is(State::Succeeded),
        "neutral" => as_is(State::Succeeded).condition("neutral"),
        "skipped" => as_is(State::Skipped),
        "failure" => as_is(State::Failed),
        // The file could not be read as a workflow: there are no jobs.
        "startup_failure" => as_is(State::Failed).reason("startup"),
        "timed_out" => as_is(State::Failed).reason("timeout"),
        "cancelled" => as_is(State::Canceled),
        // GitHub gave up on it, after two weeks.
        "stale" => as_is(State::Canceled).reason("stale"),
        // Of a first-time contributor's fork: somebody has to let it begin.
        "action_required" => as_is(State::Waiting).reason("gate"),
        _ => as_is(State::Failed).reason("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (Option<&'static str>, Option<&'static str>, State, Option<&'static str>, &'static str);

    #[test]
    fn each_pair_of_words_has_its_state() {
        let rows: [Row; 17] = [
            (None, None, State::Pending, Some("queued"), "requested"),
            (Some("queued"), None, State::Pending, Some("queued"), "queued"),
            (Some("requested"), None, State::Pending, Some("queued"), "requested"),
            (Some("pending"), None, State::Pending, Some("blocked"), "pending"),
            (Some("waiting"), None, State::Waiting, Some("gate"), "waiting"),
            (Some("in_progress"), None, State::Running, None, "in_progress"),
            (Some("melting"), None, State::Running, Some("unknown"), "melting"),
            (Some("completed"), None, State::Running, None, "completed"),
            (Some("completed"), Some("success"), State::Succeeded, None, "completed/success"),
            (Some("completed"), Some("skipped"), State::Skipped, None, "completed/skipped"),
            (Some("completed"), Some("failure"), State::Failed, None, "completed/failure"),
            (Some("completed"), Some("startup_failure"), State::Failed, Some("startup"), "completed/startup_failure"),
            (Some("completed"), Some("timed_out"), State::Failed, Some("timeout"), "completed/timed_out"),
            (Some("completed"), Some("cancelled"), State::Canceled, None, "completed/cancelled"),
            (Some("completed"), Some("stale"), State::Canceled, Some("stale"), "completed/stale"),
            (Some("completed"), Some("action_required"), State::Waiting, Some("gate"), "completed/action_required"),
            (Some("completed"), Some("melted"), State::Failed, Some("unknown"), "completed/melted"),
        ];
        for (status, conclusion, state, reason, platform) in rows {
            let found = of(status, conclusion);
            let found = (found.state, found.reason.as_deref(), found.platform.as_str());
            assert_eq!(found, (state, reason, platform), "{status:?} {conclusion:?}");
        }
        assert_eq!(of(Some("completed"), Some("neutral")).conditions, ["neutral"]);
    }
}
