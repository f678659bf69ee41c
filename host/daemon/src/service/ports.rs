//! What the runtime needs of the host: secrets, sessions, small state, artifact bytes, the audit trail, the masker.

use std::{io, sync::Arc};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use novacron_cicd_domain::{Timestamp, id::ProviderId};
use novacron_cicd_runtime::{
    HostPorts,
    egress::EgressRecord,
    ports::{KvEntry, KvError, Session},
};
use novacron_cicd_store::{NewAudit, Store, StoreError, StoredSession};
use novacron_cicd_vault::{Masker, Secret, Vault};
use serde_json::json;
use tokio::sync::mpsc;

use super::secrets::context;
use crate::{
    artifact::Blobs,
    engine::ports::{Clock, Random},
};

/// The host as the runtime sees it.
pub(super) struct Ports {
    store: Store,
    vault: Arc<Vault>,
    masker: Arc<ArcSwap<Masker>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    blobs: Blobs,
    records: mpsc::Sender<EgressRecord>,
}

/// The largest value of small state, and the longest key, in bytes.
const VALUE: usize = 64 * 1024;
const KEY: usize = 256;
/// So many records may wait for the disk.
const WAITING: usize = 16 * 1024;
/// So many records of requests share one transaction.
const RECORDS: usize = 256;

impl Ports {
    pub(super) fn new(
        store: Store,
        vault: Arc<Vault>,
        masker: Arc<ArcSwap<Masker>>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        blobs: Blobs,
    ) -> Self {
        let (records, queue) = mpsc::channel(WAITING);
        tokio::spawn(write_records(store.clone(), queue));
        Self { store, vault, masker, clock, random, blobs, records }
    }
}

/// Records are written behind the calls, in their order: a request does not wait for the trail of the one before it.
/// Those of the last moment before a crash can be missing; what was done by an operation is in the operation.
async fn write_records(store: Store, mut queue: mpsc::Receiver<EgressRecord>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, RECORDS).await > 0 {
        let records = std::mem::take(&mut batch);
        let written = store
            .write(move |tx| {
                for record in &records {
                    tx.append_audit(&entry(record))?;
                }
                Ok::<_, StoreError>(())
            })
            .await;
        if let Err(error) = written {
            tracing::error!(%error, "records of requests were not written to the audit trail");
        }
    }
}

fn entry(record: &EgressRecord) -> NewAudit {
    let (status, refused) = match record.outcome {
        Ok(status) => (Some(status), None),
        Err(code) => (None, Some(code)),
    };
    NewAudit {
        at: record.at,
        actor: format!("plugin {}", record.plugin),
        action: "egress.request".into(),
        subject: record.provider.to_string(),
        detail: json!({
            "function": record.function,
            "method": record.method,
            "origin": record.origin,
            "status": status,
            "error": refused,
            "sent": record.sent,
            "received": record.received,
            "millis": record.millis,
        }),
    }
}

fn session_context(provider: ProviderId, slot: &str) -> String {
    format!("session/{provider}/{slot}")
}

fn failed(error: StoreError) -> KvError {
    match error {
        StoreError::Stale { found, .. } => KvError::Stale(u64::try_from(found).unwrap_or(0)),
        StoreError::Quota { .. } => KvError::Full,
        other => KvError::Other(other.to_string()),
    }
}

fn expectation(expected: Option<u64>) -> Option<i64> {
    expected.map(|version| i64::try_from(version).unwrap_or(i64::MAX))
}

#[async_trait]
impl HostPorts for Ports {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }

    async fn secret(&self, name: &str) -> Option<Secret> {
        let key = name.to_owned();
        let stored = self.store.read(move |state| state.secret(&key)).await;
        let opened = stored
            .map_err(|error| error.to_string())
            .and_then(|stored| self.vault.unseal(&context(name), &stored.sealed).map_err(|error| error.to_string()));
        opened.inspect_err(|error| tracing::warn!(secret = name, error, "a secret cannot be had")).ok()
    }

    fn masker(&self) -> Arc<Masker> {
        self.masker.load_full()
    }

    async fn session(&self, provider: ProviderId, slot: &str) -> Option<Session> {
        let (key, now) = (slot.to_owned(), self.clock.now());
        let stored = self.store.read(move |state| state.session(provider, &key, now)).await.ok().flatten()?;
        // One that does not open any more (another key) is as good as none: there is a new login.
        let value = self.vault.unseal(&session_context(provider, slot), &stored.sealed).ok()?;
        Some(Session { value, placement: stored.placement, expires: stored.expires })
    }

    async fn put_session(&self, provider: ProviderId, slot: &str, session: &Session) {
        let sealed = match self.vault.seal(&session_context(provider, slot), &session.value) {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::error!(%provider, slot, %error, "a session cannot be sealed");
                return;
            }
        };
        let stored = StoredSession { sealed, placement: session.placement.clone(), expires: session.expires };
        let key = slot.to_owned();
        match self.store.write(move |tx| tx.put_session(provider, &key, &stored)).await {
            // A provider that is tried before it is stored has no row yet.
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => tracing::warn!(%provider, slot, %error, "a session was not kept"),
        }
    }

    async fn drop_session(&self, provider: ProviderId, slot: &str) {
        let key = slot.to_owned();
        if let Err(error) = self.store.write(move |tx| tx.delete_session(provider, &key)).await {
            tracing::warn!(%provider, slot, %error, "a session was not dropped");
        }
    }

    async fn kv_get(&self, provider: ProviderId, key: &str) -> Result<Option<KvEntry>, KvError> {
        let (key, now) = (key.to_owned(), self.clock.now());
        let found = self.store.read(move |state| state.kv_get(provider, &key, now)).await.map_err(failed)?;
        Ok(found.map(|entry| KvEntry { value: entry.value, version: u64::try_from(entry.version).unwrap_or(1) }))
    }

    async fn kv_put(
        &self,
        provider: ProviderId,
        key: &str,
        value: Vec<u8>,
        expected: Option<u64>,
        ttl_millis: Option<u64>,
    ) -> Result<u64, KvError> {
        if value.len() > VALUE || key.len() > KEY {
            return Err(KvError::TooLarge);
        }
        let (key, now) = (key.to_owned(), self.clock.now());
        let expires = ttl_millis.map(|ttl| now.plus_millis(i64::try_from(ttl).unwrap_or(i64::MAX)));
        let expected = expectation(expected);
        let version = self
            .store
            .write(move |tx| tx.kv_put(provider, &key, &value, expected, expires, now))
            .await
            .map_err(failed)?;
        Ok(u64::try_from(version).unwrap_or(1))
    }

    async fn kv_remove(&self, provider: ProviderId, key: &str, expected: Option<u64>) -> Result<(), KvError> {
        let (key, now, expected) = (key.to_owned(), self.clock.now(), expectation(expected));
        self.store.write(move |tx| tx.kv_remove(provider, &key, expected, now)).await.map_err(failed)
    }

    async fn blob(&self, sha256: &str, size: u64) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        Ok(self.blobs.reader(sha256, size).await.map_err(io::Error::other)?.into_stream().boxed())
    }

    fn audit(&self, record: EgressRecord) {
        // A disk that takes nothing for that long must not hold up every call; what the trail lacks is in the log.
        if let Err(mpsc::error::TrySendError::Full(record)) = self.records.try_send(record) {
            tracing::error!(
                provider = %record.provider,
                plugin = record.plugin,
                function = record.function,
                method = record.method,
                origin = record.origin,
                outcome = ?record.outcome,
                "the audit trail cannot keep up: a request is missing in it"
            );
        }
    }
}
