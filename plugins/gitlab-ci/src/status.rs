//! From GitLab's words for how something stands to ours.
//!
//! Pure. Pipelines and jobs share the words (`app/models/concerns/ci/has_status.rb`). A word that is not known is shown as it
//! came and looked at again: to take it for an end would be for ever.

use novacron_cicd_sdk::types::{State, Status};

use crate::rows::{Job, Pipeline};

fn of(word: &str) -> Status {
    let status = |state| Status::of(state, word);
    match word {
        "created" | "preparing" | "waiting_for_callback" => status(State::Pending),
        "pending" => status(State::Pending).reason("queued"),
        // The lock of a `resource_group`.
        "waiting_for_resource" => status(State::Pending).reason("blocked"),
        "running" => status(State::Running),
        // `after_script` still runs.
        "canceling" => status(State::Running).condition("cancel-requested"),
        "success" => status(State::Succeeded),
        "failed" => status(State::Failed),
        "canceled" => status(State::Canceled),
        "skipped" => status(State::Skipped),
        "manual" => status(State::Waiting).reason("gate"),
        "scheduled" => status(State::Waiting).reason("timer"),
        _ => status(State::Running).reason("unknown"),
    }
}

/// How a pipeline stands.
pub(crate) fn of_pipeline(row: &Pipeline) -> Status {
    let mut status = of(&row.status);
    if row.detailed_status["group"] == "success-with-warnings" {
        status = status.condition("warnings");
    }
    if status.state == State::Failed && row.yaml_errors.is_some() {
        status = status.reason("startup");
    }
    status
}

/// How a job stands. Why it failed is GitLab's own word (`lib/gitlab/ci/status/build/failed.rb`) where ours has none.
pub(crate) fn of_job(row: &Job) -> Status {
    let mut status = of(&row.status);
    if row.allow_failure && status.state == State::Failed {
        status = status.condition("allowed-failure");
    }
    match row.failure_reason.as_deref().filter(|_| status.state == State::Failed) {
        Some("job_execution_timeout") => status.reason("timeout"),
        Some("stuck_or_timeout_failure" | "runner_system_failure" | "runner_provisioning_timeout") => {
            status.reason("lost")
        }
        Some("stale_schedule" | "forward_deployment_failure") => status.reason("stale"),
        Some(word) => status.reason(word.replace('_', "-")),
        None => status,
    }
}

/// What started a pipeline (`app/models/concerns/enums/ci/pipeline.rb`).
pub(crate) fn origin(source: Option<&str>) -> String {
    match source {
        Some("push" | "merge_request_event" | "external_pull_request_event") => "push",
        Some("web" | "webide" | "chat") => "manual",
        Some("api" | "trigger") => "api",
        Some("schedule") => "schedule",
        Some("pipeline" | "parent_pipeline") => "upstream",
        Some(other) => other,
        None => "unknown",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_stands_for_a_state_and_none_is_an_end_that_is_not_known() {
        let rows = [
            ("created", State::Pending, None),
            ("waiting_for_resource", State::Pending, Some("blocked")),
            ("preparing", State::Pending, None),
            ("waiting_for_callback", State::Pending, None),
            ("pending", State::Pending, Some("queued")),
            ("running", State::Running, None),
            ("success", State::Succeeded, None),
            ("failed", State::Failed, None),
            ("canceling", State::Running, None),
            ("canceled", State::Canceled, None),
            ("skipped", State::Skipped, None),
            ("manual", State::Waiting, Some("gate")),
            ("scheduled", State::Waiting, Some("timer")),
            ("waiting_for_godot", State::Running, Some("unknown")),
        ];
        for (word, state, reason) in rows {
            let status = of_pipeline(&Pipeline { status: word.into(), ..Pipeline::default() });
            assert_eq!((status.state, status.reason.as_deref(), status.platform.as_str()), (state, reason, word));
        }
        assert_eq!(of("canceling").conditions, ["cancel-requested"]);
    }

    #[test]
    fn what_stands_beside_the_word_is_told_too() {
        let pipeline = |json: &str| of_pipeline(&serde_json::from_str(json).unwrap_or_default());
        let warned = pipeline(r#"{"status":"success","detailed_status":{"group":"success-with-warnings"}}"#);
        assert_eq!((warned.state, warned.conditions), (State::Succeeded, vec!["warnings".to_owned()]));
        assert_eq!(pipeline(r#"{"status":"failed","yaml_errors":"no jobs"}"#).reason.as_deref(), Some("startup"));
        let rows = [
            ("job_execution_timeout", "timeout"),
            ("runner_system_failure", "lost"),
            ("forward_deployment_failure", "stale"),
            ("script_failure", "script-failure"),
        ];
        for (word, reason) in rows {
            let json = format!(r#"{{"status":"failed","failure_reason":"{word}","allow_failure":true}}"#);
            let status = of_job(&serde_json::from_str(&json).unwrap_or_default());
            assert_eq!(
                (status.reason.as_deref(), status.conditions),
                (Some(reason), vec!["allowed-failure".to_owned()])
            );
        }
        assert_eq!(
            of_job(&Job { status: "success".into(), failure_reason: Some("x".into()), ..Job::default() }).reason,
            None
        );
    }

    #[test]
    fn what_started_it_is_told_in_our_words_or_in_gitlabs() {
        let rows = [
            ("push", "push"),
            ("web", "manual"),
            ("trigger", "api"),
            ("parent_pipeline", "upstream"),
            ("ondemand_dast_scan", "ondemand_dast_scan"),
        ];
        for (source, expected) in rows {
            assert_eq!(origin(Some(source)), expected);
        }
        assert_eq!(origin(None), "unknown");
    }
}
