//! What goes out: reads of `/api/v2`, JSON-RPC for what changes something, and the login. Pure; the session is put in by
//! whoever sends.

use novacron_cicd_sdk::http::{Capture, Request};
use novacron_cicd_sdk::{Result, credentials::Login, types::Redirects};
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

/// User name and password go to `/auth/login` once, which answers with a cookie; the API takes nothing else. It sets the
/// cookie twice, first for nobody and then for us: the last one counts.
pub fn login(hours: u64) -> Result<Login> {
    let request = Request::get("/auth/login")
        .credential(SESSION)
        .redirects(Redirects::None)
        .capture(Capture::cookie("TWISTED_*", SESSION));
    Ok(Login { lifetime_ms: Some(hours.saturating_mul(3_600_000)), ..Login::new([request.build()?], "cookie") })
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
