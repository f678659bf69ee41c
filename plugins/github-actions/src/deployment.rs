//! A deployment as GitHub tells of it, and what we put into its payload.
//!
//! Pure. What we need to know of a deployment again stands in its payload: our token, the artifact, the target. A payload can be
//! read by whoever may read the repository, so that no secret is ever in it.

use std::collections::BTreeMap;

use novacron_cicd_sdk::{
    deployments::DeployRequest,
    types::{Deployment, ParameterValue, Value},
};
use serde::Serialize;
use serde_json::Value as Json;

use crate::prelude::*;

told! {
    /// What we put into a deployment's payload, below `novacron`.
    #[derive(PartialEq, Eq, Serialize)]
    Payload {
        correlation: String, target: String, artifact: Artifact,
        /// The target's merged configuration.
        configuration: Json,
        /// By the target's name for it: the name of a secret in GitHub's store.
        credentials: BTreeMap<String, String>,
        parameters: BTreeMap<String, String>,
        /// The deployment that this one goes back to.
        rollback_of: Option<String>,
    }
    #[derive(PartialEq, Eq, Serialize)]
    Artifact { name: String, version: String, sha256: Option<String>, url: Option<String> }
    /// What else is in a payload is not ours.
    Whole { novacron: Option<Payload> }
    /// A deployment as GitHub tells of it.
    Told {
        id: u64, sha: String,
        "ref" as reference: String,
        task: String, environment: String,
        /// An object, or a text that holds one.
        payload: Json,
        created_at: Time, updated_at: Time,
    }
    /// The newest is how the deployment stands.
    DeploymentStatus {
        state: String, environment_url: Option<String>, log_url: Option<String>, created_at: Time,
    }
}

pub(crate) fn status(state: Option<&str>) -> Status {
    let word = state.unwrap_or("none");
    let of = |state| Status::of(state, word);
    match word {
        "none" | "pending" | "queued" => of(State::Pending),
        "in_progress" => of(State::Running),
        "waiting" => of(State::Waiting).reason("gate"),
        "success" => of(State::Succeeded),
        // A later one took its place.
        "inactive" => of(State::Succeeded).condition("inactive"),
        "failure" => of(State::Failed),
        "error" => of(State::Failed).reason("error"),
        _ => of(State::Running).reason("unknown"),
    }
}

/// GitHub's word for a state of ours.
pub(crate) fn word(status: &Status) -> &'static str {
    match (status.state, status.reason.as_deref()) {
        (State::Pending, _) => "queued",
        (State::Waiting, _) => "pending",
        (State::Running, _) => "in_progress",
        (State::Succeeded, _) => "success",
        (State::Failed, Some("lost")) => "error",
        (State::Failed, _) => "failure",
        // GitHub has no word for what was stopped: it is not there, and it did not fail.
        (State::Canceled | State::Skipped, _) => "inactive",
    }
}

impl Told {
    pub(crate) fn ours(&self) -> Option<Payload> {
        let text = self.payload.as_str().map_or_else(|| self.payload.to_string(), str::to_owned);
        serde_json::from_slice::<Whole>(text.as_bytes()).ok()?.novacron
    }

    pub(crate) fn deployment(&self, repo: &Repo, newest: Option<&DeploymentStatus>) -> Deployment {
        let status = status(newest.map(|status| status.state.as_str()));
        let ended = matches!(status.state, State::Succeeded | State::Failed | State::Canceled);
        let url = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let ours = self.ours();
        let mut more = vec![attribute("x-sha", &self.sha), attribute("x-ref", &self.reference)];
        if let Some(ours) = &ours {
            more.push(attribute("novacron.correlation", &ours.correlation));
            more.push(attribute("novacron.target", &ours.target));
        }
        if let Some(log) = newest.and_then(|status| url(&status.log_url)) {
            more.push(attribute("x-log-url", log));
        }
        Deployment {
            id: Id::new(repo, self.id).to_string(),
            environment: self.environment.clone(),
            times: Times {
                created: self.created_at.0,
                started: None,
                finished: newest.filter(|_| ended).and_then(|status| status.created_at.0),
                updated: self.updated_at.0,
            },
            status,
            run: None,
            version: ours.map(|ours| ours.artifact.version).filter(|version| !version.is_empty()),
            url: newest.and_then(|status| url(&status.environment_url)),
            more,
        }
    }
}

fn texts(given: &[ParameterValue]) -> Result<BTreeMap<String, String>> {
    let text = |given: &ParameterValue| match &given.value {
        Value::Text(text) => Ok((given.name.clone(), text.clone())),
        Value::Secret(_) => {
            Err(Error::invalid_input(&given.name, "a deployment's payload can be read: it holds no secret")
                .hint("put it into GitHub's store with `secrets`, and give its name"))
        }
    };
    given.iter().map(text).collect()
}

impl Payload {
    pub(crate) fn of(request: &DeployRequest) -> Result<Self> {
        let bad = |error| Error::invalid_input("target.configuration", format!("it is no JSON: {error}"));
        let configuration = match request.target.configuration.as_str() {
            "" => Json::Null,
            text => serde_json::from_slice(text.as_bytes()).map_err(bad)?,
        };
        let artifact = &request.artifact;
        Ok(Self {
            correlation: request.correlation.clone(),
            target: request.target.name.clone(),
            artifact: Artifact {
                name: artifact.name.clone(),
                version: artifact.version.clone(),
                sha256: artifact.sha256.clone(),
                url: artifact.url.clone(),
            },
            configuration,
            credentials: texts(&request.target.credentials)?,
            parameters: texts(&request.parameters)?,
            rollback_of: request.rollback_of.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn each_word_of_githubs_has_a_state_and_each_state_a_word() {
        let rows = [
            (None, State::Pending),
            (Some("queued"), State::Pending),
            (Some("in_progress"), State::Running),
            (Some("success"), State::Succeeded),
            (Some("inactive"), State::Succeeded),
            (Some("failure"), State::Failed),
            (Some("error"), State::Failed),
            (Some("melting"), State::Running),
        ];
        for (word, state) in rows {
            assert_eq!(status(word).state, state, "{word:?}");
        }
        for state in [State::Pending, State::Running, State::Succeeded, State::Failed] {
            assert_eq!(status(Some(word(&Status::of(state, "x")))).state, state);
        }
    }

    #[test]
    fn a_payload_is_read_as_object_and_as_text() {
        let payload = Payload { correlation: "c".into(), target: "web".into(), ..Payload::default() };
        let object = json!({ "novacron": payload });
        for payload in [object.clone(), Json::String(object.to_string())] {
            let told = Told { payload, id: 9, ..Told::default() };
            assert_eq!(told.ours().unwrap().target, "web");
            let shown = told.deployment(&Repo::parse("acme/app").unwrap(), None);
            assert_eq!(lookup(&shown.more, "novacron.correlation"), Some("c"));
        }
        for payload in [json!({}), Json::String("v1".into()), Json::Null] {
            assert!(Told { payload, ..Told::default() }.ours().is_none());
        }
    }
}
