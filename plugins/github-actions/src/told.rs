//! How answers of GitHub's are read: only the fields that are named, and what is missing is as if it were empty.

use serde::Deserialize;

/// Types of what GitHub tells: a name and its fields.
macro_rules! told {
    ($($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(default)]
        $(#[$about])*
        pub(crate) struct $name { $($(#[$of])* pub(crate) $field: $type),* }
    )*};
}
pub(crate) use told;

/// A list that stands beside its count, under the name of what is in it.
#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    #[serde(
        alias = "artifacts",
        alias = "attestations",
        alias = "environments",
        alias = "jobs",
        alias = "runners",
        alias = "secrets",
        alias = "variables",
        alias = "workflow_runs",
        alias = "workflows"
    )]
    pub(crate) items: Vec<T>,
}

impl<T> List<T> {
    pub(crate) fn map<U>(self, what: impl FnMut(T) -> U) -> Vec<U> {
        self.items.into_iter().map(what).collect()
    }
}

impl<T> From<List<T>> for Vec<T> {
    fn from(list: List<T>) -> Self {
        list.items
    }
}
