//! What stands between us and a platform: a proxy, a gate that wants headers of its own.

use std::sync::{Arc, Mutex};

use novacron_cicd_domain::provider::Proxy;
use novacron_cicd_runtime::egress::{ProviderScope, SendError, SlotKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    support::{Build as _, Server, Setup, body, reply, request},
    tls,
};

fn proxied(mut setup: Setup, url: String) -> Setup {
    setup.host.secrets.lock().unwrap().insert("proxy-password".into(), "pr0xy-value".into());
    setup.provider.grants.proxy =
        Some(Proxy { url, username: Some("nova".into()), secret: Some("proxy-password".into()) });
    setup
}

/// A proxy that makes tunnels to `port` of this machine, whatever it is asked for; the heads that it saw.
async fn tunnels(port: u16, allowed: bool) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://proxy.test:{}", listener.local_addr().unwrap().port());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            seen.lock().unwrap().push(String::from_utf8(head).unwrap());
            if !allowed {
                stream.write_all(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                continue;
            }
            stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
            let mut platform = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::io::copy_bidirectional(&mut stream, &mut platform).await.ok();
        }
    });
    (url, heads)
}

#[tokio::test]
async fn a_proxy_takes_what_is_plain_and_resolves_the_name_itself() {
    let proxy = Server::start(|seen| reply(200, &[], format!("sent to {}", seen.target))).await;
    // Nobody here knows the platform's name; the proxy stands in a network that the provider may not dial by itself.
    let mut setup = Setup::new("http://ci.test:8080/jenkins").slot("token", SlotKind::Bearer, None, "t0ken-value");
    setup.provider.grants.private_networks.clear();
    let setup = proxied(setup, proxy.url());
    let response = setup.door().send(&setup.scope(), request("GET", "/api/json?q=1").with("token")).await.unwrap();
    assert_eq!(body(&response), "sent to http://ci.test:8080/jenkins/api/json?q=1");
    let seen = proxy.seen();
    assert_eq!(seen[0].header("proxy-authorization"), Some("Basic bm92YTpwcjB4eS12YWx1ZQ=="));
    assert_eq!(seen[0].header("authorization"), Some("Bearer t0ken-value"));
    // It is a way, not a right: where a guest may go stays as it was.
    for url in ["http://other.test/", "http://169.254.169.254/latest", "http://127.0.0.1:9/"] {
        let refused = setup.door().send(&setup.scope(), request("GET", url)).await.unwrap_err();
        assert!(matches!(refused, SendError::Denied { .. }), "{url}: {refused:?}");
    }
    assert_eq!(proxy.seen().len(), 1);
    // Another password is used from the next request on.
    setup.host.secrets.lock().unwrap().insert("proxy-password".into(), "an0ther".into());
    let door = setup.door();
    for password in ["an0ther", "third"] {
        setup.host.secrets.lock().unwrap().insert("proxy-password".into(), password.into());
        door.send(&setup.scope(), request("GET", "/")).await.unwrap();
    }
    let sent: Vec<_> =
        proxy.seen()[1..].iter().map(|seen| seen.header("proxy-authorization").map(str::to_owned)).collect();
    assert_ne!(sent[0], sent[1]);
}

#[tokio::test]
async fn through_a_proxy_what_is_encrypted_stays_so_and_a_refusal_is_nothing_sent() {
    for allowed in [true, false] {
        let (port, answered) = tls::server().await;
        let (url, heads) = tunnels(port, allowed).await;
        let mut setup = Setup::new("https://ci.test/").name("proxy.test", &[[127, 0, 0, 1]]);
        setup.provider.grants.private_networks.clear();
        setup.provider.grants.authorities = Some(tls::AUTHORITY.into());
        let setup = proxied(setup, url);
        let scope = setup.scope();
        let sent = setup.door().send(&scope, request("POST", "/x").text("what the proxy may not read")).await;
        match sent {
            Ok(response) => assert!(allowed && body(&response) == "fine"),
            Err(error) => assert!(!allowed && matches!(error, SendError::NotSent(_)), "{error:?}"),
        }
        assert_eq!(scope.change_sent(), allowed);
        assert_eq!(answered.load(std::sync::atomic::Ordering::SeqCst), usize::from(allowed));
        let heads = heads.lock().unwrap();
        assert!(heads[0].starts_with("CONNECT ci.test:443 HTTP/1.1\r\n"), "{heads:?}");
        assert!(heads[0].to_lowercase().contains("proxy-authorization: basic "), "{heads:?}");
    }
}

#[tokio::test]
async fn a_gate_gets_its_headers_and_nobody_else_does() {
    let blobs = Server::start(|seen| reply(200, &[], format!("{:?}", seen.header("cf-access")))).await;
    let elsewhere = format!("{}/blob", blobs.url());
    let gate = Server::start(move |seen| match (seen.header("cf-access"), seen.target.as_str()) {
        (Some("g4te-value"), "/download") => reply(302, &[("location", &elsewhere)], ""),
        (Some("g4te-value"), _) => reply(200, &[], "let in, cf-access: g4te-value"),
        _ => reply(200, &[], "a page to log in at"),
    })
    .await;
    let mut setup = Setup::new(&gate.url()).origin(&blobs.url());
    setup.host.secrets.lock().unwrap().insert("gate".into(), "g4te-value".into());
    setup.provider.grants.headers.insert("CF-Access".into(), "gate".into());
    let door = setup.door();
    let response = door.send(&setup.scope(), request("GET", "/")).await.unwrap();
    assert_eq!(body(&response), "let in, cf-access: ***");
    let response = door.send(&setup.scope(), request("GET", "/download").following()).await.unwrap();
    assert_eq!(body(&response), "None", "another origin does not get it");
    let refused = door.send(&setup.scope(), request("GET", "/").header("cf-access", "mine")).await.unwrap_err();
    assert!(matches!(refused, SendError::BadRequest(_)), "{refused:?}");
    setup.host.secrets.lock().unwrap().clear();
    let missing = door.send(&setup.scope(), request("GET", "/")).await.unwrap_err();
    assert!(matches!(&missing, SendError::NoSuchCredential(text) if text.contains("header CF-Access")), "{missing:?}");
}

#[test]
fn a_proxy_or_a_header_that_can_not_be_is_refused_before_anything_is_sent() {
    let rows = [
        ("http://proxy.test:3128", true),
        ("https://proxy.test", true),
        ("socks5://proxy.test", false),
        ("http://user:password@proxy.test", false),
        ("http://proxy.test/path", false),
        ("proxy.test:3128", false),
        ("", false),
    ];
    for (url, fine) in rows {
        let setup = proxied(Setup::new("http://ci.test"), url.into());
        let made = ProviderScope::new(setup.provider, setup.wants);
        assert_eq!(made.is_ok(), fine, "{url}: {:?}", made.err());
    }
    for (name, fine) in
        [("X-Gate", true), ("Authorization", false), ("Cookie", false), ("Proxy-X", false), ("a b", false)]
    {
        let mut setup = Setup::new("http://ci.test");
        setup.provider.grants.headers.insert(name.into(), "gate".into());
        let made = ProviderScope::new(setup.provider, setup.wants);
        assert_eq!(made.is_ok(), fine, "{name}: {:?}", made.err());
    }
}
