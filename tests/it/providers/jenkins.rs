//! The plugin `jenkins`.

use novacron_cicd_fakes::{
    house::secret,
    jenkins::{BUILT_IN, Item, Jenkins, USER, node},
    server::Fault,
};
use serde_json::{Value, json};

use super::{
    play::Play,
    row::{Step, api, before, cli, drive, hook, steps},
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
    let jenkins = Jenkins::start(vec![
        app,
        Item::job("plain"),
        Item::folder("team", novacron_cicd_fakes::jenkins::FOLDER, vec![]),
    ])
    .await;
    jenkins.world().nodes = vec![
        node(BUILT_IN, "Built-In Node"),
        node("hudson.slaves.SlaveComputer", "one"),
        node("hudson.slaves.SlaveComputer", "two"),
    ];
    let provider = json!({
        "base_url": jenkins.url(),
        "credentials": { "token": { "username": USER, "secret": "jenkins-token" }, "webhook": { "secret": "jenkins-hook" } },
    });
    let (token, password) = (secret("token"), secret("password"));
    let secrets =
        [("jenkins-token", &*token), ("jenkins-password", &password), ("jenkins-hook", HOOK), ("deploy-key", PLACED)];
    let mut play = Play::new(jenkins, "jenkins", &secrets, provider).await;
    play.play(connection()).await;
    play.play(found_again()).await;
    play.looks_often().await;
    for steps in [definitions(), runs(), what_runs_left(), others(), stored()] {
        play.play(steps).await;
    }
    play.ends().await;
}

fn connection() -> Steps {
    let by_password = json!({
        "name": "by-password", "plugin": "jenkins", "base_url": "{url}", "settings": { "username": USER },
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

fn asked(jenkins: &Jenkins, number: u64) -> Value {
    jenkins.build("app", number, |build| build.asked.clone()).into()
}

fn runs() -> Steps {
    steps![
        api("runs.trigger", "POST /v1/pipelines/app/runs", json!({ "parameters": { "VERSION": "2" } }))
            .gives("/operation/state", "done")
            .keeps("run", "/run/id")
            .there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 1),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
        api("runs.resolve-ticket", "GET /v1/runs/{run}", Value::Null).gives("/external_id", "2").soon(),
        cli("runs.trigger", "pipeline run app -p VERSION=3")
            .keeps("second", "/id")
            .there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 1),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
        cli("runs.resolve-ticket", "run show {second}").gives("/external_id", "3").soon(),
        api("runs.get", "GET /v1/runs/{run}", Value::Null)
            .gives("/state", "running")
            .gives("/parameters/VERSION", "2")
            .gives("/graph/jobs/0/id", "build")
            .soon(),
        cli("runs.get", "run show {second}").gives("/state", "running").gives("/number", "3").soon(),
        drive(|jenkins: &Jenkins, _| {
            for number in [2, 3] {
                jenkins.build("app", number, |build| build.inputs = vec!["Deploy".into()]);
            }
        }),
        api("run-gates.list-gates", "GET /v1/runs/{run}/gates", Value::Null).gives("/items/0/id", "Deploy"),
        cli("run-gates.list-gates", "run gates {second}").gives("/0/message", "Go on?"),
        api("run-gates.resolve-gate", "POST /v1/runs/{run}/gates/Deploy/resolve", json!({ "approve": true }))
            .there(|jenkins: &Jenkins, _| asked(jenkins, 2), json!(["proceedEmpty Deploy"])),
        cli("run-gates.resolve-gate", "run approve {second} Deploy --wait")
            .there(|jenkins: &Jenkins, _| asked(jenkins, 3), json!(["proceedEmpty Deploy"])),
        api("run-cancel.cancel", "POST /v1/runs/{run}/cancel", Value::Null)
            .there(|jenkins: &Jenkins, _| asked(jenkins, 2)[1].clone(), "stop"),
        cli("run-cancel.cancel", "run cancel {second}")
            .there(|jenkins: &Jenkins, _| asked(jenkins, 3)[1].clone(), "stop"),
        api("run-force-cancel.force-cancel", "POST /v1/runs/{run}/force-cancel", Value::Null)
            .there(|jenkins: &Jenkins, _| asked(jenkins, 2)[2].clone(), "term"),
        cli("run-force-cancel.force-cancel", "run cancel {second} --force")
            .there(|jenkins: &Jenkins, _| asked(jenkins, 3)[2].clone(), "term"),
    ]
}

fn what_runs_left() -> Steps {
    steps![
        drive(|jenkins: &Jenkins, _| {
            for (number, name) in [(2, "one.bin"), (3, "two.bin")] {
                jenkins.build("app", number, |build| {
                    build.log = Some(format!("made {name}\n").into());
                    build.artifacts = vec![(name.to_owned(), format!("bytes of {name}"))];
                });
                jenkins.end("app", number, "FAILURE");
            }
        }),
        api("logs.read", "GET /v1/runs/{run}/logs?job=build", Value::Null).gives("/text", "made one.bin\n").soon(),
        cli("logs.read", "run logs {second}").gives("/line", "made two.bin").soon(),
        api("artifacts.list-artifacts", "GET /v1/runs/{run}/artifacts", Value::Null)
            .gives("/items/0/name", "one.bin")
            .keeps("artifact", "/items/0/id")
            .soon(),
        cli("artifacts.list-artifacts", "artifact list --run {second}")
            .gives("/0/name", "two.bin")
            .keeps("other", "/0/id")
            .soon(),
        api("artifacts.plan-download", "GET /v1/artifacts/{artifact}/content", Value::Null)
            .gives("/text", "bytes of one.bin"),
        cli("artifacts.plan-download", "artifact download {other} --file two.bin").gives("/0/size", 16),
        api("run-retry.retry", "POST /v1/runs/{run}/retry", json!({}))
            .there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 1),
        cli("run-retry.retry", "run retry {second}").there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 2),
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
    ]
}

