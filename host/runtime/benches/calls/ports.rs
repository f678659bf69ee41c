//! Ports that a call which sends nothing needs: none of them does anything.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use novacron_cicd_domain::{Timestamp, id::ProviderId};
use novacron_cicd_runtime::{
    HostPorts,
    egress::EgressRecord,
    ports::{KvEntry, KvError, Session},
};
use novacron_cicd_vault::{Masker, Secret};

pub(crate) struct Ports(Arc<Masker>);

impl Default for Ports {
    fn default() -> Self {
        Self(Arc::new(Masker::new([&Secret::new("a value to look for")])))
    }
}

#[async_trait]
impl HostPorts for Ports {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000)
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }

    async fn secret(&self, _: &str) -> Option<Secret> {
        None
    }

    fn masker(&self) -> Arc<Masker> {
        self.0.clone()
    }

    async fn session(&self, _: ProviderId, _: &str) -> Option<Session> {
        None
    }

    async fn put_session(&self, _: ProviderId, _: &str, _: &Session) {}

    async fn drop_session(&self, _: ProviderId, _: &str) {}

    async fn kv_get(&self, _: ProviderId, _: &str) -> Result<Option<KvEntry>, KvError> {
        Ok(None)
    }

    async fn kv_put(&self, _: ProviderId, _: &str, _: Vec<u8>, _: Option<u64>, _: Option<u64>) -> Result<u64, KvError> {
        Err(KvError::Full)
    }

    async fn kv_remove(&self, _: ProviderId, _: &str, _: Option<u64>) -> Result<(), KvError> {
        Ok(())
    }

    async fn blob(&self, _: &str, _: u64) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn audit(&self, _: EgressRecord) {}
}
