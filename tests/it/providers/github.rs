//! The plugin `github-actions`.

mod runs;
mod stored;

use novacron_cicd_fakes::{github::Github, house::secret};
use serde_json::{Value, json};

use super::{
    play::Play,
    row::{Step, api, before, cli, drive, steps},
};

const REPO: &str = "acme/app";
/// What deliveries are signed with.
const HOOK: &str = "secret-of-the-hook-of-some-length";
/// The value of a secret that is placed.
const PLACED: &str = "deploy-key-of-some-length";

/// A workflow that shows our token.
const CI: &str = "name: CI
run-name: CI for ${{ inputs.who }} ${{ inputs.novacron_correlation }}
on:
  push:
  workflow_dispatch:
    inputs:
      who: {description: Whom to greet, default: nobody}
      novacron_correlation: {}
jobs:
  build: {runs-on: ubuntu-latest, steps: [{run: make}]}
";
/// Another one.
const BARE: &str = "name: Bare\non: workflow_dispatch\njobs: {build: {runs-on: ubuntu-latest, steps: [{run: make}]}}\n";

type Steps = Vec<Step<Github>>;

#[tokio::test]
async fn every_function_that_github_actions_has_works_and_every_other_is_unsupported() {
    let github = Github::start().await;
    {
        let mut world = github.world();
        // What a GitHub App signs says when, by the host's clock.
        world.now = now();
        world.add_repo(REPO, &[(".github/workflows/ci.yml", CI), (".github/workflows/bare.yml", BARE)]);
        world.app = Some(("Iv1.app".into(), 4711));
    }
    let provider = json!({
        "base_url": github.url(), "settings": { "repositories": [REPO] },
        "credentials": { "token": { "secret": "github-token" }, "webhook": { "secret": "github-hook" } },
    });
    let (token, app) = (secret("token"), secret("app"));
    let secrets = [("github-token", &*token), ("github-app", &app), ("github-hook", HOOK), ("deploy-key", PLACED)];
    let mut play = Play::new(github, "github-actions", &secrets, provider).await;
    play.play(connection()).await;
    play.play(runs::found_again()).await;
    play.looks_often().await;
    for steps in [definitions(), runs::runs(), runs::others(), stored::stored(), stored::deployments()] {
        play.play(steps).await;
    }
    play.ends().await;
}

#[expect(clippy::disallowed_methods, reason = "a platform has no clock but the machine's")]
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn connection() -> Steps {
    let by_app = json!({
        "name": "by-app", "plugin": "github-actions", "base_url": "{url}",
        "settings": { "repositories": [REPO], "app": "Iv1.app", "installation": 4711 },
        "credentials": { "app": { "secret": "github-app" } },
        "grants": { "private_networks": ["127.0.0.1/32"] },
    });
    steps![
        api("plugin.check", "POST /v1/providers/ci/check", json!({})).gives("/account", "octocat"),
        cli("plugin.check", "provider check ci").gives("/account", "octocat"),
        drive(|github: &Github, names| drop(names.insert("url", github.url()))),
        before("POST /v1/providers", by_app),
        drive(|github: &Github, _| github.world().minted.clear()),
        api("credentials.describe-login", "POST /v1/providers/by-app/check", json!({}))
            .there(|github: &Github, _| github.world().minted.len().into(), 1),
        drive(|github: &Github, _| github.world().minted.clear()),
        cli("credentials.describe-login", "provider check by-app")
            .there(|github: &Github, _| github.world().minted.len().into(), 1),
        api("pipelines.list-pipelines", "GET /v1/providers/ci/pipelines", Value::Null)
            .gives("/items/[name=CI]/external_ref", "acme/app/ci.yml"),
        cli("pipelines.list-pipelines", "pipeline list --remote --provider ci").gives("/[name=Bare]/enabled", true),
        api(
            "pipelines.get",
            "POST /v1/pipelines",
            json!({ "name": "app", "provider": "ci", "external_ref": "acme/app/ci.yml", "import": true }),
        )
        .gives("/pipeline/parameters/[name=who]/default", "nobody")
        .keeps("app", "/pipeline/name"),
        cli("pipelines.get", "pipeline import --provider ci --external-ref acme/app/bare.yml")
            .gives("/pipeline/name", "Bare"),
        api("pipelines.parameters", "GET /v1/pipelines/app/parameters", Value::Null)
            .gives("/items/[name=who]/description", "Whom to greet"),
        cli("pipelines.parameters", "pipeline parameters app").gives("/[name=who]/default", "nobody"),
        api("pipeline-lint.validate", "POST /v1/providers/ci/pipelines/validate", json!({ "source": "on: push\n" }))
            .gives("/valid", false),
        drive(
            |_, names| std::fs::write(format!("{}/second.yml", names["work"]), BARE.replace("Bare", "Second")).unwrap()
        ),
        cli("pipeline-lint.validate", "pipeline validate second.yml --provider ci").gives("/valid", true),
    ]
}

