//! Secrets that a platform hands out: taken out of the answer before the guest sees it.
//!
//! A value that was found is blanked wherever the rule points, and everywhere else by the masker that learns it here.

use std::sync::Arc;

use novacron_cicd_contract::bindings::novacron::cicd::types::{Capture, CaptureSource, Header};
use novacron_cicd_domain::Timestamp;
use novacron_cicd_vault::{Secret, mask::REPLACEMENT};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    allow::Origin,
    login::LoginState,
    scope::{CallScope, Captured},
};

/// Where what is found goes.
pub(super) struct Net<'a> {
    pub(super) scope: &'a CallScope,
    pub(super) login: Option<&'a LoginState>,
    /// Where the answer came from.
    pub(super) origin: Origin,
    pub(super) now: Timestamp,
}

impl Net<'_> {
    /// Applies every rule. `headers` and `body` are blanked in place; answers whether the body was changed.
    pub(super) fn haul(&self, captures: &[Capture], headers: &mut [Header], body: Option<&mut Value>) -> bool {
        let mut changed = false;
        // Blanking waits until all rules have read: two may point at one value.
        let mut blanks = Vec::new();
        let body = match body {
            Some(body) => body,
            None => &mut Value::Null,
        };
        for capture in captures {
            let found = match &capture.source {
                CaptureSource::Pointer(pointer) => {
                    let found = body.pointer(pointer).and_then(scalar);
                    if !capture.public && body.pointer(pointer).is_some_and(|value| !value.is_null()) {
                        blanks.push(pointer.as_str());
                    }
                    found.map(Found::plain)
                }
                CaptureSource::Header(name) => {
                    let value = headers
                        .iter()
                        .find(|header| header.name.eq_ignore_ascii_case(name))
                        .map(|header| Found::plain(header.value.clone()));
                    if !capture.public {
                        for header in headers.iter_mut().filter(|header| header.name.eq_ignore_ascii_case(name)) {
                            header.value = REPLACEMENT.to_owned();
                        }
                    }
                    value
                }
                CaptureSource::Cookie(pattern) => self.cookies(pattern, headers),
            };
            let Some(found) = found.filter(|found| !found.value.is_empty()) else { continue };
            let said = capture.expires_pointer.as_deref().and_then(|pointer| body.pointer(pointer));
            let captured = Arc::new(Captured {
                value: Arc::new(Secret::new(found.value)),
                cookies: found.pairs.map(|pairs| Arc::new(Secret::new(pairs))),
                origin: self.origin.clone(),
                expires: said.and_then(|value| ends(value, self.now)).or(found.expires),
            });
            if !capture.public {
                self.scope.know(captured.value.clone());
                for value in captured.cookies.iter().flat_map(|pairs| cookie_values(pairs)) {
                    self.scope.know(Arc::new(value));
                }
            }
            match self.login {
                Some(login) => login.capture(&capture.into, captured),
                None => self.scope.capture(&capture.into, captured),
            }
        }
        for pointer in blanks {
            if let Some(value) = body.pointer_mut(pointer) {
                *value = Value::String(REPLACEMENT.to_owned());
                changed = true;
            }
        }
        changed
    }

    /// The cookies of these names as one: it ends where the first of them does.
    fn cookies(&self, pattern: &str, headers: &[Header]) -> Option<Found> {
        let wanted = |name: &str| match pattern.strip_suffix('*') {
            Some(front) => name.starts_with(front),
            None => name == pattern,
        };
        let found: Vec<Cookie> = match self.login {
            // The jar has those of earlier answers too.
            Some(login) => login.cookies(wanted),
            None => set_cookies(headers, self.now).filter(|cookie| wanted(&cookie.name)).collect(),
        };
        let pairs = found.iter().map(Cookie::pair).collect::<Vec<_>>().join("; ");
        let value = match found.as_slice() {
            [] => return None,
            [cookie] => (*cookie.value).clone(),
            _ => pairs.clone(),
        };
        Some(Found { value, pairs: Some(pairs), expires: found.iter().filter_map(|cookie| cookie.expires).min() })
    }
}

/// What a rule found.
struct Found {
    value: String,
    /// Of cookies: as a request sends them.
    pairs: Option<String>,
    /// When it ends, where it says so itself.
    expires: Option<Timestamp>,
}

impl Found {
    fn plain(value: String) -> Self {
        Self { value, pairs: None, expires: None }
    }
}

/// A cookie that an answer sets.
#[derive(Clone)]
pub(super) struct Cookie {
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
    /// By its `Max-Age`, which goes before `Expires` (RFC 6265, section 5.3); none: it ends with the session.
    pub(super) expires: Option<Timestamp>,
}

impl Cookie {
    fn read(header: &str, now: Timestamp) -> Option<Self> {
        let mut parts = header.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
        let attribute = |wanted: &str| {
            let mut named = attributes.iter().filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            named.next_back().map(|(_, value)| value.trim())
        };
        let age = attribute("max-age").and_then(|seconds| seconds.parse::<i64>().ok());
        let expires = match age {
            Some(seconds) => Some(now.plus_millis(seconds.max(0).saturating_mul(1_000))),
            None => attribute("expires").and_then(date),
        };
        let value = Zeroizing::new(value.trim().to_owned());
        Some(Self { name: name.trim().to_owned(), value, expires })
    }

    /// As a request sends it.
    pub(super) fn pair(&self) -> String {
        format!("{}={}", self.name, *self.value)
    }
}

