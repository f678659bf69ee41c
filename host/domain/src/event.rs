//! What is told as an event: its kinds, and what each one's data holds.
//!
//! Kinds and keys are read by others, so they are only added to. Data never holds a secret. In all kinds below, times
//! are milliseconds since the Unix epoch, states are words of [`State`](crate::status::State), and a key whose value is
//! not known is left out.
//!
//! | kind | subject | data |
//! |---|---|---|
//! | `run.created` | run | `run`, `pipeline`, `pipeline_name`, `provider`, `attempt`, `state`, `origin`, `actor`, `retry_of` |
//! | `run.state` | run | `run`, `pipeline`, `pipeline_name`, `attempt`, `from`, `to`, `reason`, `platform`, `url`, `commit`, `started`, `finished` |
//! | `run.attempt` | run | `run`, `pipeline`, `pipeline_name`, `attempt` |
//! | `run.updated` | run | `run`, `pipeline`, `pipeline_name`, `attempt`, `state` |
//! | `run.cancel-requested` | run | `run`, `pipeline`, `pipeline_name`, `attempt`, `actor` |
//! | `job.state` | run | `run`, `pipeline`, `attempt`, `job`, `name`, `stage`, `from`, `to`, `reason`, `platform`, `started`, `finished` |
//! | `step.state` | run | `run`, `pipeline`, `attempt`, `job`, `step`, `name`, `from`, `to`, `reason`, `platform`, `started`, `finished` |
//! | `operation.state` | operation | `operation`, `kind`, `run`, `provider`, `from`, `to`, `attempts`, `due`, `code`, `message` |
//! | `provider.created` `provider.updated` `provider.deleted` | provider | `provider`, `name`, `plugin` |
//! | `provider.health` | provider | `provider`, `name`, `healthy`, `error` |
//! | `pipeline.created` `pipeline.updated` `pipeline.deleted` | pipeline | `pipeline`, `name`, `provider`, `version` |
//! | `artifact.created` | artifact | `artifact`, `name`, `version`, `kind`, `size`, `sha256`, `run`, `attempt`, `job` |
//! | `log.complete` | run | `run`, `pipeline`, `attempt`, `job`, `bytes` |
//! | `log.incomplete` | run | `run`, `pipeline`, `attempt`, `job`, `message` |
//! | `webhook.received` `webhook.replayed` | delivery | `delivery`, `provider`, `key`, `bytes` |
//! | `webhook.decoded` `webhook.dead` | delivery | `delivery`, `provider`, `key`, `bytes`, `runs` (the platform's ids), `code`, `message` |
//! | `subscriber.created` `subscriber.updated` `subscriber.deleted` `subscriber.disabled` | subscriber | `subscriber`, `name`, `code`, `message` |
//! | `notification.dead` `notification.replayed` | notification | `notification`, `subscriber` (its name), `kind`, `run`, `attempts`, `code`, `message` |
//! | `secret.set` `secret.deleted` | name | `name` |
//! | `token.created` `token.revoked` | token | `token`, `name`, `role` |
//! | `plugin.loaded` `plugin.refused` | plugin | `plugin`, `version`, `digest`, `code`, `message` |

use serde_json::{Map, Value};

