//! What a guest gets to see of an answer.

use novacron_cicd_contract::bindings::novacron::cicd::types::{Capture, CaptureSource, Request, Window};
use novacron_cicd_runtime::egress::{SendError, SlotKind};

use crate::support::{Build, Server, Setup, answer_header, body, reply, request};

fn capture(source: CaptureSource, into: &str) -> Capture {
    Capture { source, into: into.into(), expires_pointer: None, public: false }
}

fn window(mut sent: Request, skip: u64, limit: u32) -> Request {
    sent.window = Some(Window { skip, limit });
    sent
}

#[tokio::test]
async fn an_echo_of_a_credential_is_redacted_in_every_form() {
    let server = Server::start(|seen| {
        let sent = seen.header("authorization").unwrap_or_default().to_owned();
        reply(200, &[("x-echo", &sent)], format!("got {sent}; hex 74306b656e2d76616c75652f31; json t0ken-value\\/1"))
    })
    .await;
    for (kind, username) in
        [(SlotKind::Bearer, None), (SlotKind::Basic, Some("user")), (SlotKind::Basic, Some("someone"))]
    {
        let setup = Setup::new(&server.url()).slot("token", kind, username, "t0ken-value/1");
        setup.host.masked.lock().unwrap().push("another-vault-value".into());
        let response = setup.door().send(&setup.scope(), request("GET", "/").with("token")).await.unwrap();
        let shown = format!("{} {}", body(&response), answer_header(&response, "x-echo").unwrap());
        for hidden in ["t0ken", "dDBrZW4", "QwazVu", "MGtlbi", "74306b"] {
            assert!(!shown.contains(hidden), "{kind:?}: {hidden} in {shown}");
        }
    }
}

#[tokio::test]
async fn what_the_vault_knows_is_redacted_though_the_call_never_used_it() {
    let server = Server::start(|_| {
        reply(200, &[("x-debug", "env=vault-value-1"), ("location", "/x?k=vault-value-1")], "log: vault-value-1 done")
    })
    .await;
    let setup = Setup::new(&server.url());
    setup.host.masked.lock().unwrap().push("vault-value-1".into());
    let response = setup.door().send(&setup.scope(), request("GET", "/?q=vault-value-1")).await.unwrap();
    assert_eq!(body(&response), "log: *** done");
    assert_eq!(answer_header(&response, "x-debug"), Some("env=***"));
    assert_eq!(answer_header(&response, "location"), Some("/x?k=***"));
    assert_eq!(response.final_url, format!("{}/?q=***", server.url()));
}

#[tokio::test]
async fn a_window_shows_no_piece_of_a_secret() {
    let server = Server::start(|seen| {
        reply(200, &[], format!("begin {} end", seen.header("authorization").unwrap_or_default()))
    })
    .await;
    let setup = Setup::new(&server.url()).slot("token", SlotKind::Bearer, None, "t0ken-value");
    let (door, scope) = (setup.door(), setup.scope());
    let mut whole = String::new();
    for skip in 0.. {
        let response = door.send(&scope, window(request("GET", "/").with("token"), skip, 1)).await.unwrap();
        if response.body.is_empty() {
            break;
        }
        whole.push_str(body(&response));
    }
    assert_eq!(whole, "begin Bearer *** end");
}

