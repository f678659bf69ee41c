//! `kv`: small state of one provider.

use novacron_cicd_contract::bindings::novacron::cicd::kv::{Entry, Host, KvError};

use crate::{ports, sandbox::CallState};

/// The longest key, in bytes.
const KEY_LIMIT: usize = 512;
/// The longest value, in bytes.
const VALUE_LIMIT: usize = 256 << 10;

impl Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Entry>> {
        self.impure("kv.get")?;
        let begun = self.wait_begun();
        let entry = self.ports.kv_get(self.environment.provider, &key).await;
        self.wait_ended(begun);
        match entry {
            Ok(entry) => Ok(entry.map(|entry| Entry { value: entry.value, version: entry.version })),
            // The contract has no error here; an empty answer would be a lie.
            Err(error) => Err(wasmtime::Error::new(error)),
        }
    }

    async fn put(
        &mut self,
        key: String,
        value: Vec<u8>,
        expected: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> wasmtime::Result<Result<u64, KvError>> {
        self.impure("kv.put")?;
        if key.is_empty() || key.len() > KEY_LIMIT || value.len() > VALUE_LIMIT {
            return Ok(Err(KvError::TooLarge));
        }
        let begun = self.wait_begun();
        let put = self.ports.kv_put(self.environment.provider, &key, value, expected, ttl_ms).await;
        self.wait_ended(begun);
        Ok(put.map_err(Into::into))
    }

    async fn remove(&mut self, key: String, expected: Option<u64>) -> wasmtime::Result<Result<(), KvError>> {
        self.impure("kv.remove")?;
        let begun = self.wait_begun();
        let removed = self.ports.kv_remove(self.environment.provider, &key, expected).await;
        self.wait_ended(begun);
        Ok(removed.map_err(Into::into))
    }
}

impl From<ports::KvError> for KvError {
    fn from(error: ports::KvError) -> Self {
        match error {
            ports::KvError::Stale(version) => Self::Stale(version),
            ports::KvError::Full => Self::Full,
            ports::KvError::TooLarge => Self::TooLarge,
            ports::KvError::Other(text) => Self::Other(text),
        }
    }
}
