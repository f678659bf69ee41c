//! What goes out: reads of `/api/v2`, JSON-RPC for what changes something, and the login.
//!
//! Pure. The credential is put in by whoever sends.

use novacron_cicd_sdk::{
    Result,
    credentials::Login,
    http::{Capture, Request},
    types::Redirects,
};
use serde_json::{Value, json};

/// The slot of the account.
pub const SESSION: &str = "session";
/// Ids in one request: what makes a line of 3 KiB, where Twisted takes 16.
pub const BATCH: usize = 100;

/// Reads something of `/api/v2`; names are encoded, so that one with a slash in it stays one.
pub fn read(path: &[&str]) -> Request {
    Request::get([&["api", "v2"], path].concat()).header("accept", "application/json")
}

/// Reads those rows whose `field` is one of `ids`.
pub fn read_many(list: &str, field: &str, ids: &[u64]) -> Request {
    ids.iter().fold(read(&[list]), |request, id| request.query(&format!("{field}__in"), id))
}

/// Calls a control method of something.
pub fn control(kind: &str, id: &str, method: &str, params: &Value) -> Request {
    Request::post(["api", "v2", kind, id])
        .header("accept", "application/json")
        .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
}

/// Asks whether this account may control at all, and does nothing: no build has the id 0, and rules are looked at before
/// builds are (`buildbot/www/rest.py`, `getEndpoint`).
pub fn may_control() -> Request {
    control("builds", "0", "stop", &json!({})).reads()
}

/// Who we are and what runs there: what Buildbot's own pages ask.
pub fn config() -> Request {
    Request::get("/config")
}

/// User name and password go to `/auth/login` once, which answers with a cookie; the API takes nothing else. It sets the
/// cookie twice, first for nobody and then for us: the last one counts.
///
/// # Errors
/// None that can be: the path is a constant.
pub fn login(hours: u64) -> Result<Login> {
    let request = Request::get("/auth/login")
        .credential(SESSION)
        .redirects(Redirects::None)
        .capture(Capture::cookie("TWISTED_*", SESSION));
    Ok(Login { lifetime_ms: Some(hours.saturating_mul(3_600_000)), ..Login::new([request.build()?], "cookie") })
}

#[cfg(test)]
mod tests {
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
}
