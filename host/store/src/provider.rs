//! Providers: configured connections. Deleted ones stay as rows, because runs go on naming them.

use novacron_cicd_domain::{
    Timestamp,
    id::ProviderId,
    name::Name,
    provider::{Health, Provider},
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, json, millis},
};

const WHAT: &str = "provider";
const COLUMNS: &str = "id, name, plugin, base_url, settings, credentials, grants, healthy, health_at, health_error, \
                       account, platform_version, version, created, updated";

fn read(columns: &mut Columns<'_>) -> Result<Provider, StoreError> {
    Ok(Provider {
        id: columns.parse()?,
        name: columns.parse()?,
        plugin: columns.get()?,
        base_url: columns.parse()?,
        settings: columns.json()?,
        credentials: columns.json()?,
        grants: columns.json()?,
        health: Health {
            healthy: columns.get()?,
            at: columns.time_opt()?,
            error: columns.get()?,
            account: columns.get()?,
            platform_version: columns.get()?,
        },
        version: columns.get()?,
        created: columns.time()?,
        updated: columns.time()?,
    })
}

/// Newest first.
pub(crate) fn select(after: Option<String>, rows: usize) -> Select {
    Select::new(&format!("SELECT {COLUMNS} FROM providers"))
        .only("deleted IS NULL")
        .with("id < ", Some(after.unwrap_or_else(crate::page::newest)))
        .order("id DESC", rows)
}

impl Reader<'_> {
    /// The provider with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also where it was deleted.
    pub fn provider(&self, id: ProviderId) -> Result<Provider, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM providers WHERE id = ?1 AND deleted IS NULL");
        self.one(&sql, [id.to_string()], read)?.ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// The provider with this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn provider_by_name(&self, name: &str) -> Result<Provider, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM providers WHERE name = ?1 AND deleted IS NULL");
        self.one(&sql, [name], read)?.ok_or_else(|| StoreError::not_found(WHAT, name))
    }

    /// What a provider is or was called, also after it was deleted.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn provider_name(&self, id: ProviderId) -> Result<Option<Name>, StoreError> {
        self.one("SELECT name FROM providers WHERE id = ?1", [id.to_string()], |columns| columns.parse())
    }

    /// Providers, newest first.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn providers(&self, page: &Page) -> Result<Listing<Provider>, StoreError> {
        self.page(List::Providers, page, select, read, |provider| provider.id.to_string())
    }
}

impl Tx<'_> {
    /// Stores a new provider.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where its name is taken.
    pub fn insert_provider(&mut self, provider: &Provider) -> Result<(), StoreError> {
        let Provider { health, .. } = provider;
        self.execute(
            "INSERT INTO providers (id, name, plugin, base_url, settings, credentials, grants, healthy, health_at,
                health_error, account, platform_version, version, created, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                provider.id.to_string(),
                provider.name.as_str(),
                provider.plugin,
                provider.base_url.as_str(),
                json(&provider.settings)?,
                json(&provider.credentials)?,
                json(&provider.grants)?,
                health.healthy,
                millis(health.at),
                health.error,
                health.account,
                health.platform_version,
                provider.version,
                provider.created.0,
                provider.updated.0,
            ],
        )
        .map_err(|error| error.or_conflict(WHAT, &provider.name))?;
        Ok(())
    }

    /// Changes all but id, health and time of making, where the stored version is `expected`. Answers the new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`], [`StoreError::NotFound`], [`StoreError::Conflict`] where the new name is taken.
    pub fn update_provider(&mut self, provider: &Provider, expected: i64) -> Result<i64, StoreError> {
        let changed = self
            .execute(
                "UPDATE providers SET name = ?3, plugin = ?4, base_url = ?5, settings = ?6, credentials = ?7,
                    grants = ?8, updated = ?9, version = version + 1
                 WHERE id = ?1 AND version = ?2 AND deleted IS NULL",
                params![
                    provider.id.to_string(),
                    expected,
                    provider.name.as_str(),
                    provider.plugin,
                    provider.base_url.as_str(),
                    json(&provider.settings)?,
                    json(&provider.credentials)?,
                    json(&provider.grants)?,
                    provider.updated.0,
                ],
            )
            .map_err(|error| error.or_conflict(WHAT, &provider.name))?;
        if changed == 0 {
            let found = self.provider(provider.id)?;
            return Err(StoreError::Stale { what: WHAT, key: found.name.to_string(), expected, found: found.version });
        }
        Ok(expected + 1)
    }

    /// Notes what the last check or call said. Not a change of the definition: the version stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn set_provider_health(&mut self, id: ProviderId, health: &Health) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE providers SET healthy = ?2, health_at = ?3, health_error = ?4, account = ?5, platform_version = ?6
             WHERE id = ?1 AND deleted IS NULL",
            params![
                id.to_string(),
                health.healthy,
                millis(health.at),
                health.error,
                health.account,
                health.platform_version
            ],
        )?;
        if changed == 0 { Err(StoreError::not_found(WHAT, id)) } else { Ok(()) }
    }

    /// Deletes a provider with its sessions and small state; its runs stay. Its name is free again.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while it has pipelines, [`StoreError::NotFound`].
    pub fn delete_provider(&mut self, id: ProviderId, now: Timestamp) -> Result<(), StoreError> {
        let name = self.provider(id)?.name;
        let users = self.all(
            "SELECT name FROM pipelines WHERE provider = ?1 AND deleted IS NULL ORDER BY id LIMIT 4",
            [id.to_string()],
            |columns| columns.get::<String>(),
        )?;
        if !users.is_empty() {
            return Err(StoreError::InUse { what: WHAT, key: name.to_string(), by: named("pipeline", &users) });
        }
        self.delete_sessions(id)?;
        self.kv_clear(id)?;
        self.delete_sightings(id)?;
        self.delete_deliveries(id)?;
        self.execute("UPDATE providers SET deleted = ?2 WHERE id = ?1", params![id.to_string(), now.0])?;
        Ok(())
    }
}

