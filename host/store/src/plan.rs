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
    ("SELECT name, credentials, grants FROM providers", "few rows, and only when a secret is deleted"),
    ("SELECT name, sealed, version, created, updated FROM secrets ORDER BY", "the mask needs all values, at start"),
    ("SELECT count(*), coalesce(sum(size), 0) FROM deliveries WHERE state = 'stored'", "what waits, at start"),
    ("SELECT received, size FROM deliveries", "how much room they take, once an hour, from the index alone"),
    ("SELECT updated, size FROM notifications", "how much room they take, once an hour, from the index alone"),
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

/// What is bounded by a condition of its own.
const TEMPORARY: &[&str] = &[
    "SCAN busy",
    "SCAN ready",
    "SCAN oldest",
    "SCAN (subquery",
    // Partial indexes of what is at work just now, and of what is due.
    "SCAN operations USING COVERING INDEX operations_lease",
    "SCAN operations USING INDEX operations_lease",
    "SCAN operations USING INDEX operations_due",
    "SCAN notifications USING INDEX notifications_lease",
];

/// A migrated database in memory for one test, without threads.
pub(crate) struct Scratch {
    conn: Connection,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let mut conn = Connection::open_in_memory().expect("memory is there");
        conn.pragma_update(None, "foreign_keys", true).expect("SQLite has foreign keys");
        crate::migration::migrate(&mut conn, std::path::Path::new(":memory:")).expect("the schema is valid");
        Self { conn }
    }

    pub(crate) fn tx(&self) -> crate::Tx<'_> {
        crate::Tx::new(&self.conn)
    }

    pub(crate) fn into_conn(self) -> Connection {
        self.conn
    }

    pub(crate) fn conn(&self) -> &Connection {
        &self.conn
    }
}

mod tests {
    use novacron_cicd_domain::{
        Timestamp, id, notification::NotificationState, operation::OperationState, status::State,
        webhook::DeliveryState,
    };

    use super::{Scratch, check, lines};
    use crate::{
        ArtifactFilter, DeliveryFilter, EventFilter, NotificationFilter, OperationFilter, RunFilter, artifact, audit,
        delivery, event, notification, operation,
        page::{List, Select},
        pipeline, provider, run, sample, secret, subscriber, token,
    };

    /// None and some of a filter's field.
    fn either<T>(value: T) -> [Option<T>; 2] {
        [None, Some(value)]
    }

    /// All queries that a list can become. A new list does not compile before it is named here.
    fn queries(list: List) -> Vec<Select> {
        let (run, pipeline_id) = (id::RunId(sample::uuid(1)), id::PipelineId(sample::uuid(1)));
        let provider_id = id::ProviderId(sample::uuid(1));
        let mut queries = Vec::new();
        match list {
            List::Providers => queries.push(provider::select(None, 3)),
            List::Secrets => queries.push(secret::select(None, 3)),
            List::Tokens => queries.push(token::select(None, 3)),
            List::Audit => queries.push(audit::select(9, 3)),
            List::Pipelines => {
                queries.extend(either(provider_id).map(|provider| pipeline::select(provider, None, 3)));
            }
            List::Runs => {
                for pipeline in either(pipeline_id) {
                    for provider in either(provider_id) {
                        for state in either(State::Failed) {
                            queries.push(run::select(&RunFilter { pipeline, provider, state }, None, 3));
                        }
                    }
                }
            }
            List::Operations => {
                for run in either(run) {
                    for provider in either(provider_id) {
                        for state in either(OperationState::Ambiguous) {
                            queries.push(operation::select(&OperationFilter { run, provider, state }, None, 3));
                        }
                    }
                }
            }
            List::Deliveries => {
                for provider in either(provider_id) {
                    for state in either(DeliveryState::Dead) {
                        queries.push(delivery::select(&DeliveryFilter { provider, state }, None, 3));
                    }
                }
            }
            List::Subscribers => queries.push(subscriber::select(None, 3)),
            List::Notifications => {
                for run in either(run) {
                    for subscriber in either(id::SubscriberId(sample::uuid(1))) {
                        for state in either(NotificationState::Dead) {
                            queries.push(notification::select(&NotificationFilter { subscriber, run, state }, None, 3));
                        }
                    }
                }
            }
            List::Artifacts => {
                for run in either(run) {
                    for name in either("a".to_owned()) {
                        queries.push(artifact::select(&ArtifactFilter { run, name }, None, 3));
                    }
                }
            }
        }
        queries
    }

    #[test]
    fn every_list_query_walks_an_index_in_order() {
        let scratch = Scratch::new();
        for list in List::ALL {
            for query in queries(list) {
                check(scratch.conn(), &query.sql);
                let plan = lines(scratch.conn(), &query.sql);
                let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE"));
                assert!(!sorts, "{list:?} sorts:\n{}\n{plan:#?}", query.sql);
            }
        }
    }

    #[test]
    fn every_query_of_the_engine_and_of_event_readers_walks_an_index() {
        let scratch = Scratch::new();
        let now = Timestamp(1);
        let mut queries = Vec::new();
        for (sql, index) in [
            (run::active(id::ProviderId(sample::uuid(1)), 3).sql, "runs_active"),
            (run::to_poll(now, 3).sql, "runs_poll"),
            (run::silent(now, 3).sql, "runs_heartbeat"),
            (operation::claim_sql(false), "operations_due"),
            (operation::claim_sql(false), "operations_lease"),
            (operation::claim_sql(true), "operations_due"),
            (notification::claim_sql(), "notifications_claim"),
            (notification::claim_sql(), "notifications_lane"),
        ] {
            let plan = lines(scratch.conn(), &sql);
            assert!(plan.iter().any(|line| line.contains(index)), "{index} is not used:\n{sql}\n{plan:#?}");
            queries.push(sql);
        }
        for kind in either("run.".to_owned()) {
            for run in either(id::RunId(sample::uuid(1))) {
                for pipeline in either(id::PipelineId(sample::uuid(1))) {
                    let filter = EventFilter { kind: kind.clone(), run, pipeline };
                    queries.push(event::select(&filter, 9, 3).sql);
                }
            }
        }
        for sql in queries {
            check(scratch.conn(), &sql);
        }
    }

    #[test]
    fn a_query_that_scans_a_table_is_found() {
        let scratch = Scratch::new();
        let scan = || check(scratch.conn(), "SELECT id FROM runs WHERE actor = ?1");
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(scan)).expect_err("it scans");
        let message = panic.downcast_ref::<String>().expect("an assertion with values");
        assert!(message.starts_with("this statement scans a table"), "{message}");
    }
}
