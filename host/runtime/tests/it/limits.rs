//! Every limit of a call, made to fire.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use novacron_cicd_domain::{Retry, platform::Delivery};
use novacron_cicd_runtime::{
    CallErrorKind, TrapCause,
    egress::Budget,
    plugin::{PluginError, PluginState},
    sandbox::{Limits, Memory},
};
use tokio_util::sync::CancellationToken;

use crate::house::{House, Silent, config, guest, limits, platform, serve};

fn trap(cause: TrapCause) -> CallErrorKind {
    CallErrorKind::Trap { cause }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_overdoes_it_is_ended_with_the_cause_and_the_next_call_works() {
    let house = House::hostile().await;
    for (behaviour, cause, says) in [
        ("endless-loop", TrapCause::Cpu, "it computed for longer than 0.5 s"),
        ("memory-bomb", TrapCause::Memory, "it asked for more than 64 MiB of memory"),
        ("deep-recursion", TrapCause::Stack, "it used more than 524288 bytes of stack"),
        ("large-frames", TrapCause::Stack, "it used more stack than it has in its memory"),
        ("huge-answer", TrapCause::HostCall, "it handed more than 16777216 bytes to the host at once"),
        ("huge-import", TrapCause::HostCall, "it handed more than 16777216 bytes to the host at once"),
        ("many-handles", TrapCause::HostCall, "it held more than 10000 handles"),
        ("panic", TrapCause::Unreachable, "it gave up: the guest gives up:, at tests/guests/hostile/src/behaviour.rs:"),
        ("panic", TrapCause::Unreachable, ", in novacron_cicd_guest_hostile::behaviour::misbehave"),
        ("exit", TrapCause::Unreachable, "it ended itself with exit code 1"),
        ("print-forever", TrapCause::Cpu, "it computed for longer than 0.5 s"),
    ] {
        let error = house.set(behaviour).error().await;
        assert_eq!(error.kind, trap(cause), "{behaviour}: {error}");
        assert!(error.message.contains(says), "{behaviour}: {error}");
        assert_eq!((error.plugin.as_str(), error.function.as_str()), ("hostile", "plugin.check"));
        assert_eq!(error.retry(), Retry::Never, "{behaviour}");
        assert_eq!(house.set("state").said().await, ["0"], "after {behaviour}");
    }
}

#[tokio::test]
async fn a_guest_without_end_lets_others_have_their_turn_on_the_same_thread() {
    let patient = Duration::from_secs(60);
    let house = House::new("hostile", Limits { cpu: patient, wall: patient, ..limits() }).await;
    let cancel = CancellationToken::new();
    let endless = house.set("endless-loop").within(patient).canceled_by(&cancel);
    let (endless, ()) = tokio::join!(endless.error(), async {
        for _ in 0..5 {
            house.set("none").said().await;
        }
        cancel.cancel();
    });
    assert_eq!(endless.kind, CallErrorKind::Canceled, "it did not let them have their turn: {endless}");
}

#[tokio::test]
async fn a_guest_that_is_refused_memory_may_go_on_without() {
    let house = House::hostile().await;
    assert_eq!(house.set("memory-refused").said().await, ["refused"]);
}

#[tokio::test]
async fn requests_beyond_the_budget_are_refused_and_the_guest_is_told() {
    let house = House::hostile().await;
    let said = house.set("many-requests").at(platform().await).said().await;
    assert_eq!(said[0], "64");
    assert!(said[1].contains("the call's budget of 64 requests is spent"), "{said:?}");
    assert_eq!(house.ports.records.lock().unwrap().iter().filter(|record| record.outcome == Ok(200)).count(), 64);
}

#[tokio::test]
async fn what_is_logged_and_printed_beyond_the_limits_is_dropped_and_the_call_goes_on() {
    // What is looked for here is not the limit on time, which a busy machine would meet first.
    let limits = Limits { output: 100, log_lines: 10, cpu: Duration::from_secs(10), ..limits() };
    let house = House::new("hostile", limits).await;
    let heard = crate::secrets::hear(async {
        house.set("log-flood").text("x").said().await;
        house.set("print").text(&"~".repeat(5_000)).said().await;
    })
    .await;
    assert_eq!(heard.matches("of a flood").count(), 10, "{heard}");
    assert_eq!(heard.matches('~').count(), 100, "{heard}");
    assert!(heard.contains("dropped_bytes=4901"), "{heard}");
    assert!(heard.contains("dropped_lines=99990"), "{heard}");
}

#[tokio::test]
async fn a_reading_call_that_waits_too_long_is_a_timeout_and_its_connection_closes() {
    let house = House::hostile().await;
    let mut silent = Silent::new().await;
    let error = house.set("request").at(silent.address).within(Duration::from_millis(200)).error().await;
    assert_eq!((error.kind.clone(), error.retry()), (CallErrorKind::Timeout, Retry::Safe(None)), "{error}");
    assert_eq!(silent.events.recv().await, Some("request"));
    assert_eq!(silent.events.recv().await, Some("closed"));
}

#[tokio::test]
async fn a_guest_that_sleeps_is_ended_by_its_deadline_and_by_the_limit() {
    let house = House::new("hostile", Limits { wall: Duration::from_millis(200), ..limits() }).await;
    let begun = Instant::now();
    let error = house.set("sleep").within(Duration::from_secs(3600)).error().await;
    assert_eq!(error.kind, CallErrorKind::Timeout);
    assert_eq!(error.message, "no answer within 0.2 s");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_changing_call_without_an_answer_is_unknown_only_when_something_went_out() {
    let house = House::hostile().await;
    let silent = Silent::new().await;
    let short = Duration::from_millis(200);
    let sent = house.set("changing-request").at(silent.address).within(short).trigger_error().await;
    assert_eq!((&sent.kind, sent.sent), (&CallErrorKind::OutcomeUnknown, true), "{sent}");
    let unsent = house.set("sleep").within(short).trigger_error().await;
    assert_eq!((&unsent.kind, unsent.sent), (&CallErrorKind::Transient, false), "{unsent}");
    let only_read = house.set("request").at(silent.address).within(short).trigger_error().await;
    assert_eq!((&only_read.kind, only_read.sent), (&CallErrorKind::Transient, false), "{only_read}");
}

#[tokio::test]
async fn a_guest_that_dies_after_it_has_sent_leaves_the_outcome_unknown() {
    let house = House::hostile().await;
    let error = house.set("send-and-panic").at(platform().await).trigger_error().await;
    assert_eq!(error.kind, trap(TrapCause::Unreachable));
    assert_eq!((error.sent, error.retry()), (true, Retry::Unknown));
    let error = house.set("panic").trigger_error().await;
    assert_eq!((error.sent, error.retry()), (false, Retry::Never));
}

#[tokio::test]
async fn a_cancel_ends_the_guest_and_its_connection_at_once() {
    let house = House::hostile().await;
    let mut silent = Silent::new().await;
    let cancel = CancellationToken::new();
    let call = house.set("changing-request").at(silent.address).canceled_by(&cancel);
    let (error, ()) = tokio::join!(call.trigger_error(), async {
        assert_eq!(silent.events.recv().await, Some("request"));
        cancel.cancel();
    });
    assert_eq!((error.kind.clone(), error.retry()), (CallErrorKind::Canceled, Retry::Unknown), "{error}");
    let closed = tokio::time::timeout(Duration::from_secs(1), silent.events.recv()).await;
    assert_eq!(closed, Ok(Some("closed")));
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_closes_its_connection() {
    let house = House::hostile().await;
    let mut silent = Silent::new().await;
    let call = house.set("request").at(silent.address);
    tokio::select! {
        answer = call.check() => { answer.unwrap(); }
        event = silent.events.recv() => assert_eq!(event, Some("request")),
    }
    let closed = tokio::time::timeout(Duration::from_secs(1), silent.events.recv()).await;
    assert_eq!(closed, Ok(Some("closed")));
}

#[tokio::test]
async fn a_cancel_ends_a_guest_that_computes() {
    let house = House::new("hostile", Limits { cpu: Duration::from_secs(60), ..limits() }).await;
    let cancel = CancellationToken::new();
    let call = house.set("endless-loop").canceled_by(&cancel);
    let begun = Instant::now();
    let (error, ()) = tokio::join!(call.error(), async { cancel.cancel() });
    assert_eq!(error.kind, CallErrorKind::Canceled);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn calls_beyond_the_places_wait_and_are_transient_when_none_becomes_free() {
    let house = House::new("hostile", Limits { calls_per_plugin: 1, ..limits() }).await;
    let mut silent = Silent::new().await;
    let first = house.set("request").at(silent.address).within(Duration::from_secs(1));
    let second = house.set("none").within(Duration::from_millis(100));
    let (first, second) = tokio::join!(first.error(), async {
        assert_eq!(silent.events.recv().await, Some("request"));
        second.error().await
    });
    assert_eq!(first.kind, CallErrorKind::Timeout);
    assert_eq!(second.kind, CallErrorKind::Transient);
    assert_eq!(second.message, "no place became free within 0.1 s");
    house.set("none").said().await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_given_to_the_guest() {
    use axum::{Router, routing::get};

    const LIMIT: usize = 64 << 10;
    let limits = Limits { budget: Budget { body: LIMIT as u64, ..Budget::default() }, ..limits() };
    let house = House::new("hostile", limits).await;
    for (size, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let platform = serve(Router::new().route("/", get(move || async move { "x".repeat(size) }))).await;
        let answer = house.set("fetch").at(platform).check().await;
        match answer {
            Ok(report) => assert_eq!((fits, report.warnings[0].len()), (true, size)),
            Err(error) => {
                assert_eq!((fits, &error.kind), (false, &CallErrorKind::Other("too-large".into())), "{error}");
                assert!(error.message.contains(&LIMIT.to_string()), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_pure_function_is_kept_from_everything_but_computing() {
    let house = House::hostile().await;
    let delivery = || Delivery { headers: Vec::new(), body: Vec::new() };
    for (behaviour, import) in [("random", "random.bytes"), ("kv", "kv.get")] {
        let error = house.set(behaviour).provider().decode_webhook(delivery()).await.unwrap_err();
        assert_eq!(error.kind, trap(TrapCause::Contract));
        assert!(error.message.contains(&format!("it called {import}")), "{error}");
    }
    let refused = house.set("request").at(platform().await).provider().decode_webhook(delivery()).await.unwrap();
    assert!(refused.ignored.unwrap().contains("webhooks.decode is a pure function and sends nothing"));
    assert_eq!(*house.ports.records.lock().unwrap(), []);
    house.set("log").provider().decode_webhook(delivery()).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_the_contract_does_not_allow_is_named_with_its_field() {
    let house = House::hostile().await;
    let run = novacron_cicd_domain::platform::RunRef { pipeline: "app".into(), run: "7".into(), attempt: None };
    assert_eq!(house.set("none").provider().get_run(&run).await.unwrap().run.external_id.as_deref(), Some("7"));
    let error = house.set("empty-id").provider().get_run(&run).await.unwrap_err();
    assert_eq!(error.kind, trap(TrapCause::Contract));
    assert_eq!(error.message, "its answer is not allowed: run.identity.run is empty");
}

#[tokio::test]
async fn a_component_that_needs_more_than_a_call_may_have_is_refused_when_it_is_loaded() {
    for (limits, part) in [
        (Limits { core_instances: 2, ..limits() }, "instances of core modules, and a call may have 2"),
        (Limits { memory: 1 << 20, ..limits() }, "MiB of memory at its start, and a call may have 1 MiB"),
        (Limits { tables: 0, ..limits() }, "tables, and a call may have 0"),
        (Limits { table_elements: 2, ..limits() }, "elements, and a call may have 2"),
        (Limits { memories: 0, ..limits() }, "memories"),
        (Limits { file: 1000, ..limits() }, "and a plugin may have 1000"),
    ] {
        for pooling in [true, false] {
            let directory = tempfile::tempdir().unwrap();
            std::fs::create_dir(directory.path().join("plugins")).unwrap();
            let file = directory.path().join("plugins/hostile.wasm");
            std::fs::copy(guest("hostile"), &file).unwrap();
            let mut config = config(directory.path(), limits.clone());
            config.pooling = pooling;
            let ports = std::sync::Arc::new(crate::house::Ports::default());
            let runtime = novacron_cicd_runtime::Runtime::start(config, ports).await.unwrap();
            assert!(runtime.plugin("hostile").is_none(), "{part}, pooling {pooling}");
            let listed = runtime.plugins();
            let PluginState::Broken(error) = &listed[0].state else { panic!("{listed:?}") };
            assert!(error.to_string().contains(part), "{error} does not say {part}, pooling {pooling}");
        }
    }
}

#[tokio::test]
async fn a_guest_that_dies_at_its_start_is_never_published() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("plugins")).unwrap();
    let bytes = stillborn(std::fs::read(guest("bench")).unwrap());
    std::fs::write(directory.path().join("plugins/bench.wasm"), bytes).unwrap();
    let house = House::over(directory, limits()).await;
    assert!(house.runtime.plugin("bench").is_none());
    let PluginState::Broken(PluginError::Smoke(sentence)) = &house.runtime.plugins()[0].state else {
        panic!("{:?}", house.runtime.plugins()[0].state)
    };
    assert!(sentence.contains("out of bounds"), "{sentence}");
}

/// The same component with its first data placed far outside of its memory: it traps when it is instantiated.
fn stillborn(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut offset = None;
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        if let wasmparser::Payload::DataSection(section) = payload.unwrap() {
            for data in section {
                if let wasmparser::DataKind::Active { offset_expr, .. } = data.unwrap().kind {
                    offset = offset.or(Some(offset_expr.get_binary_reader().range()));
                }
            }
        }
    }
    let range = offset.unwrap();
    let expression = &mut bytes[range.start as usize..range.end as usize];
    // i32.const with four bytes, which then hold the largest number that they can.
    assert_eq!((expression[0], expression.len()), (0x41, 6), "{expression:x?}");
    expression[1..5].copy_from_slice(&[0xff, 0xff, 0xff, 0x3f]);
    bytes
}

#[tokio::test]
async fn the_pool_can_be_turned_off_and_the_limits_hold_without_it() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("plugins")).unwrap();
    std::fs::copy(guest("hostile"), directory.path().join("plugins/hostile.wasm")).unwrap();
    let mut config = config(directory.path(), limits());
    config.pooling = false;
    let ports = std::sync::Arc::new(crate::house::Ports::default());
    let runtime = novacron_cicd_runtime::Runtime::start(config, ports.clone()).await.unwrap();
    assert_eq!(runtime.memory(), Memory::OnDemand);
    let house = House { runtime, ports, directory };
    house.set("none").said().await;
    for (behaviour, cause) in
        [("memory-bomb", TrapCause::Memory), ("endless-loop", TrapCause::Cpu), ("deep-recursion", TrapCause::Stack)]
    {
        assert_eq!(house.set(behaviour).error().await.kind, trap(cause), "{behaviour}");
    }
}
