//! Subscribers: made, looked at, changed, tried, removed; by an operator, or because a pipeline has a webhook URL.

use std::sync::Arc;

use novacron_cicd_domain::{
    Coded as _, Timestamp,
    event::{self, EventKind},
    field,
    id::{NotificationId, SubscriberId},
    name::Name,
    notification::{Notification, NotificationKind, NotificationState, Subscriber},
    pipeline::Pipeline,
    token::Role,
};
use novacron_cicd_runtime::egress::Courier;
use novacron_cicd_store::{Listing, Page, Reader, StoreError, Tx};
use novacron_cicd_vault::sign;
use serde_json::json;
use uuid::Uuid;

use super::{
    Actor, NewSubscriber, ServiceError, SubscriberChange,
    host::{Host, audit, event as tell, find_pipeline, matches},
    notifications::{Told, compose},
};

const WHAT: &str = "subscriber";

/// Those who are told of what happens.
#[derive(Clone)]
pub struct Subscribers {
    pub(super) host: Arc<Host>,
}

impl Subscribers {
    /// Makes one, which is told of what happens from now on. Admin.
    ///
    /// # Errors
    /// Name taken, a URL, a network, a pipeline or a secret that is none.
    pub async fn create(&self, actor: &Actor, new: NewSubscriber) -> Result<Subscriber, ServiceError> {
        actor.require(Role::Admin)?;
        let now = self.host.now();
        let pipeline = match &new.pipeline {
            Some(pipeline) => Some(self.host.pipeline(pipeline).await?.id),
            None => None,
        };
        let subscriber = Subscriber {
            id: SubscriberId(self.host.ids.next()),
            name: Name::new(new.name)?,
            url: new.url,
            format: new.format,
            kinds: new.kinds,
            pipeline,
            of_pipeline: false,
            secret: new.secret,
            earlier_secret: None,
            private_networks: new.private_networks,
            enabled: true,
            disabled_by: None,
            version: 1,
            created: now,
            updated: now,
        };
        self.check(&subscriber).await?;
        let name = actor.name.clone();
        let made = self
            .host
            .act(actor, move |tx| {
                known_secrets(tx, &subscriber)?;
                tx.insert_subscriber(&subscriber)?;
                told(tx, EventKind::SubscriberCreated, &subscriber, now)?;
                audit(tx, &name, "subscriber.create", &subscriber.name, detail(&subscriber), now)?;
                Ok(subscriber)
            })
            .await?;
        self.host.outbox.wake();
        Ok(made)
    }

