//! Not sent or interrupted: what may be sent again, and what may have been done already.

use std::time::Duration;

use novacron_cicd_runtime::egress::{SendError, SlotKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Build, Server, Setup, body, request};

/// A server that does with each connection what `handle` says.
pub(crate) async fn raw<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    format!("http://{address}")
}

/// Reads up to the end of the request's head.
pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => read.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(read).unwrap()
}

async fn fails(url: &str, method: &str) -> (SendError, bool) {
    let mut setup = Setup::new(url);
    setup.budget.timeout = Duration::from_millis(700);
    let scope = setup.scope();
    let error = setup.door().send(&scope, request(method, "/x?query=hidden")).await.unwrap_err();
    assert!(!error.to_string().contains("hidden"), "{error}");
    (error, scope.change_sent())
}

#[tokio::test]
async fn what_never_left_is_not_sent() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    // It speaks no TLS, and one that says nothing in the handshake until time is up.
    let no_tls = Server::fine().await.url().replace("http", "https");
    let silent = raw(|stream| async move {
        let _kept = stream;
        std::future::pending::<()>().await;
    })
    .await
    .replace("http", "https");
    for url in [refused.as_str(), "http://no-such-name.test/", &no_tls, &silent] {
        let (error, changed) = fails(url, "POST").await;
        assert!(matches!(error, SendError::NotSent(_)), "{url}: {error:?}");
        assert!(!changed, "{url}");
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_interrupted() {
    let closes = raw(|mut stream| async move {
        head(&mut stream).await;
    })
    .await;
    let half_a_head = raw(|mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await.unwrap();
    })
    .await;
    let half_a_body = raw(|mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
    })
    .await;
    let no_http = raw(|mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").await.unwrap();
    })
    .await;
    let silent = raw(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let stalls = raw(|mut stream| async move {
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    for (what, url) in [
        ("closes", closes),
        ("half a head", half_a_head),
        ("half a body", half_a_body),
        ("no http", no_http),
        ("silent", silent),
        ("stalls", stalls),
    ] {
        let (error, changed) = fails(&url, "POST").await;
        assert!(matches!(error, SendError::Interrupted(_)), "{what}: {error:?}");
        assert!(changed, "{what}");
        let (error, changed) = fails(&url, "GET").await;
        assert!(matches!(error, SendError::Interrupted(_)), "{what}: {error:?}");
        assert!(!changed, "{what}: a read changes nothing");
    }
}

#[tokio::test]
async fn a_change_never_rides_on_a_kept_connection() {
    // It keeps every connection, and tells of each request which one of its connection it is.
    let (send, mut uses) = mpsc::channel(16);
    let url = raw(move |mut stream| {
        let send = send.clone();
        async move {
            for position in 0.. {
                let head = head(&mut stream).await;
                let Some(method) = head.split(' ').next().filter(|method| !method.is_empty()) else { return };
                send.send((method.to_owned(), position)).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").await.unwrap();
            }
        }
    })
    .await;
    let setup = Setup::new(&url);
    let door = setup.door();
    for (method, expected) in [("GET", 0), ("GET", 1), ("POST", 0), ("POST", 0), ("GET", 2)] {
        let response = door.send(&setup.scope(), request(method, "/")).await.unwrap();
        assert_eq!(body(&response), "fine");
        assert_eq!(uses.recv().await, Some((method.to_owned(), expected)), "which request of its connection it is");
    }
}

#[tokio::test]
async fn only_a_changing_request_is_counted_as_one() {
    let server = Server::fine().await;
    let mut setup = Setup::new(&server.url());
    setup.wants.reads.push("POST /graphql".into());
    let door = setup.door();
    for (method, url, changes) in [
        ("GET", "/x", false),
        ("HEAD", "/x", false),
        ("POST", "/graphql", false),
        ("POST", "/x", true),
        ("PUT", "/x", true),
        ("DELETE", "/x", true),
    ] {
        let scope = setup.scope();
        door.send(&scope, request(method, url)).await.unwrap();
        assert_eq!(scope.change_sent(), changes, "{method} {url}");
    }
    let empty: Vec<_> = server.seen().iter().map(|seen| seen.header("content-length").is_some()).collect();
    assert_eq!(empty, [false, false, true, true, true, false], "a POST without a body says so");
}

#[tokio::test]
async fn canceling_closes_the_connection() {
    let (send, mut ended) = mpsc::channel(1);
    let (asked, mut was_asked) = mpsc::channel(1);
    let url = raw(move |mut stream| {
        let (send, asked) = (send.clone(), asked.clone());
        async move {
            head(&mut stream).await;
            asked.send(()).await.unwrap();
            // 0 is the end of the stream; anything else would be a byte that nobody may send.
            let read = stream.read(&mut [0; 64]).await;
            send.send(read.unwrap_or(0)).await.unwrap();
        }
    })
    .await;
    let setup = Setup::new(&url).slot("token", SlotKind::Bearer, None, "t0ken-value");
    let cancel = CancellationToken::new();
    let scope = setup.scope_for(&setup.provider_scope(), &cancel);
    let door = setup.door();
    let sent = door.send(&scope, request("POST", "/x").with("token"));
    let (result, ()) = tokio::join!(sent, async {
        was_asked.recv().await.unwrap();
        cancel.cancel();
    });
    let error = result.unwrap_err();
    assert!(matches!(&error, SendError::Interrupted(text) if text.contains("canceled")), "{error:?}");
    let read = tokio::time::timeout(Duration::from_secs(1), ended.recv()).await.expect("the connection is closed");
    assert_eq!(read, Some(0));
    assert_eq!(setup.host.records.lock().unwrap().len(), 1, "what was given up left a record");

    // The same for a call that is canceled before it sends anything.
    let error = door.send(&scope, request("POST", "/x")).await.unwrap_err();
    assert!(matches!(error, SendError::NotSent(_)), "{error:?}");
}

#[tokio::test]
async fn canceling_ends_a_transfer() {
    use futures_util::StreamExt as _;
    let (send, mut ended) = mpsc::channel(1);
    let url = raw(move |mut stream| {
        let send = send.clone();
        async move {
            head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await.unwrap();
            let read = stream.read(&mut [0; 64]).await;
            send.send(read.unwrap_or(0)).await.unwrap();
        }
    })
    .await;
    let setup = Setup::new(&url);
    let cancel = CancellationToken::new();
    let scope = setup.scope_for(&setup.provider_scope(), &cancel);
    let mut answer = setup.door().stream(&scope, request("GET", "/log")).await.unwrap();
    assert_eq!(answer.body.next().await.unwrap().unwrap(), "half");
    cancel.cancel();
    assert!(matches!(answer.body.next().await, Some(Err(SendError::Interrupted(_)))));
    assert!(answer.body.next().await.is_none());
    let read = tokio::time::timeout(Duration::from_secs(1), ended.recv()).await.expect("the connection is closed");
    assert_eq!(read, Some(0));
}

#[tokio::test]
async fn a_request_may_ask_for_less_time_and_never_for_more() {
    let url = raw(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    for (asked, allowed) in [(50, 5_000), (60_000, 50)] {
        let mut setup = Setup::new(&url);
        setup.budget.timeout = Duration::from_millis(allowed);
        let mut sent = request("GET", "/");
        sent.timeout_ms = Some(asked);
        let send = async { setup.door().send(&setup.scope(), sent).await };
        let result = tokio::time::timeout(Duration::from_secs(4), send).await.expect("its own time was up first");
        assert!(matches!(result, Err(SendError::Interrupted(_))), "{result:?}");
    }
}
