//! The use cases: what the API and the command line ask for. Each one checks with `domain`, changes the state in one
//! transaction (row, operation, event and audit record together), and answers; it never waits for a platform where
//! the answer can be had later.
//!
//! Must be absent: HTTP, SQL, and the platform's side of an operation, which is the engine's.

mod actor;
mod artifacts;
mod audit;
mod callbacks;
mod catalog;
mod configuration;
mod error;
mod events;
mod health;
mod host;
mod idempotency;
mod ids;
mod input;
mod logs;
mod masking;
mod notifications;
mod operations;
mod pipelines;
mod platforms;
mod plugins;
mod ports;
mod providers;
mod reach;
mod remote;
mod runs;
mod secrets;
mod start;
mod subscribers;
#[cfg(test)]
pub(crate) mod tests;
mod tokens;
mod webhooks;

pub use actor::Actor;
pub use artifacts::{Artifacts, VerifiedBlob};
pub use audit::Audit;
pub use callbacks::Callbacks;
pub use error::{ErrorClass, Problem, ServiceError};
pub use events::Events;
pub use health::{Health, Readiness};
pub use idempotency::{Deed, Done, Idempotency, IdempotencyBegin, StoredAnswer};
pub use input::{
    ArtifactPlacing, ArtifactStored, ArtifactUpload, ImportPipeline, IssuedToken, JobReport, NewPipeline, NewProvider,
    NewSubscriber, NewToken, PipelineChange, PipelineChanged, ProviderChange, ProviderCheck, Resolution, StatusReport,
    SubscriberChange, TriggerInput, Triggered,
};
pub use logs::{LogChunk, LogStream, Logs};
pub(crate) use notifications::Courier;
pub use notifications::Notifications;
pub use operations::Operations;
pub use pipelines::Pipelines;
pub use plugins::{PluginSummary, Plugins};
pub use providers::Providers;
#[cfg(test)]
pub(crate) use reach::Reach;
pub use remote::Remote;
pub use runs::Runs;
pub use secrets::{SecretInfo, Secrets};
pub use start::{Services, ServicesConfig, StateDir};
pub use subscribers::Subscribers;
pub use tokens::{Tokens, reset_admin_token};
pub use webhooks::{Came, LARGEST as LARGEST_WEBHOOK, Room, Sender, Webhooks};
