//! Tables of what may be reached by name.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::egress::testing::provider;

#[test]
fn only_the_exact_origin_is_reached() {
    let reach = provider("https://ci.example.com/jenkins/")
        .wants(&["{base-url}", "https://uploads.example.com", "https://wanted.example.com"], &[], &[])
        .grants(&["https://uploads.example.com", "https://unwanted.example.com"], &[], &[])
        .reach()
        .unwrap();
    let rows = [
        ("https://ci.example.com/jenkins/job/x", true),
        ("https://ci.example.com/other", true),
        ("https://CI.example.com:443/", true),
        ("https://ci.example.com./", true),
        ("/job/x", true),
        ("https://uploads.example.com/a", true),
        // Granted, but the plugin does not ask for it; asked for, but not granted.
        ("https://unwanted.example.com/", false),
        ("https://wanted.example.com/", false),
        ("https://ci.example.com:8443/", false),
        ("http://ci.example.com/", false),
        ("http://ci.example.com:443/", false),
        ("https://ci.example.com.evil.net/", false),
        ("https://evil.net/ci.example.com", false),
        ("https://evilci.example.com/", false),
        ("https://example.com/", false),
        ("https://ci.example.com@evil.net/", false),
        ("https://user@ci.example.com/", false),
        ("https://ci.example.com../", false),
        ("https://[::ffff:169.254.169.254]/", false),
        ("http://2130706433/", false),
        ("http://0x7f.1/", false),
        ("http://0/", false),
        ("http://localhost./", false),
        ("ftp://ci.example.com/", false),
        ("file:///etc/passwd", false),
        ("data:text/plain,x", false),
        ("ci.example.com", false),
        ("", false),
    ];
    for (text, allowed) in rows {
        let checked = reach.join(text).and_then(|url| reach.check(&url));
        assert_eq!(checked.is_ok(), allowed, "{text}: {checked:?}");
    }
}

#[test]
fn a_path_is_joined_below_the_base_url_and_never_names_another_host() {
    let reach = provider("https://ci.example.com/jenkins/?x=1").reach().unwrap();
    let rows = [
        ("/job/a?b=c", "https://ci.example.com/jenkins/job/a?b=c"),
        ("//evil.net/a", "https://ci.example.com/jenkins//evil.net/a"),
        ("/\\evil.net/a", "https://ci.example.com/jenkins//evil.net/a"),
        ("/@evil.net", "https://ci.example.com/jenkins/@evil.net"),
        ("/../admin", "https://ci.example.com/admin"),
        ("/a#b", "https://ci.example.com/jenkins/a"),
        ("/", "https://ci.example.com/jenkins/"),
    ];
    for (text, expected) in rows {
        assert_eq!(reach.join(text).unwrap().as_str(), expected, "{text}");
    }
    let root = provider("https://ci.example.com").reach().unwrap();
    for (text, expected) in [("//evil.net/a", "https://ci.example.com//evil.net/a"), (":80@evil.net", "")] {
        let joined = root.join(text).map_or_else(|_| String::new(), String::from);
        assert_eq!(joined, expected, "{text}");
    }
}

#[test]
fn a_denial_says_what_would_allow_it() {
    let reach =
        provider("https://ci.example.com").wants(&["https://a.example.com"], &[".example.net"], &[]).reach().unwrap();
    let denied = |text: &str| reach.check(&reach.join(text).unwrap()).unwrap_err();
    let rows = [
        (denied("https://a.example.com/x"), Some("provider update ci --grant-origin https://a.example.com")),
        (denied("https://b.example.com/x"), None),
        (denied("http://ci.example.com/x"), None),
        (
            reach.check_redirect(&"https://x.example.net/y?sig=1".parse().unwrap()).unwrap_err(),
            Some("provider update ci --grant-redirect-host x.example.net (the plugin's manifest must ask for it)"),
        ),
    ];
    for (error, expected) in rows {
        assert!(matches!(&error, SendError::Denied { allow, .. } if allow.as_deref() == expected), "{error:?}");
    }
}

