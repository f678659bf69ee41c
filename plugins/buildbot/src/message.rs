//! What goes out: reads of `/api/v2`, JSON-RPC for what changes something, and the login.
//!
//! Pure. The credential is put in by whoever sends.

use novacron_cicd_sdk::{
    Result,
    credentials::{Guard, Login},
    http::{Capture, Request},
    types::Redirects,
};
use serde_json::{Value, json};

/// The slot of the account.
pub const SESSION: &str = "session";
/// What a login captures a second time, see [`login`].
const GUARD: &str = "session-guard";
/// Ids in one request: what makes a line of 3 KiB, where Twisted takes 16.
pub const BATCH: usize = 100;

/// Reads something of `/api/v2`; names are encoded, so that one with a slash in it stays one.
#[must_use]
pub fn read<const N: usize>(path: [&str; N]) -> Request {
    let mut segments = vec!["api".to_owned(), "v2".to_owned()];
    segments.extend(path.map(str::to_owned));
    Request::get(segments).header("accept", "application/json")
}

/// Reads those rows whose `field` is one of `ids`.
#[must_use]
pub fn read_many(list: &str, field: &str, ids: &[u64]) -> Request {
    ids.iter().fold(read([list]), |request, id| request.query(&format!("{field}__in"), id))
}

/// Calls a control method of something.
#[must_use]
pub fn control(kind: &str, id: &str, method: &str, params: &Value) -> Request {
    Request::post(["api", "v2", kind, id])
        .header("accept", "application/json")
        .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
}

/// Asks whether this account may control at all, and does nothing: no build has the id 0, and rules are looked at before
/// builds are (`buildbot/www/rest.py`, `getEndpoint`).
#[must_use]
pub fn may_control() -> Request {
    control("builds", "0", "stop", &json!({})).reads()
}

/// Who we are and what runs there: what Buildbot's own pages ask.
#[must_use]
pub fn config() -> Request {
    Request::get("/config")
}

/// User name and password go to `/auth/login` once, which answers with a cookie; the API takes nothing else.
///
/// Buildbot refuses a session that has ended with 403, as it refuses a missing role. The host takes a 403 for the end of
/// a login only where a guard goes along; hence the same cookie as a guard, in a header that Buildbot does not look at.
///
/// # Errors
/// None that can be: the path is a constant.
pub fn login(hours: u64) -> Result<Login> {
    let request = Request::get("/auth/login")
        .credential(SESSION)
        .redirects(Redirects::None)
        .capture(Capture::cookie("TWISTED_*", SESSION))
        .capture(Capture::cookie("TWISTED_*", GUARD));
    let methods = ["GET", "POST"].map(str::to_owned).into();
    Ok(Login {
        requests: vec![request.build()?],
        placement: "cookie".into(),
        lifetime_ms: Some(hours.saturating_mul(3_600_000)),
        guards: vec![Guard { slot: GUARD.into(), header: "x-session-guard".into(), methods }],
        more: Vec::new(),
    })
}
