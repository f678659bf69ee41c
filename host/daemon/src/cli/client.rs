//! The API from outside: requests with the token, answers or problems, pages, streams.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    CliError, Global,
    connection::{self, Place},
};
use crate::api::Problem;

/// A client of one daemon.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    shown: String,
    token: String,
    debug: bool,
}

/// An answer twice: as it came, for `-o json`, and as what it means, for people.
pub(crate) struct Answer<T> {
    pub(crate) value: Value,
    pub(crate) typed: T,
}

impl Client {
    /// Finds the daemon; does not connect yet.
    pub(crate) fn connect(global: &Global) -> Result<Self, CliError> {
        let connection = connection::find(global)?;
        let shown = connection.place.shown();
        let token = connection.token.ok_or_else(|| CliError::NoToken { url: shown.clone() });
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("novacron-cicd/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10));
        let base = match &connection.place {
            Place::Unix(path) => {
                builder = builder.unix_socket(path.clone()).no_proxy();
                "http://localhost".to_owned()
            }
            Place::Http(url) => {
                if url.host_str().is_some_and(is_loopback) {
                    builder = builder.no_proxy();
                }
                if url.scheme() == "http" {
                    // Without TLS there is nothing to trust: do not fail on a machine without certificates.
                    builder = builder.tls_certs_only([]);
                }
                shown.clone()
            }
        };
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http =
            builder.build().map_err(|error| CliError::Unreachable { url: shown.clone(), reason: reason(&error) })?;
        // A daemon that is not there is said before a token that is not there.
        let token = match token {
            Ok(token) => token,
            Err(error) => {
                if !answers(&connection.place) {
                    return Err(CliError::Unreachable { url: shown, reason: "nobody listens there".into() });
                }
                return Err(error);
            }
        };
        Ok(Self { http, base, shown, token, debug: global.debug })
    }

    /// A request with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// Sends a request; anything but success is an error.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        let request = request.build().map_err(|error| self.unreachable(&error))?;
        let (method, url) = (request.method().clone(), request.url().clone());
        if self.debug {
            let names = request.headers().keys().map(header::HeaderName::as_str).collect::<Vec<_>>().join(", ");
            debug(&format!("> {method} {url} ({names})"));
        }
        let begun = Instant::now();
        let response = self.http.execute(request).await.map_err(|error| self.unreachable(&error))?;
        if self.debug {
            let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("-");
            debug(&format!("< {} in {} ms, request {id}", response.status(), begun.elapsed().as_millis()));
        }
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response, url.as_str()).await) }
    }

    async fn refused(&self, response: Response, url: &str) -> CliError {
        let status = response.status();
        match response.bytes().await.ok().and_then(|bytes| serde_json::from_slice::<Problem>(&bytes).ok()) {
            Some(problem) => CliError::Refused(Box::new(problem)),
            None => CliError::Unexpected { url: url.to_owned(), reason: status.to_string() },
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        if error.is_connect() || error.is_builder() || error.is_timeout() {
            CliError::Unreachable { url: self.shown.clone(), reason: reason(error) }
        } else {
            CliError::BrokenOff { reason: reason(error) }
        }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Answer<T>, CliError> {
        let response = self.send(request).await?;
        let url = response.url().to_string();
        let bytes = response.bytes().await.map_err(|error| CliError::BrokenOff { reason: reason(&error) })?;
        let unexpected =
            |error: serde_json::Error| CliError::Unexpected { url: url.clone(), reason: error.to_string() };
        let value: Value = serde_json::from_slice(&bytes).map_err(unexpected)?;
        let typed = T::deserialize(&value).map_err(unexpected)?;
        Ok(Answer { value, typed })
    }

    /// GET.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, CliError> {
        self.answer(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body, and an idempotency key where one is given.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: Option<&str>,
    ) -> Result<Answer<T>, CliError> {
        let mut request = self.request(Method::POST, path).json(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.answer(request).await
    }

    /// DELETE; the answer, where it has one.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<Option<Answer<T>>, CliError> {
        let response = self.send(self.request(Method::DELETE, path)).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let url = response.url().to_string();
        let bytes = response.bytes().await.map_err(|error| CliError::BrokenOff { reason: reason(&error) })?;
        let unexpected =
            |error: serde_json::Error| CliError::Unexpected { url: url.clone(), reason: error.to_string() };
        let value: Value = serde_json::from_slice(&bytes).map_err(unexpected)?;
        let typed = T::deserialize(&value).map_err(unexpected)?;
        Ok(Some(Answer { value, typed }))
    }

    /// Pages of a list until there are `limit` items; the second value says whether there are more.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        limit: u32,
    ) -> Result<(Answer<Vec<T>>, bool), CliError> {
        let (mut values, mut typed, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
        loop {
            let left = limit as usize - values.len();
            let mut parts = query.to_vec();
            parts.push(("limit", left.min(200).to_string()));
            parts.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let request = self.request(Method::GET, &with_query(path, &parts));
            let page = self.answer::<crate::api::List<Value>>(request).await?.typed;
            for item in page.items {
                let unexpected =
                    |error: serde_json::Error| CliError::Unexpected { url: path.to_owned(), reason: error.to_string() };
                typed.push(T::deserialize(&item).map_err(unexpected)?);
                values.push(item);
            }
            cursor = page.next;
            if cursor.is_none() || values.len() >= limit as usize {
                return Ok((Answer { value: Value::Array(values), typed }, cursor.is_some()));
            }
        }
    }
}

/// Whether somebody listens there.
fn answers(place: &Place) -> bool {
    match place {
        Place::Unix(path) => std::os::unix::net::UnixStream::connect(path).is_ok(),
        Place::Http(url) => {
            let addresses = url.socket_addrs(|| None).unwrap_or_default();
            addresses
                .iter()
                .any(|address| std::net::TcpStream::connect_timeout(address, Duration::from_secs(3)).is_ok())
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The innermost words of an error: what the system said.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn debug(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// What stands in a part of a path as it is: dots do not, since two of them mean something.
const PLAIN: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A part of a path, escaped.
pub(crate) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, PLAIN).to_string()
}

/// A path with a query.
pub(crate) fn with_query(path: &str, parts: &[(&str, String)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parts);
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
