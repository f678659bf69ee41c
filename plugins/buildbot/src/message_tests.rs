#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

#[test]
fn a_name_is_one_segment_whatever_is_in_it() {
    let rows = [
        (read(&["builders", "grp/sløw é"]), "/api/v2/builders/grp%2Fsl%C3%B8w%20%C3%A9"),
        (read_many("buildsets", "bsid", &[2, 3]), "/api/v2/buildsets?bsid__in=2&bsid__in=3"),
        (control("forceschedulers", "a b", "force", &json!({})), "/api/v2/forceschedulers/a%20b"),
    ];
    for (request, url) in rows {
        assert_eq!(request.build().unwrap().url, url);
    }
    assert!(read(&["builders", ".."]).build().is_err());
}

#[test]
fn a_login_sends_the_password_to_one_place_and_keeps_the_cookie() {
    let login = login(2).unwrap();
    let [request] = &login.requests[..] else { unreachable!("one request") };
    assert_eq!((request.url.as_str(), request.credential.as_deref()), ("/auth/login", Some(SESSION)));
    assert_eq!((request.redirects, request.captures[0].into.as_str()), (Redirects::None, SESSION));
    assert_eq!((login.placement.as_str(), login.lifetime_ms), ("cookie", Some(7_200_000)));
}
