//! Answers that no platform should give: whatever comes, a call ends in an answer or in an error that says what was wrong. No plugin traps,
//! hangs or calls it its own fault.
//!
//! The plugins are tried as they are built for the sandbox. What the fake would have answered is distorted on its way; the same
//! cases come in every run, and one that fails is made as small as it can be. `PROPTEST_CASES` asks for more of them.

mod distortion;

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use novacron_cicd_domain::platform::{CallErrorKind, Delivery};
use novacron_cicd_fakes::server::{Answer, Platform, Server};
use novacron_cicd_runtime::{CallError, Provider};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

use distortion::distortion;

/// A function of the contract, called with what fits the fake's world.
type Call = (&'static str, Box<dyn Fn(&Provider) -> BoxFuture<'_, Result<(), CallError>>>);

/// A call of this name; for [`calls!`].
fn call(name: &'static str, call: impl Fn(&Provider) -> BoxFuture<'_, Result<(), CallError>> + 'static) -> Call {
    (name, Box::new(call))
}

/// Calls, each with a provider: what they answer does not matter.
macro_rules! calls {
    ($($name:literal: |$it:ident| $call:expr;)+) => {
        vec![$(super::call($name, move |$it| Box::pin(async move { $call.await.map(drop) }))),+]
    };
}

mod buildbot;
mod github;
mod gitlab;
mod jenkins;
mod webhook;

/// As many as take about twenty seconds.
const CASES: u32 = 2000;
/// The plugin's first requests are distorted, one of them in each case.
const REQUESTS: usize = 4;

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Has these deliveries decoded, each distorted.
fn try_deliveries(runtime: &tokio::runtime::Runtime, provider: &Provider, deliveries: &[Delivery]) {
    let strategy = (0..deliveries.len(), distortion());
    let tried = runner(cases()).run(&strategy, |(which, distortion)| {
        let Delivery { headers, body } = deliveries[which].clone();
        let mut answer = Answer { status: 200, headers, body };
        distortion.apply(&mut answer);
        let Answer { headers, body, .. } = answer;
        let outcome = runtime.block_on(provider.decode_webhook(Delivery { headers, body }));
        judged(&format!("delivery {which}: {distortion:?}"), outcome.map(drop))
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
}

/// Tries each call with one of its answers distorted, in a world that is always the same.
fn try_all<P: Platform + Clone>(
    runtime: &tokio::runtime::Runtime,
    server: &Server<P>,
    provider: &Provider,
    calls: &[Call],
) {
    let world = server.world().clone();
    let mut most = 0;
    for (name, call) in calls {
        server.forget_seen();
        let whole = runtime.block_on(call(provider));
        assert!(whole.is_ok(), "{name} fails without any distortion: {whole:?}");
        *server.world() = world.clone();
        most = most.max(server.seen().len().min(REQUESTS));
    }
    let cases = cases();
    let met = Arc::new(Mutex::new([0_u32; 2]));
    let strategy = (0..calls.len(), 0..most, distortion());
    let tried = runner(cases).run(&strategy, |(which, request, distortion)| {
        let (name, call) = &calls[which];
        *server.world() = world.clone();
        let mut answered = 0;
        let said = format!("{name}, answer {request}: {distortion:?}");
        let changed = Arc::new(Mutex::new(None));
        let field = changed.clone();
        server.distort(move |answer| {
            if answered == request {
                *field.lock().unwrap() = distortion.apply(answer);
            }
            answered += 1;
        });
        let outcome = runtime.block_on(call(provider));
        met.lock().unwrap()[usize::from(outcome.is_err())] += 1;
        // A yes that is no answer: what is wrong with it is said by its place.
        if let (Some(field), Err(error)) = (&*changed.lock().unwrap(), &outcome)
            && matches!(error.kind, CallErrorKind::Upstream { status: 200..300, .. })
        {
            prop_assert!(error.message.contains(field), "{said}: it does not name {field}: {error:?}");
        }
        judged(&said, outcome)
    });
    server.undistort();
    tried.unwrap_or_else(|error| panic!("{error}"));
    let [fine, refused] = *met.lock().unwrap();
    // Where all went well, nothing was distorted; where nothing did, nothing was read. A receiver of webhooks is refused by its
    // status alone.
    assert!(fine > cases / 10 && refused > cases / 40, "{fine} fine, {refused} refused");
}

fn judged(said: &str, outcome: Result<(), CallError>) -> Result<(), TestCaseError> {
    let Err(error) = outcome else { return Ok(()) };
    let own_fault = matches!(
        error.kind,
        CallErrorKind::Trap { .. } | CallErrorKind::Timeout | CallErrorKind::Internal | CallErrorKind::Other(_)
    );
    prop_assert!(!own_fault, "{said}: {error:?}");
    prop_assert!(!error.message.trim().is_empty(), "{said}: it does not say why: {error:?}");
    Ok(())
}