/// A workflow's file on the default branch.
fn file(github: &Github, name: &str) -> Value {
    github.world().repo(REPO).branches["main"].get(&format!(".github/workflows/{name}")).cloned().into()
}

fn has(github: &Github, name: &str, part: &str) -> Value {
    file(github, name).as_str().is_some_and(|text| text.contains(part)).into()
}

fn state(github: &Github) -> Value {
    let world = github.world();
    let workflows = &world.repos[0].workflows;
    workflows.iter().find(|it| it.path.ends_with("/ci.yml")).unwrap().state.clone().into()
}

fn definitions() -> Steps {
    steps![
        api(
            "pipeline-definitions.create",
            "POST /v1/pipelines",
            json!({ "name": "made", "provider": "ci", "schedules": ["0 3 * * *"] }),
        )
        .gives("/operation/state", "done")
        .there(|github: &Github, _| has(github, "made.yml", "0 3 * * *"), true),
        cli("pipeline-definitions.create", "pipeline create second --provider ci --source second.yml")
            .there(|github: &Github, _| has(github, "second.yml", "name: Second"), true),
        before("GET /v1/pipelines/second", Value::Null).gives("/external_ref", "acme/app/second.yml").soon(),
        api("pipeline-definitions.read", "GET /v1/pipelines/made/definition", Value::Null)
            .gives("/schedules/0", "0 3 * * *"),
        cli("pipeline-definitions.read", "pipeline definition second")
            .gives("/location", ".github/workflows/second.yml"),
        api("pipeline-definitions.update", "PATCH /v1/pipelines/made", json!({ "schedules": ["1 4 * * *"] }))
            .there(|github: &Github, _| has(github, "made.yml", "1 4 * * *"), true),
        cli("pipeline-definitions.update", "pipeline update second -e LEVEL=high")
            .there(|github: &Github, _| has(github, "second.yml", "LEVEL"), true),
        before("POST /v1/pipelines/app/disable", Value::Null)
            .there(|github: &Github, _| state(github), "disabled_manually"),
        api("pipeline-state.set-enabled", "POST /v1/pipelines/app/enable", Value::Null)
            .gives("/result/pipeline/enabled", true)
            .there(|github: &Github, _| state(github), "active"),
        before("POST /v1/pipelines/app/disable", Value::Null),
        cli("pipeline-state.set-enabled", "pipeline enable app --wait")
            .there(|github: &Github, _| state(github), "active"),
        api("pipeline-copies.copy", "POST /v1/pipelines/app/copy", json!({ "name": "copied" }))
            .there(|github: &Github, _| has(github, "copied.yml", "copied"), true),
        cli("pipeline-copies.copy", "pipeline copy Bare again --wait")
            .there(|github: &Github, _| has(github, "again.yml", "again"), true),
        api("pipeline-copies.relocate", "POST /v1/pipelines/copied/move", json!({ "location": "third.yml" }))
            .gives("/result/pipeline/external_ref", "acme/app/third.yml")
            .there(|github: &Github, _| file(github, "copied.yml"), Value::Null),
        cli("pipeline-copies.relocate", "pipeline move again --rename renamed --wait")
            .there(|github: &Github, _| has(github, "renamed.yml", "renamed"), true),
        api("pipeline-definitions.delete", "DELETE /v1/pipelines/made?remote=true", Value::Null)
            .there(|github: &Github, _| file(github, "made.yml"), Value::Null),
        cli("pipeline-definitions.delete", "pipeline delete second --remote")
            .there(|github: &Github, _| file(github, "second.yml"), Value::Null),
    ]
}