/// The cookies that an answer sets.
pub(super) fn set_cookies(headers: &[Header], now: Timestamp) -> impl Iterator<Item = Cookie> {
    headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("set-cookie"))
        .filter_map(move |header| Cookie::read(&header.value, now))
}

/// A date of HTTP, or the form with dashes that cookies have had from the beginning.
fn date(text: &str) -> Option<Timestamp> {
    // The day of the week says nothing that the rest does not.
    let text = text.split_once(',').map_or(text, |(_, rest)| rest).trim().replace('-', " ");
    let read = jiff::fmt::rfc2822::parse(&text).ok()?;
    Some(Timestamp(read.timestamp().as_millisecond()))
}

/// Of each pair the value alone: a cookie's name is no secret.
pub(super) fn cookie_values(pairs: &Secret) -> impl Iterator<Item = Secret> {
    let pairs = pairs.expose_str().unwrap_or_default();
    pairs.split("; ").filter_map(|pair| pair.split_once('=')).map(|(_, value)| Secret::new(value))
}

/// Blanks every cookie that an answer sets: a guest can't send one, so it need not see one.
pub(super) fn blank_cookies(headers: &mut [Header]) {
    for header in headers.iter_mut().filter(|header| header.name.eq_ignore_ascii_case("set-cookie")) {
        let name = header.value.split(['=', ';']).next().unwrap_or_default().trim().to_owned();
        header.value = format!("{name}={REPLACEMENT}");
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Seconds from now, Unix seconds or milliseconds where the number is that large, or RFC 3339.
fn ends(value: &Value, now: Timestamp) -> Option<Timestamp> {
    let from_number = |number: i64| match number {
        ..0 => None,
        0..1_000_000_000 => Some(now.plus_millis(number * 1_000)),
        1_000_000_000..1_000_000_000_000 => Some(Timestamp(number * 1_000)),
        _ => Some(Timestamp(number)),
    };
    match value {
        Value::Number(number) => number.as_i64().and_then(from_number),
        Value::String(text) => match text.parse::<i64>() {
            Ok(number) => from_number(number),
            Err(_) => text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_millisecond())),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn an_end_is_understood_in_every_form_that_platforms_use() {
        let now = Timestamp(1_700_000_000_000);
        let rows = [
            (json!(3600), Some(1_700_003_600_000)),
            (json!("3600"), Some(1_700_003_600_000)),
            (json!(1_700_003_600), Some(1_700_003_600_000)),
            (json!(1_700_003_600_000_i64), Some(1_700_003_600_000)),
            (json!("2023-11-14T23:13:20Z"), Some(1_700_003_600_000)),
            (json!("2023-11-15T00:13:20+01:00"), Some(1_700_003_600_000)),
            (json!(-1), None),
            (json!("soon"), None),
            (json!(null), None),
            (json!({"in": 3600}), None),
        ];
        for (value, expected) in rows {
            assert_eq!(ends(&value, now), expected.map(Timestamp), "{value}");
        }
    }

    #[test]
    fn a_cookie_says_itself_when_it_ends() {
        let now = Timestamp(1_700_000_000_000);
        let rows = [
            ("s=1", None),
            ("s=1; Path=/; HttpOnly", None),
            ("s=1; Max-Age=3600; Path=/", Some(1_700_003_600_000)),
            ("s=1; max-age = 3600", Some(1_700_003_600_000)),
            ("s=1; Max-Age=0", Some(1_700_000_000_000)),
            ("s=1; Max-Age=-1", Some(1_700_000_000_000)),
            ("s=1; Expires=Tue, 14 Nov 2023 23:13:20 GMT", Some(1_700_003_600_000)),
            ("s=1; expires=Tue, 14-Nov-2023 23:13:20 GMT; secure", Some(1_700_003_600_000)),
            ("s=1; expires=Tuesday, 14-Nov-23 23:13:20 GMT", Some(1_700_003_600_000)),
            ("s=1; Expires=Tue, 14 Nov 2023 23:13:20 GMT; Max-Age=60", Some(1_700_000_060_000)),
            ("s=1; Max-Age=60; Max-Age=120", Some(1_700_000_120_000)),
            ("s=1; Max-Age=soon; Expires=Tue, 14 Nov 2023 23:13:20 GMT", Some(1_700_003_600_000)),
            ("s=1; Expires=tomorrow", None),
            ("s=1; Max-Age=9223372036854775807", Some(i64::MAX)),
        ];
        for (header, expected) in rows {
            let cookie = Cookie::read(header, now).unwrap();
            assert_eq!((cookie.pair().as_str(), cookie.expires), ("s=1", expected.map(Timestamp)), "{header}");
        }
    }

    #[test]
    fn cookies_are_blanked_but_for_their_names() {
        let header = |value: &str| Header { name: "Set-Cookie".into(), value: value.into() };
        let mut headers = [header("JSESSIONID.1a=node0; Path=/; HttpOnly"), header("broken"), header("a=b=c")];
        let found: Vec<_> = set_cookies(&headers, Timestamp(0)).map(|cookie| cookie.pair()).collect();
        assert_eq!(found, ["JSESSIONID.1a=node0", "a=b=c"]);
        blank_cookies(&mut headers);
        let shown: Vec<_> = headers.iter().map(|header| header.value.as_str()).collect();
        assert_eq!(shown, ["JSESSIONID.1a=***", "broken=***", "a=***"]);
    }
}
