//! Whoever watches may come late, go away, or give up: the work does not care, and nothing is left hanging.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use novacron_cicd_smallci::Manner;
use serde_json::json;

use crate::harness::{ENDLESS, PATIENCE, Repository, World, eventually};

/// A build that says one thing, waits for a file, and says another.
fn gated(gate: &std::path::Path) -> Repository {
    let gate = gate.display();
    Repository::new(&format!("echo first\nwhile [ ! -e {gate} ]; do sleep 0.05; done\necho second\n"))
}

#[tokio::test]
async fn a_reader_that_was_cut_off_goes_on_at_the_byte_where_it_stopped() {
    let world = World::new().await;
    let gate = world.home().work().join("gate");
    let repository = gated(&gate);
    world.add_pipeline(&repository).await;
    let (id, _) = world.trigger(&[("VERSION", "1")]).await;
    let path = format!("/v1/runs/{id}/logs?job=build&follow=true");

    let mut before = Vec::new();
    let mut stream = world.api.open(&path).await.bytes_stream();
    while !before.ends_with(b"first\n") {
        let part = tokio::time::timeout(PATIENCE, stream.next()).await.expect("the first line comes live");
        before.extend_from_slice(&part.unwrap().unwrap());
    }
    drop(stream);
    assert_eq!(world.run(&id).await["state"], "running", "it goes on without its reader");

    std::fs::write(&gate, "").unwrap();
    let after = world.api.open(&format!("{path}&offset={}", before.len())).await.bytes().await.unwrap();
    assert_eq!(&after[..], b"second\n");
    let whole = world.log(&id).await;
    assert_eq!(whole.as_bytes(), [&before[..], &after[..]].concat());
}

#[tokio::test]
async fn the_command_line_gives_up_at_its_timeout_and_the_work_goes_on() {
    let world = World::new().await;
    let gate = world.home().work().join("gate");
    let repository = gated(&gate);
    world.add_pipeline(&repository).await;
    let ended = world
        .cli
        .run(&["pipeline", "run", "backend", "-p", "VERSION=1", "--wait", "--timeout", "2s"])
        .await
        .expect_code(4);
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    let run = world.api.get("/v1/runs?limit=1").await.expect(200).json["items"][0].clone();
    assert_eq!(run["state"], "running", "{run:#}");
    std::fs::write(&gate, "").unwrap();
    let id = run["id"].as_str().unwrap();
    let watched = world.cli.run(&["run", "watch", id, "--exit-status"]).await.expect_code(0);
    assert!(watched.stdout.contains("succeeded"), "{watched}");
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_its_call_with_it_within_a_second() {
    let world = World::new().await;
    world.add_provider().await;
    world.ci.answer_by(Manner::Never);
    let check = world.api.request(reqwest::Method::POST, "/v1/providers/ci/check").send();
    let asked = world.ci.wait_for("the ping", PATIENCE, |tally| (tally.unanswered == 1).then_some(()));
    tokio::select! {
        answer = check => panic!("it was answered with {answer:?}"),
        asked = asked => asked.unwrap(),
    }
    let dropped = Instant::now();
    world.ci.wait_for("the hanging up", PATIENCE, |tally| (tally.hung_up == 1).then_some(())).await.unwrap();
    assert!(dropped.elapsed() < Duration::from_secs(1), "{:?}", dropped.elapsed());
}

#[tokio::test]
async fn an_operation_that_is_canceled_ends_its_connection_within_a_second() {
    let world = World::new().await;
    let repository = Repository::new(ENDLESS);
    world.add_pipeline(&repository).await;
    world.ci.answer_by(Manner::Never);
    let (run, operation) = world.trigger(&[("VERSION", "1")]).await;
    world.ci.wait_for("the trigger", PATIENCE, |tally| (tally.unanswered == 1).then_some(())).await.unwrap();
    let canceled = Instant::now();
    world.api.act(&format!("/v1/operations/{operation}/cancel")).await.expect(202);
    world.ci.wait_for("the hanging up", PATIENCE, |tally| (tally.hung_up == 1).then_some(())).await.unwrap();
    assert!(canceled.elapsed() < Duration::from_secs(1), "{:?}", canceled.elapsed());
    // It was sent, so nobody can say that it had no effect: that is what is recorded, and an operator settles it.
    let path = format!("/v1/operations/{operation}");
    let settled = eventually("the operation's end", async || {
        let operation = world.api.get(&path).await.expect(200).json;
        ["ambiguous", "canceled", "failed", "done"].contains(&operation["state"].as_str()?).then_some(operation)
    })
    .await;
    assert_eq!((settled["state"].as_str(), &settled["attempts"]), (Some("ambiguous"), &json!(1)), "{settled:#}");
    assert_eq!(world.run(&run).await["state"], "ambiguous");
    world.api.post(&format!("{path}/resolve"), &json!({ "action": "abandon" })).await.expect(202);
    eventually("the run's end", async || (world.run(&run).await["state"] == "failed").then_some(())).await;
}
