//! What a message says: JSON of ours, or a CDEvent (0.5.1) in a CloudEvent (1.0, its HTTP binding).
//!
//! Pure: whatever is said comes in. Must be absent: signatures, which are made anew for each attempt.

use novacron_cicd_domain::{
    Timestamp,
    id::{NotificationId, RunId},
    notification::{Format, Message, NotificationKind},
};
use serde_json::{Map, Value, json};

/// The version of CDEvents whose schemas our events fit.
const CDEVENTS: &str = "0.5.1";

/// What is to be said.
pub(in crate::service) struct Told<'a> {
    pub(in crate::service) id: NotificationId,
    pub(in crate::service) kind: NotificationKind,
    pub(in crate::service) at: Timestamp,
    /// The number of the event that it tells.
    pub(in crate::service) event: Option<i64>,
    pub(in crate::service) run: Option<RunId>,
    /// What it is about, where that is no run.
    pub(in crate::service) subject: &'a str,
    /// As the event has it.
    pub(in crate::service) data: &'a Value,
}

/// Puts it into words; `source` is who we are.
pub(in crate::service) fn compose(format: Format, source: &str, told: &Told<'_>) -> Message {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    if format == Format::StandardWebhooks {
        let mut body =
            json!({ "type": told.kind.as_str(), "timestamp": moment(told.at), "data": told.data, "event": told.event });
        drop_nulls(&mut body);
        return Message { headers: vec![header("content-type", "application/json")], body: bytes(&body) };
    }
    let event = cdevent(source, told);
    let (id, time) = (told.id.to_string(), moment(told.at));
    let subject = event["subject"]["id"].as_str().unwrap_or_default().to_owned();
    let attributes = [
        ("specversion", "1.0"),
        ("id", id.as_str()),
        ("source", source),
        ("type", told.kind.cdevent()),
        ("subject", subject.as_str()),
        ("time", time.as_str()),
    ];
    if format == Format::CdEventsBinary {
        let mut headers = vec![header("content-type", "application/json")];
        headers.extend(attributes.map(|(name, value)| (format!("ce-{name}"), percent_encoded(value))));
        return Message { headers, body: bytes(&event) };
    }
    let mut cloud: Map<String, Value> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    cloud.insert("datacontenttype".into(), "application/json".into());
    cloud.insert("data".into(), event);
    let media = "application/cloudevents+json; charset=utf-8";
    Message { headers: vec![header("content-type", media)], body: bytes(&Value::Object(cloud)) }
}

fn cdevent(source: &str, told: &Told<'_>) -> Value {
    let text = |key: &str| told.data[key].as_str();
    let run = told.run.map_or_else(|| told.subject.to_owned(), |run| run.to_string());
    // A platform's own text need not be a URI, and some events must have one: then it is ours.
    let uri = text("url").filter(|url| url::Url::parse(url).is_ok()).map(str::to_owned);
    let uri = uri.unwrap_or_else(|| address(source, &run));
    let (id, mut content) = match told.kind {
        NotificationKind::JobStarted | NotificationKind::JobFinished => {
            // A platform may give the jobs of each attempt the same ids.
            let id = format!("{run}/{}/{}", told.data["attempt"], text("job").unwrap_or_default());
            (id, json!({ "taskName": text("name"), "uri": uri, "pipelineRun": { "id": run } }))
        }
        NotificationKind::RunQueued | NotificationKind::RunStarted | NotificationKind::RunFinished => {
            (run, json!({ "pipelineName": text("pipeline_name").unwrap_or_default(), "uri": uri }))
        }
        _ => (told.subject.to_owned(), told.data.clone()),
    };
    if matches!(told.kind, NotificationKind::RunFinished | NotificationKind::JobFinished) {
        let outcome = outcome(text("to").or(text("state")), text("reason"));
        content["outcome"] = outcome.into();
        if outcome != "success" {
            content["errors"] = text("reason").or(text("platform")).into();
        }
    }
    drop_nulls(&mut content);
    json!({
        "context": {
            "specversion": CDEVENTS,
            "id": told.id.to_string(),
            "source": source,
            "type": told.kind.cdevent(),
            "timestamp": moment(told.at),
        },
        "subject": { "id": id, "content": content },
        "customData": told.data,
        "customDataContentType": "application/json",
    })
}

/// A run as we call it.
fn address(source: &str, run: &str) -> String {
    match source.split_once("://") {
        Some(_) => format!("{}/v1/runs/{run}", source.trim_end_matches('/')),
        None => format!("{source}:run:{run}"),
    }
}