    /// By name or id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, name: &str) -> Result<Subscriber, ServiceError> {
        let key = name.to_owned();
        self.host.read(move |state| find(state, &key)).await
    }

    /// Newest first.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, page: Page) -> Result<Listing<Subscriber>, ServiceError> {
        self.host.read(move |state| Ok(state.subscribers(&page)?)).await
    }

    /// Changes one; what waits for it is sent at once. Admin.
    ///
    /// # Errors
    /// [`ServiceError::Stale`], and as [`Self::create`].
    pub async fn update(
        &self,
        actor: &Actor,
        name: &str,
        change: SubscriberChange,
        if_match: Option<i64>,
    ) -> Result<Subscriber, ServiceError> {
        actor.require(Role::Admin)?;
        let now = self.host.now();
        let before = self.show(name).await?;
        matches(WHAT, &before.name, if_match, before.version)?;
        if before.of_pipeline && change.url.as_ref().is_some_and(|url| *url != before.url) {
            return Err(ServiceError::conflict(
                "subscriber.of-pipeline",
                format!("the subscriber {:?} is where its pipeline's webhook URL leads", before.name.as_str()),
                "change that: `novacron-cicd pipeline update PIPELINE --webhook-url URL`",
            ));
        }
        let mut after = before.clone();
        after.url = change.url.unwrap_or(after.url);
        after.format = change.format.unwrap_or(after.format);
        after.kinds = change.kinds.unwrap_or(after.kinds);
        after.secret = change.secret.unwrap_or(after.secret);
        after.earlier_secret = change.earlier_secret.unwrap_or(after.earlier_secret);
        after.private_networks = change.private_networks.unwrap_or(after.private_networks);
        if let Some(enabled) = change.enabled {
            after.enabled = enabled;
            after.disabled_by = None;
        }
        after.updated = now;
        self.check(&after).await?;
        let (expected, actor) = (before.version, actor.name.clone());
        let changed = self
            .host
            .write(move |tx| {
                known_secrets(tx, &after)?;
                after.version = tx.update_subscriber(&after, expected)?;
                tx.hasten_notifications(after.id, now)?;
                told(tx, EventKind::SubscriberUpdated, &after, now)?;
                audit(tx, &actor, "subscriber.update", &after.name, detail(&after), now)?;
                Ok(after)
            })
            .await?;
        self.host.outbox.wake();
        Ok(changed)
    }

    /// Removes one, with its messages. Admin.
    ///
    /// # Errors
    /// [`ServiceError::Stale`]; one that is there because of a pipeline's webhook URL goes with that.
    pub async fn delete(&self, actor: &Actor, name: &str, if_match: Option<i64>) -> Result<(), ServiceError> {
        actor.require(Role::Admin)?;
        let (key, actor, now) = (name.to_owned(), actor.name.clone(), self.host.now());
        self.host
            .write(move |tx| {
                let subscriber = find(tx, &key)?;
                matches(WHAT, &subscriber.name, if_match, subscriber.version)?;
                if subscriber.of_pipeline {
                    return Err(ServiceError::conflict(
                        "subscriber.of-pipeline",
                        format!("the subscriber {:?} goes with its pipeline's webhook URL", subscriber.name.as_str()),
                        "take that away: `novacron-cicd pipeline update PIPELINE --unset webhook-url`, or disable it",
                    ));
                }
                remove(tx, &subscriber, &actor, now)
            })
            .await
    }

    /// Sends it a message that tells nothing, to see whether messages arrive. Operator.
    ///
    /// # Errors
    /// One that is disabled.
    pub async fn test(&self, actor: &Actor, name: &str) -> Result<Notification, ServiceError> {
        actor.require(Role::Operator)?;
        let (key, by, now) = (name.to_owned(), actor.name.clone(), self.host.now());
        let (id, source) = (NotificationId(self.host.ids.next()), self.host.settings.source.clone());
        let queued = self
            .host
            .write(move |tx| {
                let subscriber = find(tx, &key)?;
                if !subscriber.enabled {
                    return Err(ServiceError::conflict(
                        "subscriber.not-enabled",
                        format!("the subscriber {:?} is disabled", subscriber.name.as_str()),
                        format!("enable it first: `novacron-cicd subscriber update {} --enable`", subscriber.name),
                    ));
                }
                let (kind, subject) = (NotificationKind::Test, subscriber.name.to_string());
                let data = json!({ "subscriber": subject });
                let told = Told { id, kind, at: now, event: None, run: None, subject: &subject, data: &data };
                let message = compose(subscriber.format, &source, &told);
                let notification = Notification {
                    id,
                    subscriber: subscriber.id,
                    event: None,
                    kind,
                    run: None,
                    lane: id.to_string(),
                    state: NotificationState::Queued,
                    attempts: 0,
                    due: now,
                    records: Vec::new(),
                    size: message.body.len() as u64,
                    created: now,
                    updated: now,
                    version: 1,
                };
                tx.insert_notification(&notification, &message)?;
                audit(tx, &by, "subscriber.test", &subscriber.name, json!({ "notification": id }), now)?;
                Ok(notification)
            })
            .await?;
        self.host.outbox.wake();
        Ok(queued)
    }

    async fn check(&self, subscriber: &Subscriber) -> Result<(), ServiceError> {
        if let Err(error) = field::check_http_url("url", &subscriber.url) {
            return Err(ServiceError::Several(vec![error.into()]));
        }
        if let Err(error) = Courier::check_networks(&subscriber.private_networks) {
            let (code, message, hint) = (error.code(), error.to_string(), error.hint());
            return Err(ServiceError::Invalid { at: "/private_networks".into(), code, message, hint });
        }
        if subscriber.secret.is_none() && subscriber.earlier_secret.is_some() {
            let message = "an earlier secret signs beside another, and there is none";
            return Err(ServiceError::invalid("/earlier_secret", "field.invalid", message));
        }
        for (at, name) in secrets(subscriber) {
            // One that is not there is refused within the transaction.
            let Some(secret) = self.host.secret(name).await? else { continue };
            if let Err(error) = sign::standard_webhooks(&secret, "id", 0, b"") {
                let (code, message, hint) = (error.code(), error.to_string(), error.hint());
                return Err(ServiceError::Invalid { at: at.into(), code, message, hint });
            }
        }
        Ok(())
    }
}

