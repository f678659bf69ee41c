//! The messages of the webhook protocol, as its document gives them. Unknown fields are allowed: the host may say more one day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the host POSTs.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Delivery {
    #[serde(rename = "run.trigger")]
    Trigger(Box<Trigger>),
    #[serde(rename = "run.cancel")]
    Cancel(Cancel),
    /// Is anybody there who knows the key?
    #[serde(rename = "ping")]
    Ping,
}

/// Start a run.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Trigger {
    pub(crate) run: RunName,
    #[serde(default)]
    pub(crate) reference: Option<String>,
    #[serde(default)]
    pub(crate) repository: Option<String>,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) callback: Callback,
}

/// How the host calls a run that is to be started.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RunName {
    pub(crate) correlation: String,
}

/// End a run.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cancel {
    pub(crate) run: RunKnown,
}

/// How the host calls a run that was started: by our id, or by its token where it never learned that.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RunKnown {
    #[serde(default)]
    pub(crate) correlation: Option<String>,
    #[serde(default)]
    pub(crate) id: Option<String>,
}

impl RunKnown {
    pub(crate) fn is(&self, id: &str, correlation: &str) -> bool {
        self.correlation.as_deref() == Some(correlation)
            || self.id.as_deref().is_some_and(|name| name == id || name == correlation)
    }
}

/// Where a run reports to, and with what.
#[derive(Clone, Deserialize)]
pub(crate) struct Callback {
    pub(crate) url: url::Url,
    pub(crate) token: String,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// What a trigger or cancel is answered with.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

/// A state of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Pending,
    Running,
    Succeeded,
    Failed,
    Canceled,
    Skipped,
}

/// `PUT {callback}/status`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status<'a> {
    pub(crate) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished: Option<i64>,
}

/// `PUT {callback}/jobs/{id}`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Job {
    #[serde(skip)]
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) state: State,
    pub(crate) needs: Vec<&'static str>,
    pub(crate) runner: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished: Option<i64>,
    pub(crate) steps: Vec<Step>,
}

/// One step of a job.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished: Option<i64>,
}

/// What the host answers to a part of a log: 200 with `offset`, 409 with `expected`.
#[derive(Debug, Deserialize)]
pub(crate) struct LogAnswer {
    #[serde(default)]
    pub(crate) offset: Option<u64>,
    #[serde(default)]
    pub(crate) expected: Option<u64>,
}
