//! The machines that do a platform's work, as it shows them.

use super::RunRef;

/// A runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRunner {
    /// The platform's.
    pub id: String,
    /// What the platform shows.
    pub name: String,
    /// `online`, `offline`, `stale`, `never-contacted`; an open set.
    pub state: String,
    /// Whether it works on something, where the platform says it.
    pub busy: Option<bool>,
    /// Whether it takes no new work.
    pub draining: bool,
    /// What work it takes.
    pub labels: Vec<String>,
    /// What it works on.
    pub current: Vec<RunRef>,
}
