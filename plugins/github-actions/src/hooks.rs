//! Deliveries of GitHub's webhooks. The host has checked `X-Hub-Signature-256` before.
//!
//! Pure. A delivery is a hint: real ones contradict their own action, and come in any order (`requested` with a run that has
//! ended; `completed` with one that is queued). So the action is not looked at, but the status in the body.

use novacron_cicd_sdk::{
    Webhooks, context,
    webhooks::{Decoded, Delivery, JobSeen, Observation},
};

use crate::{
    deployment::{DeploymentStatus, Told},
    graph::Shown,
    prelude::*,
    run::WorkflowRun,
    settings::Settings,
};

told! {
    Event {
        repository: Known, workflow_run: Option<WorkflowRun>, workflow_job: Option<Shown>,
        deployment: Option<Told>, deployment_status: Option<DeploymentStatus>,
    }
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a str> {
    delivery.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| it.value.as_str())
}

/// The body as JSON; a form has it in a field of its own.
fn read(delivery: &Delivery) -> Result<Event> {
    if header(delivery, "content-type").is_some_and(|it| it.starts_with("application/x-www-form-urlencoded")) {
        let error = Error::invalid_input("body", "it is a form");
        return Err(error.hint("set the webhook's content type to application/json"));
    }
    serde_json::from_slice(&delivery.body)
        .map_err(|error| Error::invalid_input("body", format!("it is not as GitHub sends it: {error}")))
}

fn ignored(why: impl Into<String>) -> Decoded {
    Decoded { observations: Vec::new(), ignored: Some(why.into()) }
}

fn observed(name: &str, repo: &Repo, event: &Event) -> Option<Observation> {
    match name {
        "workflow_run" => Some(Observation::Run(event.workflow_run.as_ref()?.run(repo))),
        // It does not say of which workflow it is: the run's number is all that there is.
        "workflow_job" => event.workflow_job.as_ref().map(|shown| {
            let run = RunRef { pipeline: repo.to_string(), run: shown.run_id.to_string(), attempt: shown.run_attempt };
            Observation::Job(JobSeen { run, job: shown.job() })
        }),
        "deployment" | "deployment_status" => {
            let shown = event.deployment.as_ref()?.deployment(repo, event.deployment_status.as_ref());
            Some(Observation::Deployment(shown))
        }
        _ => None,
    }
}

/// What a delivery says to a provider of these settings.
fn decode(settings: &Settings, delivery: &Delivery) -> Result<Decoded> {
    let Some(name) = header(delivery, "x-github-event") else {
        return Err(Error::invalid_input("headers", "X-GitHub-Event is missing: this is no delivery of GitHub's"));
    };
    if !matches!(name, "workflow_run" | "workflow_job" | "deployment" | "deployment_status") {
        return Ok(ignored(format!("event {name} says nothing about runs or deployments")));
    }
    let event = read(delivery)?;
    let of = &event.repository.full_name;
    let served = Repo::parse(of).and_then(|of| {
        let mut repos = settings.repositories.iter().filter_map(|text| Repo::parse(text));
        repos.find(|repo| repo.is(&of))
    });
    let Some(repo) = served else {
        return Ok(ignored(format!("repository {of:?} is none of this provider's")));
    };
    match observed(name, &repo, &event) {
        Some(observation) => Ok(Decoded { observations: vec![observation], ignored: None }),
        None => Err(Error::invalid_input("body", format!("an event {name} without a {name}"))),
    }
}

impl Webhooks for GithubActions {
    fn decode(delivery: Delivery) -> Result<Decoded> {
        decode(&context::settings()?, &delivery)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::{Header, State};

    use super::*;

    fn settings() -> Settings {
        Settings { repositories: vec!["acme/app".into()], ..Settings::default() }
    }

    fn given(event: Option<&str>, body: &str) -> Result<Decoded> {
        let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
        let headers = event.map(|event| header("X-GitHub-Event", event)).into_iter().collect();
        decode(&settings(), &Delivery { headers, body: body.into() })
    }

    fn one(event: &str, body: &str) -> Observation {
        given(Some(event), body).unwrap().observations.remove(0)
    }

    #[test]
    fn a_run_is_taken_as_its_body_has_it_whatever_the_action_says() {
        let body = r#"{"action":"completed","repository":{"full_name":"Acme/App"},"workflow_run":{"id":17,"run_attempt":2,
            "path":".github/workflows/ci.yml","event":"push","status":"queued","conclusion":null}}"#;
        let Observation::Run(run) = one("workflow_run", body) else { unreachable!() };
        let identity = RunRef { pipeline: "acme/app/ci.yml".into(), run: "17".into(), attempt: Some(2) };
        assert_eq!((run.identity, run.status.state, run.graph), (identity, State::Pending, None));
    }

    #[test]
    fn a_job_and_a_deployment_are_told() {
        let body = r#"{"action":"in_progress","repository":{"full_name":"acme/app"},"workflow_job":{"id":5,"run_id":17,
            "run_attempt":1,"name":"build","status":"in_progress","steps":[]}}"#;
        let Observation::Job(seen) = one("workflow_job", body) else { unreachable!() };
        assert_eq!((seen.run.run.as_str(), seen.job.id.as_str(), seen.job.status.state), ("17", "5", State::Running));
        let body = r#"{"repository":{"full_name":"acme/app"},"deployment":{"id":9,"environment":"prod","sha":"a"},
            "deployment_status":{"state":"success","environment_url":"https://x"}}"#;
        let Observation::Deployment(deployment) = one("deployment_status", body) else { unreachable!() };
        assert_eq!((deployment.id.as_str(), deployment.status.state), ("acme/app/9", State::Succeeded));
    }

    #[test]
    fn what_says_nothing_to_us_is_ignored_and_what_is_not_githubs_refused() {
        for (event, body) in [
            ("ping", r#"{"zen":"Keep it logically awesome."}"#),
            ("issues", "{}"),
            ("workflow_run", r#"{"repository":{"full_name":"eve/app"},"workflow_run":{"id":1}}"#),
        ] {
            let decoded = given(Some(event), body).unwrap();
            assert!(decoded.observations.is_empty() && decoded.ignored.is_some(), "{event}");
        }
        assert!(given(None, "{}").is_err());
        assert!(given(Some("workflow_run"), "payload=x").is_err());
        assert!(given(Some("workflow_run"), r#"{"repository":{"full_name":"acme/app"}}"#).is_err());
    }
}
