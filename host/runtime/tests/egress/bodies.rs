//! Secrets in bodies, and signatures over what is really sent.

use novacron_cicd_contract::bindings::novacron::cicd::types::{
    BodyPart, Capture, CaptureSource, Request, SecretPart, Signature, SignedPart,
};
use novacron_cicd_domain::Timestamp;
use novacron_cicd_runtime::egress::{SendError, SlotKind};
use novacron_cicd_vault::{
    Secret,
    sign::{WebhookHeaders, verify_standard_webhooks},
};

use crate::support::{Build, Server, Setup, body, reply, request};

fn secret(reference: &str, escape: &str, seal_to: Option<&str>) -> BodyPart {
    BodyPart::Secret(SecretPart {
        secret: reference.into(),
        escape: escape.into(),
        seal_to: seal_to.map(str::to_owned),
    })
}

type IsExpected = fn(&SendError) -> bool;

/// Says what it got, which is what a guest would use to see a secret.
async fn echo() -> Server {
    Server::start(|seen| {
        let mut headers = vec![("x-echo", seen.header("authorization").unwrap_or_default())];
        headers.retain(|(_, value)| !value.is_empty());
        reply(200, &headers, seen.body.clone())
    })
    .await
}

#[tokio::test]
async fn a_secret_is_filled_in_escaped_and_never_comes_back() {
    let server = echo().await;
    let mut setup = Setup::new(&server.url());
    setup.secrets.insert("deploy".into(), "p\"ss & <w\u{f6}rd>".into());
    let rows = [
        ("none", "[p\"ss & <w\u{f6}rd>]"),
        ("json", "[p\\\"ss & <w\u{f6}rd>]"),
        ("xml", "[p&quot;ss &amp; &lt;w\u{f6}rd&gt;]"),
        ("form", "[p%22ss+%26+%3Cw%C3%B6rd%3E]"),
        ("percent", "[p%22ss%20%26%20%3Cw%C3%B6rd%3E]"),
        ("base64", "[cCJzcyAmIDx3w7ZyZD4=]"),
    ];
    for (escape, expected) in rows {
        let mut sent = request("POST", "/secrets");
        sent.body = vec![BodyPart::Bytes(b"[".into()), secret("deploy", escape, None), BodyPart::Bytes(b"]".into())];
        let response = setup.door().send(&setup.scope(), sent).await.unwrap();
        assert_eq!(String::from_utf8(server.seen().pop().unwrap().body).unwrap(), expected, "{escape}");
        assert_eq!(body(&response), "[***]", "{escape}");
    }
}

#[tokio::test]
async fn the_user_name_of_a_slot_goes_into_a_body_where_the_secret_may() {
    let server = echo().await;
    for (username, in_bodies, expected) in
        [(Some("ci & co"), true, Some("user=ci+%26+co&pass=p4ss-value")), (None, true, None), (Some("ci"), false, None)]
    {
        let mut setup = Setup::new(&server.url()).slot("login", SlotKind::Basic, username, "p4ss-value");
        setup.wants.slots.get_mut("login").unwrap().body = in_bodies;
        let mut sent = request("POST", "/");
        let text = |text: &str| BodyPart::Bytes(text.into());
        let (user, pass) = (secret("slot-user:login", "form", None), secret("slot:login", "form", None));
        sent.body = vec![text("user="), user, text("&pass="), pass];
        match (setup.door().send(&setup.scope(), sent).await, expected) {
            (Ok(response), Some(expected)) => {
                assert_eq!(server.seen().pop().unwrap().body, expected.as_bytes());
                assert_eq!(body(&response), "user=ci+%26+co&pass=***", "who we are is no secret");
            }
            (Err(error), None) => assert!(matches!(error, SendError::NoSuchCredential(_)), "{error:?}"),
            (got, _) => panic!("{username:?} {in_bodies}: {got:?}"),
        }
    }
}

#[tokio::test]
async fn text_that_looks_like_a_placeholder_is_text() {
    let server = echo().await;
    let mut setup = Setup::new(&server.url());
    setup.secrets.insert("deploy".into(), "the-real-value".into());
    let sent = request("POST", "/").text("${deploy} {{deploy}} slot:deploy secret(deploy)");
    setup.door().send(&setup.scope(), sent).await.unwrap();
    assert_eq!(server.seen()[0].body, b"${deploy} {{deploy}} slot:deploy secret(deploy)");
}

