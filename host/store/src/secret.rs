//! Secrets: names, and values that were sealed before they came here. Must be absent: any clear value.

use novacron_cicd_domain::{
    Timestamp,
    name::Name,
    provider::{CredentialSource, Grants},
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    provider::named,
    row::Columns,
};

const WHAT: &str = "secret";

/// What is shown of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMeta {
    /// Unique.
    pub name: Name,
    /// 1 at first, one more each time it is rotated.
    pub version: i64,
    /// When it was first stored.
    pub created: Timestamp,
    /// When its value last changed.
    pub updated: Timestamp,
}

/// A secret with its sealed value.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// What is shown of it.
    pub meta: SecretMeta,
    /// As the vault sealed it.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSecret").field("meta", &self.meta).finish_non_exhaustive()
    }
}

fn read_meta(columns: &mut Columns<'_>) -> Result<SecretMeta, StoreError> {
    Ok(SecretMeta {
        name: columns.parse()?,
        version: columns.get()?,
        created: columns.time()?,
        updated: columns.time()?,
    })
}

fn read(columns: &mut Columns<'_>) -> Result<StoredSecret, StoreError> {
    let name = columns.parse()?;
    let sealed = columns.get()?;
    let meta = SecretMeta { name, version: columns.get()?, created: columns.time()?, updated: columns.time()? };
    Ok(StoredSecret { meta, sealed })
}

/// By name.
pub(crate) fn select(after: Option<String>, rows: usize) -> Select {
    Select::new("SELECT name, version, created, updated FROM secrets")
        .with("name > ", Some(after.unwrap_or_default()))
        .order("name", rows)
}

impl Reader<'_> {
    /// The secret with this name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn secret(&self, name: &str) -> Result<StoredSecret, StoreError> {
        let sql = "SELECT name, sealed, version, created, updated FROM secrets WHERE name = ?1";
        self.one(sql, [name], read)?.ok_or_else(|| StoreError::not_found(WHAT, name))
    }

    /// What is shown of secrets, by name.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn secrets(&self, page: &Page) -> Result<Listing<SecretMeta>, StoreError> {
        self.page(List::Secrets, page, select, read_meta, |secret| secret.name.to_string())
    }

    /// All secrets with their sealed values: what is masked everywhere.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn all_secrets(&self) -> Result<Vec<StoredSecret>, StoreError> {
        self.all("SELECT name, sealed, version, created, updated FROM secrets ORDER BY name", [], read)
    }

    /// Names of the providers that name this secret: in a credential slot, for their proxy, for a gate before the platform.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn secret_users(&self, name: &str) -> Result<Vec<String>, StoreError> {
        type Credentials = std::collections::BTreeMap<String, CredentialSource>;
        let providers = self.all(
            "SELECT name, credentials, grants FROM providers WHERE deleted IS NULL ORDER BY name",
            [],
            |columns| Ok((columns.get::<String>()?, columns.json::<Credentials>()?, columns.json::<Grants>()?)),
        )?;
        let uses = |(_, credentials, grants): &(String, Credentials, Grants)| {
            credentials.values().any(|source| source.secret == name)
                || grants.secrets().any(|(_, secret)| secret == name)
        };
        Ok(providers.into_iter().filter(uses).map(|(name, ..)| name).collect())
    }
}

impl Tx<'_> {
    /// Stores a sealed value under a name, new or rotated. Answers the version.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn put_secret(&mut self, name: &Name, sealed: &[u8], now: Timestamp) -> Result<i64, StoreError> {
        let version = self.one(
            "INSERT INTO secrets (name, sealed, version, created, updated) VALUES (?1, ?2, 1, ?3, ?3)
             ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated = excluded.updated,
                version = secrets.version + 1
             RETURNING version",
            params![name.as_str(), sealed, now.0],
            |columns| columns.get(),
        )?;
        version.ok_or_else(|| StoreError::corrupt("a stored secret has no version"))
    }

    /// Deletes a secret.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while a provider's credentials name it, [`StoreError::NotFound`].
    pub fn delete_secret(&mut self, name: &str) -> Result<(), StoreError> {
        let users = self.secret_users(name)?;
        if !users.is_empty() {
            return Err(StoreError::InUse { what: WHAT, key: name.to_owned(), by: named("provider", &users) });
        }
        let deleted = self.execute("DELETE FROM secrets WHERE name = ?1", [name])?;
        if deleted == 0 { Err(StoreError::not_found(WHAT, name)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        plan::Scratch,
        sample::{self, NOW, name},
    };

    #[test]
    fn a_secret_is_stored_rotated_and_listed_without_its_value() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let later = NOW.plus_millis(5);
        assert_eq!(tx.put_secret(&name("b"), &[1, 0, 2], NOW).unwrap(), 1);
        assert_eq!(tx.put_secret(&name("a"), &[3], NOW).unwrap(), 1);
        assert_eq!(tx.put_secret(&name("b"), &[4], later).unwrap(), 2);
        let a = SecretMeta { name: name("a"), version: 1, created: NOW, updated: NOW };
        let b = SecretMeta { name: name("b"), version: 2, created: NOW, updated: later };
        assert_eq!(tx.secrets(&Page::default()).unwrap().items, [a.clone(), b.clone()]);
        assert_eq!(tx.secret("b").unwrap(), StoredSecret { meta: b.clone(), sealed: vec![4] });
        let all = [StoredSecret { meta: a, sealed: vec![3] }, StoredSecret { meta: b, sealed: vec![4] }];
        assert_eq!(tx.all_secrets().unwrap(), all);
        assert!(!format!("{all:?}").contains("sealed"));
        tx.delete_secret("a").unwrap();
        assert_eq!(tx.secret("a").unwrap_err(), StoreError::not_found("secret", "a"));
        assert_eq!(tx.delete_secret("a").unwrap_err(), StoreError::not_found("secret", "a"));
    }

    #[test]
    fn a_secret_that_fills_a_credential_is_not_deleted() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        tx.insert_provider(&provider).unwrap();
        tx.put_secret(&name("ci-key"), &[1], NOW).unwrap();
        let error = tx.delete_secret("ci-key").unwrap_err();
        assert_eq!(error.to_string(), "secret ci-key is used by provider provider-1");
        tx.delete_provider(provider.id, NOW).unwrap();
        tx.delete_secret("ci-key").unwrap();
    }
}
