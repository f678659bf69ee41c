//! Plugin `webhook`.

use std::collections::BTreeMap;

use novacron_cicd_domain::platform::{CallbackAddress, CancelTarget, Given, RunRef, TriggerRequest};
use novacron_cicd_fakes::{
    house::{House, operation},
    server::{Answer, Platform, Seen, Server},
};
use novacron_cicd_runtime::Provider;
use serde_json::json;

use super::Requests;

/// Takes whatever comes.
#[derive(Clone)]
pub(crate) struct Receiver;

impl Platform for Receiver {
    fn answer(&mut self, _: &Seen) -> Answer {
        Answer::json(202, &json!({ "id": "17", "number": 4, "url": "https://ci.example/17" }))
    }
}

/// The plugin connected to it.
pub(crate) async fn connected() -> (Server<Receiver>, Provider) {
    let server = Server::start("", Receiver).await;
    let url = format!("{}/hooks/novacron?site=a", server.url());
    let settings = json!({ "headers": { "X-Route": "ci" } });
    let provider = House::new("webhook").await.provider(&url, settings, Some(("signing", "ci")));
    (server, provider)
}

pub(crate) fn request() -> TriggerRequest {
    TriggerRequest {
        pipeline: "app".into(),
        reference: Some("main".into()),
        parameters: BTreeMap::from([
            ("KEY".to_owned(), Given::secret("parameter")),
            ("VERSION".to_owned(), Given::text("1.2 \"rc\" \u{e4}")),
        ]),
        environment: BTreeMap::from([("STAGE".to_owned(), Given::text("test"))]),
        correlation: "nc-7".into(),
        callback: Some(CallbackAddress {
            url: "https://nova.example/v1/callbacks/runs/7".into(),
            token: "parameter".into(),
        }),
        more: BTreeMap::from([("novacron.pipeline-name".to_owned(), "app-build".to_owned())]),
    }
}

pub(crate) fn target() -> CancelTarget {
    CancelTarget::Run(RunRef { pipeline: "app".into(), run: "17".into(), attempt: None })
}

#[tokio::test]
async fn what_the_plugin_asks_of_a_receiver() {
    let (server, it) = connected().await;
    let operation = operation();
    let mut asked = Requests::of(&server);
    asked.call("plugin.check", "", it.check()).await;
    asked.call("runs.trigger", "", it.trigger(&operation, request())).await;
    asked.without("runs.resolve-ticket", "a run that was taken is one");
    asked.without("runs.get", "a run reports by itself");
    asked.call("run-cancel.cancel", "", it.cancel(&operation, &target())).await;
    insta::assert_snapshot!("webhook", asked.whole(&it));
}
