//! One attempt: signed anew, sent, and what became of it recorded.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use novacron_cicd_domain::{
    Coded as _, Timestamp,
    event::{self, EventKind},
    id::SubscriberId,
    notification::{Message, Notification, NotificationState, Sent, Settled, Subscriber, settle},
};
use novacron_cicd_runtime::egress::Parcel;
use novacron_cicd_store::{StoreError, Tx};
use novacron_cicd_vault::sign;

use crate::{
    engine::fault::fault,
    service::{
        ServiceError,
        host::{Host, event as tell},
        subscribers,
    },
};

/// How long an attempt may take; Standard Webhooks proposes 15 to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// So much of an answer is kept.
const SHOWN: usize = 1024;
/// So much of it is read: a secret that is cut at the end is behind what is shown.
const READ: usize = 8 * SHOWN;

/// Sends a message that was claimed, and records what became of it.
pub(super) async fn deliver(host: Arc<Host>, notification: Notification) -> SubscriberId {
    let (at, id, to) = (host.now(), notification.id, notification.subscriber);
    fault!("notification.before-send");
    // As it is now: it may have been changed since it was seen that there is something to send.
    let (subscriber, message) =
        match host.read(move |state| Ok((state.subscriber(to)?, state.notification_message(id)?))).await {
            Ok(found) => found,
            Err(error) => {
                // It was removed, or the state fails for a while: then the lease ends, and it is claimed anew.
                tracing::debug!(notification = %id, %error, "a message is not sent now");
                return to;
            }
        };
    let sent = match attempt(&host, &subscriber, &notification, message, at).await {
        Ok(sent) => sent,
        Err(error) => Sent::Failed { code: error.code().to_owned(), message: masked(&host, &error.to_string()) },
    };
    fault!("notification.after-send");
    let settled = settle(&notification, at, sent, host.random.fraction(), host.now());
    record(&host, &subscriber, &notification, settled).await;
    fault!("notification.after-commit");
    to
}

async fn attempt(
    host: &Host,
    subscriber: &Subscriber,
    notification: &Notification,
    message: Message,
    at: Timestamp,
) -> Result<Sent, ServiceError> {
    let Message { mut headers, body } = message;
    headers.extend(signed(host, subscriber, notification, at, &body).await?);
    let parcel = Parcel {
        subscriber: subscriber.name.to_string(),
        url: subscriber.url.clone(),
        headers,
        body: Bytes::from(body),
        private_networks: subscriber.private_networks.clone(),
        timeout: PATIENCE,
        answer_bytes: READ,
    };
    Ok(match host.courier.post(parcel).await {
        Ok(receipt) => Sent::Answered {
            status: receipt.status,
            retry_after: receipt.retry_after.and_then(|text| retry_after(&text, host.now())),
            answer: shown(host, &receipt.body),
        },
        Err(error) => {
            let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
            Sent::Failed { code: error.code().to_owned(), message: masked(host, &format!("{error}{hint}")) }
        }
    })
}

/// The headers of Standard Webhooks, and GitHub's for a receiver that knows only a digest of the body. While a secret is
/// rotated both sign, the newer one first.
async fn signed(
    host: &Host,
    subscriber: &Subscriber,
    notification: &Notification,
    at: Timestamp,
    body: &[u8],
) -> Result<Vec<(String, String)>, ServiceError> {
    let (id, seconds) = (notification.id.to_string(), at.0.div_euclid(1000));
    let mut headers =
        vec![("webhook-id".to_owned(), id.clone()), ("webhook-timestamp".to_owned(), seconds.to_string())];
    let mut signatures = Vec::new();
    for name in [&subscriber.secret, &subscriber.earlier_secret].into_iter().flatten() {
        let secret = host.secret(name).await?.ok_or_else(|| ServiceError::not_found("secret", name))?;
        if signatures.is_empty() {
            headers.push(("x-hub-signature-256".to_owned(), sign::github(&secret, body)?));
        }
        signatures.push(sign::standard_webhooks(&secret, &id, seconds, body)?);
    }
    if !signatures.is_empty() {
        headers.push(("webhook-signature".to_owned(), signatures.join(" ")));
    }
    Ok(headers)
}

fn masked(host: &Host, text: &str) -> String {
    let bytes = host.masking.masker().load().mask_bytes(text.as_bytes()).into_owned();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn shown(host: &Host, body: &[u8]) -> Option<String> {
    let text = masked(host, &String::from_utf8_lossy(body));
    let end = text.floor_char_boundary(SHOWN);
    (!text.is_empty()).then(|| text[..end].to_owned())
}

/// Milliseconds from `now`: RFC 9110, 10.2.3 has seconds or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<u64> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(seconds.saturating_mul(1000));
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    u64::try_from(Timestamp(date.timestamp().as_millisecond()).since(now)).ok()
}

/// What the receiver said is only known here, so a state that fails for a while (a full disk) is asked until it takes it; a
/// crash meanwhile sends the message again, under the same id.
async fn record(host: &Host, subscriber: &Subscriber, before: &Notification, settled: Settled) {
    loop {
        let (of, expected, settled) = (subscriber.clone(), before.version, settled.clone());
        let now = host.now();
        match host.store.write(move |tx| write(tx, &of, expected, &settled, now)).await {
            Ok(()) => return,
            // Somebody replayed or removed it meanwhile.
            Err(StoreError::Stale { .. } | StoreError::NotFound { .. } | StoreError::Closed) => return,
            Err(error) => {
                tracing::warn!(notification = %before.id, %error, "what became of a message is not recorded yet");
                host.clock.sleep_until(now.plus_millis(1000)).await;
            }
        }
    }
}

fn write(
    tx: &mut Tx<'_>,
    subscriber: &Subscriber,
    expected: i64,
    settled: &Settled,
    now: Timestamp,
) -> Result<(), StoreError> {
    let after = &settled.notification;
    tx.update_notification(after, expected)?;
    if after.state == NotificationState::Dead {
        let data = event::notification(after, &subscriber.name);
        tell(tx, EventKind::NotificationDead, after.id, subscriber.pipeline, data, now)?;
    }
    if settled.gone {
        let before = tx.subscriber(subscriber.id)?;
        // One that was led elsewhere meanwhile is not the one that is gone.
        if before.enabled && before.url == subscriber.url {
            let disabled_by = after.records.last().and_then(|record| record.error.clone());
            let mut gone = Subscriber { enabled: false, disabled_by, updated: now, ..before.clone() };
            gone.version = tx.update_subscriber(&gone, before.version)?;
            subscribers::told(tx, EventKind::SubscriberDisabled, &gone, now)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_is_asked_for_is_seconds_or_a_date() {
        let now = Timestamp(784_111_777_000);
        for (text, expected) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", None),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(text, now), expected, "{text}");
        }
    }
}
