//! Bytes of the host's on their way out: where they may go, that they are what was said, and what is known where they are not.

use std::time::Duration;

use novacron_cicd_contract::bindings::novacron::cicd::types::{Redirects, Request, Signature, SignedPart};
use novacron_cicd_runtime::egress::{SendError, SlotKind, Upload};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
};

use crate::{
    outcomes::{head, raw},
    support::{Build, Pieces, Server, Setup, body, reply, request},
};

/// The name of the bytes: the door asks for them by it, and the host says whether they are right.
const DIGEST: &str = "0123";
const PIECE: &[u8] = &[7; 64 << 10];

impl Setup {
    /// Keeps bytes, piece by piece.
    fn keeps(self, pieces: &[&'static [u8]]) -> Self {
        let pieces = pieces.iter().map(|piece| Ok(*piece)).collect();
        self.host.blobs.lock().unwrap().insert(DIGEST.into(), pieces);
        self
    }

    /// More bytes than a connection takes without being read.
    fn keeps_many(self) -> (Self, u64) {
        let pieces = [PIECE; 256];
        let size = pieces.iter().map(|piece| piece.len() as u64).sum();
        (self.keeps(&pieces), size)
    }
}

/// Requests that a server saw, with how many bytes.
type Lines = &'static [(&'static str, usize)];

fn upload(size: u64) -> Upload {
    Upload { sha256: DIGEST.into(), size }
}

#[tokio::test]
async fn bytes_go_out_as_they_are_with_their_length_and_the_credential() {
    let server = Server::start(|seen| reply(201, &[("x-echo", "t0ken-value")], seen.body.clone())).await;
    for (pieces, whole) in [(&[&b"one "[..], b"", b"two"][..], "one two"), (&[], "")] {
        let mut setup = Setup::new(&server.url()).slot("token", SlotKind::Bearer, None, "t0ken-value").keeps(pieces);
        setup.wants.reads.push("POST /files/app".into());
        let scope = setup.scope();
        let sent = request("POST", "/files/app").with("token").header("content-type", "application/zip");
        let answer = setup.door().upload(&scope, sent, upload(whole.len() as u64)).await.unwrap();
        assert_eq!((answer.status, body(&answer)), (201, whole));
        assert!(answer.headers.iter().all(|header| !header.value.contains("t0ken")), "the guest sees no credential");
        let seen = server.seen().pop().unwrap();
        assert_eq!((seen.line().as_str(), seen.body.as_slice()), ("POST /files/app", whole.as_bytes()));
        assert_eq!(seen.header("content-length"), Some(whole.len().to_string().as_str()));
        assert_eq!(seen.header("authorization"), Some("Bearer t0ken-value"));
        assert_eq!(seen.header("content-type"), Some("application/zip"));
        assert!(scope.change_sent(), "an upload is a change, whatever the manifest says");
        let record = setup.host.records.lock().unwrap().pop().unwrap();
        assert_eq!((record.outcome, record.sent), (Ok(201), whole.len() as u64));
    }
}

#[tokio::test]
async fn what_no_upload_can_be_is_refused_before_a_byte_goes() {
    let (server, granted, other) = (Server::fine().await, Server::fine().await, Server::fine().await);
    let signed = |message| {
        let (header, prefix, key) = ("x-signature".into(), String::new(), "signing".into());
        let (algorithm, encoding) = ("hmac-sha256".into(), "hex".into());
        let signatures = vec![Signature { header, prefix, key, algorithm, encoding, message }];
        Request { signatures, ..request("PUT", "/x") }
    };
    let rows = [
        (request("GET", "/x"), "egress.bad-request"),
        (request("DELETE", "/x"), "egress.bad-request"),
        (request("PUT", "/x").text("more"), "egress.bad-request"),
        (signed(vec![SignedPart::Text("x".into()), SignedPart::Body]), "egress.bad-request"),
        // Another length than that of the bytes.
        (request("PUT", "/x").header("content-length", "3"), "egress.bad-request"),
        (request("PUT", "/x").header("transfer-encoding", "chunked"), "egress.bad-request"),
        (request("PUT", format!("{}/x", other.url())), "egress.denied"),
        (request("PUT", "http://169.254.169.254/x"), "egress.denied"),
        // The origin is granted; the credential is not bound to it.
        (request("PUT", format!("{}/x", granted.url())).with("token"), "egress.denied"),
        (request("PUT", "/x").with("nothing"), "egress.no-such-credential"),
    ];
    for (sent, code) in rows {
        let setup = Setup::new(&server.url())
            .origin(&granted.url())
            .slot("token", SlotKind::Bearer, None, "t0ken-value")
            .slot("signing", SlotKind::Hmac, None, "signing-key")
            .keeps(&[b"five!"]);
        let (scope, shown) = (setup.scope(), format!("{sent:?}"));
        let error = setup.door().upload(&scope, sent, upload(5)).await.unwrap_err();
        assert_eq!(novacron_cicd_domain::Coded::code(&error), code, "{shown}: {error}");
        assert!(!scope.change_sent(), "{shown}");
    }
    for server in [server, granted, other] {
        assert_eq!(server.lines(), Vec::<String>::new());
    }
}

