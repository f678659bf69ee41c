//! Webhooks that come in: who may send them, kept before they are answered, listed, replayed.
//!
//! A delivery is checked and kept, and nothing else, while its sender waits; it is read afterwards ([`decode`]). All that
//! it says is a hint. Must be absent: a terminal state, and a secret in what is kept.

mod check;
mod decode;
mod intake;

use std::sync::Arc;

use novacron_cicd_domain::{
    event::{self, EventKind},
    id::DeliveryId,
    name::Name,
    provider::Provider,
    token::Role,
    webhook::{DeliveryState, WebhookDelivery},
};
use novacron_cicd_runtime::plugin::WebhookScheme;
use novacron_cicd_store::{DeliveryContent, DeliveryFilter, Listing, Page};
use serde_json::json;

use super::{
    Actor, ErrorClass, ServiceError,
    catalog::with_manifest,
    host::{Host, audit, event as tell},
};
use crate::engine::fault::fault;

pub(super) use decode::work;
pub(crate) use intake::Intake;
pub use intake::Room;

/// The largest body that is taken, in bytes: GitHub sends 25 MB at most.
pub const LARGEST: usize = 25_000_000;

/// What platforms tell of their own accord.
#[derive(Clone)]
pub struct Webhooks {
    pub(super) host: Arc<Host>,
}

/// A sender that may send: what its delivery is checked by when all of it is here.
pub struct Sender {
    provider: Provider,
    scheme: WebhookScheme,
    secrets: Vec<novacron_cicd_vault::Secret>,
}

/// A delivery as it came.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// The token of the address, where there is one.
    pub token: Option<&'a str>,
}

impl Webhooks {
    /// Who sends to the hook of this provider. What needs no body is checked at once.
    ///
    /// # Errors
    /// No such hook; a token that is not the operator's; a plugin that does not serve just now.
    pub async fn sender(&self, provider: &str, came: Came<'_>) -> Result<Sender, ServiceError> {
        let hook = || ServiceError::not_found("webhook", provider);
        let found = self.host.provider(provider).await.map_err(|error| match error.class() {
            ErrorClass::NotFound => hook(),
            _ => error,
        })?;
        let scheme = with_manifest(self.host.catalog.as_ref(), &found.plugin, |manifest| manifest.webhooks.clone());
        // A plugin that is being replaced serves again in a moment.
        let scheme = scheme.map_err(|_| ServiceError::busy("the provider's plugin does not serve just now"))?;
        let scheme = scheme.ok_or_else(hook)?;
        let (scheme, slots) = check::in_force(&found, scheme);
        let mut secrets = Vec::new();
        for source in slots.iter().filter_map(|slot| found.credentials.get(slot)) {
            secrets.extend(self.host.secret(&source.secret).await?);
        }
        // Where nobody set a secret, nobody can be told from anybody.
        if secrets.is_empty() {
            return Err(hook());
        }
        let sender = Sender { provider: found, scheme, secrets };
        check::address(&sender, came)?;
        Ok(sender)
    }

    /// Room for a body of so many bytes.
    ///
    /// # Errors
    /// There is none just now: the sender is to try again.
    pub fn room(&self, bytes: usize) -> Result<Room, ServiceError> {
        self.host.intake.room(bytes)
    }

    /// Checks a delivery and keeps it; durable when it answers. The delivery that is kept, and whether it is new.
    ///
    /// # Errors
    /// A signature or a time that is wrong, no room.
    pub async fn take(
        &self,
        sender: Sender,
        came: Came<'_>,
        body: Vec<u8>,
        _room: Room,
    ) -> Result<(WebhookDelivery, bool), ServiceError> {
        let now = self.host.now();
        check::signature(&sender, came.headers, &body, now)?;
        let delivery = WebhookDelivery {
            id: DeliveryId(self.host.ids.next()),
            provider: sender.provider.id,
            key: check::key(&sender, came.headers, &body),
            received: now,
            size: body.len() as u64,
            state: DeliveryState::Stored,
            attempts: 0,
            due: now,
            hints: 0,
            note: None,
            version: 1,
        };
        let headers = check::kept(&self.host.masking.masker().load(), came.headers);
        let kept = keep(self.host.clone(), delivery.clone(), sender.provider.name.clone(), headers, body);
        let earlier = kept.await?;
        fault!("webhook.stored");
        if let Some(earlier) = earlier {
            return Ok((earlier, false));
        }
        self.host.intake.stored(delivery.size);
        Ok((delivery, true))
    }

    /// Newest first.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, page: Page, filter: DeliveryFilter) -> Result<Listing<WebhookDelivery>, ServiceError> {
        self.host.read(move |state| Ok(state.deliveries(&page, &filter)?)).await
    }

    /// One of them, with what came: values of secrets are masked.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: DeliveryId) -> Result<(WebhookDelivery, DeliveryContent), ServiceError> {
        let read = self.host.read(move |state| Ok((state.delivery(id)?, state.delivery_content(id)?)));
        let (delivery, (headers, body)) = read.await?;
        let body = self.host.masking.masker().load().mask_bytes(&body).into_owned();
        Ok((delivery, (headers, body)))
    }

    /// Reads a delivery once more: a dead letter after its plugin was upgraded, or one that was read. Operator.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn replay(&self, actor: &Actor, id: DeliveryId) -> Result<WebhookDelivery, ServiceError> {
        actor.require(Role::Operator)?;
        let (by, now) = (actor.name.clone(), self.host.now());
        let delivery = self
            .host
            .write(move |tx| {
                let before = tx.delivery(id)?;
                let name = tx.provider(before.provider)?.name;
                let mut after = WebhookDelivery {
                    state: DeliveryState::Stored,
                    attempts: 0,
                    due: now,
                    note: None,
                    ..before.clone()
                };
                after.version = tx.update_delivery(&after, before.version)?;
                tell(tx, EventKind::WebhookReplayed, id, None, event::webhook(&after, &name), now)?;
                audit(tx, &by, "webhook.replay", id, json!({ "was": before.state.as_str() }), now)?;
                Ok((after, before.state == DeliveryState::Stored))
            })
            .await?;
        let (delivery, waited) = delivery;
        if !waited {
            self.host.intake.stored(delivery.size);
        }
        self.host.intake.wake();
        Ok(delivery)
    }
}

/// Durable when it answers; the earlier one where the same delivery was kept before.
async fn keep(
    host: Arc<Host>,
    delivery: WebhookDelivery,
    provider: Name,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Result<Option<WebhookDelivery>, ServiceError> {
    let at = delivery.received;
    let kept = host.write(move |tx| {
        let earlier = tx.insert_delivery(&delivery, &headers, &body)?;
        if earlier.is_none() {
            let data = event::webhook(&delivery, &provider);
            tell(tx, EventKind::WebhookReceived, delivery.id, None, data, at)?;
        }
        Ok(earlier)
    });
    kept.await.map_err(|error| match error.class() {
        ErrorClass::Full => ServiceError::busy("there is no room for what comes in"),
        _ => error,
    })
}

/// The slot of the secret that is to come, or of the one that goes, while a hook's secret is rotated: both are good.
pub(super) fn next_slot(slot: &str) -> String {
    format!("{slot}.next")
}
