//! The builder of requests.

use serde::Serialize;

use crate::{
    error::{Result, attribute},
    types::{self, Attribute, Error, Header, Redirects, Window},
};

use super::{Body, Capture, Json, Signature, Target, encode};

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
    pub(super) method: String,
    pub(super) target: Target,
    query: Vec<(String, String)>,
    headers: Vec<Header>,
    body: Body,
    pub(super) credential: Option<String>,
    signatures: Vec<types::Signature>,
    redirects: Redirects,
    window: Option<Window>,
    timeout_ms: Option<u32>,
    captures: Vec<types::Capture>,
    more: Vec<Attribute>,
    pub(super) reads: bool,
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

    /// The same request to another address, which brings its own query.
    pub(super) fn at(mut self, url: String) -> Self {
        self.target = url.into();
        self.query.clear();
        self
    }
}