/// A server that tells how many bytes of a body came before the connection ended.
async fn counting() -> (String, mpsc::Receiver<usize>) {
    let (told, counts) = mpsc::channel(8);
    let url = raw(move |mut stream| {
        let told = told.clone();
        async move {
            head(&mut stream).await;
            let (mut buffer, mut count) = ([0; 1024], 0);
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                count += read;
            }
            told.send(count).await.unwrap();
        }
    })
    .await;
    (url, counts)
}

#[tokio::test]
async fn bytes_that_are_not_what_was_said_never_arrive_whole() {
    let rows: [(Pieces, &str); 3] = [
        (vec![Ok(b"abc")], "2 of them are missing"),
        (vec![Ok(b"abc"), Ok(b"def")], "more of them than was said"),
        (vec![Ok(b"abc"), Err("the stored bytes have another sha256")], "another sha256"),
    ];
    for (pieces, says) in rows {
        let (url, mut counts) = counting().await;
        let setup = Setup::new(&url);
        setup.host.blobs.lock().unwrap().insert(DIGEST.into(), pieces);
        let error = setup.door().upload(&setup.scope(), request("PUT", "/x"), upload(5)).await.unwrap_err();
        assert!(matches!(&error, SendError::BadRequest(text) if text.contains(says)), "{error:?}");
        let arrived = counts.recv().await.unwrap();
        assert!(arrived < 5, "{arrived} of 5 bytes came: {says}");
        let record = setup.host.records.lock().unwrap().pop().unwrap();
        assert_eq!((record.outcome, record.sent), (Err("egress.bad-request"), 3), "{says}");
    }
    // Nobody has such bytes: nothing goes out.
    let server = Server::fine().await;
    let setup = Setup::new(&server.url());
    let scope = setup.scope();
    let error = setup.door().upload(&scope, request("PUT", "/x"), upload(5)).await.unwrap_err();
    assert!(matches!(error, SendError::BadRequest(_)), "{error:?}");
    assert_eq!((server.lines(), scope.change_sent()), (vec![], false));
}

#[tokio::test]
async fn a_redirect_takes_the_bytes_along_from_their_beginning_and_to_no_other_origin() {
    let other = Server::fine().await;
    let away = format!("{}/to", other.url());
    // Status, location, mode: the answer, and what the platform saw, with how many bytes.
    let rows: [(u16, &str, Redirects, u16, Lines); 7] = [
        (307, "/to", Redirects::None, 307, &[("POST /from", 7)]),
        (307, "/to", Redirects::Follow, 200, &[("POST /from", 7), ("POST /to", 7)]),
        (302, "/to", Redirects::Follow, 302, &[("POST /from", 7)]),
        (303, "/to", Redirects::Follow, 200, &[("POST /from", 7), ("GET /to", 0)]),
        (301, "/to", Redirects::SameMethod, 200, &[("POST /from", 7), ("POST /to", 7)]),
        (307, &away, Redirects::Follow, 307, &[("POST /from", 7)]),
        (308, &away, Redirects::SameMethod, 308, &[("POST /from", 7)]),
    ];
    for (status, location, mode, expected, seen) in rows {
        let to = location.to_owned();
        let server = Server::start(move |seen| match seen.target.as_str() {
            "/from" => reply(status, &[("location", &to)], "moved"),
            _ => reply(200, &[], "arrived"),
        })
        .await;
        let setup = Setup::new(&server.url())
            .origin(&other.url())
            .slot("token", SlotKind::Bearer, None, "t0ken-value")
            .keeps(&[b"one ", b"two"]);
        let sent = Request { redirects: mode, ..request("POST", "/from").with("token") };
        let answer = setup.door().upload(&setup.scope(), sent, upload(7)).await.unwrap();
        assert_eq!(answer.status, expected, "{status} {location} {mode:?}");
        let found: Vec<_> = server.seen().iter().map(|seen| (seen.line(), seen.body.len())).collect();
        let wanted: Vec<_> = seen.iter().map(|(line, size)| ((*line).to_owned(), *size)).collect();
        assert_eq!(found, wanted, "{status} {location} {mode:?}");
    }
    assert_eq!(other.lines(), Vec::<String>::new(), "neither the bytes nor the credential go elsewhere");
}

