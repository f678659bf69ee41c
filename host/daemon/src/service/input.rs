//! What the use cases are given. Nothing of it is trusted before its use case checked it.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    artifact::{Artifact, ArtifactKind},
    id::RunId,
    notification::{Format, NotificationKind},
    operation::Operation,
    parameter::{Input, Parameter},
    pipeline::Pipeline,
    platform::{CheckReport, PlatformPart},
    provider::{CredentialSource, Grants, Provider},
    run::{Run, Step},
    status::Status,
    token::{Role, Token},
};
use novacron_cicd_vault::Secret;

/// A provider to be added.
#[derive(Clone, Debug, Default)]
pub struct NewProvider {
    /// Its name, unchecked.
    pub name: String,
    /// The plugin's id.
    pub plugin: String,
    /// Where the platform is, unchecked.
    pub base_url: String,
    /// Checked against the manifest's schema.
    pub settings: serde_json::Value,
    /// Credential slot to what fills it.
    pub credentials: BTreeMap<String, CredentialSource>,
    /// What is allowed beyond the base URL's origin.
    pub grants: Grants,
    /// Add it without reaching it first.
    pub no_check: bool,
}

/// What is to be changed of a provider; none leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct ProviderChange {
    /// A new address, unchecked.
    pub base_url: Option<String>,
    /// Replaces all settings.
    pub settings: Option<serde_json::Value>,
    /// Replaces all slots.
    pub credentials: Option<BTreeMap<String, CredentialSource>>,
    /// Replaces all grants.
    pub grants: Option<Grants>,
    /// Change it without reaching it first.
    pub no_check: bool,
}

/// A subscriber to be made.
#[derive(Clone, Debug)]
pub struct NewSubscriber {
    /// Its name, unchecked.
    pub name: String,
    /// Where messages go, unchecked.
    pub url: String,
    /// What they look like.
    pub format: Format,
    /// What is told; all kinds where it is empty.
    pub kinds: Vec<NotificationKind>,
    /// Of this pipeline alone: its name or id.
    pub pipeline: Option<String>,
    /// The name of the secret that signs.
    pub secret: Option<String>,
    /// Private or loopback networks that may be dialled for it, unchecked.
    pub private_networks: Vec<String>,
}

/// What is to be changed of a subscriber; none leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct SubscriberChange {
    /// A new address, unchecked.
    pub url: Option<String>,
    /// What messages look like.
    pub format: Option<Format>,
    /// Replaces all kinds.
    pub kinds: Option<Vec<NotificationKind>>,
    /// The name of the secret that signs.
    pub secret: Option<Option<String>>,
    /// The name of the secret that signs beside it while receivers get to know the other.
    pub earlier_secret: Option<Option<String>>,
    /// Replaces all networks, unchecked.
    pub private_networks: Option<Vec<String>>,
    /// Whether it is told anything.
    pub enabled: Option<bool>,
}

/// A provider and what was found when it was reached.
#[derive(Clone, Debug)]
pub struct ProviderCheck {
    /// With its health as it is now.
    pub provider: Provider,
    /// What was found.
    pub report: CheckReport,
}

/// A pipeline to be created.
#[derive(Clone, Debug, Default)]
pub struct NewPipeline {
    /// Its name, unchecked.
    pub name: String,
    /// The provider's name.
    pub provider: String,
    /// What the platform calls it, where it is there already and no counterpart is to be made.
    pub external_ref: Option<String>,
    /// Where the source is.
    pub repository: Option<String>,
    /// Branch, tag or commit.
    pub reference: Option<String>,
    /// What a run can be given.
    pub parameters: Vec<Parameter>,
    /// Variables that the build finds in its environment.
    pub environment: BTreeMap<String, String>,
    /// Where to tell of its runs.
    pub webhook_url: Option<String>,
    /// What is the platform's alone.
    pub platform: PlatformPart,
}

/// A pipeline that is there on the platform, to be adopted.
#[derive(Clone, Debug, Default)]
pub struct ImportPipeline {
    /// Our name for it, unchecked; none: the platform's, made to fit.
    pub name: Option<String>,
    /// The provider's name.
    pub provider: String,
    /// What the platform calls it.
    pub external_ref: String,
}

