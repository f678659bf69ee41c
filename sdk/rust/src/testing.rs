//! A host for tests outside of wasm: what a call asks for is answered by the test, so that a call of more than one
//! request is tested with plain `cargo test`.
//!
//! ```
//! use novacron_cicd_sdk::{context, http::{Request, Response}, testing::Host};
//!
//! let host = Host::new("https://ci.example", |request| {
//!     assert_eq!((&*request.method, &*request.url), ("GET", "/version"));
//!     Ok(Response::fake(200, &[], br#""1.2""#, true))
//! });
//! let (version, sent) = host.credential("token", "bearer").run(|| {
//!     assert!(context::has_credential("token"));
//!     Request::get("/version").fetch::<String>()
//! });
//! assert_eq!((version.as_deref(), sent.len()), (Ok("1.2"), 1));
//! ```
//!
//! Must be absent: what only the real host can do. `kv`, `keys` and `random` work in a component only.

use std::cell::RefCell;

use crate::{
    context::{Credential, Provider},
    http::Response,
    types::{Request, Timestamp},
};

pub use crate::imports::http::SendError;

type Answer = Box<dyn FnMut(&Request) -> Result<Response, SendError>>;

/// A host that is not there.
pub struct Host {
    provider: Provider,
    now: Timestamp,
    answer: Answer,
    sent: Vec<Request>,
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

impl Host {
    /// Of a provider without settings and credentials, in 2026. `answer` is asked for each request.
    #[must_use]
    pub fn new(base_url: &str, answer: impl FnMut(&Request) -> Result<Response, SendError> + 'static) -> Self {
        let provider = Provider {
            name: "test".into(),
            base_url: base_url.into(),
            settings: "{}".into(),
            credentials: Vec::new(),
            deadline: u64::MAX,
            more: Vec::new(),
        };
        Self { provider, now: 1_767_225_600_000, answer: Box::new(answer), sent: Vec::new() }
    }

    /// Sets the provider's settings: JSON.
    #[must_use]
    pub fn settings(mut self, json: impl ToString) -> Self {
        self.provider.settings = json.to_string();
        self
    }

    /// Fills a credential slot.
    #[must_use]
    pub fn credential(mut self, slot: &str, kind: &str) -> Self {
        self.provider.credentials.push(Credential { slot: slot.into(), kind: kind.into(), expires: None });
        self
    }

    /// Sets the clock, in milliseconds since the epoch.
    #[must_use]
    pub fn now(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Makes a call on this thread. Answers what it answers, and what was sent.
    ///
    /// # Panics
    /// Where one call is made inside of another, or `call` does.
    pub fn run<T>(self, call: impl FnOnce() -> T) -> (T, Vec<Request>) {
        let before = HOST.replace(Some(self));
        assert!(before.is_none(), "a call inside of a call");
        let answer = call();
        let host = HOST.take().expect("it was put there above");
        (answer, host.sent)
    }
}

fn with<T>(take: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with_borrow_mut(|host| take(host.as_mut().expect("outside of a component a call needs a testing::Host")))
}

pub(crate) mod http {
    use super::{Request, SendError, with};
    use crate::imports::http::Response;

    pub(crate) fn send(request: &Request) -> Result<Response, SendError> {
        with(|host| {
            host.sent.push(request.clone());
            (host.answer)(request).map(crate::http::Response::into_raw)
        })
    }

    pub(crate) fn send_all(requests: &[Request]) -> Vec<Result<Response, SendError>> {
        requests.iter().map(send).collect()
    }
}

pub(crate) mod context {
    pub(crate) fn get() -> crate::context::Provider {
        super::with(|host| host.provider.clone())
    }
}

pub(crate) mod clock {
    pub(crate) fn now() -> crate::types::Timestamp {
        super::with(|host| host.now)
    }
}

pub(crate) mod log {
    pub(crate) fn write(_: crate::log::Level, _: &str, _: &[crate::types::Attribute]) {}
}
