//! What Buildbot tells by `HttpStatusPush` is looked at, where no poll would be due for a day.

use serde_json::{Value, json};

use super::{Site, add_provider, adopt, home};
use crate::harness::{Api, Buildbot, Hook, Host, Setup, eventually, spoke};

const TOKEN: &str = "the-token-of-the-hook";

/// Polls a day apart: what is seen is seen because Buildbot told of it.
fn slow() -> Setup {
    let day = || "86400".to_owned();
    let variables = vec![
        ("NOVACRON_CICD_LIMITS_POLL_SHORTEST_SECONDS", day()),
        ("NOVACRON_CICD_LIMITS_POLL_LONGEST_SECONDS", day()),
    ];
    Setup { variables, ..Setup::default() }
}

async fn site() -> Site {
    let host = Host::start(&home(), slow()).await;
    let (api, cli) = (host.api().await, host.cli());
    let url = format!("http://127.0.0.1:{}/v1/hooks/bb", host.port());
    let buildbot = Buildbot::that_tells(Hook { url, token: TOKEN }).await;
    api.post("/v1/secrets", &json!({ "name": "hook-token", "value": TOKEN })).await.expect(201);
    add_provider(&api, &buildbot).await;
    let slots = json!({ "session": { "username": "op", "secret": "bb-password" }, "hook": { "secret": "hook-token" } });
    let update = api.request(reqwest::Method::PATCH, "/v1/providers/bb").json(&json!({ "credentials": slots }));
    api.send(update).await.expect(200);
    Site { buildbot, host, api, cli }
}

/// All events, in their order.
async fn events(api: &Api) -> Vec<Value> {
    let page = api.get("/v1/events?limit=500&after=0").await.expect(200).json;
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_end_of_a_build_is_seen_because_buildbot_tells_of_it() {
    let site = site().await;
    adopt(&site.api, "gated", "gated").await;
    let (id, _) = site.trigger("gated", &[("VERSION", "1")]).await;
    let external =
        eventually("Buildbot's name of it", async || site.run(&id).await["external_id"].as_str().map(str::to_owned))
            .await;
    eventually("its begin", async || (site.run(&id).await["state"] == "running").then_some(())).await;
    site.buildbot.open("gate");
    let run = site.run_over(&id).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");

    let events = events(&site.api).await;
    let told = |event: &&Value| event["kind"] == "webhook.decoded" && event["data"]["runs"] == json!([external]);
    let hints: Vec<i64> = events.iter().filter(told).map(|event| event["id"].as_i64().unwrap()).collect();
    let end = |event: &&Value| event["kind"] == "run.state" && event["data"]["to"] == "succeeded";
    let end = events.iter().find(end).unwrap_or_else(|| panic!("{events:#?}"))["id"].as_i64().unwrap();
    assert_eq!(hints.len(), 2, "of its begin and of its end: {events:#?}");
    assert!(hints[1] < end, "the end was seen after it was told: {hints:?} {end}");
    let listed = site.cli.ok(&["webhook", "list", "--provider", "bb"]).await;
    assert_eq!(listed.matches("decoded").count(), 2, "{listed}");
    spoke("buildbot", &site.buildbot.version().await);
}

#[tokio::test]
async fn a_build_that_a_person_forced_is_found_because_buildbot_tells_of_it() {
    let site = site().await;
    adopt(&site.api, "backend", "backend").await;
    let request = site.buildbot.force("backend", &json!({ "VERSION": "7" })).await.to_string();
    let run = eventually("the run", async || {
        let runs = site.api.get("/v1/runs").await.expect(200).json;
        runs["items"].as_array()?.iter().find(|run| run["external_id"] == *request).cloned()
    })
    .await;
    assert_eq!(run["origin"], "manual", "{run:#}");
    assert_eq!(site.run_over(run["id"].as_str().unwrap()).await["state"], "succeeded");
    assert!(site.host.port() > 0);
}
