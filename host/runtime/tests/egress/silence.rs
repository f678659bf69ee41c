//! A planted secret is looked for in everything that this crate and the HTTP client under it say.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_contract::bindings::novacron::cicd::types::{
    BodyPart, Capture, CaptureSource, SecretPart, Signature, SignedPart,
};
use novacron_cicd_runtime::egress::SlotKind;

use crate::support::{Build, Server, Setup, reply, request};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_shows_in_logs_errors_records_or_answers() {
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || written.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::trace!("the log is read");

    let server = Server::start(|seen| {
        let sent = seen.header("authorization").or(seen.header("x-api-key")).unwrap_or_default();
        let body = format!(r#"{{"token":"planted-capture","echo":"{sent}"}}"#);
        reply(400, &[("location", &format!("http://elsewhere.test/?t={sent}")), ("x-echo", sent)], body)
    })
    .await;
    let mut said = String::new();
    for (kind, username) in [(SlotKind::Bearer, None), (SlotKind::Basic, Some("user")), (SlotKind::Header, None)] {
        let mut setup = Setup::new(&server.url()).slot("token", kind, username, "planted-credential").slot(
            "key",
            SlotKind::Hmac,
            None,
            "planted-signing-key",
        );
        setup.secrets.insert("deploy".into(), "planted-body-part".into());
        let door = setup.door();
        let refused = format!("http://127.0.0.1:1/{}", "x");
        for url in ["/x", "http://elsewhere.test/", &refused] {
            let mut sent = request("POST", url).with("token").following();
            let part = SecretPart { secret: "deploy".into(), escape: "json".into(), seal_to: None };
            sent.body.push(BodyPart::Secret(part));
            sent.signatures.push(Signature {
                header: "x-signature".into(),
                prefix: String::new(),
                key: "key".into(),
                algorithm: "hmac-sha256".into(),
                encoding: "hex".into(),
                message: vec![SignedPart::Body],
            });
            sent.captures.push(Capture {
                source: CaptureSource::Pointer("/token".into()),
                into: "new".into(),
                expires_pointer: None,
                public: false,
            });
            match door.send(&setup.scope(), sent).await {
                Ok(response) => {
                    said += &format!("{:?} {}", response, String::from_utf8_lossy(&response.body));
                }
                Err(error) => said += &format!("{error:?} {error}"),
            }
        }
        said += &format!("{:?}", setup.host.records.lock().unwrap());
    }
    assert_eq!(server.seen().len(), 3, "it was really sent");
    said += &String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(said.contains("the log is read") && said.contains("hyper_util"), "the client's own log is among it");
    for secret in ["planted-credential", "planted-signing-key", "planted-body-part", "planted-capture"] {
        let encoded = STANDARD.encode(secret);
        // All but the last group, which the neighbours of the value may change.
        for hidden in [secret, &encoded[..encoded.len() - 4], &hex::encode(secret)] {
            assert!(!said.contains(hidden), "{hidden} in {said}");
        }
    }
}
