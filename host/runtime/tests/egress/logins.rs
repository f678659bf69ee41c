//! Exchange and session credentials against a platform that counts.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use novacron_cicd_contract::bindings::{
    exports::novacron::cicd::credentials::{Guard, Login},
    novacron::cicd::types::{BodyPart, Capture, CaptureSource, Request, SecretPart},
};
use novacron_cicd_domain::id::ProviderId;
use novacron_cicd_runtime::egress::{Derived, Described, Door, LoginDescriber, SendError, SlotKind, Upload};

use crate::support::{Build, Host, Seen, Server, Setup, body, reply, request};

/// Says how to log in, and how often it was asked.
struct Guest {
    login: Box<dyn Fn() -> Login + Send + Sync>,
    asked: AtomicUsize,
}

#[async_trait]
impl LoginDescriber for Guest {
    async fn describe_login(&self, _: &str) -> Result<Described, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Described { login: (self.login)(), derived: Derived::new() })
    }
}

type Describe = fn() -> Login;

fn guest(login: impl Fn() -> Login + Send + Sync + 'static) -> Arc<Guest> {
    Arc::new(Guest { login: Box::new(login), asked: AtomicUsize::new(0) })
}

fn capture(source: CaptureSource, into: &str, expires: Option<&str>) -> Capture {
    Capture { source, into: into.into(), expires_pointer: expires.map(str::to_owned), public: false }
}

fn login(requests: Vec<Request>, placement: &str, guards: Vec<Guard>) -> Login {
    Login { requests, placement: placement.into(), lifetime_ms: None, guards, more: Vec::new() }
}

/// `POST /token` with the slot's secret in the body, answered with a token that has an end.
fn exchange() -> Login {
    let mut asked = request("POST", "/token").header("content-type", "application/x-www-form-urlencoded");
    asked.body.push(BodyPart::Bytes(b"client_secret=".into()));
    let part = SecretPart { secret: "slot:app".into(), escape: "form".into(), seal_to: None };
    asked.body.push(BodyPart::Secret(part));
    asked.captures.push(capture(CaptureSource::Pointer("/access_token".into()), "app", Some("/expires_in")));
    login(vec![asked], "bearer", Vec::new())
}

/// A platform whose tokens are numbered; only the newest is good, while `open`.
struct Platform {
    issued: AtomicUsize,
    open: AtomicBool,
}

impl Platform {
    async fn start() -> (Arc<Self>, Server) {
        let platform = Arc::new(Self { issued: AtomicUsize::new(0), open: AtomicBool::new(true) });
        let kept = platform.clone();
        let server = Server::start(move |seen| kept.answer(seen)).await;
        (platform, server)
    }

