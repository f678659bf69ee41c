//! From a status to the kind of error that it is. The table stands at [`Response::ok`].

use std::time::Duration;

use crate::{
    time::http_date,
    types::{Error, Timestamp},
};

use super::{Response, send::Sent};

/// `now` is asked for only where an answer names a moment.
pub(super) fn error(answer: &Response, sent: &Sent, now: impl Fn() -> Timestamp) -> Error {
    let status = answer.status();
    let sentence = answer.sentence();
    let said = if sentence.is_empty() { String::new() } else { format!(": {sentence}") };
    let message = format!("{} answered {status}{said}", sent.what);
    let wait = wait(answer, &now);
    match status {
        400 | 413 | 414 | 415 | 422 | 428 | 431 => {
            let reason = if sentence.is_empty() { format!("refused with status {status}") } else { sentence };
            Error::invalid_input("request", reason).message(message)
        }
        401 => {
            let error = Error::unauthorized(message);
            match &sent.slot {
                Some(slot) => error.hint(format!("check the secret in credential slot {slot} of the provider")),
                None => error.hint("fill a credential slot of the provider"),
            }
        }
        403 if wait.is_some() => Error::rate_limited(message, wait),
        403 => Error::forbidden(message, None),
        404 | 410 => Error::not_found(message),
        405 | 501 => Error::unsupported(&sent.what).message(message),
        408 | 425 => Error::transient(message),
        409 | 412 | 423 => Error::conflict(message),
        429 => Error::rate_limited(message, wait),
        503 if wait.is_some() => Error::rate_limited(message, wait),
        503 => Error::transient(message),
        502 | 504 if sent.reads => Error::transient(message),
        // The gateway does not know what the server behind it did.
        502 | 504 => Error::outcome_unknown(message),
        300..400 => {
            let place = answer.header("location").unwrap_or("nowhere");
            Error::upstream(format!("{} was redirected", sent.what), status, format!("location: {place}"))
                .hint("check the provider's base URL: scheme, host and path")
        }
        _ => Error::upstream(message, status, answer.text()),
    }
}

/// How long the platform wants us to wait: `retry-after` in seconds or as a date, or the reset of a spent budget.
fn wait(answer: &Response, now: &impl Fn() -> Timestamp) -> Option<Duration> {
    if let Some(text) = answer.header("retry-after").map(str::trim) {
        return match text.parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => http_date(text).map(|at| Duration::from_millis(at.saturating_sub(now()))),
        };
    }
    let number = |name: String| answer.header(&name).and_then(|text| text.trim().parse::<u64>().ok());
    ["x-ratelimit-", "ratelimit-"].into_iter().find_map(|family| {
        if number(format!("{family}remaining"))? > 0 {
            return None;
        }
        let reset = Duration::from_secs(number(format!("{family}reset"))?);
        Some(reset.saturating_sub(Duration::from_millis(now())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ErrorKind, InvalidInput, Upstream};

    /// 2026-01-01T00:00:00Z
    const NOW: Timestamp = 1_767_225_600_000;

    fn kind(status: u16, headers: &[(&str, &str)], reads: bool) -> ErrorKind {
        let answer = Response::fake(status, headers, b"said", reads);
        error(&answer, &Sent { what: "GET /x".into(), reads, slot: None }, || NOW).kind
    }

    #[test]
    fn each_status_has_its_kind() {
        let refused = ErrorKind::InvalidInput(InvalidInput { field: "request".into(), reason: "said".into() });
        let unsupported = ErrorKind::Unsupported("GET /x".into());
        let upstream = |status| ErrorKind::Upstream(Upstream { status, excerpt: "said".into() });
        let rows = [
            (&[400, 413, 414, 415, 422, 428, 431][..], refused),
            (&[401], ErrorKind::Unauthorized),
            (&[403], ErrorKind::Forbidden(None)),
            (&[404, 410], ErrorKind::NotFound),
            (&[405, 501], unsupported),
            (&[408, 425, 503], ErrorKind::Transient),
            (&[409, 412, 423], ErrorKind::Conflict),
            (&[429], ErrorKind::RateLimited(None)),
            (&[402], upstream(402)),
            (&[500], upstream(500)),
            (&[599], upstream(599)),
        ];
        for (statuses, expected) in rows {
            for &status in statuses {
                assert_eq!(kind(status, &[], false), expected, "{status}");
            }
        }
        for status in [502, 504] {
            assert_eq!(kind(status, &[], true), ErrorKind::Transient);
            assert_eq!(kind(status, &[], false), ErrorKind::OutcomeUnknown);
        }
        assert!(matches!(kind(302, &[("location", "/login")], true), ErrorKind::Upstream(_)));
    }

    type Row = (u16, &'static [(&'static str, &'static str)], Option<u64>);

    #[test]
    fn a_wait_is_found_however_it_is_told() {
        let rows: [Row; 9] = [
            (429, &[("Retry-After", "30")], Some(30_000)),
            (429, &[("retry-after", "Thu, 01 Jan 2026 00:01:00 GMT")], Some(60_000)),
            (429, &[("retry-after", "Wed, 31 Dec 2025 23:00:00 GMT")], Some(0)),
            (429, &[("retry-after", "soon")], None),
            (403, &[("retry-after", "5")], Some(5_000)),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767225607")], Some(7_000)),
            (429, &[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "1767225601")], Some(1_000)),
            (429, &[("ratelimit-remaining", "1"), ("ratelimit-reset", "1767225601")], None),
            (503, &[("retry-after", "2")], Some(2_000)),
        ];
        for (status, headers, wait) in rows {
            assert_eq!(kind(status, headers, false), ErrorKind::RateLimited(wait), "{status} {headers:?}");
        }
        let plenty = [("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "1767225607")];
        assert_eq!(kind(403, &plenty, false), ErrorKind::Forbidden(None));
    }

    #[test]
    fn the_sentence_is_what_a_person_would_look_for() {
        let rows: [(&[u8], &str); 7] = [
            (br#"{"detail":"no such pipeline","title":"Not Found"}"#, "no such pipeline"),
            (br#"{"message":"Bad credentials"}"#, "Bad credentials"),
            (br#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"no such method"}}"#, "no such method"),
            (br#"{"error":"x","error_description":"expired"}"#, "expired"),
            (b"<html><head><title>Sign in\n [Jenkins]</title>", "Sign in [Jenkins]"),
            (b"  Retry\n later ", "Retry later"),
            (br#"{"message":{"base":["no ref"]}}"#, r#"{"message":{"base":["no ref"]}}"#),
        ];
        for (body, expected) in rows {
            let answer = Response::fake(404, &[], body, true);
            let sent = Sent { what: "GET /x".into(), reads: true, slot: None };
            assert_eq!(error(&answer, &sent, || NOW).message, format!("GET /x answered 404: {expected}"));
        }
    }
}
