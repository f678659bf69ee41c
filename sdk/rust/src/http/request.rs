//! The builder of requests.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{Result, attribute},
    imports,
    types::{self, Attribute, Error, Header, Redirects, Window},
};

use super::{Body, Capture, Json, Pages, Response, Signature, Target, encode, failure, target::origin};

/// A request in the making. Whatever is wrong with it is told when it is built or sent.
///
/// ```no_run
/// use novacron_cicd_sdk::http::Request;
///
/// #[derive(serde::Deserialize)]
/// struct Version {
///     version: String,
/// }
/// # fn f() -> novacron_cicd_sdk::Result<()> {
/// let version: Version = Request::get("/version").credential("token").fetch()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    method: String,
    target: Target,
    query: Vec<(String, String)>,
    headers: Vec<Header>,
    body: Body,
    credential: Option<String>,
    signatures: Vec<types::Signature>,
    redirects: Redirects,
    window: Option<Window>,
    timeout_ms: Option<u32>,
    captures: Vec<types::Capture>,
    more: Vec<Attribute>,
    reads: bool,
    problem: Option<Error>,
}

macro_rules! methods {
    ($($name:ident = $method:literal, $reads:literal;)*) => {$(
        #[doc = concat!("A ", $method, " request.")]
        ///
        /// ```
        /// use novacron_cicd_sdk::http::Request;
        ///
        #[doc = concat!("let request = Request::", stringify!($name), "([\"job\", \"a b\"]).build()?;")]
        #[doc = concat!("assert_eq!((&*request.method, &*request.url), (\"", $method, "\", \"/job/a%20b\"));")]
        /// # Ok::<(), novacron_cicd_sdk::types::Error>(())
        /// ```
        #[must_use]
        pub fn $name(target: impl Into<Target>) -> Self {
            Self::new($method, target.into(), $reads)
        }
    )*};
}

impl Request {
    methods! {
        get = "GET", true;
        head = "HEAD", true;
        post = "POST", false;
        put = "PUT", false;
        patch = "PATCH", false;
        delete = "DELETE", false;
    }

    fn new(method: &str, target: Target, reads: bool) -> Self {
        Self {
            method: method.into(),
            target,
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::new(),
            credential: None,
            signatures: Vec::new(),
            redirects: if reads { Redirects::Follow } else { Redirects::None },
            window: None,
            timeout_ms: None,
            captures: Vec::new(),
            more: Vec::new(),
            reads,
            problem: None,
        }
    }

    /// This request reads, whatever its method is: a lost answer is no unknown outcome. The manifest must name it
    /// under `egress.reads`.
    #[must_use]
    pub fn reads(mut self) -> Self {
        self.reads = true;
        self
    }