    fn answer(&self, seen: &Seen) -> axum::http::Response<axum::body::Body> {
        if seen.target == "/token" {
            if seen.body != b"client_secret=pass%26word-1" {
                return reply(401, &[], "no");
            }
            let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
            return reply(200, &[], format!(r#"{{"access_token":"issued-token-{number}","expires_in":3600}}"#));
        }
        let newest = format!("Bearer issued-token-{}", self.issued.load(Ordering::SeqCst));
        let good = seen.header("authorization") == Some(&newest) && self.open.load(Ordering::SeqCst);
        reply(if good { 200 } else { 401 }, &[], format!("{:?}", seen.header("authorization")))
    }

    /// Every token so far is refused from now on.
    fn revoke(&self) {
        self.issued.fetch_add(1, Ordering::SeqCst);
    }
}

fn exchanging(server: &Server) -> (Setup, Arc<Guest>) {
    let guest = guest(exchange);
    let mut setup = Setup::new(&server.url()).slot("app", SlotKind::Exchange, None, "pass&word-1");
    setup.describer = Some(guest.clone());
    (setup, guest)
}

fn logins(server: &Server) -> usize {
    server.lines().iter().filter(|line| *line == "POST /token").count()
}

#[tokio::test]
async fn twenty_calls_at_once_log_in_once() {
    let (_, server) = Platform::start().await;
    let (setup, guest) = exchanging(&server);
    let (door, provider) = (setup.door(), setup.provider_scope());
    let calls = (0..20).map(async |_| {
        let scope = setup.scope_for(&provider, &tokio_util::sync::CancellationToken::new());
        let response = door.send(&scope, request("GET", "/x").with("app")).await.unwrap();
        assert!(!scope.change_sent(), "a login changes nothing that the call asked for");
        (response.status, body(&response).to_owned())
    });
    for (status, echoed) in futures_util::future::join_all(calls).await {
        assert_eq!((status, echoed.as_str()), (200, r#"Some("Bearer ***")"#));
    }
    assert_eq!((logins(&server), guest.asked.load(Ordering::SeqCst), server.lines().len()), (1, 1, 21));
    let records = setup.host.records.lock().unwrap();
    assert_eq!(records.iter().filter(|record| record.function == "login").count(), 1);
}

#[tokio::test]
async fn bytes_that_were_refused_go_again_from_their_beginning_with_a_new_login() {
    let (platform, server) = Platform::start().await;
    let (setup, _) = exchanging(&server);
    setup.host.blobs.lock().unwrap().insert("digest".into(), vec![Ok(b"by"), Ok(b"tes")]);
    let door = setup.door();
    door.send(&setup.scope(), request("GET", "/x").with("app")).await.unwrap();
    platform.revoke();
    let upload = Upload { sha256: "digest".into(), size: 5 };
    let answer = door.upload(&setup.scope(), request("PUT", "/file").with("app"), upload).await.unwrap();
    assert_eq!((answer.status, logins(&server)), (200, 2));
    let puts = server.seen().into_iter().filter(|seen| seen.method == "PUT").map(|seen| seen.body);
    assert_eq!(puts.collect::<Vec<_>>(), [b"bytes", b"bytes"]);
}

#[tokio::test]
async fn a_refused_login_is_tried_once_for_all_who_wait() {
    let (_, server) = Platform::start().await;
    let (setup, _) = exchanging(&server);
    setup.host.secrets.lock().unwrap().insert("app".into(), "wrong-password".into());
    let (door, provider) = (setup.door(), setup.provider_scope());
    let calls = (0..20).map(async |_| {
        let scope = setup.scope_for(&provider, &tokio_util::sync::CancellationToken::new());
        door.send(&scope, request("POST", "/x").with("app")).await.unwrap_err()
    });
    for error in futures_util::future::join_all(calls).await {
        assert!(matches!(&error, SendError::LoginFailed(text) if text.contains("status 401")), "{error:?}");
    }
    assert_eq!(server.lines(), ["POST /token"], "many refusals would lock the account");
}

#[tokio::test]
async fn a_login_is_renewed_before_it_ends() {
    let (_, server) = Platform::start().await;
    let (setup, _) = exchanging(&server);
    let door = setup.door();
    // After 0, 79 and 81 percent of its hour.
    for (millis, expected) in [(0, 1), (2_844_000, 1), (72_000, 2), (0, 2)] {
        setup.host.now.fetch_add(millis, Ordering::SeqCst);
        let response = door.send(&setup.scope(), request("GET", "/x").with("app")).await.unwrap();
        assert_eq!((response.status, logins(&server)), (200, expected), "{millis} later");
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_never_in_a_loop() {
    let (platform, server) = Platform::start().await;
    let (setup, _) = exchanging(&server);
    let door = setup.door();
    door.send(&setup.scope(), request("GET", "/1").with("app")).await.unwrap();
    platform.revoke();
    let response = door.send(&setup.scope(), request("POST", "/2").with("app").text("body")).await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(server.lines(), ["POST /token", "GET /1", "POST /2", "POST /token", "POST /2"]);
    assert_eq!(server.seen().last().unwrap().body, b"body");

    platform.open.store(false, Ordering::SeqCst);
    let response = door.send(&setup.scope(), request("GET", "/3").with("app")).await.unwrap();
    assert_eq!(response.status, 401, "the platform's answer is the guest's");
    assert_eq!(server.lines()[5..], ["GET /3", "POST /token", "GET /3"]);

    // And where logging in again fails as well, the first refusal is what the guest gets.
    setup.host.secrets.lock().unwrap().insert("app".into(), "wrong-password".into());
    let response = door.send(&setup.scope(), request("GET", "/4").with("app")).await.unwrap();
    assert_eq!(response.status, 401);
    assert_eq!(server.lines()[8..], ["GET /4", "POST /token"]);
    assert!(setup.host.sessions.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_login_is_kept_for_the_next_start_and_only_for_its_origin() {
    let (_, server) = Platform::start().await;
    let (mut setup, guest) = exchanging(&server);
    setup.door().send(&setup.scope(), request("GET", "/x").with("app")).await.unwrap();
    setup.door().send(&setup.scope(), request("GET", "/x").with("app")).await.unwrap();
    assert_eq!(guest.asked.load(Ordering::SeqCst), 1, "a new door finds what the ports kept");
    let (_, placement, expires) = setup.host.sessions.lock().unwrap()["app"].clone();
    assert_eq!((placement.as_str(), expires.map(|at| at.0)), ("bearer", Some(1_700_003_600_000)));

    let (_, moved) = Platform::start().await;
    setup.provider.base_url = moved.url().parse().unwrap();
    setup.door().send(&setup.scope(), request("GET", "/x").with("app")).await.unwrap();
    assert_eq!(guest.asked.load(Ordering::SeqCst), 2);
    let seen = moved.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none_or(|value| value == "Bearer issued-token-1")));
    assert_eq!(moved.lines(), ["POST /token", "GET /x"], "the other server's token was not shown to this one");
}

#[tokio::test]
async fn a_login_that_was_under_way_when_its_credential_changed_is_not_kept() {
    let forgetting = Arc::new(OnceLock::<(Arc<Door>, ProviderId)>::new());
    let during = forgetting.clone();
    let server = Server::start(move |seen| {
        if let (Some((door, provider)), "/token") = (during.get(), seen.target.as_str()) {
            door.forget(*provider);
        }
        reply(200, &[], r#"{"access_token":"issued-token-1","expires_in":3600}"#)
    })
    .await;
    let (setup, guest) = exchanging(&server);
    let door = Arc::new(setup.door());
    assert!(forgetting.set((door.clone(), setup.provider.id)).is_ok());
    for asked in 1..=2 {
        door.send(&setup.scope(), request("GET", "/x").with("app")).await.unwrap();
        assert!(setup.host.sessions.lock().unwrap().is_empty(), "the old credential's token");
        assert_eq!(guest.asked.load(Ordering::SeqCst), asked, "the next call logs in anew");
    }
}

#[tokio::test]
async fn an_interrupted_login_means_that_the_request_was_not_sent() {
    let (setup, _) = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                use tokio::io::AsyncReadExt as _;
                let _ = stream.read(&mut [0; 1024]).await;
            }
        });
        let mut setup = Setup::new(&format!("http://{address}")).slot("app", SlotKind::Exchange, None, "pass&word-1");
        setup.describer = Some(guest(exchange));
        (setup, ())
    };
    let scope = setup.scope();
    let error = setup.door().send(&scope, request("POST", "/x").with("app")).await.unwrap_err();
    assert!(matches!(&error, SendError::NotSent(text) if text.contains("login")), "{error:?}");
    assert!(!scope.change_sent());
}

/// A server with cookie sessions whose name it makes up, and crumbs that belong to one session.
#[derive(Default)]
struct Jenkins {
    session: Mutex<u32>,
    without_crumbs: bool,
}

impl Jenkins {
    fn answer(&self, seen: &Seen) -> axum::http::Response<axum::body::Body> {
        let mut session = self.session.lock().unwrap();
        let cookie = format!("JSESSIONID.a1b2=session-{session}");
        let crumb = format!("crumb-of-{session}");
        match seen.target.as_str() {
            "/login" if seen.header("authorization") == Some("Basic dXNlcjpwYXNzd29yZC0x") => {
                *session += 1;
                let cookie = format!("JSESSIONID.a1b2=session-{session}; Path=/; HttpOnly");
                reply(302, &[("location", "/"), ("set-cookie", &cookie), ("set-cookie", "theme=dark")], "")
            }
            "/crumb" if self.without_crumbs => reply(404, &[], ""),
            "/crumb" if seen.header("cookie").is_some_and(|sent| sent.contains(&cookie)) => {
                reply(200, &[], format!(r#"{{"crumb":"{crumb}"}}"#))
            }
            "/login" | "/crumb" => reply(401, &[], ""),
            _ if seen.header("cookie") != Some(&cookie) => reply(401, &[], ""),
            _ if seen.method == "POST" && !self.without_crumbs && seen.header("jenkins-crumb") != Some(&crumb) => {
                reply(403, &[], "No valid crumb was included in the request")
            }
            "/forbidden" => reply(403, &[], ""),
            _ => reply(200, &[], format!("{:?} {:?}", seen.header("cookie"), seen.header("jenkins-crumb"))),
        }
    }
}

async fn jenkins(platform: Jenkins) -> (Arc<Jenkins>, Server, Setup) {
    let platform = Arc::new(platform);
    let kept = platform.clone();
    let server = Server::start(move |seen| kept.answer(seen)).await;
    let mut setup = Setup::new(&server.url()).slot("session", SlotKind::Session, Some("user"), "password-1");
    setup.describer = Some(guest(|| {
        let mut first = request("POST", "/login").with("session");
        first.captures.push(capture(CaptureSource::Cookie("JSESSIONID*".into()), "session", None));
        let mut crumb = request("GET", "/crumb");
        crumb.captures.push(capture(CaptureSource::Pointer("/crumb".into()), "crumb", None));
        let guard = Guard { slot: "crumb".into(), header: "Jenkins-Crumb".into(), methods: vec!["POST".into()] };
        login(vec![first, crumb], "cookie", vec![guard])
    }));
    (platform, server, setup)
}

#[tokio::test]
async fn a_crumb_goes_along_with_posts_alone() {
    let (_, server, setup) = jenkins(Jenkins::default()).await;
    let door = setup.door();
    for (method, crumb) in [("GET", None), ("POST", Some("crumb-of-1")), ("DELETE", None), ("PUT", None)] {
        let response = door.send(&setup.scope(), request(method, "/x").with("session")).await.unwrap();
        assert_eq!(response.status, 200, "{method}");
        let seen = server.seen().pop().unwrap();
        assert_eq!((seen.header("jenkins-crumb"), seen.header("cookie")), (crumb, Some("JSESSIONID.a1b2=session-1")));
        assert_eq!(seen.header("authorization"), None);
        let shown = body(&response);
        assert!(!shown.contains("session-1") && !shown.contains("crumb-of"), "{shown}");
    }
    assert_eq!(server.lines()[..2], ["POST /login", "GET /crumb"]);
    assert_eq!(server.lines().len(), 6, "one login serves all");
}

#[tokio::test]
async fn a_session_ends_when_its_cookie_does_and_not_when_the_guest_thinks() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/token" => reply(
            200,
            &[("set-cookie", "sid=session-value-1; Max-Age=100; Path=/"), ("set-cookie", "sid2=other-value-1")],
            "",
        ),
        _ => reply(200, &[], ""),
    })
    .await;
    let mut setup = Setup::new(&server.url()).slot("session", SlotKind::Session, Some("user"), "password-1");
    setup.describer = Some(guest(|| {
        let mut first = request("POST", "/token").with("session");
        first.captures.push(capture(CaptureSource::Cookie("sid*".into()), "session", None));
        Login { lifetime_ms: Some(3_600_000), ..login(vec![first], "cookie", Vec::new()) }
    }));
    let door = setup.door();
    // A fifth of it is left after 80 seconds.
    for (millis, expected) in [(0, 1), (79_000, 1), (1_000, 2)] {
        setup.host.now.fetch_add(millis, Ordering::SeqCst);
        door.send(&setup.scope(), request("GET", "/x").with("session")).await.unwrap();
        assert_eq!(logins(&server), expected, "{millis} later");
    }
}

#[tokio::test]
async fn a_refused_crumb_is_renewed_once_and_a_refused_read_is_not() {
    let (platform, server, setup) = jenkins(Jenkins::default()).await;
    let door = setup.door();
    door.send(&setup.scope(), request("GET", "/x").with("session")).await.unwrap();
    *platform.session.lock().unwrap() += 1;
    let response = door.send(&setup.scope(), request("POST", "/x").with("session")).await.unwrap();
    assert_eq!(response.status, 200, "the session had ended");

    let before = server.lines().len();
    let response = door.send(&setup.scope(), request("GET", "/forbidden").with("session")).await.unwrap();
    assert_eq!((response.status, &server.lines()[before..]), (403, &["GET /forbidden".to_owned()][..]));
    let before = server.lines().len();
    let response = door.send(&setup.scope(), request("POST", "/forbidden").with("session")).await.unwrap();
    let lines = ["POST /forbidden", "POST /login", "GET /crumb", "POST /forbidden"].map(str::to_owned);
    assert_eq!((response.status, &server.lines()[before..]), (403, &lines[..]));
}

#[tokio::test]
async fn a_session_that_is_forbidden_what_it_may_is_begun_anew_once_it_is_old_and_not_before() {
    let (_, server, setup) = jenkins(Jenkins::default()).await;
    let door = setup.door();
    let get = async || {
        let before = server.lines().len();
        let response = door.send(&setup.scope(), request("GET", "/forbidden").with("session")).await.unwrap();
        assert_eq!(response.status, 403);
        server.lines()[before..].iter().filter(|line| *line == "POST /login").count()
    };
    for (now, logins) in [(0, 1), (59_999, 0), (60_000, 1), (60_001, 0), (119_999, 0), (120_000, 1)] {
        setup.host.now.store(now, Ordering::SeqCst);
        assert_eq!(get().await, logins, "at {now}");
    }
}

#[tokio::test]
async fn a_platform_without_crumbs_needs_none() {
    let (_, _, setup) = jenkins(Jenkins { without_crumbs: true, ..Jenkins::default() }).await;
    // The crumb is asked for last here, so its 404 ends the login; asked for first it does not.
    let asked_first = guest(|| {
        let mut crumb = request("GET", "/crumb");
        crumb.captures.push(capture(CaptureSource::Pointer("/crumb".into()), "crumb", None));
        let mut last = request("POST", "/login").with("session");
        last.captures.push(capture(CaptureSource::Cookie("JSESSIONID*".into()), "session", None));
        let guard = Guard { slot: "crumb".into(), header: "Jenkins-Crumb".into(), methods: vec!["POST".into()] };
        login(vec![crumb, last], "cookie", vec![guard])
    });
    let error = setup.door().send(&setup.scope(), request("POST", "/x").with("session")).await.unwrap_err();
    assert!(matches!(&error, SendError::LoginFailed(text) if text.contains("404")), "{error:?}");
    let setup = Setup { describer: Some(asked_first), ..setup };
    let response = setup.door().send(&setup.scope(), request("POST", "/x").with("session")).await.unwrap();
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn a_login_that_yields_nothing_or_leans_on_another_is_refused() {
    let (_, server) = Platform::start().await;
    let rows: [(&str, Describe); 5] = [
        ("describes 0 requests", || login(Vec::new(), "bearer", Vec::new())),
        ("describes 9 requests", || login((0..9).map(|_| request("GET", "/")).collect(), "bearer", Vec::new())),
        ("no answer held a value", || {
            let mut login = exchange();
            login.requests[0].captures.clear();
            login
        }),
        ("needs a login of its own", || {
            let mut login = exchange();
            login.requests[0].credential = Some("other".into());
            login
        }),
        ("may not reach", || {
            let mut login = exchange();
            login.requests[0].url = "http://127.0.0.9/token".into();
            login
        }),
    ];
    for (word, describe) in rows {
        let mut setup = Setup::new(&server.url()).slot("app", SlotKind::Exchange, None, "pass&word-1").slot(
            "other",
            SlotKind::Session,
            None,
            "pass&word-2",
        );
        setup.describer = Some(guest(describe));
        let error = setup.door().send(&setup.scope(), request("GET", "/x").with("app")).await.unwrap_err();
        assert!(matches!(&error, SendError::LoginFailed(text) if text.contains(word)), "{word}: {error:?}");
        assert!(kept(&setup.host).is_empty());
    }
    assert!(server.lines().iter().all(|line| line == "POST /token"));
}

#[tokio::test]
async fn the_cookies_of_a_login_stay_at_the_base_url() {
    let identity = Server::start(|_| reply(200, &[], r#"{"t":"issued-token"}"#)).await;
    let server = Server::start(|_| reply(200, &[("set-cookie", "sid=c00kie-value")], "fine")).await;
    let mut setup =
        Setup::new(&server.url()).origin(&identity.url()).slot("app", SlotKind::Exchange, None, "pass&word-1");
    let elsewhere = format!("{}/token", identity.url());
    setup.describer = Some(guest(move || {
        let mut last = request("POST", elsewhere.as_str());
        last.captures.push(capture(CaptureSource::Pointer("/t".into()), "app", None));
        login(vec![request("GET", "/start"), request("GET", "/second"), last], "bearer", Vec::new())
    }));
    setup.door().send(&setup.scope(), request("GET", "/x").with("app")).await.unwrap();
    let cookies: Vec<_> = server.seen().iter().map(|seen| seen.header("cookie").map(str::to_owned)).collect();
    assert_eq!(cookies, [None, Some("sid=c00kie-value".into()), None], "the last is the guest's own request");
    assert_eq!(identity.seen()[0].header("cookie"), None);
}

fn kept(host: &Host) -> Vec<String> {
    host.sessions.lock().unwrap().keys().cloned().collect()
}
