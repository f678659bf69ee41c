//! The plugin `jenkins`.

mod runs;
mod stored;

use novacron_cicd_fakes::{
    house::secret,
    jenkins::{BUILT_IN, FOLDER, Item, Jenkins, USER, node},
};
use serde_json::{Value, json};

use super::{
    play::Play,
    row::{Step, api, before, cli, drive, steps},
};

/// The end of the address that deliveries go to.
const HOOK: &str = "end-of-the-hooks-address";
/// The value of a secret that is placed.
const PLACED: &str = "deploy-key-of-some-length";
const DECLARATIVE: &str = "pipeline { agent any }";

type Steps = Vec<Step<Jenkins>>;

#[tokio::test]
async fn every_function_that_jenkins_has_works_and_every_other_is_unsupported() {
    let app = Item::job("app").with_strings(&[("VERSION", "1.0"), ("NOVACRON_CORRELATION", "")]);
    let declared = ["NOVACRON_ENVIRONMENT", "NOVACRON_TARGET", "NOVACRON_ARTIFACT_VERSION", "NOVACRON_CORRELATION"];
    let deploy = Item::job("deploy").with_strings(&declared.map(|name| (name, "")));
    let team = Item::folder("team", FOLDER, vec![]);
    let jenkins = Jenkins::start(vec![app, Item::job("plain"), deploy, team]).await;
    jenkins.world().nodes = vec![
        node(BUILT_IN, "Built-In Node"),
        node("hudson.slaves.SlaveComputer", "one"),
        node("hudson.slaves.SlaveComputer", "two"),
    ];
    let provider = json!({
        "base_url": jenkins.url(),
        "settings": { "deploy-job": "deploy" },
        "credentials": { "token": { "username": USER, "secret": "jenkins-token" }, "webhook": { "secret": "jenkins-hook" } },
    });
    let (token, password) = (secret("token"), secret("password"));
    let secrets =
        [("jenkins-token", &*token), ("jenkins-password", &password), ("jenkins-hook", HOOK), ("deploy-key", PLACED)];
    let mut play = Play::new(jenkins, "jenkins", &secrets, provider).await;
    play.play(connection()).await;
    play.play(runs::found_again()).await;
    play.looks_often().await;
    for steps in
        [definitions(), runs::runs(), runs::what_they_left(), runs::others(), stored::stored(), stored::deployments()]
    {
        play.play(steps).await;
    }
    play.ends().await;
}

fn connection() -> Steps {
    let by_password = json!({
        "name": "by-password", "plugin": "jenkins", "base_url": "{url}",
        "credentials": { "password": { "username": USER, "secret": "jenkins-password" } },
        "grants": { "private_networks": ["127.0.0.1/32"] },
    });
    steps![
        api("plugin.check", "POST /v1/providers/ci/check", json!({})).gives("/account", USER),
        cli("plugin.check", "provider check ci").gives("/platform_version", "2.579"),
        drive(|jenkins: &Jenkins, names| drop(names.insert("url", jenkins.url()))),
        before("POST /v1/providers", by_password),
        drive(|jenkins: &Jenkins, _| jenkins.end_sessions()),
        api("credentials.describe-login", "POST /v1/providers/by-password/check", json!({})).gives("/account", USER),
        drive(|jenkins: &Jenkins, _| jenkins.end_sessions()),
        cli("credentials.describe-login", "provider check by-password").gives("/account", USER),
        api("pipelines.list-pipelines", "GET /v1/providers/ci/pipelines", Value::Null)
            .gives("/items/[external_ref=app]/enabled", true),
        cli("pipelines.list-pipelines", "pipeline list --remote --provider ci")
            .gives("/[external_ref=plain]/name", "plain"),
        api(
            "pipelines.get",
            "POST /v1/pipelines",
            json!({ "name": "app", "provider": "ci", "external_ref": "app", "import": true }),
        )
        .gives("/pipeline/parameters/[name=VERSION]/default", "1.0")
        .keeps("app", "/pipeline/name"),
        cli("pipelines.get", "pipeline import --provider ci --external-ref plain")
            .gives("/pipeline/external_ref", "plain"),
        api("pipelines.parameters", "GET /v1/pipelines/app/parameters", Value::Null)
            .gives("/items/[name=VERSION]/default", "1.0"),
        cli("pipelines.parameters", "pipeline parameters app").gives("/[name=VERSION]/kind", "string"),
        api("pipeline-lint.validate", "POST /v1/providers/ci/pipelines/validate", json!({ "source": "node {}" }))
            .gives("/findings/0/line", 1),
        drive(|_, names| std::fs::write(format!("{}/Jenkinsfile", names["work"]), DECLARATIVE).unwrap()),
        cli("pipeline-lint.validate", "pipeline validate Jenkinsfile --provider ci").gives("/valid", true),
    ]
}

