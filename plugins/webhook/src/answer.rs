//! What comes back: any 2xx is a yes, with or without words about the run.
//!
//! Pure. A receiver that has taken a run is never told that it failed because of how it said so.

use novacron_cicd_sdk::{
    Result,
    http::Response,
    runs::TriggerRequest,
    types::{Error, Run, RunRef, State, Status},
};
use serde_json::Value;

/// A platform's id has at most so many bytes.
const ID: usize = 512;

/// The run that the receiver took. It may answer `{"id", "number", "url"}`, each a string or a whole number; what it does
/// not say, or says in another shape, is as if it said nothing. Without an id the correlation token is one.
///
/// # Errors
/// As [`taken`].
pub fn accepted(answer: Response, request: TriggerRequest) -> Result<Run> {
    let said: Value = serde_json::from_slice(taken(answer)?.bytes()).unwrap_or_default();
    let word = |name: &str| match said.get(name)? {
        Value::String(text) if !text.is_empty() && text.len() <= ID => Some(text.clone()),
        Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        _ => None,
    };
    let run = word("id").unwrap_or_else(|| request.correlation.clone());
    let identity = RunRef { pipeline: request.pipeline, run, attempt: None };
    Ok(Run {
        number: word("number"),
        url: word("url").filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        reference: request.reference,
        origin: "api".into(),
        correlation: Some(request.correlation),
        ..Run::new(identity, Status::of(State::Pending, "accepted"))
    })
}

/// The answer, if it is a yes.
///
/// # Errors
/// As [`Response::ok`] says, with a hint where the cause is likely to be on our side.
pub fn taken(answer: Response) -> Result<Response> {
    let status = answer.status();
    answer.ok().map_err(|error| match hint(status) {
        Some(hint) => error.hint(hint),
        None => error,
    })
}

fn hint(status: u16) -> Option<&'static str> {
    match status {
        401 | 403 => Some("the receiver has another signing secret than slot `signing`, or wants slot `token` filled"),
        404 | 405 | 410 => Some("check the provider's base URL: messages are posted to exactly that"),
        413 => Some("the receiver takes smaller bodies than this run's parameters need"),
        _ => None,
    }
}

/// What a function answers that only a platform with reads of its own can have.
#[must_use]
pub fn by_callback(feature: &str) -> Error {
    Error::unsupported(feature).message("a run of this provider reports by itself and can not be read")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::{ErrorKind, InvalidInput, Upstream};

    use super::*;

    /// Status and body; then id, number and URL.
    type Said<'a> = (u16, &'a str, (&'a str, Option<&'a str>, Option<&'a str>));
    type Refused = (u16, &'static [(&'static str, &'static str)], ErrorKind);

    fn request() -> TriggerRequest {
        TriggerRequest {
            pipeline: "app".into(),
            reference: Some("main".into()),
            parameters: vec![],
            environment: vec![],
            correlation: "nc-7".into(),
            callback: None,
            more: vec![],
        }
    }

    #[test]
    fn a_yes_names_the_run_as_far_as_it_says_so() {
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(513));
        let rows: [Said<'_>; 12] = [
            (
                200,
                r##"{"id":"17","number":"#17","url":"https://ci.example/17"}"##,
                ("17", Some("#17"), Some("https://ci.example/17")),
            ),
            (201, r#"{"id":17,"number":4}"#, ("17", Some("4"), None)),
            (202, r#"{"id":12345678901234567890}"#, ("12345678901234567890", None, None)),
            (204, "", ("nc-7", None, None)),
            (200, "ok", ("nc-7", None, None)),
            (200, "[]", ("nc-7", None, None)),
            (200, "null", ("nc-7", None, None)),
            (200, r#"{"id":""}"#, ("nc-7", None, None)),
            (200, r#"{"id":{"x":1},"number":1.5}"#, ("nc-7", None, None)),
            (200, r#"{"id":null,"url":"javascript:alert(1)"}"#, ("nc-7", None, None)),
            (200, r#"{"url":"http://ci.example/"}"#, ("nc-7", None, Some("http://ci.example/"))),
            (299, &long, ("nc-7", None, None)),
        ];
        for (status, body, (id, number, url)) in rows {
            let run = accepted(Response::fake(status, &[], body.as_bytes(), false), request()).unwrap();
            assert_eq!((run.identity.run.as_str(), run.number.as_deref(), run.url.as_deref()), (id, number, url));
            assert_eq!((run.status.state, run.correlation.as_deref()), (State::Pending, Some("nc-7")), "{body}");
        }
    }

    #[test]
    fn every_other_status_is_the_error_that_the_protocol_says() {
        let upstream = |status| ErrorKind::Upstream(Upstream { status, excerpt: "no".into() });
        let invalid = || ErrorKind::InvalidInput(InvalidInput { field: "request".into(), reason: "no".into() });
        let rows: [Refused; 19] = [
            (
                302,
                &[("location", "/login")],
                ErrorKind::Upstream(Upstream { status: 302, excerpt: "location: /login".into() }),
            ),
            (400, &[], invalid()),
            (401, &[], ErrorKind::Unauthorized),
            (403, &[], ErrorKind::Forbidden(None)),
            (404, &[], ErrorKind::NotFound),
            (405, &[], ErrorKind::Unsupported("POST /".into())),
            (408, &[], ErrorKind::Transient),
            (409, &[], ErrorKind::Conflict),
            (410, &[], ErrorKind::NotFound),
            (413, &[], invalid()),
            (418, &[], upstream(418)),
            (422, &[], invalid()),
            (429, &[], ErrorKind::RateLimited(None)),
            (429, &[("retry-after", "7")], ErrorKind::RateLimited(Some(7000))),
            (500, &[], upstream(500)),
            (502, &[], ErrorKind::OutcomeUnknown),
            (503, &[], ErrorKind::Transient),
            (503, &[("retry-after", "1")], ErrorKind::RateLimited(Some(1000))),
            (504, &[], ErrorKind::OutcomeUnknown),
        ];
        for (status, headers, kind) in rows {
            let error = accepted(Response::fake(status, headers, b"no", false), request()).unwrap_err();
            assert_eq!(error.kind, kind, "{status}");
        }
    }

    #[test]
    fn a_refusal_says_where_to_look() {
        for status in [401, 403, 404, 405, 410, 413, 302] {
            let error = taken(Response::fake(status, &[], b"", false)).unwrap_err();
            assert!(error.hint.is_some(), "{status}");
        }
    }
}
