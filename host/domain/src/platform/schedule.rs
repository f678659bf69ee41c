//! The platform's own schedules of a pipeline, and tokens that start it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Given;
use crate::Timestamp;

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The platform's.
    pub id: String,
    /// As the platform writes it.
    pub cron: String,
    /// none: the platform's own.
    pub timezone: Option<String>,
    /// Branch or tag.
    pub reference: Option<String>,
    /// Whether it starts runs.
    pub enabled: bool,
    /// For people.
    pub description: Option<String>,
    /// When it starts one next.
    pub next_run: Option<Timestamp>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

/// What a schedule is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleChange {
    /// As the platform writes it.
    pub cron: String,
    /// none: the platform's own.
    pub timezone: Option<String>,
    /// Branch or tag.
    pub reference: Option<String>,
    /// Whether it starts runs.
    pub enabled: bool,
    /// For people.
    pub description: Option<String>,
    /// What its runs are given.
    pub variables: BTreeMap<String, Given>,
}

/// A token that starts a pipeline and nothing else, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerToken {
    /// The platform's.
    pub id: String,
    /// For people.
    pub description: Option<String>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}
