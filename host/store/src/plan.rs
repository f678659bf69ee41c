//! In tests, every statement's query plan is looked at when it is first prepared: no table that grows is scanned.
//!
//! Statements are made in one place, so that no query is forgotten.

use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
};

use rusqlite::Connection;

/// Statements that read whole tables on purpose, each with its reason.
const WHOLE: &[(&str, &str)] = &[
    ("SELECT name, credentials FROM providers", "few rows, and only when a secret is deleted"),
    ("SELECT name, sealed, version, created, updated FROM secrets ORDER BY", "the mask needs all values, at start"),
    ("SELECT seq, at, actor, action, subject, detail, hash FROM audit ORDER BY", "the whole chain is what is verified"),
];

static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// The plan's lines.
pub(crate) fn lines(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement =
        conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("the statement is one that SQLite takes");
    let lines = statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>();
    lines.expect("a plan is text")
}

/// Panics where the plan of `sql` scans a table or index, or sorts what an index should have given in order.
pub(crate) fn check(conn: &Connection, sql: &str) {
    if !SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned()) {
        return;
    }
    if WHOLE.iter().any(|(whole, _)| sql.starts_with(whole)) {
        return;
    }
    let plan = lines(conn, sql);
    let scans = plan.iter().any(|line| {
        let line = line.trim();
        line.starts_with("SCAN") && line != "SCAN CONSTANT ROW" && !TEMPORARY.iter().any(|t| line.starts_with(t))
    });
    assert!(!scans, "this statement scans a table:\n{sql}\n{plan:#?}");
}

/// Subqueries and common tables that are bounded by a condition of their own.
const TEMPORARY: &[&str] = &["SCAN busy", "SCAN ready"];
