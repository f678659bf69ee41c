//! `webhooks`: a pure function, so a delivery can be read again after its plugin was exchanged.

use novacron_cicd_domain::platform::{CallError, Decoded, Delivery};

use super::{Provider, guest};

impl Provider {
    /// What a delivery says; its signature was checked before.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn decode_webhook(&self, delivery: Delivery) -> Result<Decoded, CallError> {
        let delivery = delivery.into();
        guest!(
            self, webhooks, "webhooks.decode" reads,
            |store, guest| guest.call_decode(store, &delivery),
            TryInto::try_into
        )
        .await
    }
}
