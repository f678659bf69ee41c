//! `webhooks`: a pure function, so a delivery can be read again after its plugin was exchanged; and what is read of
//! `webhook-registration` and `webhook-recovery`.

use novacron_cicd_contract::to_wit;
use novacron_cicd_domain::{
    Timestamp,
    platform::{CallError, Decoded, Delivery, Hook, MissedDelivery, PageRequest, RemotePage},
};

use super::{Provider, each, guest, page};

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

    /// The webhooks that the platform has.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_hooks(&self) -> Result<Vec<Hook>, CallError> {
        guest!(
            self, webhook_registration, "webhook-registration.list-hooks" reads,
            |store, guest| guest.call_list_hooks(store),
            each
        )
        .await
    }

    /// Deliveries since then that the platform could not place.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_missed(
        &self,
        since: Timestamp,
        page: &PageRequest,
    ) -> Result<RemotePage<MissedDelivery>, CallError> {
        let (since, request) = (to_wit(since), page.clone().into());
        guest!(
            self, webhook_recovery, "webhook-recovery.list-missed" reads,
            |store, guest| guest.call_list_missed(store, since, &request),
            |answer| self::page(answer.items, answer.next)
        )
        .await
    }
}
