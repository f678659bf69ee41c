//! Static and derived credentials: where they go, and where they do not.

use novacron_cicd_runtime::egress::{SendError, SlotKind};
use novacron_cicd_vault::Secret;

use crate::support::{Build, Server, Setup, request};

#[tokio::test]
async fn each_kind_has_its_place() {
    let rows = [
        (SlotKind::Bearer, None, "authorization", "Bearer t0ken-value"),
        (SlotKind::Basic, Some("user"), "authorization", "Basic dXNlcjp0MGtlbi12YWx1ZQ=="),
        (SlotKind::Header, None, "x-api-key", "t0ken-value"),
    ];
    for (kind, username, header, expected) in rows {
        let server = Server::fine().await;
        let setup = Setup::new(&server.url()).slot("token", kind, username, "t0ken-value");
        let (door, scope) = (setup.door(), setup.scope());
        door.send(&scope, request("GET", "/a").with("token")).await.unwrap();
        door.send(&scope, request("GET", "/b")).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen[0].header(header), Some(expected), "{kind:?}");
        assert_eq!(seen[1].header(header), None, "{kind:?}: none was asked for");
        assert!(seen[0].header("user-agent").is_some_and(|agent| agent.starts_with("novacron-cicd/")));
    }
}

#[tokio::test]
async fn a_credential_goes_to_the_origin_it_is_bound_to_and_no_other() {
    let (server, uploads) = (Server::fine().await, Server::fine().await);
    let mut setup =
        Setup::new(&server.url()).origin(&uploads.url()).slot("token", SlotKind::Bearer, None, "t0ken-value");
    let sent = || request("POST", format!("{}/upload", uploads.url())).with("token");
    let scope = setup.scope();
    let error = setup.door().send(&scope, sent()).await.unwrap_err();
    assert!(matches!(error, SendError::Denied { .. }), "{error:?}");
    assert!(uploads.seen().is_empty() && !scope.change_sent());

    // Without the credential it may be sent, and with it once the manifest binds it there too.
    setup.door().send(&setup.scope(), request("POST", format!("{}/upload", uploads.url()))).await.unwrap();
    setup.wants.slots.get_mut("token").unwrap().origins.push(uploads.url());
    setup.door().send(&setup.scope(), sent()).await.unwrap();
    let seen: Vec<_> = uploads.seen().iter().map(|seen| seen.header("authorization").is_some()).collect();
    assert_eq!(seen, [false, true]);
}

#[tokio::test]
async fn a_slot_that_can_not_authenticate_is_refused_before_anything_is_sent() {
    let server = Server::fine().await;
    let mut setup = Setup::new(&server.url())
        .slot("signing", SlotKind::Hmac, None, "signing-key")
        .slot("app-key", SlotKind::Key, None, "-----BEGIN")
        .slot("empty", SlotKind::Bearer, None, "x")
        .slot("gone", SlotKind::Bearer, None, "x")
        .slot("broken", SlotKind::Header, None, "two\r\nlines: of it")
        .slot("app", SlotKind::Exchange, None, "t0ken-value");
    setup.provider.credentials.remove("empty");
    setup.host.secrets.lock().unwrap().remove("gone");
    for (slot, word) in [
        ("signing", "holds a key"),
        ("app-key", "holds a key"),
        ("empty", "has nothing in its slot"),
        ("gone", "there is none of that name"),
        ("broken", "can't stand in the header"),
        ("unknown", "has no slot"),
    ] {
        let error = setup.door().send(&setup.scope(), request("GET", "/").with(slot)).await.unwrap_err();
        assert!(matches!(&error, SendError::NoSuchCredential(text) if text.contains(word)), "{slot}: {error:?}");
    }
    let error = setup.door().send(&setup.scope(), request("GET", "/").with("app")).await.unwrap_err();
    assert!(matches!(&error, SendError::LoginFailed(text) if text.contains("the login")), "{error:?}");
    setup.host.secrets.lock().unwrap().clear();
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn what_a_key_made_is_a_credential_for_its_call_alone() {
    let server = Server::start(|seen| {
        let echo = seen.header("authorization").or(seen.header("x-signed")).unwrap_or("nothing").to_owned();
        crate::support::reply(200, &[], echo)
    })
    .await;
    let mut setup = Setup::new(&server.url()).slot("key", SlotKind::Key, None, "-----BEGIN").slot(
        "hmac",
        SlotKind::Hmac,
        None,
        "signing-key",
    );
    setup.wants.slots.get_mut("hmac").unwrap().header = Some("x-signed".into());
    let (door, scope) = (setup.door(), setup.scope());
    let bearer = scope.derive_bearer("key", Secret::new("header.claims.signature"));
    let header = scope.derive_header("hmac", Secret::new("d1gest-value")).unwrap();
    assert!(scope.derive_header("key", Secret::new("d1gest-value")).is_none(), "the manifest names no header for it");
    for (slot, name, expected) in
        [(&bearer, "authorization", "Bearer header.claims.signature"), (&header, "x-signed", "d1gest-value")]
    {
        let response = door.send(&scope, request("GET", "/").with(slot)).await.unwrap();
        assert_eq!(server.seen().last().unwrap().header(name), Some(expected));
        assert!(!crate::support::body(&response).contains(expected.rsplit(' ').next().unwrap()), "echoed");
    }
    let error = door.send(&setup.scope(), request("GET", "/").with(&bearer)).await.unwrap_err();
    assert!(matches!(error, SendError::NoSuchCredential(_)), "{error:?}");
}