/// "pipelines a, b, c and more": at most three names.
pub(crate) fn named(what: &str, names: &[String]) -> String {
    let shown = names[..names.len().min(3)].join(", ");
    let plural = if names.len() > 1 { "s" } else { "" };
    let more = if names.len() > 3 { " and more" } else { "" };
    format!("{what}{plural} {shown}{more}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        plan::Scratch,
        sample::{self, NOW},
    };

    #[test]
    fn a_provider_comes_back_as_it_was_stored() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let mut bare = sample::provider(2);
        bare.health = Health::default();
        bare.settings = serde_json::Value::Null;
        for provider in [sample::provider(1), bare] {
            tx.insert_provider(&provider).unwrap();
            assert_eq!(tx.provider(provider.id).unwrap(), provider);
            assert_eq!(tx.provider_by_name(provider.name.as_str()).unwrap(), provider);
        }
        let listed = tx.providers(&Page::default()).unwrap();
        assert_eq!(listed.items.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["provider-2", "provider-1"]);
        assert_eq!(listed.next, None);
    }

    #[test]
    fn a_second_provider_of_the_same_name_is_refused_until_the_first_is_deleted() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let first = sample::provider(1);
        let second = Provider { name: first.name.clone(), ..sample::provider(2) };
        tx.insert_provider(&first).unwrap();
        let error = tx.insert_provider(&second).unwrap_err();
        assert_eq!(error.to_string(), "provider provider-1 exists already");
        tx.delete_provider(first.id, NOW).unwrap();
        tx.insert_provider(&second).unwrap();
        assert_eq!(tx.provider(first.id).unwrap_err(), StoreError::not_found("provider", first.id));
        assert_eq!(tx.provider_name(first.id).unwrap(), Some(first.name));
        assert_eq!(tx.providers(&Page::default()).unwrap().items, [second]);
    }

    #[test]
    fn a_change_takes_the_version_that_it_was_made_from() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let (mut provider, other) = (sample::provider(1), sample::provider(2));
        tx.insert_provider(&provider).unwrap();
        tx.insert_provider(&other).unwrap();
        provider.plugin = "jenkins".into();
        provider.credentials.clear();
        provider.version = tx.update_provider(&provider, 1).unwrap();
        assert_eq!(tx.provider(provider.id).unwrap(), Provider { version: 2, ..provider.clone() });
        let error = tx.update_provider(&provider, 1).unwrap_err();
        assert_eq!(error.to_string(), "provider provider-1 was changed by somebody else: expected version 1, found 2");
        let taken = Provider { name: other.name, ..provider };
        assert!(matches!(tx.update_provider(&taken, 2), Err(StoreError::Conflict { .. })));
    }

    #[test]
    fn health_is_no_change_of_the_definition() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        tx.insert_provider(&provider).unwrap();
        let health = Health { healthy: Some(true), error: None, ..provider.health.clone() };
        tx.set_provider_health(provider.id, &health).unwrap();
        assert_eq!(tx.provider(provider.id).unwrap(), Provider { health: health.clone(), ..provider });
        let nobody = ProviderId(sample::uuid(9));
        assert_eq!(tx.set_provider_health(nobody, &health).unwrap_err(), StoreError::not_found("provider", nobody));
    }

    #[test]
    fn a_provider_with_pipelines_is_not_deleted_and_they_are_named() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        tx.insert_provider(&provider).unwrap();
        let rows = [
            "provider provider-1 is used by pipeline pipeline-1",
            "provider provider-1 is used by pipelines pipeline-1, pipeline-2",
            "provider provider-1 is used by pipelines pipeline-1, pipeline-2, pipeline-3",
            "provider provider-1 is used by pipelines pipeline-1, pipeline-2, pipeline-3 and more",
        ];
        for (n, expected) in (1..).zip(rows) {
            tx.insert_pipeline(&sample::pipeline(n, &provider)).unwrap();
            assert_eq!(tx.delete_provider(provider.id, NOW).unwrap_err().to_string(), expected);
        }
        for n in 1..=4 {
            tx.delete_pipeline(sample::pipeline(n, &provider).id, NOW).unwrap();
        }
        tx.delete_provider(provider.id, NOW).unwrap();
    }
}
