//! What the runtime needs of the host around it. The daemon implements it, tests fake it.

use std::{io, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use novacron_cicd_domain::{Timestamp, id::ProviderId};
use novacron_cicd_vault::{Masker, Secret};

use crate::egress::EgressRecord;

/// What a login yielded, as the egress door wrote it; opaque to everybody else.
pub struct Session {
    /// The value with all that belongs to it.
    pub value: Secret,
    /// How it is placed: `bearer`, `cookie`, `header:NAME`.
    pub placement: String,
    /// When it ends; none where nobody said.
    pub expires: Option<Timestamp>,
}

/// A value of a provider's small state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// The plugin's own.
    pub value: Vec<u8>,
    /// What a later write compares with; never 0.
    pub version: u64,
}

/// Why a provider's small state was not read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// Somebody else wrote; the version that is there now, 0 where nothing is.
    #[error("the value has version {0} now")]
    Stale(u64),
    /// The provider's share is used up.
    #[error("the provider's share of small state is used up")]
    Full,
    /// The key or the value is too large.
    #[error("the key or the value is too large")]
    TooLarge,
    /// The store failed.
    #[error("{0}")]
    Other(String),
}

/// The host around the runtime.
#[async_trait]
pub trait HostPorts: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;
    /// Fills `bytes` with randomness that is fit for keys.
    fn random(&self, bytes: &mut [u8]);
    /// A secret by its name.
    async fn secret(&self, name: &str) -> Option<Secret>;
    /// Knows every value of the vault.
    fn masker(&self) -> Arc<Masker>;
    /// What an earlier login yielded.
    async fn session(&self, provider: ProviderId, slot: &str) -> Option<Session>;
    /// Keeps what a login yielded, sealed.
    async fn put_session(&self, provider: ProviderId, slot: &str, session: &Session);
    /// Forgets it.
    async fn drop_session(&self, provider: ProviderId, slot: &str);
    /// A value of the provider's small state; what has ended is not there.
    async fn kv_get(&self, provider: ProviderId, key: &str) -> Result<Option<KvEntry>, KvError>;
    /// Writes one. `expected` none: whatever is there; 0: nothing may be there yet. Answers the new version.
    async fn kv_put(
        &self,
        provider: ProviderId,
        key: &str,
        value: Vec<u8>,
        expected: Option<u64>,
        ttl_millis: Option<u64>,
    ) -> Result<u64, KvError>;
    /// Removes one; what is not there is no error.
    async fn kv_remove(&self, provider: ProviderId, key: &str, expected: Option<u64>) -> Result<(), KvError>;
    /// Bytes that the host keeps, by their sha256 (64 lower-case hexadecimal digits) and size. They are checked while they
    /// are read: where they are not what they were, an error comes in place of their end.
    async fn blob(&self, sha256: &str, size: u64) -> io::Result<BoxStream<'static, io::Result<Bytes>>>;
    /// Takes the record of a request.
    fn audit(&self, record: EgressRecord);
}
