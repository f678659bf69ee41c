//! What is told to others: who subscribes, which events become messages, how often a message is tried.
//!
//! A message is made of an event of the durable log, and tried by one schedule until its receiver takes it or it becomes a dead
//! letter. Must be absent: the text of a message, and how it is sent.

mod attempt;

pub use attempt::{Attempt, MOST_ATTEMPTS, Sent, Settled, settle};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Timestamp,
    event::EventKind,
    id::{NotificationId, PipelineId, RunId, SubscriberId},
    name::Name,
    operation::OperationState,
    status::State,
};

macro_rules! words {
    ($(#[$set:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal;)+ }) => {
        $(#[$set])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word that is stored, shown and sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The one that `word` names.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.as_str() == word)
            }
        }

        impl From<$name> for &'static str {
            fn from(it: $name) -> Self {
                it.as_str()
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(word: String) -> Result<Self, Self::Error> {
                Self::parse(&word).ok_or_else(|| format!("{word:?} is no word of this set"))
            }
        }
    };
}

words! {
    /// What a message says.
    NotificationKind {
        /// A run, or a new attempt of one, was asked for or first seen.
        RunQueued = "run.queued";
        /// A run is at work; also one that goes on after it waited.
        RunStarted = "run.started";
        /// A run waits for a person or a timer.
        RunWaiting = "run.waiting";
        /// A run is over.
        RunFinished = "run.finished";
        /// A job is at work.
        JobStarted = "job.started";
        /// A job is over.
        JobFinished = "job.finished";
        /// Nobody can know what became of an operation: an operator has to say.
        OperationAmbiguous = "operation.ambiguous";
        /// An operation was refused or given up.
        OperationFailed = "operation.failed";
        /// Somebody wants to see whether messages arrive. Sent whatever the subscriber wants to hear.
        Test = "test";
    }
}

words! {
    /// What a message looks like.
    Format {
        /// JSON of ours: `type`, `timestamp`, `data`.
        StandardWebhooks = "standard-webhooks";
        /// A CDEvent in a CloudEvent, all of it in the body.
        CdEvents = "cdevents";
        /// A CDEvent as the body, what the CloudEvent adds in headers.
        CdEventsBinary = "cdevents-binary";
    }
}

words! {
    /// Where a message stands.
    NotificationState {
        /// To be sent, for the first time or again.
        Queued = "queued";
        /// Its receiver took it.
        Delivered = "delivered";
        /// Given up: a dead letter, until it is replayed.
        Dead = "dead";
    }
}

impl NotificationKind {
    /// What an event of the log is told as; none where subscribers are not told of it.
    #[must_use]
    pub fn of_event(kind: &str, data: &Value) -> Option<Self> {
        let to = data["to"].as_str();
        let state = |word: Option<&str>| State::ALL.into_iter().find(|state| Some(state.as_str()) == word);
        match EventKind::parse(kind)? {
            EventKind::RunCreated => Self::of_run(state(data["state"].as_str())?),
            EventKind::RunAttempt => Some(Self::RunQueued),
            EventKind::RunState => Self::of_run(state(to)?),
            EventKind::JobState => match state(to)? {
                State::Running => Some(Self::JobStarted),
                over if over.is_terminal() => Some(Self::JobFinished),
                _ => None,
            },
            EventKind::OperationState => match OperationState::parse(to?)? {
                OperationState::Ambiguous => Some(Self::OperationAmbiguous),
                OperationState::Failed => Some(Self::OperationFailed),
                _ => None,
            },
            _ => None,
        }
    }

    const fn of_run(state: State) -> Option<Self> {
        match state {
            State::Pending => Some(Self::RunQueued),
            State::Running => Some(Self::RunStarted),
            State::Waiting => Some(Self::RunWaiting),
            // Its operation says so.
            State::Ambiguous => None,
            State::Succeeded | State::Failed | State::Canceled | State::Skipped => Some(Self::RunFinished),
        }
    }

    /// The type of the CDEvent (0.5.1) that says the same; of ours where CDEvents has no word for it.
    #[must_use]
    pub const fn cdevent(self) -> &'static str {
        match self {
            Self::RunQueued => "dev.cdevents.pipelinerun.queued.0.3.0",
            Self::RunStarted => "dev.cdevents.pipelinerun.started.0.3.0",
            Self::RunWaiting => "dev.cdeventsx.novacron-pipelinerun.waiting.0.1.0",
            Self::RunFinished => "dev.cdevents.pipelinerun.finished.0.3.0",
            Self::JobStarted => "dev.cdevents.taskrun.started.0.3.0",
            Self::JobFinished => "dev.cdevents.taskrun.finished.0.3.0",
            Self::OperationAmbiguous => "dev.cdeventsx.novacron-operation.ambiguous.0.1.0",
            Self::OperationFailed => "dev.cdeventsx.novacron-operation.failed.0.1.0",
            Self::Test => "dev.cdeventsx.novacron-subscriber.tested.0.1.0",
        }
    }
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Ours.
    pub id: SubscriberId,
    /// Unique.
    pub name: Name,
    /// Where messages go.
    pub url: String,
    /// What they look like.
    pub format: Format,
    /// What is told; all kinds where it is empty.
    pub kinds: Vec<NotificationKind>,
    /// Of this pipeline alone.
    pub pipeline: Option<PipelineId>,
    /// Whether it is there because that pipeline has a webhook URL: then it follows that, and goes with it.
    pub of_pipeline: bool,
    /// The name of the secret that signs; none: messages are not signed.
    pub secret: Option<String>,
    /// The name of the secret that signed before, and signs as well until its receiver knows the other.
    pub earlier_secret: Option<String>,
    /// Private or loopback networks that may be dialled for it: `10.0.0.0/8`.
    pub private_networks: Vec<String>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Why it is not, as (code, sentence), where nobody asked for that.
    pub disabled_by: Option<(String, String)>,
    /// 1 at first, one more on every change: the entity tag.
    pub version: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

