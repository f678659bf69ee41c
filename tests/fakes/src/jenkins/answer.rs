//! How Jenkins answers: pages for people, headers for clients.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

/// An answer in the making.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(super) fn page(status: u16, title: &str) -> Self {
        let mut answer = Self::new(status).header("content-type", "text/html;charset=utf-8");
        answer.body =
            format!("<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>")
                .into();
        answer
    }

    pub(super) fn json(value: &Value) -> Self {
        let mut answer = Self::new(200)
            .header("content-type", "application/json;charset=utf-8")
            .header("x-jenkins", "2.579")
            .header("x-jenkins-session", "1a2b3c4d");
        answer.body = value.to_string().into();
        answer
    }

    /// `Failure` (`hudson/model/AbstractModelObject/error.jelly`).
    pub(super) fn failure(message: &str) -> Self {
        Self::page(400, "Error").header("x-error", message)
    }

    /// `AccessDeniedException3`.
    pub(super) fn denied(user: &str, permission: &str) -> Self {
        Self::page(403, "Error 403 Forbidden")
            .header("x-you-are-authenticated-as", user)
            .header("x-required-permission", permission)
    }

    pub(super) fn to(status: u16, location: &str) -> Self {
        Self::new(status).header("location", location)
    }

    pub(super) fn into_response(self, broken: bool) -> Response {
        let mut response = Response::builder().status(StatusCode::from_u16(self.status).unwrap());
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        if broken {
            // Half of what was announced, and the connection ends.
            let piece = Ok(Bytes::from_static(b"<"));
            let end = Err(std::io::Error::other("the connection broke"));
            let body = Body::from_stream(futures_util::stream::iter([piece, end]));
            return response.header("content-length", 100).body(body).unwrap();
        }
        response.body(Body::from(self.body)).unwrap()
    }
}
