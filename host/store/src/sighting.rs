//! How far a provider's runs have been seen: one text for each, which only the engine reads.

use novacron_cicd_domain::id::ProviderId;
use rusqlite::params;

use crate::{Reader, StoreError, Tx};

impl Reader<'_> {
    /// What was noted last; none: nothing was looked at yet.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn sightings(&self, provider: ProviderId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT state FROM sightings WHERE provider = ?1";
        self.one(sql, [provider.to_string()], |columns| columns.get())
    }
}

impl Tx<'_> {
    /// Notes how far a provider's runs have been seen.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the provider is not there.
    pub fn put_sightings(&mut self, provider: ProviderId, state: &str) -> Result<(), StoreError> {
        self.provider(provider)?;
        let sql = "INSERT INTO sightings (provider, state) VALUES (?1, ?2)
                   ON CONFLICT (provider) DO UPDATE SET state = excluded.state";
        self.execute(sql, params![provider.to_string(), state])?;
        Ok(())
    }

    pub(crate) fn delete_sightings(&mut self, provider: ProviderId) -> Result<(), StoreError> {
        self.execute("DELETE FROM sightings WHERE provider = ?1", [provider.to_string()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use crate::{plan::Scratch, sample};

    #[test]
    fn what_was_noted_last_counts_and_goes_with_its_provider() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        assert!(tx.put_sightings(provider.id, "{}").is_err());
        tx.insert_provider(&provider).unwrap();
        assert_eq!(tx.sightings(provider.id).unwrap(), None);
        for state in ["first", "second"] {
            tx.put_sightings(provider.id, state).unwrap();
            assert_eq!(tx.sightings(provider.id).unwrap().as_deref(), Some(state));
        }
        tx.delete_provider(provider.id, sample::NOW).unwrap();
        assert_eq!(tx.sightings(provider.id).unwrap(), None);
    }
}
