//! The schema, brought up to date when the state is opened.
//!
//! [`MIGRATIONS`] is append-only: the database's `user_version` says how many of them it has had. All that are missing
//! are applied in one exclusive transaction, or none is. A database of a newer program is refused untouched.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::StoreError;

/// In order. Never remove or edit an entry that a release has had.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
];

/// Tells our database from any other program's: "NCCD".
const APPLICATION: i32 = 0x4e43_4344;

/// Applies what is missing.
pub(crate) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    apply(conn, path, MIGRATIONS)
}

/// Refuses a database that is not ours or that is newer than we are, without writing to it.
pub(crate) fn check(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    applied(conn, path, MIGRATIONS.len()).map(|_| ())
}

fn apply(conn: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    if applied(conn, path, migrations.len())? == migrations.len() {
        return Ok(());
    }
    let tx = Transaction::new(conn, TransactionBehavior::Exclusive)?;
    let done = applied(&tx, path, migrations.len())?;
    for sql in &migrations[done..] {
        tx.execute_batch(sql)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", i64::try_from(migrations.len()).unwrap_or(i64::MAX))?;
    tx.commit()?;
    tracing::info!(path = %path.display(), from = done, to = migrations.len(), "the schema is up to date");
    Ok(())
}

/// How many migrations the database has had; at most `known`.
fn applied(conn: &Connection, path: &Path, known: usize) -> Result<usize, StoreError> {
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let empty = !conn.prepare("SELECT 1 FROM sqlite_schema LIMIT 1")?.exists([])?;
    if application != APPLICATION && !(empty && version == 0) {
        return Err(StoreError::Open { path: path.to_owned(), reason: "it is another program's database".into() });
    }
    match usize::try_from(version) {
        Ok(version) if version <= known => Ok(version),
        _ => Err(StoreError::Newer {
            path: path.to_owned(),
            found: version,
            known: i64::try_from(known).unwrap_or(i64::MAX),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const PATH: &str = "a.db";

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn version(conn: &Connection) -> i64 {
        conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn migrating_twice_applies_each_migration_once() {
        let mut conn = memory();
        let counting = ["CREATE TABLE t (a INTEGER) STRICT; INSERT INTO t VALUES (1);", "INSERT INTO t VALUES (2);"];
        apply(&mut conn, Path::new(PATH), &counting[..1]).unwrap();
        for _ in 0..2 {
            apply(&mut conn, Path::new(PATH), &counting).unwrap();
        }
        let sum: i64 = conn.query_row("SELECT sum(a) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!((sum, version(&conn)), (3, 2));
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_of_those_before_it() {
        let mut conn = memory();
        apply(&mut conn, Path::new(PATH), &["CREATE TABLE t (a INTEGER) STRICT;", "CREATE TABLE t (b INTEGER);"])
            .unwrap_err();
        assert_eq!(version(&conn), 0);
        assert!(!conn.prepare("SELECT 1 FROM sqlite_schema").unwrap().exists([]).unwrap());
    }

    #[test]
    fn a_newer_schema_is_refused_with_both_numbers() {
        let mut conn = memory();
        migrate(&mut conn, Path::new(PATH)).unwrap();
        conn.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut conn, Path::new(PATH)).unwrap_err();
        let known = MIGRATIONS.len();
        assert_eq!(
            error.to_string(),
            format!("the state a.db has schema 99, and this program knows schemas up to {known}")
        );
    }

    #[test]
    fn a_database_of_another_program_is_refused() {
        let mut conn = memory();
        conn.execute_batch("CREATE TABLE theirs (a INTEGER)").unwrap();
        let error = migrate(&mut conn, Path::new(PATH)).unwrap_err();
        assert_eq!(error.to_string(), "the state a.db can't be opened: it is another program's database");
    }

    #[test]
    fn every_table_is_strict() {
        let mut conn = memory();
        migrate(&mut conn, Path::new(PATH)).unwrap();
        let loose: Vec<String> = conn
            .prepare(
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
            )
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(loose, Vec::<String>::new());
    }
}
