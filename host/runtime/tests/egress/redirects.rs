//! Redirects: each hop is checked like a first request, and no credential crosses an origin.

use novacron_cicd_contract::bindings::novacron::cicd::types::{Redirects, Signature, SignedPart};
use novacron_cicd_runtime::egress::{SendError, SlotKind};

use crate::support::{Build, Server, Setup, body, reply, request};

/// A server that sends `/from` to `location` with `status`, and answers everything else.
async fn redirecting(status: u16, location: &str) -> Server {
    let location = location.to_owned();
    Server::start(move |seen| match seen.target.as_str() {
        "/from" => reply(status, &[("location", &location)], "moved"),
        _ => reply(200, &[], "arrived"),
    })
    .await
}

#[tokio::test]
async fn a_redirect_to_another_origin_carries_no_credential() {
    let files = Server::fine().await;
    let server = redirecting(302, &format!("{}/blob?sig=presigned", files.url())).await;
    for kind in [SlotKind::Bearer, SlotKind::Basic, SlotKind::Header] {
        let setup = Setup::new(&server.url())
            .redirect_host(files.address.to_string())
            .slot("token", kind, Some("user"), "t0ken-value")
            .slot("signing", SlotKind::Hmac, None, "signing-key");
        let mut sent =
            request("GET", "/from").with("token").following().header("accept", "text/plain").header("x-note", "mine");
        sent.signatures.push(Signature {
            header: "x-signature".into(),
            prefix: String::new(),
            key: "signing".into(),
            algorithm: "hmac-sha256".into(),
            encoding: "hex".into(),
            message: vec![SignedPart::Body],
        });
        let response = setup.door().send(&setup.scope(), sent).await.unwrap();
        assert_eq!((response.status, body(&response)), (200, "fine"));
        assert_eq!(response.final_url, format!("{}/blob", files.url()), "the query of another origin is not shown");

        let first = server.seen().pop().unwrap();
        assert!(first.header("x-signature").is_some() && first.header("x-note").is_some());
        assert!(first.header("authorization").or(first.header("x-api-key")).is_some(), "{kind:?}");
        let second = files.seen().pop().unwrap();
        assert_eq!((second.line().as_str(), second.header("accept")), ("GET /blob?sig=presigned", Some("text/plain")));
        for name in ["authorization", "x-api-key", "cookie", "x-signature", "x-note", "referer"] {
            assert_eq!(second.header(name), None, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_credential_that_was_dropped_does_not_come_back() {
    // Out to a redirect host, and from there to the base URL again: anybody could make us ask anything there.
    let back = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let target = back.clone();
    let files = Server::start(move |_| reply(302, &[("location", target.get().unwrap())], "")).await;
    let server = redirecting(302, &format!("{}/there", files.url())).await;
    back.set(format!("{}/again", server.url())).unwrap();
    let setup = Setup::new(&server.url()).redirect_host(files.address.to_string()).slot(
        "token",
        SlotKind::Bearer,
        None,
        "t0ken-value",
    );
    setup.door().send(&setup.scope(), request("GET", "/from").with("token").following()).await.unwrap();
    let authorized: Vec<_> =
        server.seen().iter().map(|seen| (seen.line(), seen.header("authorization").is_some())).collect();
    assert_eq!(authorized, [("GET /from".to_owned(), true), ("GET /again".to_owned(), false)]);
}

#[tokio::test]
async fn a_credential_stays_on_its_own_origin() {
    let server = redirecting(302, "/to?page=2").await;
    let setup = Setup::new(&server.url()).slot("token", SlotKind::Bearer, None, "t0ken-value");
    let response = setup.door().send(&setup.scope(), request("GET", "/from").with("token").following()).await.unwrap();
    assert_eq!(body(&response), "arrived");
    assert_eq!(response.final_url, format!("{}/to?page=2", server.url()));
    assert_eq!(server.seen()[1].header("authorization"), Some("Bearer t0ken-value"));
}

#[tokio::test]
async fn a_redirect_is_denied_where_a_request_would_be() {
    let other = Server::fine().await;
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://metadata.test/",
        &other.url(),
        "//127.0.0.2/",
        "http://user:password@127.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
    ] {
        let server = redirecting(302, location).await;
        // The operator let the metadata service in by name and by network: its address stays shut.
        let mut setup = Setup::new(&server.url())
            .redirect_host("169.254.169.254")
            .redirect_host("metadata.test")
            .name("metadata.test", &[[169, 254, 169, 254]]);
        setup.provider.grants.private_networks.push("169.254.0.0/16".into());
        let error = setup.door().send(&setup.scope(), request("GET", "/from").following()).await.unwrap_err();
        assert!(matches!(error, SendError::Denied { .. }), "{location}: {error:?}");
        assert_eq!(server.lines(), ["GET /from"]);
    }
    assert_eq!(other.lines().len(), 0);
}

#[tokio::test]
async fn a_changing_request_is_not_sent_again_by_a_redirect() {
    let other = Server::fine().await;
    let away = format!("{}/to", other.url());
    // Status, location, mode: what the guest gets, and what the servers saw.
    let rows: [(u16, &str, Redirects, u16, &[&str]); 12] = [
        (302, "/to", Redirects::None, 302, &["POST /from"]),
        (301, "/to", Redirects::Follow, 301, &["POST /from"]),
        (302, "/to", Redirects::Follow, 302, &["POST /from"]),
        (303, "/to", Redirects::Follow, 200, &["POST /from", "GET /to"]),
        (307, "/to", Redirects::Follow, 200, &["POST /from", "POST /to"]),
        (308, &away, Redirects::Follow, 308, &["POST /from"]),
        (303, &away, Redirects::Follow, 303, &["POST /from"]),
        (303, "http://169.254.169.254/", Redirects::Follow, 303, &["POST /from"]),
        (301, "/to", Redirects::SameMethod, 200, &["POST /from", "POST /to"]),
        (302, "/to", Redirects::SameMethod, 200, &["POST /from", "POST /to"]),
        (303, "/to", Redirects::SameMethod, 303, &["POST /from"]),
        (301, &away, Redirects::SameMethod, 301, &["POST /from"]),
    ];
    for (status, location, mode, expected, lines) in rows {
        let server = redirecting(status, location).await;
        let setup = Setup::new(&server.url());
        let mut sent = request("POST", "/from").text("body").header("content-type", "text/plain");
        sent.redirects = mode;
        let response = setup.door().send(&setup.scope(), sent).await.unwrap();
        assert_eq!(response.status, expected, "{status} {location} {mode:?}");
        assert_eq!(server.lines(), lines, "{status} {location} {mode:?}");
        for seen in server.seen() {
            let (expected, typed) = if seen.method == "POST" { ("body", true) } else { ("", false) };
            assert_eq!((seen.body.as_slice(), seen.header("content-type").is_some()), (expected.as_bytes(), typed));
        }
    }
    assert_eq!(other.lines().len(), 0);
}

#[tokio::test]
async fn at_most_five_redirects_are_followed() {
    let server = Server::start(|seen| {
        let left: u32 = seen.target.trim_start_matches('/').parse().unwrap();
        match left {
            0 => reply(200, &[], "arrived"),
            _ => reply(302, &[("location", &format!("/{}", left - 1))], ""),
        }
    })
    .await;
    let setup = Setup::new(&server.url());
    let (door, scope) = (setup.door(), setup.scope());
    assert_eq!(door.send(&scope, request("GET", "/5").following()).await.unwrap().status, 200);
    let error = door.send(&scope, request("GET", "/6").following()).await.unwrap_err();
    assert!(matches!(error, SendError::Other(_)), "{error:?}");
    assert_eq!(scope.spent().0, 12, "every hop costs a request");
}

#[tokio::test]
async fn a_transfer_is_redirected_to_a_redirect_host_without_its_credential() {
    use futures_util::TryStreamExt as _;
    let files =
        Server::start(|_| reply(200, &[("set-cookie", "a=b"), ("x-echo", "t0ken-value")], "artifact bytes")).await;
    let server = redirecting(302, &format!("{}/blob?sig=1", files.url())).await;
    let setup = Setup::new(&server.url()).redirect_host(files.address.to_string()).slot(
        "token",
        SlotKind::Bearer,
        None,
        "t0ken-value",
    );
    let scope = setup.scope();
    let answer = setup.door().stream(&scope, request("GET", "/from").with("token").following()).await.unwrap();
    assert_eq!((answer.status, answer.length), (200, Some(14)));
    assert_eq!(answer.final_url, format!("{}/blob", files.url()));
    let shown: Vec<_> = answer.headers.iter().map(|header| header.value.as_str()).collect();
    assert!(shown.contains(&"a=***") && shown.contains(&"***"), "{shown:?}");
    let pieces: Vec<_> = answer.body.try_collect().await.unwrap();
    assert_eq!(pieces.concat(), b"artifact bytes");
    assert_eq!(files.seen()[0].header("authorization"), None);
    assert_eq!(files.seen()[0].header("accept-encoding"), None, "digests are of the bytes as they are sent");
    assert_eq!(setup.host.records.lock().unwrap().last().unwrap().received, 14);
}
