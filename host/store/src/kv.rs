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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        plan::Scratch,
        sample::{self, NOW},
    };

    fn with_providers() -> (Scratch, ProviderId, ProviderId) {
        let scratch = Scratch::new();
        for n in 1..=2 {
            scratch.tx().insert_provider(&sample::provider(n)).unwrap();
        }
        (scratch, sample::provider(1).id, sample::provider(2).id)
    }

    #[test]
    fn a_value_is_put_where_the_expected_version_is() {
        let (scratch, provider, _) = with_providers();
        let mut tx = scratch.tx();
        let stale = |expected, found| Err(StoreError::Stale { what: "key", key: "k".into(), expected, found });
        for (expected, outcome) in [
            (Some(1), stale(1, 0)),
            (Some(0), Ok(1)),
            (Some(0), stale(0, 1)),
            (None, Ok(2)),
            (Some(2), Ok(3)),
            (Some(2), stale(2, 3)),
        ] {
            assert_eq!(tx.kv_put(provider, "k", b"v", expected, None, NOW), outcome, "{expected:?}");
        }
        assert_eq!(tx.kv_remove(provider, "k", Some(1), NOW), stale(1, 3).map(|_: i64| ()));
        tx.kv_remove(provider, "k", Some(3), NOW).unwrap();
        tx.kv_remove(provider, "k", None, NOW).unwrap();
        tx.kv_remove(provider, "k", Some(0), NOW).unwrap();
        assert_eq!(tx.kv_get(provider, "k", NOW).unwrap(), None);
    }

    #[test]
    fn providers_do_not_see_each_other() {
        let (scratch, one, two) = with_providers();
        let mut tx = scratch.tx();
        tx.kv_put(one, "k", &[0, 255], None, None, NOW).unwrap();
        assert_eq!(tx.kv_get(one, "k", NOW).unwrap(), Some(KvEntry { value: vec![0, 255], version: 1 }));
        assert_eq!(tx.kv_get(two, "k", NOW).unwrap(), None);
        assert_eq!(tx.kv_bytes(two).unwrap(), 0);
    }

    #[test]
    fn a_value_whose_time_is_over_is_not_there_and_frees_its_room() {
        let (scratch, provider, _) = with_providers();
        let mut tx = scratch.tx();
        let end = NOW.plus_millis(10);
        tx.kv_put(provider, "k", &[7; 1000], None, Some(end), NOW).unwrap();
        assert!(tx.kv_get(provider, "k", end.plus_millis(-1)).unwrap().is_some());
        assert_eq!(tx.kv_get(provider, "k", end).unwrap(), None);
        tx.kv_put(provider, "other", b"", None, None, end).unwrap();
        assert_eq!(tx.kv_bytes(provider).unwrap(), cost("other", b""));
        assert_eq!(tx.kv_put(provider, "k", b"v", Some(0), None, end).unwrap(), 1);
    }

    #[test]
    fn the_quota_holds_for_all_entries_of_a_provider_together() {
        let (scratch, provider, other) = with_providers();
        let mut tx = scratch.tx();
        let half = vec![0; 512 * 1024 - 64 - 1];
        tx.kv_put(provider, "a", &half, None, None, NOW).unwrap();
        tx.kv_put(provider, "b", &half, None, None, NOW).unwrap();
        assert_eq!(tx.kv_bytes(provider).unwrap(), KV_QUOTA);
        let refused =
            StoreError::Quota { what: "provider", key: provider.to_string(), wanted: KV_QUOTA + 65, limit: KV_QUOTA };
        assert_eq!(tx.kv_put(provider, "c", b"", None, None, NOW).unwrap_err(), refused);
        tx.kv_put(other, "c", b"", None, None, NOW).unwrap();
        tx.kv_put(provider, "a", b"", None, None, NOW).unwrap();
        tx.kv_put(provider, "c", b"", None, None, NOW).unwrap();
        tx.kv_remove(provider, "b", None, NOW).unwrap();
        assert_eq!(tx.kv_bytes(provider).unwrap(), 2 * 65);
    }

    #[test]
    fn a_deleted_provider_leaves_nothing_behind() {
        let (scratch, provider, _) = with_providers();
        let mut tx = scratch.tx();
        tx.kv_put(provider, "k", b"v", None, None, NOW).unwrap();
        tx.delete_provider(provider, NOW).unwrap();
        assert_eq!(tx.kv_get(provider, "k", NOW).unwrap(), None);
        assert_eq!(tx.kv_bytes(provider).unwrap(), 0);
        let error = tx.kv_put(provider, "k", b"v", None, None, NOW).unwrap_err();
        assert_eq!(error, StoreError::not_found("provider", provider));
    }
}
