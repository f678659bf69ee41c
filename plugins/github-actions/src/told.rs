//! How answers of GitHub's are read: only the fields that are named, and what is missing is as if it were empty.

use serde::Deserialize;

/// Types of what GitHub tells: a name and its fields, each as it is called or as `"type" as kind`.
macro_rules! told {
    ($($(#[$about:meta])* $type:ident { $($(#[$of:meta])* $($name:literal as)? $field:ident: $kind:ty),* $(,)? })*) => {$(
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(default)]
        $(#[$about])*
        pub(crate) struct $type { $($(#[$of])* $(#[serde(rename = $name)])? pub(crate) $field: $kind),* }
    )*};
}
pub(crate) use told;

told! {
    /// What somebody or something is known by; which of it there is depends on what it is.
    Known { id: u64, login: String, full_name: String, name: Option<String>, slug: Option<String> }
    /// A user or a team.
    Reviewer { "type" as kind: String, reviewer: Known }
}

/// A listing that stands beside its count, under the name of what it is of.
#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    #[serde(alias = "artifacts", alias = "attestations", alias = "environments", alias = "jobs", alias = "runners")]
    #[serde(alias = "secrets", alias = "variables", alias = "workflow_runs", alias = "workflows")]
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