fn definitions() -> Steps {
    steps![
        api(
            "pipeline-definitions.create",
            "POST /v1/pipelines",
            json!({ "name": "made", "provider": "ci", "source": "node {}", "location": "team" }),
        )
        .gives("/operation/state", "done")
        .there(|jenkins: &Jenkins, _| jenkins.has("team/made").into(), true),
        cli("pipeline-definitions.create", "pipeline create second --provider ci --source Jenkinsfile")
            .there(|jenkins: &Jenkins, _| jenkins.has("second").into(), true),
        before("GET /v1/pipelines/second", Value::Null).gives("/external_ref", "second").soon(),
        api("pipeline-definitions.read", "GET /v1/pipelines/made/definition", Value::Null).gives("/source", "node {}"),
        cli("pipeline-definitions.read", "pipeline definition second").gives("/source", DECLARATIVE),
        api("pipeline-definitions.update", "PATCH /v1/pipelines/made", json!({ "source": "node { sh 'make' }" }))
            .there(|jenkins: &Jenkins, _| config(jenkins, "made", "node { sh &apos;make&apos; }"), true),
        cli("pipeline-definitions.update", "pipeline update second --repository https://git.example.com/app")
            .there(|jenkins: &Jenkins, _| config(jenkins, "second", "https://git.example.com/app"), true),
        before("POST /v1/pipelines/app/disable", Value::Null).there(|jenkins: &Jenkins, _| disabled(jenkins), true),
        api("pipeline-state.set-enabled", "POST /v1/pipelines/app/enable", Value::Null)
            .gives("/result/pipeline/enabled", true)
            .there(|jenkins: &Jenkins, _| disabled(jenkins), false),
        before("POST /v1/pipelines/app/disable", Value::Null),
        cli("pipeline-state.set-enabled", "pipeline enable app --wait")
            .there(|jenkins: &Jenkins, _| disabled(jenkins), false),
        api("pipeline-copies.copy", "POST /v1/pipelines/app/copy", json!({ "name": "copied" }))
            .there(|jenkins: &Jenkins, _| jenkins.has("copied").into(), true),
        cli("pipeline-copies.copy", "pipeline copy plain again --wait")
            .there(|jenkins: &Jenkins, _| jenkins.has("again").into(), true),
        api("pipeline-copies.relocate", "POST /v1/pipelines/copied/move", json!({ "location": "team" }))
            .gives("/result/pipeline/external_ref", "team/copied")
            .there(|jenkins: &Jenkins, _| jenkins.has("team/copied").into(), true),
        cli("pipeline-copies.relocate", "pipeline move again --rename renamed --wait")
            .there(|jenkins: &Jenkins, _| jenkins.has("renamed").into(), true),
        api("pipeline-definitions.delete", "DELETE /v1/pipelines/made?remote=true", Value::Null)
            .there(|jenkins: &Jenkins, _| jenkins.has("team/made").into(), false),
        cli("pipeline-definitions.delete", "pipeline delete second --remote")
            .there(|jenkins: &Jenkins, _| jenkins.has("second").into(), false),
    ]
}

fn config(jenkins: &Jenkins, job: &str, part: &str) -> Value {
    let world = jenkins.world();
    let below = world.items.iter().filter_map(|item| item.items.as_ref()).flatten();
    let found = world.items.iter().chain(below).find(|item| item.name == job);
    found.unwrap().config.contains(part).into()
}

fn disabled(jenkins: &Jenkins) -> Value {
    jenkins.world().items[0].disabled.into()
}

/// Whatever waits begins.
fn begin(jenkins: &Jenkins) {
    for place in jenkins.waiting() {
        jenkins.begin(place);
    }
}
