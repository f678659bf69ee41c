//! What a guest writes, prints or answers never shows a value of the vault.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{cell::RefCell, future::Future, io::Write, sync::OnceLock};

use novacron_cicd_domain::Coded as _;

use crate::house::{House, VALUE};

thread_local! {
    static HEARD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// All that is traced on this thread while `work` runs.
///
/// One subscriber for the whole process, and a buffer per test: subscribers that come and go side by side lose lines.
pub(crate) async fn hear(work: impl Future<Output = ()>) -> String {
    static SUBSCRIBER: OnceLock<()> = OnceLock::new();
    SUBSCRIBER.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::DEBUG);
        subscriber.with_writer(|| Heard).init();
    });
    HEARD.set(Some(Vec::new()));
    work.await;
    String::from_utf8(HEARD.take().unwrap()).unwrap()
}

struct Heard;

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        HEARD.with_borrow_mut(|heard| heard.as_mut().map(|heard| heard.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_secret_shows_neither_in_lines_nor_in_output_nor_in_errors_of_a_guest() {
    let house = House::hostile().await;
    let text = format!("before {VALUE} after");
    let heard = hear(async {
        house.set("log").text(&text).said().await;
        house.set("print").text(&text).said().await;
        let panicked = house.set("panic").text(&text).error().await;
        let answered = house.set("error").text(&text).error().await;
        for error in [panicked, answered] {
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert!(!shown.contains(VALUE), "{shown}");
            assert!(shown.contains("before"), "{shown}");
        }
    })
    .await;
    assert!(!heard.contains(VALUE), "{heard}");
    for said in ["the guest says before", "the guest gives up: before"] {
        assert!(heard.contains(said), "{said} is not in {heard}");
    }
}

#[tokio::test]
async fn a_call_has_one_span_with_who_what_and_how_much() {
    let house = House::hostile().await;
    let heard = hear(async {
        house.set("log").text("hello").said().await;
    })
    .await;
    let line = heard.lines().find(|line| line.contains("the guest says hello")).unwrap();
    for part in
        ["plugin.call{", "plugin=hostile", "version=0.1.0", "digest=", "function=\"plugin.check\"", "actor=\"test\""]
    {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    let end = heard.lines().find(|line| line.contains("a plugin was called")).unwrap();
    for part in ["outcome=\"ok\"", "wall_ms=", "cpu_ticks=", "peak_memory=", "requests=0"] {
        assert!(end.contains(part), "{part} is not in {end}");
    }
}

#[tokio::test]
async fn what_is_made_of_a_key_is_a_name_and_never_bytes() {
    let house = House::hostile().await;
    let said = house.set("keys").text("key").said().await;
    assert_eq!(said[0], "=key/1", "{said:?}");
    assert!(said[1].contains("\"octal\" is not hex or base64"), "{said:?}");
    assert!(said[2].contains("is of kind hmac, which is no key for this"), "{said:?}");
    for (slot, reason) in [("other", "the manifest has no slot \"other\""), ("token", "is no key for this")] {
        let said = house.set("keys").text(slot).said().await;
        assert!(said[0].contains(reason), "{slot}: {said:?}");
    }
    let delivery = novacron_cicd_domain::platform::Delivery { headers: Vec::new(), body: Vec::new() };
    let pure = house.set("keys").text("key").provider().decode_webhook(delivery).await.unwrap_err();
    assert!(pure.message.contains("it called keys.hmac"), "{pure}");
}
