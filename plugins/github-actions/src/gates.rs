//! What a run waits for a person to decide: the reviewers of an environment, and the approval of a fork's run.

use novacron_cicd_sdk::{
    RunGates,
    run_gates::{Decision, Gate},
};
use serde_json::Value;

use crate::{prelude::*, reading, told::Reviewer};

/// The gate before a run of a fork; the others are an environment's.
const FORK: &str = "fork";

told! {
    Pending {
        environment: Known,
        /// In minutes.
        wait_timer: u64,
        current_user_can_approve: bool, reviewers: Vec<Reviewer>,
    }
}

impl Pending {
    /// Without reviewers nothing but the time is waited for.
    fn gate(self) -> Gate {
        let who = |it: &Reviewer| attribute("x-reviewer", it.reviewer.slug.as_ref().unwrap_or(&it.reviewer.login));
        let timed = self.reviewers.is_empty() && self.wait_timer > 0;
        let what = if timed { format!(" waits for {} minutes", self.wait_timer) } else { " wants an approval".into() };
        let (id, name) = (format!("environment:{}", self.environment.id), self.environment.name.unwrap_or_default());
        let reviewers = self.reviewers.iter().map(who);
        Gate {
            can_resolve: Some(self.current_user_can_approve),
            more: std::iter::once(attribute("x-environment", &name)).chain(reviewers).collect(),
            ..gate(id, if timed { "timer" } else { "review" }, format!("environment {name}{what}"))
        }
    }
}

fn gate(id: impl Into<String>, kind: &str, message: impl Into<String>) -> Gate {
    let (inputs, more) = (Vec::new(), Vec::new());
    Gate { id: id.into(), kind: kind.into(), job: None, message: Some(message.into()), can_resolve: None, inputs, more }
}

/// What is sent for an environment.
/// Errors: `not-found` where it is no gate of ours.
fn review(gate: &str, decision: &Decision) -> Result<Value> {
    let environment: u64 = gate
        .strip_prefix("environment:")
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| Error::not_found(format!("{gate:?} is no gate")))?;
    let state = if decision.approve { "approved" } else { "rejected" };
    let comment = decision.comment.as_deref().unwrap_or_default();
    Ok(json!({ "environment_ids": [environment], "state": state, "comment": comment }))
}

impl RunGates for GithubActions {
    fn list_gates(run: RunRef) -> Result<Vec<Gate>> {
        let (client, repo, number) = Client::of_run(&run)?;
        let newest = reading::newest(&client, &repo, &run)?;
        if newest.conclusion.as_deref() == Some("action_required") {
            return Ok(vec![gate(FORK, "review", "a run of a first-time contributor wants an approval to begin")]);
        }
        if newest.has_ended() {
            return Ok(Vec::new());
        }
        let pending = client.get(at(&repo, &["actions", "runs", &number, "pending_deployments"]));
        Ok(client::fetch::<Vec<Pending>>(pending)?.into_iter().map(Pending::gate).collect())
    }

    fn resolve_gate(_operation: Operation, run: RunRef, gate: String, decision: Decision) -> Result<()> {
        let (client, repo, number) = Client::of_run(&run)?;
        let actions = |rest: &[&str]| at(&repo, &[&["actions", "runs", &number], rest].concat());
        if gate == FORK {
            if !decision.approve {
                return Err(Error::unsupported("run-gates.reject")
                    .message("GitHub has no way to reject a fork's run")
                    .hint("leave it, or delete the run"));
            }
            if reading::newest(&client, &repo, &run)?.status().state != State::Waiting {
                return Ok(());
            }
            return client::done(client.post(actions(&["approve"]))).map(drop);
        }
        let body = review(&gate, &decision)?;
        let waits: Vec<Pending> = client::fetch(client.get(actions(&["pending_deployments"])))?;
        if !waits.iter().any(|pending| body["environment_ids"][0] == pending.environment.id) {
            return Err(Error::conflict(format!("nothing waits under {gate} any more")));
        }
        client::done(client.post(actions(&["pending_deployments"])).json(&body)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_pending_deployment_is_a_review_or_a_timer() {
        let text = r#"[{"environment":{"id":161088068,"name":"staging"},"wait_timer":30,"current_user_can_approve":true,
            "reviewers":[{"type":"User","reviewer":{"login":"octocat"}},{"type":"Team","reviewer":{"slug":"ops"}}]},
            {"environment":{"id":2,"name":"prod"},"wait_timer":5,"current_user_can_approve":false,"reviewers":[]}]"#;
        let gates: Vec<Gate> =
            serde_json::from_str::<Vec<Pending>>(text).unwrap().into_iter().map(Pending::gate).collect();
        assert_eq!(
            (gates[0].id.as_str(), gates[0].kind.as_str(), gates[0].can_resolve),
            ("environment:161088068", "review", Some(true))
        );
        let names: Vec<_> = gates[0].more.iter().map(|it| it.value.as_str()).collect();
        assert_eq!(names, ["staging", "octocat", "ops"]);
        assert_eq!(
            (gates[1].kind.as_str(), gates[1].message.as_deref()),
            ("timer", Some("environment prod waits for 5 minutes"))
        );
    }

    #[test]
    fn a_review_names_its_environment() {
        let decision = |approve| Decision { approve, comment: Some("fine".into()), inputs: vec![] };
        let body = review("environment:7", &decision(true)).unwrap();
        assert_eq!(body, json!({ "environment_ids": [7], "state": "approved", "comment": "fine" }));
        assert_eq!(review("environment:7", &decision(false)).unwrap()["state"], "rejected");
        assert!(review("manual:7", &decision(true)).is_err());
    }
}
