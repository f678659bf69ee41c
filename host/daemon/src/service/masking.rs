//! What is masked wherever text leaves the host: every value that is stored, and beside those the values that were stored
//! a moment ago or will be in a moment.

use std::sync::Arc;

use arc_swap::ArcSwap;
use novacron_cicd_store::{Store, StoredSecret};
use novacron_cicd_vault::{Masker, Secret, Vault};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{ServiceError, secrets::context};

/// The one place where the masker is exchanged.
pub(crate) struct Masking {
    store: Store,
    vault: Arc<Vault>,
    masker: Arc<ArcSwap<Masker>>,
    /// One change of the secrets at a time, so that the masker is never older than the newest of them.
    beside: Mutex<Vec<Secret>>,
}

impl Masking {
    pub(crate) fn new(store: Store, vault: Arc<Vault>, masker: Arc<ArcSwap<Masker>>) -> Self {
        Self { store, vault, masker, beside: Mutex::default() }
    }

    /// Swapped for a newer one whenever a secret changes.
    pub(crate) fn masker(&self) -> &Arc<ArcSwap<Masker>> {
        &self.masker
    }

    /// Makes a change of the secrets. A new value is masked before it can be used, and an old one as long as this process
    /// lives: a build that was given it may print it yet.
    pub(crate) async fn around<T>(
        &self,
        new: Option<Secret>,
        change: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ServiceError> {
        let mut beside = self.beside.lock().await;
        let before = values(&self.store, &self.vault).await?;
        self.know(before.iter().chain(beside.iter()).chain(&new));
        let changed = change.await;
        let after = values(&self.store, &self.vault).await?;
        let gone = |old: &Secret| !after.iter().any(|kept| kept.matches(old.expose()));
        beside.extend(before.into_iter().filter(gone));
        self.know(after.iter().chain(beside.iter()));
        changed
    }

    /// Masks a value that is going to be stored.
    pub(crate) async fn expect(&self, value: Secret) -> Result<(), ServiceError> {
        let mut beside = self.beside.lock().await;
        beside.push(value);
        let stored = values(&self.store, &self.vault).await?;
        self.know(stored.iter().chain(beside.iter()));
        Ok(())
    }

    /// A JSON value whose texts hold no secret.
    pub(crate) fn clean(&self, value: &mut Value) {
        clean(&self.masker.load(), value);
    }

    fn know<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        self.masker.store(Arc::new(Masker::new(secrets)));
    }
}

fn clean(masker: &Masker, value: &mut Value) {
    match value {
        Value::String(text) => *text = masker.mask_text(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(masker, item)),
        Value::Object(fields) => fields.values_mut().for_each(|value| clean(masker, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Every value that is stored now.
pub(crate) async fn values(store: &Store, vault: &Vault) -> Result<Vec<Secret>, ServiceError> {
    let stored = store.read(|state| state.all_secrets()).await?;
    let open = |secret: StoredSecret| vault.unseal(&context(secret.meta.name.as_str()), &secret.sealed);
    Ok(stored.into_iter().map(open).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_value_that_is_going_to_be_stored_is_masked_and_stays_so_when_others_change() {
        let store = Store::in_memory().unwrap();
        let key = novacron_cicd_vault::KeySource::Bytes(Secret::new(vec![7; 32]));
        let masking = Masking::new(store, Arc::new(Vault::open(&key).unwrap()), Arc::default());
        masking.expect(Secret::new("handed-out-by-the-platform")).await.unwrap();
        let other = Some(Secret::new("another-secret-of-some-length"));
        masking.around(other, async { Ok(()) }).await.unwrap();
        let mut value = json!("it is handed-out-by-the-platform");
        masking.clean(&mut value);
        assert_eq!(value, json!("it is ***"));
    }

    #[test]
    fn texts_at_any_depth_are_masked() {
        let masker = Masker::new([&Secret::new("a-secret-of-some-length")]);
        let mut value = json!({ "a": ["x a-secret-of-some-length", 7], "b": { "c": "a-secret-of-some-length" } });
        clean(&masker, &mut value);
        assert_eq!(value, json!({ "a": ["x ***", 7], "b": { "c": "***" } }));
    }
}