#[tokio::test]
async fn every_sending_of_the_bytes_counts() {
    let server = Server::start(|_| reply(307, &[("location", "/again")], "")).await;
    let mut setup = Setup::new(&server.url()).keeps(&[b"one ", b"two"]);
    setup.budget.bytes = 2 * 7;
    let sent = request("POST", "/from").following();
    let error = setup.door().upload(&setup.scope(), sent, upload(7)).await.unwrap_err();
    assert!(error.to_string().contains("budget of 14 bytes"), "{error}");
    assert_eq!(server.lines(), ["POST /from", "POST /again"]);
}

#[tokio::test]
async fn an_upload_goes_on_while_bytes_move_and_ends_where_they_do_not() {
    let slow = raw(|mut stream| async move {
        head(&mut stream).await;
        let mut left = 16_usize << 20;
        let mut buffer = vec![0; 1 << 20];
        while left > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut wanted = buffer.len().min(left);
            left -= wanted;
            while wanted > 0 {
                wanted -= stream.read(&mut buffer[..wanted]).await.unwrap();
            }
        }
        stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let silent = raw(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    for (url, is_slow) in [(slow, true), (silent, false)] {
        let (mut setup, size) = Setup::new(&url).keeps_many();
        // Shorter than the slow one takes in all.
        (setup.idle, setup.budget.timeout) = (Duration::from_millis(600), Duration::from_millis(100));
        let answer = setup.door().upload(&setup.scope(), request("PUT", "/x"), upload(size)).await;
        match answer {
            Ok(answer) => assert!(is_slow && answer.status == 201),
            Err(error) => assert!(!is_slow && matches!(error, SendError::Interrupted(_)), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_before_the_last_byte_is_no_success_and_a_refusal_is_one() {
    for (status, expected) in [("201 Created", None), ("413 Content Too Large", Some(413))] {
        let url = raw(move |mut stream| async move {
            head(&mut stream).await;
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            // What is still on its way must not reset the connection before the answer was read.
            std::future::pending::<()>().await;
        })
        .await;
        let (setup, size) = Setup::new(&url).keeps_many();
        let answer = setup.door().upload(&setup.scope(), request("PUT", "/x"), upload(size)).await;
        match expected {
            Some(expected) => assert_eq!(answer.unwrap().status, expected),
            None => assert!(matches!(answer, Err(SendError::Interrupted(_))), "{answer:?}"),
        }
        let record = setup.host.records.lock().unwrap().pop().unwrap();
        assert!(record.sent < size, "the trail says how much went out");
    }
}

#[tokio::test]
async fn a_cancel_ends_an_upload_and_its_connection() {
    let (ended, mut ends) = mpsc::channel(1);
    let url = raw(move |mut stream| {
        let ended = ended.clone();
        async move {
            head(&mut stream).await;
            ended.send(()).await.unwrap();
            let mut buffer = vec![0; 1 << 20];
            while let Ok(1..) = stream.read(&mut buffer).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            ended.send(()).await.unwrap();
        }
    })
    .await;
    let (setup, size) = Setup::new(&url).keeps_many();
    let cancel = tokio_util::sync::CancellationToken::new();
    let scope = setup.scope_for(&setup.provider_scope(), &cancel);
    let door = setup.door();
    let (answer, ()) = tokio::join!(door.upload(&scope, request("PUT", "/x"), upload(size)), async {
        ends.recv().await.unwrap();
        cancel.cancel();
    });
    assert!(matches!(answer, Err(SendError::Interrupted(_))), "{answer:?}");
    assert_eq!(ends.recv().await, Some(()), "the connection is closed");
}
