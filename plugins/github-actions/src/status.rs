//! From GitHub's words for how a run, a job or a step stands to ours.
//!
//! Pure. GitHub has two words, a status and, at the end, a conclusion. A word that is not known is shown as it came.

use novacron_cicd_sdk::types::{State, Status};

/// How it stands.
pub(crate) fn of(status: Option<&str>, conclusion: Option<&str>) -> Status {
    let (word, end) = (status.unwrap_or("requested"), conclusion.unwrap_or_default());
    let ended = word == "completed" && !end.is_empty();
    let (state, reason) = match if ended { end } else { word } {
        "success" | "neutral" if ended => (State::Succeeded, None),
        "skipped" if ended => (State::Skipped, None),
        "failure" if ended => (State::Failed, None),
        // The file could not be read as a workflow: there are no jobs.
        "startup_failure" if ended => (State::Failed, Some("startup")),
        "timed_out" if ended => (State::Failed, Some("timeout")),
        "cancelled" if ended => (State::Canceled, None),
        // GitHub gave up on it, after two weeks.
        "stale" if ended => (State::Canceled, Some("stale")),
        // Of a first-time contributor's fork: somebody has to let it begin.
        "action_required" if ended => (State::Waiting, Some("gate")),
        _ if ended => (State::Failed, Some("unknown")),
        "queued" | "requested" => (State::Pending, Some("queued")),
        // For others of its concurrency group.
        "pending" => (State::Pending, Some("blocked")),
        "waiting" => (State::Waiting, Some("gate")),
        // An end may be told before what it is.
        "in_progress" | "completed" => (State::Running, None),
        _ => (State::Running, Some("unknown")),
    };
    let platform = if ended { format!("{word}/{end}") } else { word.to_owned() };
    let conditions = if ended && end == "neutral" { vec![end.to_owned()] } else { Vec::new() };
    Status { reason: reason.map(str::to_owned), conditions, ..Status::of(state, platform) }
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