/// What is to be changed of a pipeline; none leaves as it is, some of none empties.
#[derive(Clone, Debug, Default)]
pub struct PipelineChange {
    /// A new name, unchecked.
    pub name: Option<String>,
    /// Where the source is.
    pub repository: Option<Option<String>>,
    /// Branch, tag or commit.
    pub reference: Option<Option<String>>,
    /// Replaces all declarations.
    pub parameters: Option<Vec<Parameter>>,
    /// Replaces all variables.
    pub environment: Option<BTreeMap<String, String>>,
    /// Where to tell of its runs.
    pub webhook_url: Option<Option<String>>,
    /// What is the platform's alone.
    pub platform: PlatformPart,
}

/// A pipeline, and the operation that carries the change to the platform, where there is one.
#[derive(Clone, Debug)]
pub struct PipelineChanged {
    /// As it is with us now.
    pub pipeline: Pipeline,
    /// none: the platform keeps no definitions, or has no part in this change.
    pub operation: Option<Operation>,
}

/// What a run is given.
#[derive(Clone, Debug, Default)]
pub struct TriggerInput {
    /// Checked against the pipeline's declarations; a secret parameter has the secret's name as its value.
    pub parameters: BTreeMap<String, Input>,
    /// Goes over the pipeline's own variables.
    pub environment: BTreeMap<String, String>,
    /// Branch, tag or commit; none: the pipeline's.
    pub reference: Option<String>,
}

/// A run that is asked for durably, and the operation that will ask the platform for it.
#[derive(Clone, Debug)]
pub struct Triggered {
    /// `pending`.
    pub run: Run,
    /// `queued`.
    pub operation: Operation,
}

/// How an operator settles an ambiguous operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The platform did it: this is what it made.
    Adopt {
        /// The platform's id.
        external_id: String,
    },
    /// The platform did not do it: do it again.
    Resend,
    /// It is not to be done any more.
    Abandon,
}

/// A token to be created.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its name, unchecked.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// When it ends of its own accord.
    pub expires: Option<Timestamp>,
}

/// A token with its value, which is never shown again.
pub struct IssuedToken {
    /// Without its value.
    pub token: Token,
    /// The value.
    pub value: Secret,
}

/// What a run says of itself.
#[derive(Clone, Debug)]
pub struct StatusReport {
    /// Where it stands.
    pub status: Status,
    /// The platform's id.
    pub external_id: Option<String>,
    /// The platform's number.
    pub number: Option<String>,
    /// Where to look at it.
    pub url: Option<String>,
    /// The commit that is really built.
    pub commit: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

/// What a run says of one of its jobs.
#[derive(Clone, Debug)]
pub struct JobReport {
    /// What is shown.
    pub name: String,
    /// The label of its stage.
    pub stage: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Ids of jobs that it waits for.
    pub needs: Vec<String>,
    /// When it was put in the queue.
    pub created: Option<Timestamp>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// The machine that does it.
    pub runner: Option<String>,
    /// Where to look at it.
    pub url: Option<String>,
    /// In order.
    pub steps: Vec<Step>,
}

/// What is said of bytes that are handed over, by a run or by a person.
#[derive(Clone, Debug, Default)]
pub struct ArtifactUpload {
    /// As the producer says it.
    pub version: Option<String>,
    /// What it is.
    pub kind: ArtifactKind,
    /// The job that made it.
    pub job: Option<String>,
    /// As the producer says it.
    pub media_type: Option<String>,
    /// 64 lower-case hexadecimal digits, where the producer says them.
    pub sha256: Option<String>,
    /// In bytes, where the producer says it.
    pub size: Option<u64>,
    /// The producer's own.
    pub metadata: BTreeMap<String, String>,
}

/// Where an artifact of ours is to be put.
#[derive(Clone, Debug, Default)]
pub struct ArtifactPlacing {
    /// The name or id of the connection.
    pub provider: String,
    /// What it is to be called there; none: as it is here.
    pub name: Option<String>,
    /// none: as it is here.
    pub version: Option<String>,
    /// A run of that provider that it is to belong to there; none: it belongs to no run.
    pub run: Option<RunId>,
    /// As the plugin documents them.
    pub options: BTreeMap<String, String>,
}

/// What became of bytes that were handed over.
#[derive(Clone, Debug)]
pub struct ArtifactStored {
    /// The artifact.
    pub artifact: Artifact,
    /// Whether it was new: the same bytes under the same name again are the same artifact.
    pub new: bool,
}