/// A run whose start was not answered.
fn found_again() -> Steps {
    steps![
        drive(|jenkins: &Jenkins, _| jenkins.fail("POST /job/app/build", Fault::LoseAnswer)),
        before("POST /v1/pipelines/app/runs", json!({ "parameters": { "VERSION": "lost" } }))
            .keeps("operation", "/operation/id"),
        api("run-search.find-by-correlation", "GET /v1/operations/{operation}", Value::Null)
            .gives("/state", "done")
            .gives("/attempts", 1)
            .there(|jenkins: &Jenkins, _| jenkins.waiting().len().into(), 1),
        cli("run-search.find-by-correlation", "operation show {operation}").gives("/state", "done"),
        // As long as one of ours waits, whatever begins may be it.
        drive(|jenkins: &Jenkins, _| begin(jenkins)),
    ]
}

/// What others start and tell.
fn others() -> Steps {
    steps![
        drive(|jenkins: &Jenkins, _| drop(
            jenkins.begin_by("app", &["hudson.triggers.TimerTrigger$TimerTriggerCause"])
        )),
        api("run-listing.list-runs", "GET /v1/runs", Value::Null)
            .gives("/items/[origin=schedule]/pipeline", "app")
            .soon(),
        cli("run-listing.list-runs", "run list --provider ci").gives("/[origin=schedule]/state", "running").soon(),
        drive(|_, names| drop(names.insert("hook", HOOK.into()))),
        hook("webhooks.decode", "/v1/hooks/ci/{hook}", |_, _| {
            let body = json!({ "name": "app", "build": { "phase": "FINALIZED", "number": 1, "url": "job/app/1/" } });
            (vec![("content-type".into(), "application/json".into())], body.to_string().into_bytes())
        })
        .gives("/duplicate", false),
        cli("webhooks.decode", "webhook list --provider ci")
            .gives("/0/state", "decoded")
            .gives("/0/note", Value::Null)
            .soon(),
    ]
}

fn stored() -> Steps {
    steps![
        api("secrets.put-secret", "PUT /v1/providers/ci/secrets/one", json!({ "parts": { "value": "deploy-key" } }))
            .there(|jenkins: &Jenkins, _| jenkins.world().credentials[0].xml.contains(PLACED).into(), true),
        cli("secrets.put-secret", "remote secret put two --part value=deploy-key --provider ci --wait")
            .there(|jenkins: &Jenkins, _| jenkins.world().credentials[1].id.clone().into(), "two"),
        api("secrets.list-secrets", "GET /v1/providers/ci/secrets", Value::Null)
            .gives("/items/[name=one]/kind", "text"),
        cli("secrets.list-secrets", "remote secret list --provider ci").gives("/[name=two]/kind", "text"),
        api("secrets.delete-secret", "DELETE /v1/providers/ci/secrets/one", Value::Null)
            .there(|jenkins: &Jenkins, _| jenkins.world().credentials[0].id.clone().into(), "two"),
        cli("secrets.delete-secret", "remote secret delete two --provider ci --wait")
            .there(|jenkins: &Jenkins, _| jenkins.world().credentials.len().into(), 0),
        api("runners.list-runners", "GET /v1/providers/ci/runners", Value::Null)
            .gives("/items/[id=one]/state", "online"),
        cli("runners.list-runners", "runner list --provider ci").gives("/[id=two]/busy", false),
        api("runners.get", "GET /v1/providers/ci/runners/one", Value::Null).gives("/draining", false),
        cli("runners.get", "runner show (built-in) --provider ci").gives("/name", "Built-In Node"),
        api("runner-drain.set-draining", "POST /v1/providers/ci/runners/one/drain", json!({}))
            .there(|jenkins: &Jenkins, _| jenkins.world().nodes[1]["temporarilyOffline"].clone(), true),
        cli("runner-drain.set-draining", "runner drain two --provider ci --wait")
            .there(|jenkins: &Jenkins, _| jenkins.world().nodes[2]["temporarilyOffline"].clone(), true),
        api("runner-deletion.delete-runner", "DELETE /v1/providers/ci/runners/one", Value::Null)
            .there(|jenkins: &Jenkins, _| jenkins.world().nodes.len().into(), 2),
        cli("runner-deletion.delete-runner", "runner delete two --provider ci --wait")
            .there(|jenkins: &Jenkins, _| jenkins.world().nodes.len().into(), 1),
    ]
}