    /// Adds `name=value` to the query, encoded.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Adds to the query where there is a value.
    #[must_use]
    pub fn query_maybe(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header. Authorization, cookies and what belongs to the connection are the host's.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// Sets the body, and its type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Body) -> Self {
        self.headers.retain(|header| !header.name.eq_ignore_ascii_case("content-type"));
        self.body = body;
        self.header("content-type", content_type)
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.body("application/json", Body::new().bytes(bytes)),
            Err(error) => {
                self.problem = Some(Error::internal(format!("a body that is no JSON: {error}")));
                self
            }
        }
    }

    /// Sets a JSON body that may hold references to secrets.
    #[must_use]
    pub fn json_with_secrets(self, json: Json) -> Self {
        self.body("application/json", json.write(Body::new()))
    }

    /// Adds a field to a form body.
    #[must_use]
    pub fn form(self, name: &str, value: &str) -> Self {
        self.form_field(name, Ok(value))
    }

    /// Adds a field to a form body whose value is the secret that this call knows by `reference`.
    #[must_use]
    pub fn form_secret(self, name: &str, reference: &str) -> Self {
        self.form_field(name, Err(reference))
    }

    fn form_field(mut self, name: &str, value: Result<&str, &str>) -> Self {
        let body = std::mem::take(&mut self.body).form(name, value);
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Authenticates with a credential slot; without it the request is anonymous.
    #[must_use]
    pub fn credential(mut self, slot: impl Into<String>) -> Self {
        self.credential = Some(slot.into());
        self
    }

    /// Adds a signature over what is really sent.
    #[must_use]
    pub fn sign(mut self, signature: Signature) -> Self {
        self.signatures.push(signature.into_wit());
        self
    }

    /// Signs as Standard Webhooks has it: `webhook-id`, `webhook-timestamp` (in seconds) and `webhook-signature`.
    #[must_use]
    pub fn standard_webhook(self, slot: &str, id: &str, seconds: u64) -> Self {
        let signature = Signature::hmac_sha256(slot, "webhook-signature").prefix("v1,");
        self.header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .sign(signature.text(format!("{id}.{seconds}.")).body())
    }

    /// Takes a secret out of the answer, into a slot.
    #[must_use]
    pub fn capture(mut self, capture: Capture) -> Self {
        self.captures.push(capture.into_wit());
        self
    }

    /// What to do about redirects. At first reads are followed, and all else is not.
    #[must_use]
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = redirects;
        self
    }

    /// Only these bytes of the answer's body are wanted; the host reads and counts the rest.
    #[must_use]
    pub fn window(mut self, skip: u64, limit: u32) -> Self {
        self.window = Some(Window { skip, limit });
        self
    }

    /// Milliseconds for this request alone; the call's own deadline holds all the same.
    #[must_use]
    pub fn timeout(mut self, millis: u32) -> Self {
        self.timeout_ms = Some(millis);
        self
    }

    /// Lets the host keep the answer and ask with its entity tag the next time.
    #[must_use]
    pub fn revalidate(mut self) -> Self {
        self.more.push(attribute("novacron.cache", "revalidate"));
        self
    }

    /// The request as data: for a transfer plan, or to look at in a test.
    ///
    /// # Errors
    /// `invalid-input` where the path is none, `internal` where the body could not be written.
    pub fn build(self) -> Result<types::Request> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut url = self.target.resolve()?;
        for (name, value) in &self.query {
            let between = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{between}{}={}", encode(name), encode(value)));
        }
        Ok(types::Request {
            method: self.method,
            url,
            headers: self.headers,
            body: self.body.into_parts(),
            credential: self.credential,
            signatures: self.signatures,
            redirects: self.redirects,
            window: self.window,
            timeout_ms: self.timeout_ms,
            captures: self.captures,
            more: self.more,
        })
    }

    /// Sends it. Any status is an answer; [`Response::ok`] takes only success.
    ///
    /// # Errors
    /// What [`build`](Self::build) says; `transient` where nothing was sent, or a read was interrupted;
    /// `outcome-unknown` where something that changes was.
    pub fn send(self) -> Result<Response> {
        let sent = Sent::of(&self);
        let request = self.build()?;
        sent.answer(imports::http::send(&request))
    }

    /// Sends it, takes only success, and reads the answer as JSON.
    ///
    /// # Errors
    /// What [`send`](Self::send), [`Response::ok`] and [`Response::json`] say.
    pub fn fetch<T: DeserializeOwned>(self) -> Result<T> {
        self.send()?.ok()?.json()
    }

    /// This page and those that its `Link: rel="next"` leads to, at most `most` of them.
    #[must_use]
    pub fn pages(self, most: usize) -> Pages {
        Pages::new(self, most)
    }

    /// The same request to another address, which brings its own query.
    pub(super) fn at(mut self, url: String) -> Self {
        self.target = url.into();
        self.query.clear();
        self
    }
}

/// Sends requests side by side, as far as the provider's limits allow. The answers are in the order of the requests.
///
/// ```no_run
/// use novacron_cicd_sdk::http::{Request, send_all};
///
/// for answer in send_all([1, 2, 3].map(|id| Request::get(format!("/jobs/{id}")))) {
///     let _ = answer.map(|answer| answer.status());
/// }
/// ```
#[must_use]
pub fn send_all(requests: impl IntoIterator<Item = Request>) -> Vec<Result<Response>> {
    let mut built = Vec::new();
    let mut order = Vec::new();
    for request in requests {
        let sent = Sent::of(&request);
        order.push(request.build().map(|request| {
            built.push(request);
            sent
        }));
    }
    let mut answers = imports::http::send_all(&built).into_iter();
    let mut one = |sent: Sent| match answers.next() {
        Some(answer) => sent.answer(answer),
        None => Err(Error::internal("the host gave fewer answers than there were requests")),
    };
    order.into_iter().map(|sent| sent.and_then(&mut one)).collect()
}

/// What is still told of a request when it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// `GET /jobs/17`: without query, and of an absolute URL its origin alone.
    pub(super) what: String,
    pub(super) reads: bool,
    pub(super) slot: Option<String>,
}

impl Sent {
    fn of(request: &Request) -> Self {
        let target = request.target.clone().resolve().unwrap_or_default();
        let place = match origin(&target) {
            Some(origin) => origin,
            None => target.split('?').next().unwrap_or_default().to_owned(),
        };
        Self { what: format!("{} {place}", request.method), reads: request.reads, slot: request.credential.clone() }
    }

    fn answer(self, answer: Result<imports::http::Response, imports::http::SendError>) -> Result<Response> {
        match answer {
            Ok(response) => Ok(Response::sent(response, self)),
            Err(error) => Err(failure::error(error, &self)),
        }
    }
}
