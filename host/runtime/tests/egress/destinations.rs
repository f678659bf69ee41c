//! Where a request may go, seen from the servers that must not see it.

use std::sync::atomic::Ordering;

use novacron_cicd_runtime::egress::SendError;

use crate::support::{Build, LOOPBACK, Server, Setup, request};

#[tokio::test]
async fn hostile_destinations_are_denied_even_as_the_base_url() {
    // Everything is granted that can be: link-local, unspecified and disguised addresses stay shut.
    let everything = ["0.0.0.0/0", "::/0"];
    for (url, grants) in [
        ("http://169.254.169.254/", &everything[..]),
        ("http://[::ffff:169.254.169.254]/", &everything[..]),
        ("http://[::169.254.169.254]/", &everything[..]),
        ("http://[64:ff9b::a9fe:a9fe]/", &everything[..]),
        ("http://2852039166/", &everything[..]),
        ("http://0xa9fea9fe/", &everything[..]),
        ("http://0251.0376.0251.0376/", &everything[..]),
        ("http://0/", &everything[..]),
        ("http://0.0.0.0/", &everything[..]),
        ("http://[::]/", &everything[..]),
        ("http://metadata.test/", &everything[..]),
        // Loopback and private, without a grant.
        ("http://2130706433/", &[][..]),
        ("http://127.1/", &[][..]),
        ("http://127.0.0.1./", &[][..]),
        ("http://[::1]/", &[][..]),
        ("http://[::ffff:127.0.0.1]/", &[][..]),
        ("http://localhost/", &[][..]),
        ("http://localhost./", &[][..]),
        ("http://10.0.0.7/", &[][..]),
        ("http://inside.test/", &[][..]),
    ] {
        let mut setup = Setup::new(url)
            .name("metadata.test", &[[169, 254, 169, 254]])
            .name("localhost", &[[127, 0, 0, 1]])
            .name("inside.test", &[[10, 0, 0, 7]]);
        setup.provider.grants.private_networks = grants.iter().map(|&grant| grant.to_owned()).collect();
        let scope = setup.scope();
        let error = setup.door().send(&scope, request("POST", "/")).await.unwrap_err();
        assert!(matches!(error, SendError::Denied { .. }), "{url}: {error:?}");
        assert!(!scope.change_sent(), "{url}");
    }
}

#[tokio::test]
async fn a_name_is_dialled_only_at_addresses_that_are_granted() {
    let server = Server::fine().await;
    let url = format!("http://ci.test:{}", server.address.port());
    let mut setup = Setup::new(&url).name("ci.test", &[[169, 254, 169, 254], [10, 0, 0, 1], [127, 0, 0, 1]]);

    setup.provider.grants.private_networks.clear();
    let error = setup.door().send(&setup.scope(), request("GET", "/")).await.unwrap_err();
    let SendError::Denied { what, allow } = error else { panic!("{error:?}") };
    assert!(what.contains("ci.test"), "{what}");
    assert!(allow.unwrap().contains("/32"));
    assert_eq!(server.lines(), [""; 0]);

    setup.provider.grants.private_networks.push(LOOPBACK.into());
    let response = setup.door().send(&setup.scope(), request("GET", "/")).await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(server.lines(), ["GET /"]);
    assert_eq!(setup.names.lookups.load(Ordering::SeqCst), 2, "one lookup for one dial: there is nothing to rebind");
}

#[tokio::test]
async fn an_origin_that_is_not_allowed_is_not_even_dialled() {
    let (server, other) = (Server::fine().await, Server::fine().await);
    let setup =
        Setup::new(&server.url()).slot("token", novacron_cicd_runtime::egress::SlotKind::Bearer, None, "t0ken-value");
    let door = setup.door();
    for url in [
        format!("{}/x?secret=1", other.url()),
        format!("https://{}/x", server.address),
        format!("http://localhost:{}/", server.address.port()),
        format!("http://127.0.0.1.evil.test:{}/", server.address.port()),
    ] {
        let scope = setup.scope();
        let error = door.send(&scope, request("GET", &url).with("token")).await.unwrap_err();
        assert!(matches!(error, SendError::Denied { .. }), "{url}: {error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(scope.spent(), (0, 0));
    }
    assert_eq!((server.lines().len(), other.lines().len()), (0, 0));
    assert_eq!(setup.names.lookups.load(Ordering::SeqCst), 0);

    let records = setup.host.records.lock().unwrap();
    assert_eq!(records.len(), 4);
    assert!(records.iter().all(|record| record.outcome == Err("egress.denied")));
    assert_eq!(records[0].origin, other.url());
}

#[tokio::test]
async fn a_pure_function_sends_nothing() {
    let server = Server::fine().await;
    let mut setup = Setup::new(&server.url());
    setup.pure = true;
    let error = setup.door().send(&setup.scope(), request("GET", "/")).await.unwrap_err();
    assert!(matches!(&error, SendError::Denied { what, .. } if what.contains("pure")), "{error:?}");
    assert_eq!(server.lines().len(), 0);
}

#[tokio::test]
async fn a_spent_budget_sends_nothing_more() {
    let server = Server::fine().await;
    let mut setup = Setup::new(&server.url());
    setup.budget.requests = 2;
    let (door, scope) = (setup.door(), setup.scope());
    for _ in 0..2 {
        door.send(&scope, request("GET", "/")).await.unwrap();
    }
    let error = door.send(&scope, request("GET", "/")).await.unwrap_err();
    assert!(matches!(error, SendError::Budget(_)), "{error:?}");
    assert_eq!(server.lines().len(), 2);

    setup.budget.requests = 64;
    setup.budget.bytes = 10;
    let scope = setup.scope();
    let error = door.send(&scope, request("POST", "/").text("eleven bytes")).await.unwrap_err();
    assert!(matches!(error, SendError::Budget(_)), "{error:?}");
    assert_eq!(server.lines().len(), 2);
    assert!(!scope.change_sent());
}

#[tokio::test]
async fn a_record_says_what_was_sent_and_shows_nothing_of_it() {
    let server = Server::fine().await;
    let setup =
        Setup::new(&server.url()).slot("token", novacron_cicd_runtime::egress::SlotKind::Bearer, None, "t0ken-value");
    let sent = request("POST", "/hooks/p4th-token?query=1").with("token").header("x-note", "n0te").text("b0dy!");
    setup.door().send(&setup.scope(), sent).await.unwrap();
    let records = setup.host.records.lock().unwrap();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((record.method.as_str(), &record.origin, &record.outcome), ("POST", &server.url(), &Ok(200)));
    assert_eq!((record.function.as_str(), record.plugin.as_str()), ("runs.trigger", "test"));
    assert_eq!((record.sent, record.received), (5, 4));
    let shown = format!("{record:?}");
    for hidden in ["t0ken", "p4th", "query", "n0te", "b0dy"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}
