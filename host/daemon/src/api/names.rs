//! Ids of providers to the names that people know them by, looked up once per answer.

use std::collections::{BTreeMap, BTreeSet};

use novacron_cicd_domain::id::ProviderId;

use super::ApiState;

/// Names that this answer has needed so far.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<ProviderId, String>);

impl Names {
    /// Looks up every id; one whose provider is gone keeps its id as its name.
    pub(crate) async fn of(state: &ApiState, ids: BTreeSet<ProviderId>) -> Self {
        let mut names = BTreeMap::new();
        for id in ids {
            let found = state.services().providers.show(&id.to_string()).await;
            names.insert(id, found.map_or_else(|_| id.to_string(), |provider| provider.name.to_string()));
        }
        Self(names)
    }

    /// The same for one id.
    pub(crate) async fn one(state: &ApiState, id: ProviderId) -> Self {
        Self::of(state, BTreeSet::from([id])).await
    }

    /// The name of a provider that [`Names::of`] was given.
    pub(crate) fn get(&self, id: ProviderId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}