#[test]
fn a_redirect_host_is_the_narrower_of_what_is_asked_and_what_is_granted() {
    let rows: [(&[&str], &[&str], &str, bool); 14] = [
        (&[".blob.example.net"], &[".blob.example.net"], "https://a.blob.example.net/", true),
        (&[".blob.example.net"], &[], "https://a.blob.example.net/", false),
        (&[], &[".blob.example.net"], "https://a.blob.example.net/", false),
        (&[".example.net"], &[".blob.example.net"], "https://a.blob.example.net/", true),
        (&[".example.net"], &[".blob.example.net"], "https://a.example.net/", false),
        (&[".blob.example.net"], &[".example.net"], "https://a.example.net/", false),
        (&[".blob.example.net"], &["one.blob.example.net"], "https://one.blob.example.net/", true),
        (&[".blob.example.net"], &["one.blob.example.net"], "https://two.blob.example.net/", false),
        (&["*"], &["files.example.net:8443"], "https://files.example.net:8443/", true),
        (&["*"], &["files.example.net:8443"], "https://files.example.net/", false),
        (&[".blob.example.net"], &[".blob.example.net"], "https://blob.example.net/", false),
        (&[".blob.example.net"], &[".blob.example.net"], "https://evilblob.example.net/", false),
        (&[".blob.example.net"], &[".blob.example.net"], "https://a.blob.example.net.evil.org/", false),
        (&[".blob.example.net"], &[".blob.example.net"], "http://a.blob.example.net/", false),
    ];
    for (wants, grants, url, allowed) in rows {
        let reach = provider("https://ci.example.com").wants(&[], wants, &[]).grants(&[], grants, &[]).reach().unwrap();
        assert_eq!(reach.check_redirect(&url.parse().unwrap()).is_ok(), allowed, "{wants:?} {grants:?} {url}");
    }
}

#[test]
fn what_could_not_be_enforced_as_written_is_refused() {
    let base = || provider("https://ci.example.com");
    let rows = [
        ("origin with a path", base().grants(&["https://a.example.com/x"], &[], &[])),
        ("origin with a query", base().grants(&["https://a.example.com/?x"], &[], &[])),
        ("origin with user info", base().grants(&["https://u@a.example.com"], &[], &[])),
        ("origin that is a wildcard", base().grants(&["https://*.example.com"], &[], &[])),
        ("origin without a scheme", base().grants(&["a.example.com"], &[], &[])),
        ("plain http beside https", base().grants(&["http://a.example.com"], &[], &[])),
        ("a whole top-level domain", base().grants(&[], &[".com"], &[])),
        ("a host with a wildcard in it", base().grants(&[], &["*.example.com"], &[])),
        ("a host with a path", base().grants(&[], &["a.example.com/x"], &[])),
        ("a host with a scheme", base().grants(&[], &["https://a.example.com"], &[])),
        ("a network that is none", base().grants(&[], &[], &["10.0.0.0/33"])),
        ("a network by name", base().grants(&[], &[], &["private"])),
        ("a read without a path", base().wants(&[], &[], &["POST"])),
        ("a base URL with user info", provider("https://user:password@ci.example.com")),
        ("a base URL of another scheme", provider("ftp://ci.example.com")),
    ];
    for (what, made) in rows {
        assert!(made.reach().is_err(), "{what}");
    }
}

#[test]
fn what_reads_is_told_from_what_changes() {
    let reach = provider("https://ci.example.com/api/")
        .wants(&[], &[], &["POST /graphql", "POST /projects/*/lint"])
        .reach()
        .unwrap();
    let rows = [
        ("GET", "/x", false),
        ("HEAD", "/x", false),
        ("POST", "/x", true),
        ("DELETE", "/x", true),
        ("POST", "/graphql", false),
        ("POST", "https://ci.example.com/graphql?a=b", false),
        ("PUT", "/graphql", true),
        ("POST", "/graphql/x", true),
        ("POST", "https://other.example.com/graphql", true),
        ("POST", "/projects/team%2Fapp/lint", false),
        ("POST", "/projects/team/app/lint", true),
        ("POST", "/projects//lint", true),
        ("POST", "/projects/7/lint/", true),
        ("POST", "/projects/7", true),
    ];
    for (method, url, changes) in rows {
        assert_eq!(reach.changes(method, &reach.join(url).unwrap()), changes, "{method} {url}");
    }
}
