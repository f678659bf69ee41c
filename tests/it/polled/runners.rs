//! `runner list`, `show`, `drain`.

use super::*;

#[tokio::test]
async fn runners_are_listed_page_by_page_shown_and_drained_once() {
    let (polled, _host, api, cli) = Polled::new().await;
    polled.platform.data().machines = (1..=5).map(|n| (format!("linux/{n}"), false)).collect();
    let mut ids = Vec::new();
    let mut next = String::new();
    loop {
        let page = api.get(&format!("/v1/providers/ci/runners?limit=2{next}")).await.expect(200).json;
        ids.extend(page["items"].as_array().unwrap().iter().map(|runner| runner["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(ids, (1..=5).map(|n| format!("linux/{n}")).collect::<Vec<_>>());
    assert_eq!(cli.json(&["runner", "list", "--provider", "ci"]).await.as_array().unwrap().len(), 5);

    let drain = ["runner", "drain", "linux/3", "--provider", "ci", "--wait", "--timeout", "30s"];
    let done = cli.json(&drain).await;
    assert_eq!((&done["kind"], &done["state"], &done["run"]), (&json!("runner.drain"), &json!("done"), &json!(null)));
    assert!(polled.platform.data().machines["linux/3"]);
    let shown = cli.json(&["runner", "show", "linux/3", "--provider", "ci"]).await;
    assert_eq!((&shown["draining"], &shown["state"]), (&json!(true), &json!("online")));
    cli.ok(&[&drain[..], &["--undo"]].concat()).await;
    assert!(!polled.platform.data().machines["linux/3"]);
    assert_eq!(polled.platform.data().changes.len(), 2);
}

#[tokio::test]
async fn a_provider_without_runners_says_so() {
    let (polled, _host, api, cli) = Polled::new().await;
    let other = json!({
        "name": "hook", "plugin": "webhook", "base_url": polled.platform.url,
        "credentials": { "signing": { "secret": "ci-token" } },
        "grants": { "private_networks": ["127.0.0.1/32"] }, "no_check": true,
    });
    api.post("/v1/providers", &other).await.expect(201);
    for path in ["", "/x"] {
        let refused = api.get(&format!("/v1/providers/hook/runners{path}")).await;
        assert_eq!(refused.text("/code"), "provider.unsupported");
    }
    let refused = api.post("/v1/providers/hook/runners/x/drain", &json!({})).await;
    assert_eq!(refused.text("/code"), "provider.unsupported");
    cli.run(&["runner", "list", "--provider", "hook"]).await.expect_code(2);
}
