//! Sending: what of a request is still told when it is gone, and what its answer becomes.

use serde::de::DeserializeOwned;

use crate::{error::Result, imports, types::Error};

use super::{Pages, Request, Response, failure, target::origin};

impl Request {
    /// Sends it. Any status is an answer; [`Response::ok`] takes only success.
    ///
    /// # Errors
    /// What [`build`](Self::build) says; `transient` where nothing was sent, or a read was interrupted;
    /// `outcome-unknown` where something that changes was.
    pub fn send(self) -> Result<Response> {
        let sent = Sent::of(&self);
        let request = self.build()?;
        sent.answer(imports::host::http::send(&request))
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
    let mut answers = imports::host::http::send_all(&built).into_iter();
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
