//! A plugin's small state: keys and values per provider, with compare-and-set, end times and a quota.

use novacron_cicd_domain::{Timestamp, id::ProviderId};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    row::{millis, signed},
};

/// What all entries of one provider may take together, in bytes.
pub const KV_QUOTA: u64 = 1024 * 1024;
/// What an entry is counted as beside its key and value, so that empty ones are not free.
const ENTRY: u64 = 64;

/// A value that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// As the plugin wrote it.
    pub value: Vec<u8>,
    /// 1 at first, one more on every change.
    pub version: i64,
}

fn cost(key: &str, value: &[u8]) -> u64 {
    ENTRY + (key.len() + value.len()) as u64
}

impl Reader<'_> {
    /// The value under a key; none where there is none or its time is over.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn kv_get(&self, provider: ProviderId, key: &str, now: Timestamp) -> Result<Option<KvEntry>, StoreError> {
        self.one(
            "SELECT value, version FROM kv
             WHERE provider = ?1 AND entry = ?2 AND (expires IS NULL OR expires > ?3)",
            params![provider.to_string(), key, now.0],
            |columns| Ok(KvEntry { value: columns.get()?, version: columns.get()? }),
        )
    }

    /// What the entries of a provider take together, those counted whose time is over and that were not swept yet.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn kv_bytes(&self, provider: ProviderId) -> Result<u64, StoreError> {
        let sql = "SELECT bytes FROM kv_usage WHERE provider = ?1";
        Ok(self.one(sql, [provider.to_string()], |columns| columns.unsigned())?.unwrap_or(0))
    }
}

impl Tx<'_> {
    /// Puts a value under a key. `expected` none: whatever is there; 0: where nothing is there yet; else where that
    /// version is. Answers the new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] with the version that is there, 0 where nothing is; [`StoreError::Quota`];
    /// [`StoreError::NotFound`] where the provider is not there.
    pub fn kv_put(
        &mut self,
        provider: ProviderId,
        key: &str,
        value: &[u8],
        expected: Option<i64>,
        expires: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        self.provider(provider)?;
        self.kv_expect(provider, key, expected, now)?;
        let swept = self.kv_sweep(provider, now)?;
        let old = self.kv_get(provider, key, now)?;
        let bytes = swept - old.as_ref().map_or(0, |old| cost(key, &old.value)) + cost(key, value);
        if bytes > KV_QUOTA {
            return Err(StoreError::Quota {
                what: "provider",
                key: provider.to_string(),
                wanted: bytes,
                limit: KV_QUOTA,
            });
        }
        let version = self.one(
            "INSERT INTO kv (provider, entry, value, version, expires) VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT (provider, entry) DO UPDATE
             SET value = excluded.value, expires = excluded.expires, version = kv.version + 1
             RETURNING version",
            params![provider.to_string(), key, value, millis(expires)],
            |columns| columns.get(),
        )?;
        self.kv_count(provider, bytes)?;
        version.ok_or_else(|| StoreError::corrupt("a stored value has no version"))
    }

    /// Removes a value. `expected` as in [`Tx::kv_put`]. That none is there is no error where none was expected.
    ///
    /// # Errors
    /// [`StoreError::Stale`] with the version that is there.
    pub fn kv_remove(
        &mut self,
        provider: ProviderId,
        key: &str,
        expected: Option<i64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.kv_expect(provider, key, expected, now)?;
        let bytes = self.kv_sweep(provider, now)?;
        let Some(old) = self.kv_get(provider, key, now)? else { return Ok(()) };
        self.execute("DELETE FROM kv WHERE provider = ?1 AND entry = ?2", params![provider.to_string(), key])?;
        self.kv_count(provider, bytes - cost(key, &old.value))
    }

    /// Removes all values of a provider.
    pub(crate) fn kv_clear(&mut self, provider: ProviderId) -> Result<(), StoreError> {
        let provider = provider.to_string();
        self.execute("DELETE FROM kv WHERE provider = ?1", [&provider])?;
        self.execute("DELETE FROM kv_usage WHERE provider = ?1", [&provider])?;
        Ok(())
    }

    fn kv_expect(
        &self,
        provider: ProviderId,
        key: &str,
        expected: Option<i64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(expected) = expected else { return Ok(()) };
        let found = self.kv_get(provider, key, now)?.map_or(0, |entry| entry.version);
        if found == expected {
            return Ok(());
        }
        Err(StoreError::Stale { what: "key", key: key.to_owned(), expected, found })
    }

    /// Removes values whose time is over; answers what the others take.
    fn kv_sweep(&mut self, provider: ProviderId, now: Timestamp) -> Result<u64, StoreError> {
        let bytes = self.kv_bytes(provider)?;
        let freed = self.all(
            "DELETE FROM kv WHERE provider = ?1 AND expires <= ?2 RETURNING entry, value",
            params![provider.to_string(), now.0],
            |columns| Ok(cost(&columns.get::<String>()?, &columns.get::<Vec<u8>>()?)),
        )?;
        if freed.is_empty() {
            return Ok(bytes);
        }
        let bytes = bytes.saturating_sub(freed.iter().sum());
        self.kv_count(provider, bytes)?;
        Ok(bytes)
    }

    fn kv_count(&mut self, provider: ProviderId, bytes: u64) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO kv_usage (provider, bytes) VALUES (?1, ?2)
             ON CONFLICT (provider) DO UPDATE SET bytes = excluded.bytes",
            params![provider.to_string(), signed(bytes)?],
        )?;
        Ok(())
    }
}
