//! Idempotency keys of the API: the same request again gets the same answer.

use std::sync::Arc;

use super::host::Host;

/// Answers that are given again.
#[derive(Clone)]
pub struct Idempotency {
    pub(super) host: Arc<Host>,
}

impl Idempotency {
    /// Begins a request under `key`.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn begin(&self, actor: &Actor, key: &str, request_hash: &str) -> Result<IdempotencyBegin, ServiceError> { todo!() }
    /// Keeps its answer.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn finish(&self, actor: &Actor, key: &str, answer: StoredAnswer) -> Result<(), ServiceError> { todo!() }
}
