//! Sessions: what a login yielded for a provider's credential slot, sealed before it came here.

use novacron_cicd_domain::{Timestamp, id::ProviderId};
use rusqlite::params;

use crate::{Reader, StoreError, Tx, row::millis};

/// What a login yielded.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// As the vault sealed it.
    pub sealed: Vec<u8>,
    /// Where in a request it goes, in the caller's own words; not a secret.
    pub placement: String,
    /// When it ends; none where that is not known.
    pub expires: Option<Timestamp>,
}

impl std::fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSession")
            .field("placement", &self.placement)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// The session in a slot; none where there is none or it has ended.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn session(
        &self,
        provider: ProviderId,
        slot: &str,
        now: Timestamp,
    ) -> Result<Option<StoredSession>, StoreError> {
        self.one(
            "SELECT sealed, placement, expires FROM sessions
             WHERE provider = ?1 AND slot = ?2 AND (expires IS NULL OR expires > ?3)",
            params![provider.to_string(), slot, now.0],
            |columns| {
                Ok(StoredSession { sealed: columns.get()?, placement: columns.get()?, expires: columns.time_opt()? })
            },
        )
    }
}

impl Tx<'_> {
    /// Stores what a login yielded, in place of what was there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the provider is not there.
    pub fn put_session(&mut self, provider: ProviderId, slot: &str, session: &StoredSession) -> Result<(), StoreError> {
        self.provider(provider)?;
        self.execute(
            "INSERT INTO sessions (provider, slot, sealed, placement, expires) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (provider, slot) DO UPDATE
             SET sealed = excluded.sealed, placement = excluded.placement, expires = excluded.expires",
            params![provider.to_string(), slot, session.sealed, session.placement, millis(session.expires)],
        )?;
        Ok(())
    }

    /// Forgets the session in a slot, where there is one.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn delete_session(&mut self, provider: ProviderId, slot: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM sessions WHERE provider = ?1 AND slot = ?2", params![provider.to_string(), slot])?;
        Ok(())
    }

    /// Forgets all sessions of a provider: when its credentials change. Answers how many there were.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn delete_sessions(&mut self, provider: ProviderId) -> Result<usize, StoreError> {
        self.execute("DELETE FROM sessions WHERE provider = ?1", [provider.to_string()])
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

    #[test]
    fn a_session_is_there_until_it_ends_or_is_forgotten() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let provider = sample::provider(1);
        tx.insert_provider(&provider).unwrap();
        let session = |sealed, expires| StoredSession { sealed, placement: "cookie".into(), expires };
        let until = session(vec![1, 2], Some(NOW));
        let always = session(vec![3], None);
        tx.put_session(provider.id, "login", &session(vec![9], None)).unwrap();
        tx.put_session(provider.id, "login", &until).unwrap();
        tx.put_session(provider.id, "crumb", &always).unwrap();
        for (slot, now, expected) in [
            ("login", NOW.plus_millis(-1), Some(&until)),
            ("login", NOW, None),
            ("crumb", NOW.plus_millis(9), Some(&always)),
            ("other", NOW, None),
        ] {
            assert_eq!(tx.session(provider.id, slot, now).unwrap().as_ref(), expected, "{slot}");
        }
        tx.delete_session(provider.id, "crumb").unwrap();
        assert_eq!(tx.session(provider.id, "crumb", NOW).unwrap(), None);
        assert_eq!(tx.delete_sessions(provider.id).unwrap(), 1);
    }

    #[test]
    fn a_session_of_no_provider_is_refused() {
        let scratch = Scratch::new();
        let nobody = sample::provider(9).id;
        let session = StoredSession { sealed: vec![1], placement: "cookie".into(), expires: None };
        let error = scratch.tx().put_session(nobody, "login", &session).unwrap_err();
        assert_eq!(error, StoreError::not_found("provider", nobody));
    }
}
