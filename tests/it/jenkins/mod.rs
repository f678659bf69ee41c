//! The provider `jenkins` at our fake of a Jenkins, which counts what reaches it.

mod kill;
mod programs;

use std::sync::Arc;

use novacron_cicd_fakes::{
    house::secret,
    jenkins::{Item, Jenkins, USER},
};
use serde_json::{Value, json};

use crate::harness::{Api, Home, eventually};

/// The parameter that carries our token of a run.
const TOKEN: &str = "NOVACRON_CORRELATION";

/// The directories of a host that has the plugin.
fn home() -> Arc<Home> {
    Arc::new(Home::with("novacron-cicd-plugin-jenkins"))
}

/// A job whose builds take a version and our token.
fn backend() -> Item {
    Item::job("backend").with_strings(&[("VERSION", "0"), (TOKEN, "")])
}

/// Adds the fake as the provider `jenkins-prod`.
async fn add_provider(api: &Api, jenkins: &Jenkins) {
    api.post("/v1/secrets", &json!({ "name": "jenkins-token", "value": secret("token") })).await.expect(201);
    let provider = json!({
        "name": "jenkins-prod",
        "plugin": "jenkins",
        "base_url": jenkins.url(),
        "credentials": { "token": { "username": USER, "secret": "jenkins-token" } },
        "grants": { "private_networks": ["127.0.0.1/32"] },
    });
    api.post("/v1/providers", &provider).await.expect(201);
}

/// What an executor does: all that waits is begun, all that begun is ended, as it was stopped or not.
fn work(jenkins: &Jenkins) {
    for id in jenkins.waiting() {
        jenkins.begin(id);
    }
    for (job, number) in jenkins.running() {
        let stopped = jenkins.build(&job, number, |build| build.asked.iter().any(|asked| asked == "stop"));
        jenkins.end(&job, number, if stopped { "ABORTED" } else { "SUCCESS" });
    }
}

/// The run, as soon as it is over; meanwhile Jenkins does its work.
async fn run_over(api: &Api, jenkins: &Jenkins, id: &str) -> Value {
    eventually(&format!("the end of run {id}"), async || {
        work(jenkins);
        let run = api.get(&format!("/v1/runs/{id}")).await.expect(200).json;
        ["succeeded", "failed", "canceled", "skipped"].contains(&run["state"].as_str()?).then_some(run)
    })
    .await
}

/// How many requests of this line reached Jenkins.
fn count(jenkins: &Jenkins, line: &str) -> usize {
    jenkins.lines().iter().filter(|there| *there == line).count()
}
