//! What a run waits for a person to decide.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Given;
use crate::parameter::Parameter;

/// A manual step, an input, a reviewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The platform's.
    pub id: String,
    /// `manual`, `input`, `review`, `timer`; an open set.
    pub kind: String,
    /// The platform's id of the job that waits.
    pub job: Option<String>,
    /// What is asked.
    pub message: Option<String>,
    /// Whether our account may decide, where the platform says it.
    pub can_resolve: Option<bool>,
    /// What has to be given along.
    pub inputs: Vec<Parameter>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateDecision {
    /// The run goes on.
    pub approve: bool,
    /// For people.
    pub comment: Option<String>,
    /// What was asked for.
    pub inputs: BTreeMap<String, Given>,
}
