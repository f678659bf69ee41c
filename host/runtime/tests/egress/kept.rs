//! Answers that are asked for again by their entity tag.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use novacron_cicd_contract::bindings::novacron::cicd::types::{Attribute, Capture, CaptureSource, Request, Window};
use novacron_cicd_runtime::egress::SlotKind;

use crate::support::{Build, Server, Setup, answer_header, body, reply, request};

fn kept(mut sent: Request) -> Request {
    sent.more = vec![Attribute { key: "novacron.cache".into(), value: "revalidate".into() }];
    sent
}

/// Answers with the version that stands in `version`, or that it is the same; and what is left of a limit.
async fn versions(version: Arc<AtomicUsize>) -> Server {
    let asked = AtomicUsize::new(0);
    Server::start(move |seen| {
        let left = (100 - asked.fetch_add(1, Ordering::SeqCst)).to_string();
        let version = version.load(Ordering::SeqCst);
        let tag = format!("\"v{version}\"");
        if seen.header("if-none-match") == Some(&tag) {
            return reply(304, &[("etag", &tag), ("x-left", &left)], "");
        }
        let sent = seen.header("authorization").unwrap_or_default();
        reply(200, &[("etag", &tag), ("x-left", &left), ("x-kind", "list")], format!("version {version} for {sent}"))
    })
    .await
}

#[tokio::test]
async fn what_has_not_changed_is_given_again_with_what_the_platform_says_now() {
    let version = Arc::new(AtomicUsize::new(1));
    let server = versions(version.clone()).await;
    let setup = Setup::new(&server.url()).slot("token", SlotKind::Bearer, None, "t0ken-value");
    let door = setup.door();
    // The version that is there, what is given, what is left, whether it was kept.
    let rows = [(1, 1, "100", false), (1, 1, "99", true), (2, 2, "98", false), (2, 2, "97", true)];
    for (there, given, left, again) in rows {
        version.store(there, Ordering::SeqCst);
        let response = door.send(&setup.scope(), kept(request("GET", "/runs").with("token"))).await.unwrap();
        assert_eq!((response.status, body(&response)), (200, format!("version {given} for Bearer ***").as_str()));
        assert_eq!(
            (answer_header(&response, "x-left"), answer_header(&response, "x-kind")),
            (Some(left), Some("list"))
        );
        assert_eq!(!response.more.is_empty(), again, "{there}");
    }
    let statuses: Vec<_> = setup.host.records.lock().unwrap().iter().map(|record| record.outcome).collect();
    assert_eq!(statuses, [Ok(200), Ok(304), Ok(200), Ok(304)], "the record says what the platform said");
}

#[tokio::test]
async fn nothing_is_kept_that_was_not_asked_to_be_or_must_not_be() {
    let server = versions(Arc::new(AtomicUsize::new(1))).await;
    let setup = Setup::new(&server.url()).slot("token", SlotKind::Bearer, None, "t0ken-value").slot(
        "other",
        SlotKind::Bearer,
        None,
        "0ther-value",
    );
    let door = setup.door();
    let first = door.send(&setup.scope(), kept(request("GET", "/runs").with("token"))).await.unwrap();
    assert!(first.more.is_empty());
    let captures = vec![Capture {
        source: CaptureSource::Header("x-kind".into()),
        into: "kind".into(),
        expires_pointer: None,
        public: false,
    }];
    let rows = [
        ("not asked", request("GET", "/runs").with("token")),
        ("another account", kept(request("GET", "/runs").with("other"))),
        ("no account", kept(request("GET", "/runs"))),
        ("another address", kept(request("GET", "/runs?page=2").with("token"))),
        ("a change", kept(request("POST", "/runs").with("token"))),
        (
            "a window",
            Request { window: Some(Window { skip: 0, limit: 4 }), ..kept(request("GET", "/runs").with("token")) },
        ),
        ("a capture", Request { captures, ..kept(request("GET", "/runs").with("token")) }),
    ];
    for (why, sent) in rows {
        let response = door.send(&setup.scope(), sent).await.unwrap();
        assert!(response.status == 200 && response.more.is_empty(), "{why}");
    }
    assert!(server.seen().iter().all(|seen| seen.header("if-none-match").is_none()), "nobody was asked so");
    door.forget(setup.provider.id);
    door.send(&setup.scope(), kept(request("GET", "/runs").with("token"))).await.unwrap();
    assert!(server.seen().last().unwrap().header("if-none-match").is_none(), "a provider that was changed starts anew");
    let again = door.send(&setup.scope(), kept(request("GET", "/runs").with("token"))).await.unwrap();
    assert!(!again.more.is_empty());
}
