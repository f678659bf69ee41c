//! Messages to subscribers: made of events ([`message`]), sent by a worker ([`work`]), listed, replayed.
//!
//! A message is kept in the transaction that notes that its event was looked at, and sent afterwards, so that a crash loses none;
//! one that may have arrived is sent again under the same id. Must be absent: a connection, which is the courier's.

mod deliver;
mod message;
#[cfg(test)]
mod schemas;
mod work;

use std::sync::Arc;

use async_trait::async_trait;
use novacron_cicd_domain::{
    event::{self, EventKind},
    id::NotificationId,
    notification::{Message, Notification, NotificationState},
    token::Role,
};
use novacron_cicd_runtime::egress::{self, Parcel, Receipt, SendError};
use novacron_cicd_store::{Listing, NotificationFilter, Page};
use serde_json::json;
use tokio::sync::Notify;

use super::{
    Actor, ServiceError,
    host::{Host, audit, event as tell},
};

pub(super) use message::{Told, compose};
pub(super) use work::work;

/// Takes messages to their addresses; a port, so that the use cases are tested without a network.
#[async_trait]
pub(crate) trait Courier: Send + Sync + 'static {
    /// Sends one; what became of it is in the answer's status.
    async fn post(&self, parcel: Parcel) -> Result<Receipt, SendError>;
}

#[async_trait]
impl Courier for egress::Courier {
    async fn post(&self, parcel: Parcel) -> Result<Receipt, SendError> {
        Self::post(self, parcel).await
    }
}

/// What wakes the worker: subscribers changed, or there is something to send.
#[derive(Default)]
pub(crate) struct Outbox {
    wake: Notify,
}

impl Outbox {
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Messages to subscribers.
#[derive(Clone)]
pub struct Notifications {
    pub(super) host: Arc<Host>,
}

impl Notifications {
    /// Newest first; of one subscriber (name or id) or of all.
    ///
    /// # Errors
    /// An unknown subscriber, a cursor that is none of this list.
    pub async fn list(&self, page: Page, filter: NotificationFilter) -> Result<Listing<Notification>, ServiceError> {
        self.host.read(move |state| Ok(state.notifications(&page, &filter)?)).await
    }

    /// One of them, with what it says.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: NotificationId) -> Result<(Notification, Message), ServiceError> {
        self.host.read(move |state| Ok((state.notification(id)?, state.notification_message(id)?))).await
    }

    /// Sends one again, under the same id: a dead letter after its receiver was mended, or one that was delivered. Operator.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn replay(&self, actor: &Actor, id: NotificationId) -> Result<Notification, ServiceError> {
        actor.require(Role::Operator)?;
        let (by, now) = (actor.name.clone(), self.host.now());
        let replayed = self
            .host
            .write(move |tx| {
                let before = tx.notification(id)?;
                let subscriber = tx.subscriber(before.subscriber)?;
                let state = NotificationState::Queued;
                let mut after = Notification { state, attempts: 0, due: now, updated: now, ..before.clone() };
                after.version = tx.update_notification(&after, before.version)?;
                let data = event::notification(&after, &subscriber.name);
                tell(tx, EventKind::NotificationReplayed, id, subscriber.pipeline, data, now)?;
                audit(tx, &by, "notification.replay", id, json!({ "was": before.state.as_str() }), now)?;
                Ok(after)
            })
            .await?;
        self.host.outbox.wake();
        Ok(replayed)
    }
}