/// By name, then by id.
pub(super) fn find(state: &Reader<'_>, key: &str) -> Result<Subscriber, ServiceError> {
    match (state.subscriber_by_name(key), key.parse::<SubscriberId>()) {
        (Err(StoreError::NotFound { .. }), Ok(id)) => Ok(state.subscriber(id)?),
        (found, _) => Ok(found?),
    }
}

fn secrets(subscriber: &Subscriber) -> impl Iterator<Item = (&'static str, &str)> {
    let named = [("/secret", &subscriber.secret), ("/earlier_secret", &subscriber.earlier_secret)];
    named.into_iter().filter_map(|(at, secret)| Some((at, secret.as_deref()?)))
}

fn known_secrets(state: &Reader<'_>, subscriber: &Subscriber) -> Result<(), ServiceError> {
    for (at, name) in secrets(subscriber) {
        match state.secret(name) {
            Err(StoreError::NotFound { .. }) => {
                let message = format!("there is no secret {name:?}");
                return Err(ServiceError::invalid(at, "secret.not-found", message));
            }
            found => found.map(drop)?,
        }
    }
    Ok(())
}

fn detail(subscriber: &Subscriber) -> serde_json::Value {
    // Behind its host an address may hold what only its receiver is to know.
    let origin = url::Url::parse(&subscriber.url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    json!({ "version": subscriber.version, "origin": origin, "enabled": subscriber.enabled,
        "private_networks": subscriber.private_networks })
}

pub(super) fn told(tx: &mut Tx<'_>, kind: EventKind, subscriber: &Subscriber, at: Timestamp) -> Result<(), StoreError> {
    tell(tx, kind, subscriber.id, subscriber.pipeline, event::subscriber(subscriber), at)
}

fn remove(tx: &mut Tx<'_>, subscriber: &Subscriber, actor: &str, now: Timestamp) -> Result<(), ServiceError> {
    tx.delete_subscriber(subscriber.id)?;
    told(tx, EventKind::SubscriberDeleted, subscriber, now)?;
    audit(tx, actor, "subscriber.delete", &subscriber.name, json!({}), now)?;
    Ok(())
}

/// Makes, changes or removes the subscriber that a pipeline's webhook URL is, in the transaction that changes the pipeline.
/// `id` is for one that is made.
pub(super) fn follow_pipeline(
    tx: &mut Tx<'_>,
    pipeline: &Pipeline,
    id: Uuid,
    actor: &str,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let there = tx.subscriber_of_pipeline(pipeline.id)?;
    // A pipeline that was deleted tells nobody.
    let wanted = find_pipeline(tx, &pipeline.id.to_string()).is_ok().then(|| pipeline.webhook_url.clone()).flatten();
    match (there, wanted) {
        (None, Some(url)) => {
            let subscriber = Subscriber::of_pipeline(SubscriberId(id), pipeline.id, url, now);
            tx.insert_subscriber(&subscriber)?;
            told(tx, EventKind::SubscriberCreated, &subscriber, now)?;
        }
        (Some(before), Some(url)) if before.url != url => {
            let mut after = Subscriber { url, updated: now, ..before.clone() };
            // A receiver that was gone is another now.
            if after.disabled_by.take().is_some() {
                after.enabled = true;
            }
            after.version = tx.update_subscriber(&after, before.version)?;
            tx.hasten_notifications(after.id, now)?;
            told(tx, EventKind::SubscriberUpdated, &after, now)?;
        }
        (Some(before), None) => remove(tx, &before, actor, now)?,
        (Some(_), Some(_)) | (None, None) => {}
    }
    Ok(())
}
