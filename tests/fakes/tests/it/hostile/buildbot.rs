//! Plugin `buildbot`.

use novacron_cicd_domain::{
    Timestamp,
    platform::{CancelTarget, Change, RetryScope},
};
use novacron_cicd_fakes::house::operation;

use super::{Call, try_all, try_deliveries};
use crate::requests::buildbot::{SLOW, connected, filter, log, page, pushed, request, run};

fn calls() -> Vec<Call> {
    calls! {
        "plugin.check": |it| it.check();
        "pipelines.get": |it| it.get_pipeline(SLOW);
        "pipelines.parameters": |it| it.parameters(SLOW, None);
        "runs.trigger": |it| it.trigger(&operation(), request());
        "runs.get": |it| it.get_run(&run(SLOW, "22"));
        "run-search.find-by-correlation": |it| it.find_by_correlation("pipeline", "nc-flow-2", Timestamp(1_795_440_000_000));
        "run-listing.list-runs": |it| it.list_runs(filter(), &page(3));
        "run-changes.list-changed": |it| it.list_changed(&["pipeline".to_owned(), SLOW.to_owned()], Some("1795442152"));
        "run-cancel.cancel": |it| it.cancel(&operation(), &CancelTarget::Run(run(SLOW, "22")));
        "run-retry.retry": |it| it.retry(&operation(), &run("pipeline", "23"), RetryScope::All, "nc-8");
        "logs.read": |it| it.read_log(&log());
        "artifacts.list-artifacts": |it| it.list_artifacts(Some(&run("pipeline", "23")), &page(10));
        "runners.list-runners": |it| it.list_runners(&page(1));
        "runners.get": |it| it.get_runner("1");
        "runner-drain.set-draining": |it| it.change(&operation(), Change::RunnerDrain { runner: "1".into(), draining: true, message: None });
    }
}

#[test]
fn the_plugin_stands_whatever_a_buildbot_answers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, provider) = runtime.block_on(connected());
    try_all(&runtime, &server, &provider, &calls());
}

#[test]
fn the_plugin_stands_whatever_is_delivered_as_buildbots() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_server, provider) = runtime.block_on(connected());
    try_deliveries(&runtime, &provider, &[pushed()]);
}
