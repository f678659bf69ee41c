//! A client of the API that checks every answer against the host's own document before a test sees it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;

use super::{Contract, PATIENCE};

/// Who asks, and where.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
    contract: Arc<Contract>,
}

/// An answer that the document promises.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// Null where the body is no JSON.
    pub(crate) json: Value,
    what: String,
}

impl Api {
    pub(crate) async fn new(address: &str, token: &str) -> Self {
        // Another scenario in this process may have chosen one; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let document = http.get(format!("{address}/v1/openapi.json")).send().await.unwrap();
        assert_eq!(document.status(), 200, "the document is for everybody");
        let contract = Contract::new(document.json().await.unwrap()).unwrap();
        Self { http, address: address.to_owned(), token: Some(token.to_owned()), contract: Arc::new(contract) }
    }

    /// The same with another token, or none.
    pub(crate) fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// What the host says that it can.
    pub(crate) fn contract(&self) -> &Contract {
        &self.contract
    }

    /// A request to the API, with the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it, reads all of the answer, checks it.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let what = format!("{method} {}", &request.url().as_str()[self.address.len()..]);
        let response = self.http.execute(request).await.unwrap_or_else(|error| panic!("{what}: no answer: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{what}: broken off: {error:?}"));
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if let Err(fault) = self.contract.check(&method, &path, status, content_type, Some(&bytes)) {
            panic!("{what}: {fault:#}\n{}", String::from_utf8_lossy(&bytes));
        }
        let json = match content_type {
            Some(media) if media.split(';').next().is_some_and(|media| media.ends_with("json")) => {
                serde_json::from_slice(&bytes).unwrap()
            }
            _ => Value::Null,
        };
        Answer { status, headers, bytes, json, what }
    }

    /// Sends it and leaves the body to the caller; status and content type are checked.
    pub(crate) async fn open(&self, path: &str) -> reqwest::Response {
        let response = self.request(Method::GET, path).timeout(Duration::from_secs(600)).send().await.unwrap();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let bare = path.split('?').next().unwrap();
        self.contract.check("GET", bare, response.status().as_u16(), content_type, None).unwrap();
        response
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// A POST without a body.
    pub(crate) async fn act(&self, path: &str) -> Answer {
        self.send(self.request(Method::POST, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }
}

impl Answer {
    /// Fails where the status is another.
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, String::from_utf8_lossy(&self.bytes));
        self
    }

    /// Fails where it is not this problem, with a sentence and a hint.
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Self {
        let it = self.expect(status);
        assert_eq!(it.json["code"], code, "{}: {:#}", it.what, it.json);
        assert!(it.json["detail"].as_str().is_some_and(|text| !text.is_empty()), "{:#}", it.json);
        assert!(it.json["hint"].as_str().is_some_and(|text| !text.is_empty()), "{code} has no hint: {:#}", it.json);
        it
    }

    /// A text of the JSON body.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| {
            panic!("{}: there is no text at {pointer}: {:#}", self.what, self.json);
        })
    }
}
