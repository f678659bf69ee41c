//! Deliveries, as GitLab makes and repeats them.

use novacron_cicd_domain::{
    Timestamp,
    platform::{Delivery, HookObservation},
};
use novacron_cicd_fakes::gitlab::Event;
use novacron_cicd_vault::{
    Secret,
    sign::{WebhookHeaders, verify_standard_webhooks, verify_token},
};

use super::{APP, DEFINITION, Setup};

fn header<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn events_of_pipelines_and_jobs_are_hints_at_their_run() {
    let setup = Setup::new(DEFINITION).await;
    let id = setup.trigger().await;
    let build = setup.gitlab.job_named(id, "build");
    setup.gitlab.begin(build);
    let whole = setup.gitlab.world().pipeline_event(id);
    let part = setup.gitlab.world().job_event(build);
    for event in [whole, part] {
        let event = setup.gitlab.world().delivery(&event, "a token", 1);
        let delivery = Delivery { headers: event.headers, body: event.body };
        let decoded = setup.provider.decode_webhook(delivery).await.unwrap();
        let HookObservation::Run(found) = &decoded.observations[0] else { unreachable!("{decoded:?}") };
        assert_eq!((found.pipeline.as_str(), found.run.external_id.as_deref()), (APP, Some(id.to_string().as_str())));
        let graph = found.run.graph.as_ref().unwrap();
        assert!(!graph.complete && graph.jobs.iter().any(|job| job.id == build.to_string()));
    }
}

#[tokio::test]
async fn a_repeat_has_the_key_of_the_first_and_whoever_signs_sends_no_token() {
    let setup = Setup::new(DEFINITION).await;
    let id = setup.trigger().await;
    let world = setup.gitlab.world();
    let body = world.pipeline_event(id);
    let [first, repeat] = [1, 2].map(|attempt| world.delivery(&body, "a token", attempt));
    assert_eq!(header(&first, "idempotency-key"), header(&repeat, "idempotency-key"));
    assert_ne!(header(&first, "x-gitlab-webhook-uuid"), header(&repeat, "x-gitlab-webhook-uuid"));
    let token = Secret::new("a token");
    assert_eq!(verify_token(&[&token], header(&first, "x-gitlab-token").unwrap()), Ok(()));
    let key = format!("whsec_{}", "a2V5".repeat(8));
    let signed = world.delivery(&body, &key, 1);
    assert_eq!(header(&signed, "x-gitlab-token"), None);
    let [id, timestamp, signature] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(&signed, name).unwrap());
    let headers = WebhookHeaders { id, timestamp, signature };
    let now = Timestamp(1_800_000_000_000);
    assert_eq!(verify_standard_webhooks(&[&Secret::new(key)], headers, &signed.body, now, 300), Ok(()));
}
