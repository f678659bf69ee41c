//! Events: what happened, numbered in the order in which it became durable. Readers resume from a number.

use novacron_cicd_domain::{
    Timestamp,
    id::{PipelineId, RunId},
};
use rusqlite::{params, types::Value};

use crate::{
    Reader, StoreError, Tx,
    page::Select,
    row::{Columns, json},
};

const COLUMNS: &str = "seq, at, kind, subject, run, pipeline, data";

/// Something that happened, before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// By our clock.
    pub at: Timestamp,
    /// Dotted, lower case: `run.state`, `provider.added`.
    pub kind: String,
    /// What it is about, in words that a reader can use: an id or a name.
    pub subject: String,
    /// The run that it is about.
    pub run: Option<RunId>,
    /// The pipeline that it is about.
    pub pipeline: Option<PipelineId>,
    /// What there is to know; never a secret.
    pub data: serde_json::Value,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number: greater than that of every event before it, and never given twice.
    pub seq: i64,
    /// What happened.
    pub event: NewEvent,
}

/// Which events a reader wants; what is none is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// The kind begins with this text: `run.`.
    pub kind: Option<String>,
    /// About this run.
    pub run: Option<RunId>,
    /// About this pipeline.
    pub pipeline: Option<PipelineId>,
}

fn read(columns: &mut Columns<'_>) -> Result<Event, StoreError> {
    Ok(Event {
        seq: columns.get()?,
        event: NewEvent {
            at: columns.time()?,
            kind: columns.get()?,
            subject: columns.get()?,
            run: columns.parse_opt()?,
            pipeline: columns.parse_opt()?,
            data: columns.json()?,
        },
    })
}

/// Oldest first.
pub(crate) fn select(filter: &EventFilter, after: i64, rows: usize) -> Select {
    let mut select = Select::new(&format!("SELECT {COLUMNS} FROM events"))
        .with("seq > ", Some(after))
        .with("run = ", filter.run.map(|id| id.to_string()))
        .with("pipeline = ", filter.pipeline.map(|id| id.to_string()));
    if let Some(prefix) = &filter.kind {
        let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
        select = select.with("substr(kind, 1, ", Some(length)).followed(") = ", Value::Text(prefix.clone()));
    }
    select.order("seq", rows)
}

impl Reader<'_> {
    /// At most `limit` events after number `seq`, oldest first.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn events_after(&self, seq: i64, limit: u32, filter: &EventFilter) -> Result<Vec<Event>, StoreError> {
        self.select(select(filter, seq, limit as usize), read)
    }

    /// The newest event's number; 0 where there is none.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn last_event_seq(&self) -> Result<i64, StoreError> {
        let sql = "SELECT seq FROM events WHERE seq > ?1 ORDER BY seq DESC LIMIT 1";
        Ok(self.one(sql, [0], |columns| columns.get())?.unwrap_or(0))
    }

    /// The oldest event's number; 0 where there is none. A reader that resumes before it has missed some.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn first_event_seq(&self) -> Result<i64, StoreError> {
        let sql = "SELECT seq FROM events WHERE seq > ?1 ORDER BY seq LIMIT 1";
        Ok(self.one(sql, [0], |columns| columns.get())?.unwrap_or(0))
    }
}

impl Tx<'_> {
    /// Stores what happened, in the same transaction as the change itself. Answers its number.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn append_event(&mut self, event: &NewEvent) -> Result<i64, StoreError> {
        let seq = self.one(
            "INSERT INTO events (at, kind, subject, run, pipeline, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING seq",
            params![
                event.at.0,
                event.kind,
                event.subject,
                event.run.map(|id| id.to_string()),
                event.pipeline.map(|id| id.to_string()),
                json(&event.data)?,
            ],
            |columns| columns.get(),
        )?;
        let seq = seq.ok_or_else(|| StoreError::corrupt("a new event got no number"))?;
        self.appended(seq);
        Ok(seq)
    }

    /// Deletes at most `limit` events up to number `seq`, oldest first. Answers how many.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn prune_events(&mut self, seq: i64, limit: u32) -> Result<usize, StoreError> {
        self.execute(
            "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq <= ?1 ORDER BY seq LIMIT ?2)",
            params![seq, limit],
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        plan::Scratch,
        sample::{self, NOW},
    };

    fn event(kind: &str, run: Option<u64>, pipeline: Option<u64>) -> NewEvent {
        NewEvent {
            at: NOW,
            kind: kind.into(),
            subject: "a thing".into(),
            run: run.map(|n| RunId(sample::uuid(n))),
            pipeline: pipeline.map(|n| PipelineId(sample::uuid(n))),
            data: serde_json::json!({"from": "pending", "to": "running"}),
        }
    }

    #[test]
    fn events_are_numbered_filtered_and_come_back_as_they_were_stored() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        assert_eq!((tx.first_event_seq().unwrap(), tx.last_event_seq().unwrap()), (0, 0));
        let events = [
            event("run.state", Some(1), Some(1)),
            event("run.created", Some(2), Some(1)),
            event("running.late", None, Some(2)),
            event("provider.created", None, None),
        ];
        for (seq, event) in (1..).zip(&events) {
            assert_eq!(tx.append_event(event).unwrap(), seq);
        }
        let (run, pipeline) = (Some(RunId(sample::uuid(1))), Some(PipelineId(sample::uuid(1))));
        let kind = Some("run.".to_owned());
        let none = EventFilter::default();
        for (after, limit, filter, expected) in [
            (0, 9, none.clone(), vec![1, 2, 3, 4]),
            (1, 2, none.clone(), vec![2, 3]),
            (4, 9, none.clone(), vec![]),
            (0, 9, EventFilter { kind: kind.clone(), ..none.clone() }, vec![1, 2]),
            (0, 9, EventFilter { run, ..none.clone() }, vec![1]),
            (0, 9, EventFilter { pipeline, ..none.clone() }, vec![1, 2]),
            (1, 9, EventFilter { kind, pipeline, ..none.clone() }, vec![2]),
        ] {
            let found = tx.events_after(after, limit, &filter).unwrap();
            assert_eq!(found.iter().map(|event| event.seq).collect::<Vec<_>>(), expected, "{filter:?}");
            assert!(found.iter().all(|found| found.event == events[usize::try_from(found.seq - 1).unwrap()]));
        }
    }

    #[test]
    fn a_number_is_never_given_twice() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        for _ in 0..3 {
            tx.append_event(&event("a", None, None)).unwrap();
        }
        assert_eq!(tx.prune_events(3, 2).unwrap(), 2);
        assert_eq!((tx.first_event_seq().unwrap(), tx.last_event_seq().unwrap()), (3, 3));
        assert_eq!(tx.prune_events(3, 2).unwrap(), 1);
        assert_eq!(tx.append_event(&event("a", None, None)).unwrap(), 4);
    }
}