use crate::{
    Timestamp,
    name::Name,
    notification::{Notification, Subscriber},
    operation::{Operation, OperationState},
    pipeline::Pipeline,
    provider::Provider,
    run::{Change, Run},
    status::{Status, Times},
    webhook::WebhookDelivery,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal;)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $variant,)+
        }

        impl EventKind {
            /// All kinds that this version tells.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word that is stored and sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

kinds! {
    /// A run was asked for, or first seen.
    RunCreated = "run.created";
    /// A run moved to another state.
    RunState = "run.state";
    /// A new attempt of a run began.
    RunAttempt = "run.attempt";
    /// More is known of a run, but its state is as it was.
    RunUpdated = "run.updated";
    /// Somebody asked for the end of a run.
    RunCancelRequested = "run.cancel-requested";
    /// A job moved to another state.
    JobState = "job.state";
    /// A step moved to another state.
    StepState = "step.state";
    /// An operation moved to another state.
    OperationState = "operation.state";
    /// A connection was configured.
    ProviderCreated = "provider.created";
    /// A connection was changed.
    ProviderUpdated = "provider.updated";
    /// A connection was removed.
    ProviderDeleted = "provider.deleted";
    /// A connection works again, or does not any more.
    ProviderHealth = "provider.health";
    /// A pipeline was recorded.
    PipelineCreated = "pipeline.created";
    /// A pipeline's record was changed.
    PipelineUpdated = "pipeline.updated";
    /// A pipeline's record was deleted; its runs stay.
    PipelineDeleted = "pipeline.deleted";
    /// All bytes of an artifact are here and checked.
    ArtifactCreated = "artifact.created";
    /// A log will not grow any more.
    LogComplete = "log.complete";
    /// A run has ended, and not all of its log could be copied.
    LogIncomplete = "log.incomplete";
    /// A delivery of a platform is kept.
    WebhookReceived = "webhook.received";
    /// A delivery was read, and the runs that it hints at are looked at.
    WebhookDecoded = "webhook.decoded";
    /// A delivery can't be read.
    WebhookDead = "webhook.dead";
    /// Somebody asked for a delivery to be read again.
    WebhookReplayed = "webhook.replayed";
    /// Somebody is to be told of what happens.
    SubscriberCreated = "subscriber.created";
    /// A subscriber was changed.
    SubscriberUpdated = "subscriber.updated";
    /// A subscriber is told nothing more.
    SubscriberDeleted = "subscriber.deleted";
    /// A subscriber said that it is gone, and is told nothing until an operator says so.
    SubscriberDisabled = "subscriber.disabled";
    /// A message to a subscriber was given up.
    NotificationDead = "notification.dead";
    /// Somebody asked for a message to be sent again.
    NotificationReplayed = "notification.replayed";
    /// A secret has a new value.
    SecretSet = "secret.set";
    /// A secret is gone.
    SecretDeleted = "secret.deleted";
    /// A token was made.
    TokenCreated = "token.created";
    /// A token is good no more.
    TokenRevoked = "token.revoked";
    /// A plugin can be used.
    PluginLoaded = "plugin.loaded";
    /// A plugin can't be used.
    PluginRefused = "plugin.refused";
}

impl EventKind {
    /// The kind that `word` names; a word of a later version names none.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// An object that leaves out what is not known.
#[derive(Default)]
struct Data(Map<String, Value>);

impl Data {
    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.0.insert(key.into(), value);
        }
        self
    }

    fn times(self, times: &Times) -> Self {
        let millis = |time: Option<Timestamp>| time.map(|time| time.0);
        self.with("started", millis(times.started)).with("finished", millis(times.finished))
    }

    fn status(self, status: &Status) -> Self {
        let platform = (!status.platform.is_empty()).then(|| status.platform.clone());
        self.with("to", status.state.as_str()).with("reason", status.reason.clone()).with("platform", platform)
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn of_run(run: &Run) -> Data {
    Data::default()
        .with("run", run.id.to_string())
        .with("pipeline", run.pipeline.to_string())
        .with("attempt", run.attempt)
}

/// The data of `run.created`.
#[must_use]
pub fn run_created(run: &Run) -> Value {
    of_run(run)
        .with("pipeline_name", run.pipeline_name.as_str())
        .with("provider", run.provider.to_string())
        .with("state", run.status.state.as_str())
        .with("origin", run.origin.as_str())
        .with("actor", run.actor.clone())
        .with("retry_of", run.retry_of.map(|run| run.to_string()))
        .done()
}

/// The data of `run.cancel-requested`.
#[must_use]
pub fn run_cancel_requested(run: &Run, actor: &str) -> Value {
    of_run(run).with("pipeline_name", run.pipeline_name.as_str()).with("actor", actor).done()
}

/// What is told of a change to a run: `run` is as it is after it, the subject is the run's id.
#[must_use]
pub fn of_change(run: &Run, change: &Change) -> (EventKind, Value) {
    let job = |id: &str| run.graph.iter().flat_map(|graph| &graph.jobs).find(|job| job.id == id);
    match change {
        Change::AttemptOpened { attempt } => {
            let data = of_run(run).with("pipeline_name", run.pipeline_name.as_str()).with("attempt", *attempt);
            (EventKind::RunAttempt, data.done())
        }
        Change::RunState { from, to } => {
            let data = of_run(run)
                .with("pipeline_name", run.pipeline_name.as_str())
                .with("from", from.as_str())
                .status(&run.status)
                .with("to", to.as_str())
                .with("url", run.url.clone())
                .with("commit", run.commit.clone())
                .times(&run.times);
            (EventKind::RunState, data.done())
        }
        Change::JobState { job: id, from, to } => {
            let mut data = of_run(run).with("job", id.as_str()).with("from", from.map(|from| from.as_str()));
            if let Some(job) = job(id) {
                data = data
                    .with("name", job.name.as_str())
                    .with("stage", job.stage.clone())
                    .status(&job.status)
                    .times(&job.times);
            }
            (EventKind::JobState, data.with("to", to.as_str()).done())
        }
        Change::StepState { job: id, step: number, from, to } => {
            let mut data =
                of_run(run).with("job", id.as_str()).with("step", *number).with("from", from.map(|from| from.as_str()));
            if let Some(step) = job(id).and_then(|job| job.steps.iter().find(|step| step.number == *number)) {
                data = data.with("name", step.name.as_str()).status(&step.status).times(&step.times);
            }
            (EventKind::StepState, data.with("to", to.as_str()).done())
        }
        Change::Details => {
            let data =
                of_run(run).with("pipeline_name", run.pipeline_name.as_str()).with("state", run.status.state.as_str());
            (EventKind::RunUpdated, data.done())
        }
    }
}

/// The data of `operation.state`: `operation` is as it is after the move.
#[must_use]
pub fn operation_state(operation: &Operation, from: OperationState) -> Value {
    let (code, message) = operation.error.clone().unzip();
    Data::default()
        .with("operation", operation.id.to_string())
        .with("kind", operation.kind.as_str())
        .with("run", operation.run.map(|run| run.to_string()))
        .with("provider", operation.provider.to_string())
        .with("from", from.as_str())
        .with("to", operation.state.as_str())
        .with("attempts", operation.attempts)
        .with("due", (operation.state == OperationState::Queued).then_some(operation.due.0))
        .with("code", code)
        .with("message", message)
        .done()
}

/// The data of `provider.created`, `.updated` and `.deleted`.
#[must_use]
pub fn provider(provider: &Provider) -> Value {
    Data::default()
        .with("provider", provider.id.to_string())
        .with("name", provider.name.as_str())
        .with("plugin", provider.plugin.as_str())
        .done()
}

/// The data of `provider.health`.
#[must_use]
pub fn provider_health(provider: &Provider) -> Value {
    Data::default()
        .with("provider", provider.id.to_string())
        .with("name", provider.name.as_str())
        .with("healthy", provider.health.healthy)
        .with("error", provider.health.error.clone())
        .done()
}

/// The data of `pipeline.created`, `.updated` and `.deleted`.
#[must_use]
pub fn pipeline(pipeline: &Pipeline) -> Value {
    Data::default()
        .with("pipeline", pipeline.id.to_string())
        .with("name", pipeline.name.as_str())
        .with("provider", pipeline.provider.to_string())
        .with("version", pipeline.version)
        .done()
}

/// The data of `artifact.created`.
#[must_use]
pub fn artifact(artifact: &crate::artifact::Artifact) -> Value {
    Data::default()
        .with("artifact", artifact.id.to_string())
        .with("name", artifact.name.as_str())
        .with("version", artifact.version.clone())
        .with("kind", artifact.kind.as_str())
        .with("size", artifact.size)
        .with("sha256", artifact.sha256.clone())
        .with("run", artifact.run.map(|run| run.to_string()))
        .with("attempt", artifact.attempt)
        .with("job", artifact.job.clone())
        .done()
}

/// The data of `log.complete`; `job` is none for a run's own log.
#[must_use]
pub fn log_complete(run: &Run, job: Option<&str>, bytes: u64) -> Value {
    of_run(run).with("job", job).with("bytes", bytes).done()
}

/// The data of `log.incomplete`; `job` is none for a run's own log.
#[must_use]
pub fn log_incomplete(run: &Run, job: Option<&str>, message: &str) -> Value {
    of_run(run).with("job", job).with("message", message).done()
}

fn of_webhook(delivery: &WebhookDelivery, provider: &Name) -> Data {
    Data::default()
        .with("delivery", delivery.id.to_string())
        .with("provider", provider.as_str())
        .with("key", delivery.key.as_str())
        .with("bytes", delivery.size)
}

/// The data of `webhook.received` and `webhook.replayed`.
#[must_use]
pub fn webhook(delivery: &WebhookDelivery, provider: &Name) -> Value {
    of_webhook(delivery, provider).done()
}

/// The data of `webhook.decoded` and `webhook.dead`; `runs` are the platform's ids of those that it hints at.
#[must_use]
pub fn webhook_read(delivery: &WebhookDelivery, provider: &Name, runs: &[String]) -> Value {
    let (code, message) = delivery.note.clone().unzip();
    of_webhook(delivery, provider).with("runs", runs.to_vec()).with("code", code).with("message", message).done()
}

/// The data of `subscriber.created` and the other events of a subscriber.
#[must_use]
pub fn subscriber(subscriber: &Subscriber) -> Value {
    let (code, message) = subscriber.disabled_by.clone().unzip();
    Data::default()
        .with("subscriber", subscriber.id.to_string())
        .with("name", subscriber.name.as_str())
        .with("code", code)
        .with("message", message)
        .done()
}

/// The data of `notification.dead` and `notification.replayed`.
#[must_use]
pub fn notification(notification: &Notification, subscriber: &Name) -> Value {
    let (code, message) = notification.records.last().and_then(|record| record.error.clone()).unzip();
    Data::default()
        .with("notification", notification.id.to_string())
        .with("subscriber", subscriber.as_str())
        .with("kind", notification.kind.as_str())
        .with("run", notification.run.map(|run| run.to_string()))
        .with("attempts", notification.attempts)
        .with("code", code)
        .with("message", message)
        .done()
}
