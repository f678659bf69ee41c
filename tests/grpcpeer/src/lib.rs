//! A provider as a process of its own, in the way of HashiCorp's go-plugin: what a call to a sandboxed plugin is measured beside.
//!
//! The messages have the fields of the records in `wit/types.wit` that a run is made of, so that both kinds of provider say the
//! same. Must be absent: the host's crates, which the measurement alone knows.

mod message;

pub use message::{Attribute, Graph, Job, Run, RunRef, State, Status, Step, Times};
pub use service::{runs_client, runs_server};

#[expect(clippy::allow_attributes_without_reason, reason = "generated from what build.rs says")]
mod service {
    tonic::include_proto!("novacron.cicd.Runs");
}