/// One of the four words of CDEvents. `error` is what kept the work from being done, `failure` what it came to.
fn outcome(state: Option<&str>, reason: Option<&str>) -> &'static str {
    match (state, reason) {
        (Some("succeeded"), _) => "success",
        // What was left out was not done because somebody wanted it so.
        (Some("canceled" | "skipped"), _) => "cancel",
        (_, Some("timeout" | "startup" | "stale" | "lost")) => "error",
        _ => "failure",
    }
}

fn drop_nulls(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_string()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// As the HTTP binding of CloudEvents wants a header's value (3.1.3.2): what is not printable ASCII, blanks, quotes and percent
/// signs are escaped.
fn percent_encoded(value: &str) -> String {
    const ESCAPED: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'%');
    percent_encoding::utf8_percent_encode(value, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const ID: NotificationId = NotificationId(uuid::Uuid::from_u128(7));
    const RUN: RunId = RunId(uuid::Uuid::from_u128(8));

    fn told<'a>(kind: NotificationKind, data: &'a Value) -> Told<'a> {
        Told { id: ID, kind, at: Timestamp(1_790_000_000_123), event: Some(41), run: Some(RUN), subject: "x", data }
    }

    fn body(message: &Message) -> Value {
        serde_json::from_slice(&message.body).unwrap()
    }

    #[test]
    fn a_message_of_ours_has_the_three_fields_of_standard_webhooks() {
        let data = json!({ "run": RUN, "to": "succeeded" });
        let message = compose(Format::StandardWebhooks, "urn:a:b", &told(NotificationKind::RunFinished, &data));
        let expected =
            json!({ "type": "run.finished", "timestamp": "2026-09-21T14:13:20.123Z", "event": 41, "data": data });
        assert_eq!(body(&message), expected);
        assert_eq!(message.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    }

    #[test]
    fn a_cloud_event_says_in_headers_what_it_says_in_its_body() {
        let data = json!({ "run": RUN, "attempt": 1, "job": "büro 1", "name": "office", "to": "running" });
        let told = told(NotificationKind::JobStarted, &data);
        let (whole, binary) =
            (compose(Format::CdEvents, "urn:a:b", &told), compose(Format::CdEventsBinary, "urn:a:b", &told));
        let whole = body(&whole);
        assert_eq!(whole["data"], body(&binary));
        assert_eq!(whole["subject"], format!("{RUN}/1/büro 1"));
        let header =
            |name: &str| binary.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        for name in ["specversion", "id", "source", "type", "time"] {
            assert_eq!(header(&format!("ce-{name}")), whole[name].as_str(), "{name}");
        }
        assert_eq!(header("ce-subject"), Some(format!("{RUN}/1/b%C3%BCro%201").as_str()));
        for (context, outer) in [("id", "id"), ("source", "source"), ("type", "type"), ("timestamp", "time")] {
            assert_eq!(whole["data"]["context"][context], whole[outer], "{context}");
        }
    }

    #[test]
    fn an_end_is_one_of_the_four_words_of_cdevents() {
        for (state, reason, expected) in [
            ("succeeded", None, "success"),
            ("succeeded", Some("warnings"), "success"),
            ("failed", None, "failure"),
            ("failed", Some("unstable"), "failure"),
            ("failed", Some("timeout"), "error"),
            ("failed", Some("lost"), "error"),
            ("canceled", Some("timeout"), "cancel"),
            ("skipped", None, "cancel"),
        ] {
            assert_eq!(outcome(Some(state), reason), expected, "{state} {reason:?}");
        }
    }

    /// The schemas are those of CDEvents v0.5.1 (Apache-2.0), as they are published.
    #[test]
    fn every_kind_of_message_is_a_cdevent_by_the_published_schemas() {
        for kind in NotificationKind::ALL.iter().copied() {
            for data in [
                json!({}),
                json!({ "run": RUN, "pipeline_name": "build", "attempt": 2, "job": "7", "name": "compile", "stage": null,
                    "from": "running", "to": "failed", "reason": "timeout", "platform": "TIMED_OUT",
                    "url": "https://ci.example.com/1", "started": 1, "finished": 2 }),
                json!({ "url": "no address", "state": "canceled" }),
            ] {
                for source in ["https://cicd.example.com/", "urn:novacron:cicd"] {
                    let message = compose(Format::CdEvents, source, &told(kind, &data));
                    let event = body(&message)["data"].clone();
                    let faults = super::super::schemas::faults(&event);
                    assert!(faults.is_empty(), "{kind:?}: {faults:?}\n{event:#}");
                }
            }
        }
        let broken = json!({ "context": { "type": NotificationKind::RunQueued.cdevent() }, "subject": {} });
        assert!(!super::super::schemas::faults(&broken).is_empty());
    }
}
