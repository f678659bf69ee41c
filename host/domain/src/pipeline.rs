//! A pipeline: our record of a definition, which may have a counterpart on its provider.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    id::{PipelineId, ProviderId},
    name::Name,
    parameter::Parameter,
};

/// Our record of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Ours.
    pub id: PipelineId,
    /// Unique among pipelines that are not deleted.
    pub name: Name,
    /// The connection that runs it.
    pub provider: ProviderId,
    /// What the platform calls it; none while it has no counterpart there.
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
    /// 1 at first, one more on every change: the entity tag.
    pub version: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}
