//! Webhooks: those that a platform has, what it could not deliver, and what a delivery says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FoundRun, RunRef};
use crate::Timestamp;

/// A delivery as it came in; its signature was checked before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// In their order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Vec<u8>,
}

/// What a delivery says; all of it is a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// In their order.
    pub observations: Vec<HookObservation>,
    /// Why a delivery that was understood says nothing to us.
    pub ignored: Option<String>,
}

/// One thing that a delivery says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookObservation {
    /// A run, or one job of it: then its graph holds that job alone and is not complete.
    Run(Box<FoundRun>),
    /// Something changed there: read it.
    Changed(RunRef),
    /// A deployment that belongs to a run, or to none.
    Deployment {
        /// The platform's id.
        id: String,
        /// The run that made it.
        run: Option<RunRef>,
    },
    /// What has no place here, as the plugin's own words.
    Other {
        /// What it is.
        key: String,
        /// What it says.
        value: String,
    },
}

/// A webhook that the platform has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The platform's.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// Whether it makes deliveries.
    pub active: bool,
    /// In the platform's words.
    pub events: Vec<String>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

/// A delivery that the platform could not place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissedDelivery {
    /// The platform's id of it.
    pub id: String,
    /// The platform's id of the webhook.
    pub hook: String,
    /// When it was tried.
    pub at: Timestamp,
    /// In the platform's words.
    pub event: String,
}