impl Subscriber {
    /// The subscriber that a pipeline's webhook URL is: told of that pipeline's runs alone.
    #[must_use]
    pub fn of_pipeline(id: SubscriberId, pipeline: PipelineId, url: String, now: Timestamp) -> Self {
        let name = Name::new(format!("pipeline-{pipeline}")).expect("letters, hyphens and a UUID are a name");
        Self {
            id,
            name,
            url,
            format: Format::StandardWebhooks,
            kinds: vec![
                NotificationKind::RunQueued,
                NotificationKind::RunStarted,
                NotificationKind::RunWaiting,
                NotificationKind::RunFinished,
            ],
            pipeline: Some(pipeline),
            of_pipeline: true,
            secret: None,
            earlier_secret: None,
            private_networks: Vec::new(),
            enabled: true,
            disabled_by: None,
            version: 1,
            created: now,
            updated: now,
        }
    }

    /// Whether it wants to hear this of that pipeline.
    #[must_use]
    pub fn hears(&self, kind: NotificationKind, pipeline: Option<PipelineId>) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&kind)) && (self.pipeline.is_none() || self.pipeline == pipeline)
    }
}

/// A message to one subscriber, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Ours; the `webhook-id` of every attempt, so that its receiver can tell a repetition.
    pub id: NotificationId,
    /// To whom.
    pub subscriber: SubscriberId,
    /// The number of the event that it tells; none where it tells none.
    pub event: Option<i64>,
    /// What it says.
    pub kind: NotificationKind,
    /// The run that it is about.
    pub run: Option<RunId>,
    /// Messages of one lane arrive in the order of their events: those of a run, of an operation without one.
    pub lane: String,
    /// Where it stands.
    pub state: NotificationState,
    /// How often it was tried since it was queued.
    pub attempts: u32,
    /// Not before this time.
    pub due: Timestamp,
    /// What became of the latest attempts, oldest first.
    pub records: Vec<Attempt>,
    /// Bytes of its body.
    pub size: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// One more on every change: what compare-and-set compares.
    pub version: i64,
}

/// What a message has beside its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names in lower case; the content type is among them.
    pub headers: Vec<(String, String)>,
    /// As it is signed and sent.
    pub body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{NotificationKind as Kind, Subscriber};
    use crate::{
        Timestamp,
        id::{PipelineId, SubscriberId},
    };

    #[test]
    fn an_event_is_told_as_what_it_means_to_a_subscriber() {
        let rows = [
            ("run.created", json!({ "state": "pending" }), Some(Kind::RunQueued)),
            ("run.created", json!({ "state": "succeeded" }), Some(Kind::RunFinished)),
            ("run.attempt", json!({ "attempt": 2 }), Some(Kind::RunQueued)),
            ("run.state", json!({ "to": "running" }), Some(Kind::RunStarted)),
            ("run.state", json!({ "to": "waiting" }), Some(Kind::RunWaiting)),
            ("run.state", json!({ "to": "failed" }), Some(Kind::RunFinished)),
            ("run.state", json!({ "to": "ambiguous" }), None),
            ("run.state", json!({ "to": "of a later version" }), None),
            ("run.updated", json!({ "state": "running" }), None),
            ("job.state", json!({ "to": "running" }), Some(Kind::JobStarted)),
            ("job.state", json!({ "to": "skipped" }), Some(Kind::JobFinished)),
            ("job.state", json!({ "to": "pending" }), None),
            ("step.state", json!({ "to": "running" }), None),
            ("operation.state", json!({ "to": "ambiguous" }), Some(Kind::OperationAmbiguous)),
            ("operation.state", json!({ "to": "failed" }), Some(Kind::OperationFailed)),
            ("operation.state", json!({ "to": "done" }), None),
            ("of.a-later-version", json!({}), None),
        ];
        for (kind, data, expected) in rows {
            assert_eq!(Kind::of_event(kind, &data), expected, "{kind} {data}");
        }
    }

    #[test]
    fn a_subscriber_hears_what_it_asked_for_of_the_pipeline_it_asked_for() {
        let (mine, other) = (PipelineId(uuid::Uuid::from_u128(1)), PipelineId(uuid::Uuid::from_u128(2)));
        let url = "https://tell.example.com/".to_owned();
        let of_mine = Subscriber::of_pipeline(SubscriberId(uuid::Uuid::from_u128(3)), mine, url, Timestamp(0));
        let all = Subscriber { kinds: Vec::new(), pipeline: None, ..of_mine.clone() };
        let rows = [
            (&of_mine, Kind::RunFinished, Some(mine), true),
            (&of_mine, Kind::RunFinished, Some(other), false),
            (&of_mine, Kind::RunFinished, None, false),
            (&of_mine, Kind::JobFinished, Some(mine), false),
            (&all, Kind::JobFinished, Some(other), true),
            (&all, Kind::OperationFailed, None, true),
        ];
        for (subscriber, kind, pipeline, expected) in rows {
            assert_eq!(subscriber.hears(kind, pipeline), expected, "{kind:?} {pipeline:?}");
        }
    }
}