#[tokio::test]
async fn a_secret_of_another_call_or_for_another_origin_is_not_filled_in() {
    let (server, other) = (echo().await, echo().await);
    let mut setup = Setup::new(&server.url()).origin(&other.url()).slot("app", SlotKind::Exchange, None, "pass&word-1");
    setup.secrets.insert("deploy".into(), "the-real-value".into());
    let with = |url: &str, reference: &str| {
        let mut sent = request("POST", url);
        sent.body.push(secret(reference, "none", None));
        sent
    };
    let rows: [(Request, IsExpected); 4] = [
        (with("/", "other"), |error| matches!(error, SendError::NoSuchCredential(_))),
        // What the manifest does not let into bodies may be named by a login alone.
        (with("/", "slot:app"), |error| matches!(error, SendError::NoSuchCredential(_))),
        (with("/", "slot:unknown"), |error| matches!(error, SendError::NoSuchCredential(_))),
        (with(&other.url(), "deploy"), |error| matches!(error, SendError::Denied { .. })),
    ];
    for (sent, expected) in rows {
        let error = setup.door().send(&setup.scope(), sent).await.unwrap_err();
        assert!(expected(&error), "{error:?}");
    }
    assert_eq!((server.seen().len(), other.seen().len()), (0, 0));

    setup.wants.slots.get_mut("app").unwrap().body = true;
    setup.door().send(&setup.scope(), with("/", "slot:app")).await.unwrap();
    assert_eq!(server.seen()[0].body, b"pass&word-1");
}

#[tokio::test]
async fn a_signature_is_made_over_the_filled_body() {
    let server = Server::fine().await;
    for key in ["plain-signing-key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        let mut setup = Setup::new(&server.url()).slot("signing", SlotKind::Hmac, None, key);
        setup.secrets.insert("callback".into(), "ncr_callback-token".into());
        let mut sent = request("POST", "/hook").header("webhook-id", "msg_1").header("webhook-timestamp", "1700000000");
        sent.body = vec![
            BodyPart::Bytes(br#"{"token":""#.into()),
            secret("callback", "json", None),
            BodyPart::Bytes(br#""}"#.into()),
        ];
        sent.signatures.push(Signature {
            header: "webhook-signature".into(),
            prefix: "v1,".into(),
            key: "signing".into(),
            algorithm: "hmac-sha256".into(),
            encoding: "base64".into(),
            message: vec![SignedPart::Text("msg_1.1700000000.".into()), SignedPart::Body],
        });
        setup.door().send(&setup.scope(), sent).await.unwrap();
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.body, br#"{"token":"ncr_callback-token"}"#);
        let headers = WebhookHeaders {
            id: seen.header("webhook-id").unwrap(),
            timestamp: seen.header("webhook-timestamp").unwrap(),
            signature: seen.header("webhook-signature").unwrap(),
        };
        let (key, now) = (Secret::new(key), Timestamp(1_700_000_001_000));
        verify_standard_webhooks(&[&key], headers, &seen.body, now, 300).unwrap();
        assert!(verify_standard_webhooks(&[&key], headers, b"another body", now, 300).is_err());
    }
}

#[tokio::test]
async fn a_key_signs_only_for_its_own_origin_and_only_if_it_is_one() {
    let (server, other) = (Server::fine().await, Server::fine().await);
    let setup = Setup::new(&server.url())
        .origin(&other.url())
        .slot("signing", SlotKind::Hmac, None, "signing-key")
        .slot("token", SlotKind::Bearer, None, "t0ken-value");
    for (url, key) in [(other.url(), "signing"), (server.url(), "token"), (server.url(), "unknown")] {
        let mut sent = request("POST", url);
        sent.signatures.push(Signature {
            header: "x-signature".into(),
            prefix: String::new(),
            key: key.into(),
            algorithm: "hmac-sha256".into(),
            encoding: "hex".into(),
            message: vec![SignedPart::Body],
        });
        let error = setup.door().send(&setup.scope(), sent).await.unwrap_err();
        assert!(matches!(error, SendError::Denied { .. } | SendError::NoSuchCredential(_)), "{key}: {error:?}");
    }
    assert_eq!((server.seen().len(), other.seen().len()), (0, 0));
}

#[tokio::test]
async fn a_secret_is_sealed_to_the_key_that_the_platform_gave() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let private = crypto_box::SecretKey::from_bytes([3; 32]);
    let public = STANDARD.encode(private.public_key().as_bytes());
    let shown = public.clone();
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/public-key" => reply(200, &[], format!(r#"{{"key_id":"1","key":"{shown}"}}"#)),
        _ => reply(201, &[], ""),
    })
    .await;
    let mut setup = Setup::new(&server.url());
    setup.secrets.insert("deploy".into(), "the-real-value".into());
    let (door, scope) = (setup.door(), setup.scope());

    let mut put = request("PUT", "/secrets/X");
    put.body.push(secret("deploy", "base64", Some("repo-key")));
    let error = door.send(&scope, put.clone()).await.unwrap_err();
    assert!(matches!(error, SendError::NoSuchCredential(_)), "no key was captured yet: {error:?}");

    let mut get = request("GET", "/public-key");
    get.captures.push(Capture {
        source: CaptureSource::Pointer("/key".into()),
        into: "repo-key".into(),
        expires_pointer: None,
        public: true,
    });
    let response = door.send(&scope, get).await.unwrap();
    assert!(body(&response).contains(&public), "a public key is not blanked");
    assert_eq!(door.send(&scope, put).await.unwrap().status, 201);
    let sealed = STANDARD.decode(server.seen().pop().unwrap().body).unwrap();
    assert_eq!(private.unseal(&sealed).unwrap(), b"the-real-value");
}
