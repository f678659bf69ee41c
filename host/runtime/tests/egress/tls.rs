//! Encrypted connections: whose certificates are believed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use novacron_cicd_runtime::egress::{ProviderScope, ScopeError, SendError};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::support::{Build as _, Setup, body, request};

/// It signed `server.pem`, which is good for `ci.test` and `127.0.0.1` until 2120; the key of that is for these tests alone.
pub(crate) const AUTHORITY: &str = include_str!("testdata/ca.pem");

/// Answers every request that comes through its TLS; where it listens, and how many came.
pub(crate) async fn server() -> (u16, Arc<AtomicUsize>) {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("testdata/server.pem")).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answered = Arc::new(AtomicUsize::new(0));
    let counted = answered.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfine";
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (port, answered)
}

#[tokio::test]
async fn a_private_authority_is_believed_by_the_provider_that_names_it_and_for_the_names_that_it_signed() {
    for (name, authorities, believed) in [
        ("ci.test", Some(AUTHORITY), true),
        ("ci.test", None, false),
        // What a server shows of itself makes it no authority.
        ("ci.test", Some(include_str!("testdata/server.pem")), false),
        ("other.test", Some(AUTHORITY), false),
    ] {
        let (port, answered) = server().await;
        let mut setup = Setup::new(&format!("https://{name}:{port}/")).name(name, &[[127, 0, 0, 1]]);
        setup.provider.grants.authorities = authorities.map(str::to_owned);
        let scope = setup.scope();
        let sent = setup.door().send(&scope, request("POST", "/x").text("what nobody else may read")).await;
        match sent {
            Ok(response) => assert_eq!((believed, response.status, body(&response)), (true, 200, "fine"), "{name}"),
            Err(error) => {
                assert!(
                    matches!(&error, SendError::NotSent(text) if text.contains("certificate")),
                    "{name}: {error:?}"
                );
                assert!(!believed, "{name}: {error}");
            }
        }
        assert_eq!(answered.load(Ordering::SeqCst), usize::from(believed), "{name}");
        assert_eq!(scope.change_sent(), believed, "{name}: no byte goes to whom nobody vouches for");
    }
}

#[test]
fn authorities_that_cannot_be_read_are_refused_before_anything_is_sent() {
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut setup = Setup::new("https://ci.test/");
        setup.provider.grants.authorities = Some(text.into());
        let refused = ProviderScope::new(setup.provider, setup.wants).err().unwrap();
        assert!(matches!(refused, ScopeError::BadRoots { .. }), "{text}: {refused}");
    }
}
