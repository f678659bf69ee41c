//! Answers.

use serde::de::DeserializeOwned;

use crate::{
    clock, context,
    error::{Result, truncate},
    imports::http::Response as Raw,
    types::Error,
};

use super::{paging, place, send::Sent, status};

/// In a sentence, so much of what the platform said.
const SENTENCE: usize = 300;

/// An answer, whatever its status is.
///
/// ```no_run
/// use novacron_cicd_sdk::http::Request;
/// # fn f() -> novacron_cicd_sdk::Result<()> {
/// let answer = Request::get("/crumbIssuer/api/json").send()?;
/// if answer.status() != 404 {
///     let crumb: serde_json::Value = answer.ok()?.json()?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    raw: Raw,
    sent: Sent,
}

impl Response {
    pub(super) fn sent(raw: Raw, sent: Sent) -> Self {
        Self { raw, sent }
    }

    /// An answer that no host gave, to test what is made of it. `reads`: whether the request only read.
    ///
    /// ```
    /// use novacron_cicd_sdk::{http::Response, types::ErrorKind};
    ///
    /// let answer = Response::fake(404, &[("content-type", "text/plain")], b"no such job", true);
    /// assert_eq!(answer.ok().unwrap_err().kind, ErrorKind::NotFound);
    /// ```
    #[must_use]
    pub fn fake(status: u16, headers: &[(&str, &str)], body: &[u8], reads: bool) -> Self {
        let header = |&(name, value): &(&str, &str)| crate::types::Header { name: name.into(), value: value.into() };
        let raw = Raw {
            status,
            headers: headers.iter().map(header).collect(),
            body: body.to_vec(),
            total: body.len() as u64,
            truncated: false,
            final_url: "https://platform.example/".into(),
            more: Vec::new(),
        };
        let method = if reads { "GET" } else { "POST" };
        Self { raw, sent: Sent { what: format!("{method} /"), reads, slot: None } }
    }

    /// For tests: as what a window shows of a body of `total` bytes, of which the host gave only this part.
    #[must_use]
    pub fn cut(mut self, total: u64) -> Self {
        self.raw.total = total;
        self.raw.truncated = true;
        self
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn into_raw(self) -> Raw {
        self.raw
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.raw.status
    }

    /// Whether the status is one of 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.raw.status)
    }

    /// The first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// All headers of that name, in any case.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let same = move |header: &&crate::types::Header| header.name.eq_ignore_ascii_case(name);
        self.raw.headers.iter().filter(same).map(|header| header.value.as_str())
    }

    /// The body, or the part of it that was asked for.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.raw.body
    }

    /// The body as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw.body).into_owned()
    }

    /// How many bytes the body had as far as it was read: more than [`bytes`](Self::bytes) where a window was asked.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.raw.total
    }

    /// Whether there was more than was read.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.raw.truncated
    }

    /// Where the answer came from, after redirects.
    #[must_use]
    pub fn final_url(&self) -> &str {
        &self.raw.final_url
    }

    /// This answer, if its status is one of 2xx.
    ///
    /// # Errors
    /// | status | kind |
    /// |---|---|
    /// | 400, 413, 414, 415, 422, 428, 431 | `invalid-input` of `request`, with what the platform said |
    /// | 401 | `unauthorized` |
    /// | 403 | `rate-limited` with `retry-after` or a spent `x-ratelimit-remaining`, else `forbidden` |
    /// | 404, 410 | `not-found` |
    /// | 405, 501 | `unsupported` |
    /// | 408, 425 | `transient` |
    /// | 409, 412, 423 | `conflict` |
    /// | 429 | `rate-limited` |
    /// | 503 | `rate-limited` with `retry-after`, else `transient` |
    /// | 502, 504 | `transient` for what reads, else `outcome-unknown` |
    /// | others | `upstream`, with an excerpt |
    pub fn ok(self) -> Result<Self> {
        if self.is_success() { Ok(self) } else { Err(self.error()) }
    }

    /// The error that this answer is, whatever its status is: to change before it is answered.
    #[must_use]
    pub fn error(&self) -> Error {
        status::error(self, &self.sent, clock::now)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `upstream` where it is none, or none of that shape: a login page, a proxy, another version of the platform. It names
    /// the field that is not as it should be.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.raw.body).map_err(|error| self.not_understood(&error))
    }

    /// Apart from [`Self::json`], which is there once for every type that is read.
    #[cold]
    #[inline(never)]
    fn not_understood(&self, error: &serde_json::Error) -> Error {
        let mut place = place::path(&self.raw.body, error.line(), error.column());
        if !place.is_empty() {
            place.push_str(": ");
        }
        let message = format!("{} answered what is not understood: {place}{error}", self.sent.what);
        let error = Error::upstream(message, self.raw.status, self.text());
        match self.header("content-type") {
            Some(kind) if kind.starts_with("text/html") => {
                error.hint("this is a page for people: a login page, or a proxy before the platform")
            }
            _ => error,
        }
    }

    /// Where `Link: rel="next"` leads: a cursor for [`Request::get`](super::Request::get), on the base URL's origin.
    ///
    /// # Errors
    /// `upstream` where it leads to another origin.
    pub fn next_page(&self) -> Result<Option<String>> {
        paging::next_link(self.headers("link"), &self.raw.final_url, &context::base_url())
    }

    /// What the platform said, for a sentence: a known field of its JSON, the title of its page, or the begin of it.
    pub(super) fn sentence(&self) -> String {
        let text = self.text();
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.raw.body).ok();
        let known = ["/detail", "/message", "/error_description", "/error/message", "/error", "/title"];
        let field = json.as_ref().and_then(|json| known.iter().find_map(|place| json.pointer(place)?.as_str()));
        let said = field.or_else(|| page_title(&text)).unwrap_or(&text);
        let mut sentence = said.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        truncate(&mut sentence, SENTENCE);
        sentence
    }
}

fn page_title(text: &str) -> Option<&str> {
    let begin = text.find("<title>")? + "<title>".len();
    let length = text[begin..].find("</title>")?;
    Some(&text[begin..begin + length])
}
#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Page {
        #[serde(rename = "items")]
        _items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    struct Item {
        #[serde(rename = "id")]
        _id: u32,
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_place() {
        let rows = [
            (
                r#"{"items": [{"id": 1}, {"id": "x"}]}"#,
                "GET / answered what is not understood: items[1].id: invalid type: string \"x\", expected u32",
            ),
            (
                r#"{"items": [{}]}"#,
                "GET / answered what is not understood: items[0]: missing field `id` at line 1 column 13",
            ),
            (
                r#"{"items": 3}"#,
                "GET / answered what is not understood: items: invalid type: integer `3`, expected a sequence",
            ),
            ("<html>", "GET / answered what is not understood: expected value at line 1 column 1"),
            ("", "GET / answered what is not understood: EOF while parsing a value at line 1 column 0"),
        ];
        for (body, expected) in rows {
            let error = Response::fake(200, &[], body.as_bytes(), true).json::<Page>().unwrap_err();
            assert!(error.message.starts_with(expected), "{body}: {}", error.message);
        }
    }
}
