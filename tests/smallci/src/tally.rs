//! What the server saw, counted: deliveries, duplicates, runs. Tests believe this and not the host.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::protocol::{Answer, RunKnown, Trigger};

/// More runs than this are not remembered: a test that makes more has run away.
const MOST_RUNS: usize = 10_000;

/// How triggers are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As it should be.
    #[default]
    Properly,
    /// Believed and counted, then never answered: until the other side hangs up.
    Never,
    /// With this status, nothing done, and all that was sent in the answer, as badly made servers do.
    Refuse(u16),
}

/// Where a run stands, by our own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Waits for a place.
    Queued,
    /// At work.
    Building,
    /// The script ended well.
    Succeeded,
    /// The script, the clone or the upload did not.
    Failed,
    /// Killed because the host asked for it.
    Canceled,
}

impl Phase {
    /// Whether it is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// One run, as this server knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// This server's own id.
    pub id: String,
    /// The host's token for it.
    pub correlation: String,
    /// The `webhook-id` that started it.
    pub webhook_id: String,
    /// How often that trigger was delivered.
    pub deliveries: u64,
    /// How often a cancel of it was delivered.
    pub cancels: u64,
    /// How often its build was begun; more than one is this server's fault.
    pub builds: u64,
    /// Where it stands.
    pub phase: Phase,
    /// Whether the host took the news of its end.
    pub end_told: bool,
    /// What it was given as parameters; the build finds them in its environment, too.
    pub parameters: BTreeMap<String, String>,
    /// What it was given for its environment.
    pub environment: BTreeMap<String, String>,
}

/// Everything that was counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// POSTs that arrived, believed or not, but for pings.
    pub requests: u64,
    /// Questions whether anybody is there.
    pub pings: u64,
    /// Those that were not believed, or not understood.
    pub refused: u64,
    /// Those that were believed and had been before.
    pub duplicates: u64,
    /// Those left unanswered on purpose.
    pub unanswered: u64,
    /// Unanswered ones whose connection the other side closed.
    pub hung_up: u64,
    /// Callbacks that were sent again because the host was away or busy.
    pub callback_retries: u64,
    /// Bytes of log that the host has acknowledged.
    pub log_bytes: u64,
    /// What the host did that its protocol forbids; empty when all is well.
    pub complaints: Vec<String>,
    /// Every run, in the order of arrival.
    pub runs: Vec<RunRecord>,
}

/// The counts, with what must not leave this process beside them.
#[derive(Debug)]
pub(crate) struct Book {
    pages: Mutex<Pages>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Pages {
    tally: Tally,
    manner: Manner,
    /// `webhook-id` to the answer that was given: what makes a second delivery harmless.
    answered: HashMap<String, Answer>,
    stops: Vec<CancellationToken>,
}

/// What becomes of a delivered trigger.
#[derive(Debug)]
pub(crate) enum Admission {
    New {
        run: usize,
        answer: Answer,
        stop: CancellationToken,
    },
    Again(Answer),
    /// It would be one more than is remembered.
    Full,
}

/// What becomes of a delivered cancel.
#[derive(Debug)]
pub(crate) enum Cancellation {
    Asked(Answer),
    Unknown,
}

impl Default for Book {
    fn default() -> Self {
        Self { pages: Mutex::default(), changes: watch::channel(0).0 }
    }
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Pages) -> T) -> T {
        let it = change(&mut self.pages());
        self.changes.send_modify(|count| *count += 1);
        it
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.pages().tally.clone()
    }

    pub(crate) fn manner(&self) -> Manner {
        self.pages().manner
    }

    pub(crate) fn set_manner(&self, manner: Manner) {
        self.pages().manner = manner;
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Tally)) {
        self.change(|pages| count(&mut pages.tally));
    }

    pub(crate) fn complain(&self, complaint: String) {
        self.count(|tally| {
            // A host that is wrong all the time must not fill the memory.
            if tally.complaints.len() < 100 {
                tally.complaints.push(complaint);
            }
        });
    }

    pub(crate) fn update(&self, run: usize, update: impl FnOnce(&mut RunRecord)) {
        self.change(|pages| pages.tally.runs.get_mut(run).map(update));
    }

    /// One lock for looking and taking, so that two deliveries at the same moment make one run.
    pub(crate) fn admit(&self, webhook_id: &str, trigger: &Trigger, own_url: &url::Url) -> Admission {
        self.change(|pages| {
            if let Some(answer) = pages.answered.get(webhook_id).cloned() {
                pages.tally.duplicates += 1;
                if let Some(run) = pages.tally.runs.iter_mut().find(|run| run.webhook_id == webhook_id) {
                    run.deliveries += 1;
                }
                return Admission::Again(answer);
            }
            let run = pages.tally.runs.len();
            if run >= MOST_RUNS {
                return Admission::Full;
            }
            let number = (run + 1).to_string();
            let id = format!("build-{number}");
            let url = own_url.join(&format!("runs/{id}")).map_or_else(|_| own_url.to_string(), |url| url.to_string());
            let answer = Answer { id: id.clone(), number: Some(number), url: Some(url) };
            let stop = CancellationToken::new();
            pages.answered.insert(webhook_id.to_owned(), answer.clone());
            pages.stops.push(stop.clone());
            pages.tally.runs.push(RunRecord {
                id,
                correlation: trigger.run.correlation.clone(),
                webhook_id: webhook_id.to_owned(),
                deliveries: 1,
                cancels: 0,
                builds: 0,
                phase: Phase::Queued,
                end_told: false,
                parameters: trigger.parameters.clone(),
                environment: trigger.environment.clone(),
            });
            Admission::New { run, answer, stop }
        })
    }

    /// Canceling twice, or what is over, is no error: the host asks again when it can't know.
    pub(crate) fn cancel(&self, webhook_id: &str, wanted: &RunKnown) -> Cancellation {
        self.change(|pages| {
            if let Some(answer) = pages.answered.get(webhook_id).cloned() {
                pages.tally.duplicates += 1;
                return Cancellation::Asked(answer);
            }
            let Some(run) = pages.tally.runs.iter().position(|run| wanted.is(&run.id, &run.correlation)) else {
                return Cancellation::Unknown;
            };
            pages.tally.runs[run].cancels += 1;
            pages.stops[run].cancel();
            let answer = Answer { id: pages.tally.runs[run].id.clone(), number: None, url: None };
            pages.answered.insert(webhook_id.to_owned(), answer.clone());
            Cancellation::Asked(answer)
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_full_takes_no_more_and_still_knows_what_it_took() {
        let trigger =
            r#"{ "run": { "correlation": "c" }, "callback": { "url": "http://127.0.0.1:9/", "token": "t" } }"#;
        let trigger: Trigger = serde_json::from_str(trigger).unwrap();
        let (book, url) = (Book::default(), "http://127.0.0.1:9/".parse().unwrap());
        for number in 0..MOST_RUNS {
            assert!(matches!(book.admit(&number.to_string(), &trigger, &url), Admission::New { .. }), "{number}");
        }
        assert!(matches!(book.admit("one more", &trigger, &url), Admission::Full));
        assert!(matches!(book.admit("0", &trigger, &url), Admission::Again(_)));
        assert_eq!(book.tally().runs.len(), MOST_RUNS);
    }
}
