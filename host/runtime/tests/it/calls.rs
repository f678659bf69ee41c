//! Calls as they should be: answers in the domain's words, state that stays where it belongs, calls side by side.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_domain::{
    platform::{CallErrorKind, PageRequest, RunRef},
    run::Edges,
    status::State,
};

use crate::house::{House, guest, limits, platform};

#[tokio::test]
async fn a_run_comes_with_its_whole_graph() {
    let house = House::new("bench", limits()).await;
    let provider = house.provider_of("bench");
    let run = RunRef { pipeline: "app".into(), run: "17".into(), attempt: Some(2) };
    let found = provider.get_run(&run).await.unwrap();
    assert_eq!(
        (found.pipeline.as_str(), found.run.external_id.as_deref(), found.run.attempt),
        ("app", Some("17"), Some(2))
    );
    assert_eq!(found.run.status.unwrap().state, State::Succeeded);
    let graph = found.run.graph.unwrap();
    assert_eq!((graph.jobs.len(), graph.edges, graph.complete), (20, Edges::Exact, true));
    assert_eq!(graph.jobs[1].needs, ["job-0"]);
}

#[tokio::test]
async fn an_interface_that_is_not_exported_is_unsupported_by_name() {
    let house = House::new("bench", limits()).await;
    let provider = house.provider_of("bench");
    assert!(provider.supports("runs") && !provider.supports("pipelines"));
    let error = provider.list_pipelines(&PageRequest::default()).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unsupported("pipelines".into()));
    assert_eq!(error.function, "pipelines.list-pipelines");
}

#[tokio::test]
async fn every_call_begins_anew_and_small_state_is_the_hosts() {
    let house = House::hostile().await;
    for _ in 0..3 {
        assert_eq!(house.set("state").said().await, ["0"]);
    }
    for count in ["1", "2", "3"] {
        assert_eq!(house.set("kv").said().await[0], count);
    }
}

#[tokio::test]
async fn small_state_that_fails_is_the_hosts_failure() {
    let house = House::hostile().await;
    house.ports.kv_fails.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = house.set("kv").error().await;
    assert_eq!(error.kind, CallErrorKind::Transient);
    assert_eq!(error.message, "the plugin's small state can't be read: the disk is full");
}

#[tokio::test]
async fn a_provider_that_was_changed_is_called_as_it_is_now() {
    let house = House::hostile().await;
    let first = house.set("none").configured();
    assert_eq!(house.set("none").call_as(first.clone()).await.unwrap().warnings, Vec::<String>::new());
    // The same id and the same version, as a change has that is tried before it is stored.
    let mut changed = first;
    changed.settings = serde_json::json!({ "behaviour": "state" });
    assert_eq!(house.set("none").call_as(changed).await.unwrap().warnings, ["0"]);
}

#[tokio::test]
async fn a_guest_sees_an_empty_environment() {
    let house = House::hostile().await;
    assert_eq!(house.set("environment").said().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_in_one_call_leaves_the_calls_beside_it_alone() {
    let house = House::hostile().await;
    let address = platform().await;
    let calls = (0..24).map(|number| {
        let setting = house.set(if number % 3 == 0 { "panic" } else { "request" }).at(address);
        async move { (number, setting.check().await) }
    });
    for (number, answer) in futures_util::future::join_all(calls).await {
        assert_eq!(answer.is_err(), number % 3 == 0, "call {number}: {answer:?}");
    }
}

#[tokio::test]
async fn a_call_under_way_ends_on_the_plugin_that_it_began_with() {
    let house = House::hostile().await;
    let provider = house.set("none").provider();
    let before = provider.plugin().sha256().to_owned();
    let path = house.directory.path().join("plugins/hostile.wasm");
    let mut bytes = std::fs::read(guest("hostile")).unwrap();
    // A custom section changes the digest and nothing else.
    bytes.extend_from_slice(b"\0\x05\x04note");
    std::fs::write(&path, bytes).unwrap();
    let after = house.runtime.load(&path).await.unwrap();
    assert_ne!(after.sha256(), before);
    assert_eq!(house.runtime.plugin("hostile").unwrap().sha256(), after.sha256());
    provider.check().await.unwrap();
    assert_eq!(provider.plugin().sha256(), before);
}
