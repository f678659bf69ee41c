//! Plugin `webhook`.

use novacron_cicd_fakes::house::operation;

use super::{Call, try_all};
use crate::requests::webhook::{connected, request, target};

fn calls() -> Vec<Call> {
    calls! {
        "plugin.check": |it| it.check();
        "runs.trigger": |it| it.trigger(&operation(), request());
        "run-cancel.cancel": |it| it.cancel(&operation(), &target());
    }
}

#[test]
fn the_plugin_stands_whatever_a_receiver_answers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, provider) = runtime.block_on(connected());
    try_all(&runtime, &server, &provider, &calls());
}