#[tokio::test]
async fn a_window_is_cut_out_and_the_rest_is_counted() {
    let server = Server::start(|seen| {
        let size: usize = seen.target.trim_start_matches('/').parse().unwrap();
        let body: Vec<u8> = (0..size).map(|index| b"0123456789"[index % 10]).collect();
        reply(200, &[], body)
    })
    .await;
    let mut setup = Setup::new(&server.url());
    (setup.budget.body, setup.budget.window) = (1_000, 300_000);
    let door = setup.door();
    // Size, window: bytes given, total, truncated.
    let rows = [
        (1_000, None, Ok((1_000, 1_000, false))),
        (1_001, None, Err(1_000)),
        (0, None, Ok((0, 0, false))),
        (100_000, Some((99_990, 100)), Ok((10, 100_000, false))),
        (100_000, Some((0, 100)), Ok((100, 100_000, true))),
        (100_000, Some((200_000, 100)), Ok((0, 100_000, false))),
        (100_000, Some((0, 50_000)), Ok((1_000, 100_000, true))),
    ];
    for (size, asked, expected) in rows {
        let sent = request("GET", format!("/{size}"));
        let sent = match asked {
            Some((skip, limit)) => window(sent, skip, limit),
            None => sent,
        };
        let got = match door.send(&setup.scope(), sent).await {
            Ok(response) => {
                let skip = asked.map_or(0, |(skip, _)| skip);
                assert!(response.body.iter().enumerate().all(|(i, &b)| b == b"0123456789"[(skip as usize + i) % 10]));
                Ok((response.body.len(), response.total, response.truncated))
            }
            Err(SendError::TooLarge(limit)) => Err(limit),
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(got, expected, "{size} {asked:?}");
    }
    // Past what may be searched for a window, it says so instead of reading on.
    let response = door.send(&setup.scope(), window(request("GET", "/5000000"), 0, 10)).await.unwrap();
    assert!(response.truncated && response.total <= 300_000, "{}", response.total);
    assert_eq!(response.body, b"0123456789");
}

#[tokio::test]
async fn a_captured_value_is_blanked_wherever_it_stands() {
    let server = Server::start(|_| {
        reply(
            201,
            &[
                ("x-new-token", "header-t0ken"),
                ("set-cookie", "sid=c00kie-value; Path=/"),
                ("x-copy", "json-t0ken/1"),
                ("content-type", "application/json"),
            ],
            r#"{"z":1,"token":"json-t0ken/1","nested":[{"copy":"it is json-t0ken/1"}],"same":"c00kie-value header-t0ken","pin":123456,"end":60}"#,
        )
    })
    .await;
    let setup = Setup::new(&server.url());
    let (door, scope) = (setup.door(), setup.scope());
    let mut sent = request("POST", "/tokens");
    let mut token = capture(CaptureSource::Pointer("/token".into()), "new");
    token.expires_pointer = Some("/end".into());
    sent.captures = vec![
        token,
        capture(CaptureSource::Pointer("/pin".into()), "pin"),
        capture(CaptureSource::Pointer("/missing".into()), "missing"),
        capture(CaptureSource::Header("X-New-Token".into()), "header"),
        capture(CaptureSource::Cookie("sid".into()), "cookie"),
    ];
    let response = door.send(&scope, sent).await.unwrap();
    let shown: serde_json::Value = serde_json::from_str(body(&response)).unwrap();
    assert_eq!(
        shown,
        serde_json::json!({"z":1,"token":"***","nested":[{"copy":"it is ***"}],"same":"*** ***","pin":"***","end":60})
    );
    assert_eq!(answer_header(&response, "x-new-token"), Some("***"));
    assert_eq!(answer_header(&response, "x-copy"), Some("***"));
    assert_eq!(answer_header(&response, "set-cookie"), Some("sid=***"));

    let captured = |slot: &str| scope.captured(slot).map(|found| found.value().expose_str().unwrap().to_owned());
    assert_eq!(captured("new").as_deref(), Some("json-t0ken/1"));
    assert_eq!(captured("pin").as_deref(), Some("123456"));
    assert_eq!(captured("header").as_deref(), Some("header-t0ken"));
    assert_eq!(captured("cookie").as_deref(), Some("c00kie-value"));
    assert_eq!(captured("missing"), None);
    assert_eq!(scope.captured("new").unwrap().expires().map(|at| at.0), Some(1_700_000_060_000));
    assert!(setup.scope().captured("new").is_none(), "another call knows nothing of it");

    // It authenticates this call's next request, at the origin that gave it.
    door.send(&scope, request("GET", "/x").with("new")).await.unwrap();
    assert_eq!(server.seen()[1].header("authorization"), Some("Bearer json-t0ken/1"));
}

#[tokio::test]
async fn a_body_that_no_pointer_matched_is_given_as_it_came() {
    let text = "{ \"b\" : 1.0,\n  \"a\" : 12345678901234567890123 }";
    for answered in [text, "<html>login</html>", ""] {
        let server = Server::start(move |_| reply(200, &[], answered)).await;
        let setup = Setup::new(&server.url());
        let mut sent = request("GET", "/");
        sent.captures.push(capture(CaptureSource::Pointer("/token".into()), "new"));
        let response = setup.door().send(&setup.scope(), sent).await.unwrap();
        assert_eq!(body(&response), answered);
    }
}

#[tokio::test]
async fn a_capture_can_not_replace_what_the_operator_put_into_a_slot() {
    let server = Server::fine().await;
    let setup = Setup::new(&server.url()).slot("token", SlotKind::Bearer, None, "t0ken-value").slot(
        "app",
        SlotKind::Exchange,
        None,
        "t0ken-value",
    );
    for slot in ["token", "app"] {
        let mut sent = request("GET", "/");
        sent.captures.push(capture(CaptureSource::Header("x".into()), slot));
        let error = setup.door().send(&setup.scope(), sent).await.unwrap_err();
        assert!(matches!(error, SendError::BadRequest(_)), "{slot}: {error:?}");
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn an_answer_in_an_encoding_that_hides_its_text_is_refused() {
    let server = Server::start(|_| reply(200, &[("content-encoding", "br")], "not to be read")).await;
    let setup = Setup::new(&server.url());
    let error = setup.door().send(&setup.scope(), request("GET", "/")).await.unwrap_err();
    assert!(matches!(&error, SendError::Interrupted(text) if text.contains("br")), "{error:?}");
}

#[tokio::test]
async fn send_all_answers_in_order_and_side_by_side_within_its_bound() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    // A server of its own that answers late, the later the earlier it was asked.
    let app = axum::Router::new().fallback(async |uri: axum::http::Uri| {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let index: u64 = uri.path().trim_start_matches('/').parse().unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(40 - index)).await;
        NOW.fetch_sub(1, Ordering::SeqCst);
        index.to_string()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut setup = Setup::new(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    setup.budget.side_by_side = 3;
    let mut requests: Vec<_> = (0..12).map(|index| request("GET", format!("/{index}"))).collect();
    requests[5] = request("GET", "https://elsewhere.test/");
    let answers = setup.door().send_all(&setup.scope(), requests).await;
    for (index, answer) in answers.iter().enumerate() {
        match (index, answer) {
            (5, answer) => assert!(matches!(answer, Err(SendError::Denied { .. })), "{answer:?}"),
            (_, answer) => assert_eq!(body(answer.as_ref().unwrap()), index.to_string()),
        }
    }
    assert_eq!(MOST.load(Ordering::SeqCst), 3);
}
