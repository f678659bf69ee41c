//! The plugin `gitlab-ci`.

mod deployments;
mod runs;
mod stored;

use novacron_cicd_fakes::{
    gitlab::{GitLab, Project, USER},
    house::secret,
};
use serde_json::{Value, json};

use super::{
    play::Play,
    row::{Step, api, before, cli, drive, steps},
};

/// What comes with deliveries.
const HOOK: &str = "secret-of-the-hook-of-some-length";
/// The value of a secret that is placed.
const PLACED: &str = "deploy-key-of-some-length";

/// A job, two that persons start, one that deploys.
const DEFINITION: &str = "\
stages: [build, deploy]
variables:
  VERSION: { value: \"1\", description: What is built }
build: { stage: build, script: [make] }
one: { stage: deploy, needs: [], when: manual, script: [make one] }
two: { stage: deploy, needs: [], when: manual, script: [make two] }
ship: { stage: deploy, needs: [], when: manual, script: [make ship], environment: production }
";
const SMALL: &str = "build: { script: [make] }\n";

type Steps = Vec<Step<GitLab>>;

#[tokio::test]
async fn every_function_that_gitlab_ci_has_works_and_every_other_is_unsupported() {
    let projects = [("g/app", DEFINITION), ("g/new", SMALL), ("g/other", SMALL)];
    let gitlab = GitLab::start(projects.map(|(path, definition)| Project::new(path, definition)).to_vec()).await;
    let provider = json!({
        "base_url": gitlab.url(), "settings": { "project": "g/app" },
        "credentials": { "token": { "secret": "gitlab-token" }, "webhook": { "secret": "gitlab-hook" } },
    });
    let token = secret("token");
    let secrets = [("gitlab-token", &*token), ("gitlab-hook", HOOK), ("deploy-key", PLACED)];
    let mut play = Play::new(gitlab, "gitlab-ci", &secrets, provider).await;
    play.play(connection()).await;
    play.play(runs::found_again()).await;
    play.looks_often().await;
    let parts = [
        definitions(),
        schedules(),
        runs::runs(),
        runs::others(),
        stored::stored(),
        stored::runners(),
        stored::hooks(),
        deployments::environments(),
        deployments::deployments(),
    ];
    for steps in parts {
        play.play(steps).await;
    }
    play.ends().await;
}

fn connection() -> Steps {
    steps![
        api("plugin.check", "POST /v1/providers/ci/check", json!({})).gives("/account", USER),
        cli("plugin.check", "provider check ci").gives("/platform_version", "18.2.1"),
        api("pipelines.list-pipelines", "GET /v1/providers/ci/pipelines", Value::Null)
            .gives("/items/[external_ref=g~1app]/enabled", true),
        cli("pipelines.list-pipelines", "pipeline list --remote --provider ci")
            .gives("/[external_ref=g~1new]/reference", "main"),
        api(
            "pipelines.get",
            "POST /v1/pipelines",
            json!({ "name": "app", "provider": "ci", "external_ref": "g/app", "import": true }),
        )
        .gives("/pipeline/parameters/[name=VERSION]/default", "1")
        .keeps("app", "/pipeline/name"),
        cli("pipelines.get", "pipeline import other --provider ci --external-ref g/other")
            .gives("/pipeline/external_ref", "g/other"),
        api("pipelines.parameters", "GET /v1/pipelines/app/parameters", Value::Null)
            .gives("/items/[name=VERSION]/description", "What is built"),
        cli("pipelines.parameters", "pipeline parameters app").gives("/[name=VERSION]/default", "1"),
        api("pipeline-lint.validate", "POST /v1/providers/ci/pipelines/validate", json!({ "source": "build: {}\n" }))
            .gives("/valid", false),
        drive(|_, names| std::fs::write(format!("{}/small.yml", names["work"]), SMALL).unwrap()),
        cli("pipeline-lint.validate", "pipeline validate small.yml --provider ci").gives("/valid", true),
    ]
}

/// A project's definition, where it has one at that place.
fn file(gitlab: &GitLab, project: usize, path: &str) -> Value {
    let world = gitlab.world();
    let place = ("main".to_owned(), path.to_owned());
    world.projects[project].files.get(&place).map(|file| String::from_utf8_lossy(&file.content).into_owned()).into()
}

fn access(gitlab: &GitLab) -> Value {
    gitlab.world().projects[0].builds_access_level.clone().into()
}

fn definitions() -> Steps {
    steps![
        drive(|gitlab: &GitLab, names| drop(names.insert("url", gitlab.url()))),
        api(
            "pipeline-definitions.create",
            "POST /v1/pipelines",
            json!({ "name": "made", "provider": "ci", "repository": "{url}/g/new.git", "location": "ci/made.yml" }),
        )
        .gives("/operation/state", "done")
        .there(|gitlab: &GitLab, _| gitlab.world().projects[1].ci_config_path.clone().into(), "ci/made.yml"),
        cli(
            "pipeline-definitions.create",
            "pipeline create second --provider ci --repository {url}/g/other.git --location ci/second.yml --source small.yml",
        )
        .there(|gitlab: &GitLab, _| file(gitlab, 2, "ci/second.yml"), SMALL),
        before("GET /v1/pipelines/second", Value::Null).gives("/external_ref", "g/other").soon(),
        api("pipeline-definitions.read", "GET /v1/pipelines/made/definition", Value::Null)
            .gives("/location", "ci/made.yml"),
        cli("pipeline-definitions.read", "pipeline definition second").gives("/source", SMALL),
        api("pipeline-definitions.update", "PATCH /v1/pipelines/made", json!({ "source": "ours: { script: [make] }\n" }))
            .there(|gitlab: &GitLab, _| file(gitlab, 1, "ci/made.yml"), "ours: { script: [make] }\n"),
        drive(|_, names| std::fs::write(format!("{}/large.yml", names["work"]), DEFINITION).unwrap()),
        cli("pipeline-definitions.update", "pipeline update second --source large.yml")
            .there(|gitlab: &GitLab, _| file(gitlab, 2, "ci/second.yml"), DEFINITION),
        before("POST /v1/pipelines/app/disable", Value::Null).there(|gitlab: &GitLab, _| access(gitlab), "disabled"),
        api("pipeline-state.set-enabled", "POST /v1/pipelines/app/enable", Value::Null)
            .gives("/result/pipeline/enabled", true)
            .there(|gitlab: &GitLab, _| access(gitlab), "enabled"),
        before("POST /v1/pipelines/app/disable", Value::Null),
        cli("pipeline-state.set-enabled", "pipeline enable app --wait").there(|gitlab: &GitLab, _| access(gitlab), "enabled"),
        api("pipeline-definitions.delete", "DELETE /v1/pipelines/made?remote=true", Value::Null)
            .there(|gitlab: &GitLab, _| file(gitlab, 1, "ci/made.yml"), Value::Null),
        cli("pipeline-definitions.delete", "pipeline delete second --remote")
            .there(|gitlab: &GitLab, _| file(gitlab, 2, "ci/second.yml"), Value::Null),
    ]
}

fn crons(gitlab: &GitLab) -> Value {
    gitlab.world().projects[0].schedules.iter().map(|row| row["cron"].clone()).collect()
}

fn triggers(gitlab: &GitLab) -> Value {
    gitlab.world().projects[0].triggers.iter().map(|row| row["description"].clone()).collect()
}

fn scheduled(gitlab: &GitLab) -> Value {
    gitlab.world().projects[0].pipelines.iter().filter(|row| row.source == "schedule").count().into()
}

/// What starts a pipeline by itself, and who may.
fn schedules() -> Steps {
    steps![
        api("pipeline-schedules.put-schedule", "POST /v1/pipelines/app/schedules", json!({ "cron": "0 3 * * *" }))
            .keeps("schedule", "/result/schedule/id")
            .there(|gitlab: &GitLab, _| crons(gitlab), json!(["0 3 * * *"])),
        cli("pipeline-schedules.put-schedule", "pipeline schedule put app '0 4 * * *' --wait")
            .keeps("schedule-2", "/result/schedule/id")
            .there(|gitlab: &GitLab, _| crons(gitlab), json!(["0 3 * * *", "0 4 * * *"])),
        api("pipeline-schedules.list-schedules", "GET /v1/pipelines/app/schedules", Value::Null)
            .gives("/items/[id={schedule}]/cron", "0 3 * * *"),
        cli("pipeline-schedules.list-schedules", "pipeline schedule list app")
            .gives("/[id={schedule-2}]/enabled", true),
        api("pipeline-schedules.play-schedule", "POST /v1/pipelines/app/schedules/{schedule}/play", Value::Null)
            .there(|gitlab: &GitLab, _| scheduled(gitlab), 1),
        cli("pipeline-schedules.play-schedule", "pipeline schedule play app {schedule-2} --wait")
            .there(|gitlab: &GitLab, _| scheduled(gitlab), 2),
        api("pipeline-schedules.delete-schedule", "DELETE /v1/pipelines/app/schedules/{schedule}", Value::Null)
            .there(|gitlab: &GitLab, _| crons(gitlab), json!(["0 4 * * *"])),
        cli("pipeline-schedules.delete-schedule", "pipeline schedule delete app {schedule-2} --wait")
            .there(|gitlab: &GitLab, _| crons(gitlab), json!([])),
        api(
            "pipeline-triggers.create-token",
            "POST /v1/pipelines/app/trigger-tokens",
            json!({ "description": "one bot", "keep_as": "bot-1" }),
        )
        .keeps("token", "/result/trigger_token/id")
        .there(|gitlab: &GitLab, _| triggers(gitlab), json!(["one bot"])),
        cli("pipeline-triggers.create-token", "pipeline trigger-token create app 'another bot' --keep-as bot-2 --wait")
            .keeps("token-2", "/result/trigger_token/id")
            .there(|gitlab: &GitLab, _| triggers(gitlab), json!(["one bot", "another bot"])),
        api("pipeline-triggers.list-tokens", "GET /v1/pipelines/app/trigger-tokens", Value::Null)
            .gives("/items/[id={token}]/description", "one bot"),
        cli("pipeline-triggers.list-tokens", "pipeline trigger-token list app")
            .gives("/[id={token-2}]/description", "another bot"),
        api("pipeline-triggers.delete-token", "DELETE /v1/pipelines/app/trigger-tokens/{token}", Value::Null)
            .there(|gitlab: &GitLab, _| triggers(gitlab), json!(["another bot"])),
        cli("pipeline-triggers.delete-token", "pipeline trigger-token delete app {token-2} --wait")
            .there(|gitlab: &GitLab, _| triggers(gitlab), json!([])),
    ]
}
