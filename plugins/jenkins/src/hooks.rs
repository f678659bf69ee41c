//! Deliveries of the `notification` plugin, which are hints.
//!
//! Pure. They carry neither a signature nor an id (`BuildState.java`, `Phase.java`), so nothing in them is believed but that
//! a build changed: it is read again.

use novacron_cicd_sdk::{
    Result,
    types::Error,
    webhooks::{Decoded, Delivery, Observation},
};
use serde_json::Value;

use crate::path;

/// Which build a delivery is about.
/// `invalid-input` where the body is no JSON.
pub(crate) fn decode(delivery: &Delivery) -> Result<Decoded> {
    let body: Value = serde_json::from_slice(&delivery.body)
        .map_err(|error| Error::invalid_input("body", format!("it is no JSON: {error}")))?;
    let build = body.get("build");
    let text = |name: &str| build?.get(name)?.as_str();
    let phase = text("phase").unwrap_or("none");
    // Relative to the controller, whatever that takes itself for; a queued build has no address of its own yet.
    let run = text("url").or_else(|| text("full_url")).and_then(path::build_at);
    Ok(match run {
        Some(run) => Decoded { observations: vec![Observation::Changed(run)], ignored: None },
        None => Decoded { observations: vec![], ignored: Some(format!("phase {phase} names no build")) },
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::RunRef;

    use super::*;

    #[test]
    fn a_delivery_is_a_hint_at_its_build() {
        let rows = [
            (
                r#"{"name":"b","url":"job/a/job/b/","build":{"phase":"STARTED","number":17,"url":"job/a/job/b/17/"}}"#,
                Some("17"),
            ),
            (r#"{"build":{"phase":"FINALIZED","full_url":"http://x:8080/jenkins/job/a/job/b/18/"}}"#, Some("18")),
            (r#"{"build":{"phase":"QUEUED","queue_id":143,"number":0,"url":"queue/item/143/"}}"#, None),
            (r#"{"zen":"hello"}"#, None),
            ("[]", None),
        ];
        for (body, run) in rows {
            let decoded = decode(&Delivery { headers: vec![], body: body.into() }).unwrap();
            let expected =
                run.map(|run| Observation::Changed(RunRef { pipeline: "a/b".into(), run: run.into(), attempt: None }));
            assert_eq!(decoded.ignored.is_some(), expected.is_none(), "{body}");
            assert_eq!(decoded.observations, expected.into_iter().collect::<Vec<_>>(), "{body}");
        }
        assert!(decode(&Delivery { headers: vec![], body: b"payload=x".to_vec() }).is_err());
    }
}
