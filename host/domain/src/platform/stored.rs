//! What a platform stores for builds: secrets, of which nothing but their names is ever read, and plain variables.

use std::collections::BTreeMap;

use crate::Timestamp;

/// A secret of the platform's own store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSecret {
    /// What the platform calls it.
    pub name: String,
    /// The platform's own way to say where it holds.
    pub scope: Option<String>,
    /// `text`, `file`, `username-password`, `ssh-key`; an open set.
    pub kind: String,
    /// When its value last changed.
    pub updated: Option<Timestamp>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

/// A plain variable of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteVariable {
    /// What the platform calls it.
    pub name: String,
    /// The platform's own way to say where it holds.
    pub scope: Option<String>,
    /// Readable by whoever may look.
    pub value: String,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}
