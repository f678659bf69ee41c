//! Where a request goes: a path below the provider's base URL, or an absolute URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{error::Result, types::Error};

/// All but RFC 3986's unreserved characters: what is encoded so stands for itself wherever it is put.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text`, percent-encoded for one path segment, query or form value; a space is `%20`, a slash `%2F`.
///
/// ```
/// assert_eq!(novacron_cicd_sdk::http::encode("dev/main é+"), "dev%2Fmain%20%C3%A9%2B");
/// ```
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Where a request goes. From a string: a path as it is written, or an absolute URL. From a list: its segments, each
/// encoded, so that a name with a slash in it stays one segment.
///
/// ```
/// use novacron_cicd_sdk::http::Target;
///
/// let name = String::from("a/b");
/// assert_eq!(Target::from(["job", &name]), Target::from("/job/a%2Fb"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Result<String, String>);

impl Target {
    fn segments<'a>(segments: impl Iterator<Item = &'a str>) -> Self {
        let mut path = String::new();
        for segment in segments {
            // An encoded dot is still a dot to whoever resolves a path, and an empty one makes two slashes.
            if matches!(segment, "" | "." | "..") {
                return Self(Err(format!("{segment:?} can not be a part of a path")));
            }
            path.push('/');
            path.push_str(&encode(segment));
        }
        Self(Ok(if path.is_empty() { "/".into() } else { path }))
    }

    pub(super) fn resolve(self) -> Result<String> {
        let url = self.0.map_err(|reason| Error::invalid_input("path", reason))?;
        if url.starts_with('/') || origin(&url).is_some() {
            return Ok(url);
        }
        Err(Error::invalid_input("path", format!("{url:?} is neither a path from the root nor an absolute URL")))
    }
}

impl From<&str> for Target {
    fn from(url: &str) -> Self {
        Self(Ok(url.into()))
    }
}
impl From<String> for Target {
    fn from(url: String) -> Self {
        Self(Ok(url))
    }
}
impl From<&String> for Target {
    fn from(url: &String) -> Self {
        Self(Ok(url.clone()))
    }
}
impl<const N: usize> From<[&str; N]> for Target {
    fn from(segments: [&str; N]) -> Self {
        Self::segments(segments.into_iter())
    }
}
impl From<&[&str]> for Target {
    fn from(segments: &[&str]) -> Self {
        Self::segments(segments.iter().copied())
    }
}
impl From<&[String]> for Target {
    fn from(segments: &[String]) -> Self {
        Self::segments(segments.iter().map(String::as_str))
    }
}
impl From<Vec<&str>> for Target {
    fn from(segments: Vec<&str>) -> Self {
        Self::from(segments.as_slice())
    }
}
impl From<Vec<String>> for Target {
    fn from(segments: Vec<String>) -> Self {
        Self::from(segments.as_slice())
    }
}

/// Scheme, host and port of an absolute http URL, in one form; none where it is no such URL.
///
/// The `url` crate would do more than is needed here at several times the size of a whole plugin; the host parses again
/// with it before it sends.
pub(super) fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let port = match scheme.as_str() {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(plain) {
        return None;
    }
    let (host, given) = match authority.rsplit_once(':') {
        // The last colon of `[::1]` is no port's.
        Some((host, digits)) if !digits.contains(']') => (host, digits),
        _ => (authority, port),
    };
    let digits = if given.is_empty() { port } else { given };
    let known = !host.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    known.then(|| format!("{scheme}://{}:{digits}", host.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_encoded_one_by_one() {
        let rows: [(&[&str], &str); 6] = [
            (&[], "/"),
            (&["job", "a b"], "/job/a%20b"),
            (&["job", "dev%2Fmain"], "/job/dev%252Fmain"),
            (&["x", "a+b#c?d;e"], "/x/a%2Bb%23c%3Fd%3Be"),
            (&["é", "..."], "/%C3%A9/..."),
            (&["g/p", "~x_y-z"], "/g%2Fp/~x_y-z"),
        ];
        for (segments, path) in rows {
            assert_eq!(Target::from(segments).resolve().as_deref(), Ok(path), "{segments:?}");
            assert_eq!(Target::from(segments.to_vec()), Target::from(segments));
        }
    }

    #[test]
    fn what_would_leave_its_place_is_refused() {
        for segments in [["job", ""], ["job", "."], ["job", ".."]] {
            assert!(Target::from(segments).resolve().is_err(), "{segments:?}");
        }
        for url in ["job/x", "", "ftp://h/", "//h/x/../..\u{0}"] {
            assert_eq!(Target::from(url).resolve().is_ok(), url.starts_with('/'), "{url:?}");
        }
    }

    #[test]
    fn origins_have_one_form() {
        let rows = [
            ("https://Example.COM/x", Some("https://example.com:443")),
            ("https://example.com:443", Some("https://example.com:443")),
            ("HTTP://h:8080?x", Some("http://h:8080")),
            ("http://h:/x", Some("http://h:80")),
            ("http://[::1]/x", Some("http://[::1]:80")),
            ("http://[::1]:9/x", Some("http://[::1]:9")),
            ("https://user@h/", None),
            ("https://h\\@evil/", None),
            ("https://h:x/", None),
            ("https://", None),
            ("//h/x", None),
            ("javascript:alert(1)", None),
        ];
        for (url, expected) in rows {
            assert_eq!(origin(url).as_deref(), expected, "{url}");
        }
    }
}
