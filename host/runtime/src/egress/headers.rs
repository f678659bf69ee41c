//! The headers that a guest may write, and those that are the host's.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use novacron_cicd_contract::bindings::novacron::cicd::types::Header;

use super::{
    error::{ScopeError, SendError},
    scope::ProviderScope,
};

/// Written by the host, or by nobody: credentials, framing, what belongs to the connection, the encoding of answers (one
/// that the host can't read would hide secrets from it), and what makes one method stand for another.
const HOST_OWNED: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Methods that a guest may use. CONNECT would make a tunnel, TRACE would send the credential back.
pub(super) fn method(text: &str) -> Result<Method, SendError> {
    match text {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        "OPTIONS" => Ok(Method::OPTIONS),
        _ => {
            let known = "GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS";
            Err(SendError::BadRequest(format!("the method {text:?} is not among {known}")))
        }
    }
}

/// Whether a header is the host's, for this provider.
fn is_host_owned(name: &HeaderName, provider: &ProviderScope) -> bool {
    HOST_OWNED.contains(&name.as_str())
        || name.as_str().starts_with("proxy-")
        || provider.provider().grants.headers.keys().any(|header| name == header.as_str())
        || provider.slots().any(|bound| bound.slot.header.as_deref().is_some_and(|header| name == header))
}

/// The guest's headers, checked.
pub(super) fn of_guest(headers: &[Header], provider: &ProviderScope) -> Result<HeaderMap, SendError> {
    let mut checked = HeaderMap::new();
    for header in headers {
        let shown: String = header.name.chars().take(80).collect();
        let refuse = |why: &str| SendError::BadRequest(format!("the header {shown:?} {why}"));
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| refuse("has no valid name"))?;
        if is_host_owned(&name, provider) {
            return Err(refuse("is the host's; name a credential slot to authenticate"));
        }
        // No line break and no NUL gets through here.
        let value = HeaderValue::from_str(&header.value)
            .or_else(|_| HeaderValue::from_bytes(header.value.as_bytes()))
            .map_err(|_| refuse("has a value that no header can have"))?;
        checked.append(name, value);
    }
    Ok(checked)
}

/// A header that the host writes on a guest's behalf: for a signature, or a credential's placement.
pub(super) fn for_host(name: &str) -> Result<HeaderName, SendError> {
    let refuse = || SendError::BadRequest(format!("{name:?} is no header to put a credential or a signature in"));
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
    let framing = HOST_OWNED.contains(&name.as_str()) && name != http::header::AUTHORIZATION;
    if framing || name.as_str().starts_with("proxy-") { Err(refuse()) } else { Ok(name) }
}

/// A header that the operator adds for a gate before the platform.
pub(super) fn for_gate(name: &str) -> Result<HeaderName, ScopeError> {
    let added = for_host(name).ok().filter(|name| name != http::header::AUTHORIZATION);
    added.ok_or_else(|| ScopeError::BadHeader(name.to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::egress::testing;

    #[test]
    fn the_hosts_headers_are_refused_from_a_guest() {
        let provider = testing::provider("https://ci.example.com").header_slot("X-Api-Key").scope();
        let rows = [
            ("Authorization", "Bearer x", false),
            ("authorization", "Bearer x", false),
            ("Cookie", "a=b", false),
            ("Host", "evil.net", false),
            ("Content-Length", "3", false),
            ("Connection", "x-api-key", false),
            ("Transfer-Encoding", "chunked", false),
            ("Proxy-Authorization", "Basic x", false),
            ("Accept-Encoding", "br", false),
            ("X-HTTP-Method-Override", "DELETE", false),
            ("x-api-key", "mine", false),
            ("X-Note", "a\r\nAuthorization: Bearer x", false),
            ("X-Note", "a\nb", false),
            ("X-Note\r\nCookie", "a", false),
            ("X Note", "a", false),
            ("", "a", false),
            ("X-Note", "plain", true),
            ("X-Note", "f\u{fc}r", true),
            ("Accept", "application/json", true),
        ];
        for (name, value, allowed) in rows {
            let header = Header { name: name.into(), value: value.into() };
            assert_eq!(of_guest(&[header], &provider).is_ok(), allowed, "{name:?}: {value:?}");
        }
    }

    #[test]
    fn only_methods_of_the_list_are_sent() {
        for (text, allowed) in
            [("GET", true), ("PATCH", true), ("get", false), ("TRACE", false), ("CONNECT", false), ("", false)]
        {
            assert_eq!(method(text).is_ok(), allowed, "{text:?}");
        }
    }

    #[test]
    fn the_host_writes_no_framing_on_a_guests_behalf() {
        for (name, allowed) in
            [("X-Hub-Signature-256", true), ("authorization", true), ("cookie", false), ("Host", false), ("a b", false)]
        {
            assert_eq!(for_host(name).is_ok(), allowed, "{name:?}");
        }
        assert_eq!(for_host("X-Api-Key").unwrap(), "x-api-key");
    }
}
