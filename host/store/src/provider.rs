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
