//! Idempotency keys of the API: the same request again gets the same answer.

use std::sync::Arc;

pub use novacron_cicd_store::{Begun as IdempotencyBegin, StoredAnswer};

use super::{Actor, ServiceError, host::Host};

/// Answers that are given again.
#[derive(Clone)]
pub struct Idempotency {
    pub(super) host: Arc<Host>,
}

/// A key belongs to a token; the same key of another is another.
fn scope(actor: &Actor) -> String {
    actor.token.map_or_else(|| actor.name.clone(), |token| token.to_string())
}

impl Idempotency {
    /// Begins a request under `key`.
    ///
    /// # Errors
    /// Where the state cannot be written.
    pub async fn begin(&self, actor: &Actor, key: &str, request_hash: &str) -> Result<IdempotencyBegin, ServiceError> {
        let (scope, key, hash, now) = (scope(actor), key.to_owned(), request_hash.to_owned(), self.host.now());
        self.host.write(move |tx| Ok(tx.idempotency_begin(&scope, &key, &hash, now)?)).await
    }

    /// Keeps its answer.
    ///
    /// # Errors
    /// Where it was not begun, or is answered.
    pub async fn finish(&self, actor: &Actor, key: &str, answer: StoredAnswer) -> Result<(), ServiceError> {
        let (scope, key) = (scope(actor), key.to_owned());
        self.host.write(move |tx| Ok(tx.idempotency_finish(&scope, &key, &answer)?)).await
    }

    /// Forgets that it was begun: nothing was done, or what was done may be asked for again.
    ///
    /// # Errors
    /// Where the state cannot be written.
    pub async fn abandon(&self, actor: &Actor, key: &str) -> Result<(), ServiceError> {
        let (scope, key) = (scope(actor), key.to_owned());
        self.host.write(move |tx| Ok(tx.idempotency_forget(&scope, &key)?)).await
    }
}
