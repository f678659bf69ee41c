//! The worker: makes messages of what happened since it looked last, and sends what is due.
//!
//! Each subscriber has a position of its own in the event log and places of its own, so that one that is slow or gone slows no
//! other.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use novacron_cicd_domain::{
    Timestamp,
    id::{NotificationId, SubscriberId},
    notification::{Notification, NotificationKind, NotificationState, Subscriber},
};
use novacron_cicd_store::{Event, EventFilter, StoreError, Tx};
use tokio::task::JoinSet;

use super::{Told, compose, deliver::deliver};
use crate::{engine::fault::fault, service::host::Host};

/// So many events are looked at in one transaction, for each subscriber.
const AT_ONCE: u32 = 256;
/// So many messages are on their way to one subscriber at once.
const PLACES: u32 = 4;
/// A lease outlives every attempt that is made under it, in milliseconds.
const LEASE: i64 = 60_000;
/// The longest pause between two looks while somebody is told, in milliseconds.
const TICK: i64 = 60_000;
/// After a state that fails for a while (a full disk), in milliseconds.
const PAUSE: i64 = 1000;
/// Between two looks for what is too old, in milliseconds.
const PRUNED: i64 = 60 * 60 * 1000;
/// So many go in one transaction.
const PRUNED_AT_ONCE: u32 = 500;

/// What is on its way, by subscriber.
#[derive(Default)]
struct Under {
    tasks: JoinSet<SubscriberId>,
    places: HashMap<SubscriberId, u32>,
}

/// Until the host is gone or stops.
pub(in crate::service) async fn work(host: Weak<Host>) {
    let parts = host.upgrade().map(|host| (host.outbox.clone(), host.clock.clone(), host.store.watch_events()));
    let Some((outbox, clock, mut events)) = parts else { return };
    let (mut under, mut released, mut pruned) = (Under::default(), false, None);
    loop {
        // Made before the look: what happens during it is not missed.
        let woken = outbox.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        events.borrow_and_update();
        let until = {
            let Some(host) = host.upgrade() else { return };
            if !host.engine.is_running() {
                return;
            }
            let turn = async {
                if !released {
                    // Whoever was sending is gone.
                    host.store.write(|tx| tx.release_notifications()).await?;
                    released = true;
                }
                prune(&host, &mut pruned).await?;
                turn(&host, &mut under).await
            };
            turn.await.unwrap_or_else(|error| {
                tracing::error!(%error, "messages to subscribers are put off");
                Some(host.now().plus_millis(PAUSE))
            })
        };
        // In order: what happens next must follow from what happened.
        tokio::select! {
            biased;
            () = &mut woken => {}
            Some(ended) = under.tasks.join_next() => {
                match ended {
                    Ok(subscriber) => under.free(subscriber),
                    // Whose it was is not known: the lease ends it.
                    Err(error) => tracing::error!(%error, "an attempt to tell a subscriber broke off"),
                }
            }
            // Where nobody is told, what happens is no business of ours.
            told = events.changed(), if until.is_some() => if told.is_err() { return },
            () = clock.sleep_until(until.unwrap_or_default()), if until.is_some() => {}
        }
    }
}

impl Under {
    fn free(&mut self, subscriber: SubscriberId) {
        if let Some(taken) = self.places.get_mut(&subscriber) {
            *taken = taken.saturating_sub(1);
        }
    }
}

/// Looks once; until when nothing is to be done of its own accord, none where there is nobody to be told.
async fn turn(host: &Arc<Host>, under: &mut Under) -> Result<Option<Timestamp>, StoreError> {
    let (told, newest) = host.store.read(|state| Ok::<_, StoreError>((state.told()?, state.last_event_seq()?))).await?;
    if told.is_empty() {
        return Ok(None);
    }
    if told.iter().any(|(_, position)| *position < newest) {
        let of = host.clone();
        loop {
            let of = of.clone();
            let Taken { made, more } = host.store.write(move |tx| take_in(tx, &of)).await?;
            if made > 0 {
                fault!("notification.stored");
            }
            if !more {
                break;
            }
        }
    }
    // One moment for all: what becomes due behind it is looked at in the next turn.
    let now = host.now();
    for (subscriber, _) in told {
        let taken = under.places.entry(subscriber.id).or_default();
        let (id, free) = (subscriber.id, PLACES.saturating_sub(*taken));
        if free == 0 || !host.store.read(move |state| state.notification_due(id, now)).await? {
            continue;
        }
        let claimed = host.store.write(move |tx| tx.claim_notifications(id, now, now.plus_millis(LEASE), free)).await?;
        for notification in claimed {
            *taken += 1;
            under.tasks.spawn(deliver(host.clone(), notification));
        }
    }
    let next = host.store.read(move |state| state.next_notification_due(now)).await?;
    let tick = now.plus_millis(TICK);
    Ok(Some(next.map_or(tick, |next| next.min(tick))))
}

/// What was made of events.
#[derive(Clone, Copy, Default)]
struct Taken {
    made: usize,
    /// Whether there are more events.
    more: bool,
}

/// Makes messages of what each subscriber was not told yet, and notes that, together.
fn take_in(tx: &mut Tx<'_>, host: &Host) -> Result<Taken, StoreError> {
    let (newest, mut taken) = (tx.last_event_seq()?, Taken::default());
    for (subscriber, position) in tx.told()? {
        if position >= newest {
            continue;
        }
        let filter = EventFilter { pipeline: subscriber.pipeline, ..EventFilter::default() };
        let events = tx.events_after(position, AT_ONCE, &filter)?;
        let full = events.len() == AT_ONCE as usize;
        let until = events.last().filter(|_| full).map_or(newest, |event| event.seq);
        taken.more |= until < newest;
        for event in events {
            taken.made += usize::from(tell(tx, host, &subscriber, event)?);
        }
        tx.told_until(subscriber.id, until)?;
    }
    Ok(taken)
}

/// Whether the subscriber wants to hear it.
fn tell(tx: &mut Tx<'_>, host: &Host, subscriber: &Subscriber, event: Event) -> Result<bool, StoreError> {
    let Event { seq, event } = event;
    let kind = NotificationKind::of_event(&event.kind, &event.data);
    let Some(kind) = kind.filter(|kind| subscriber.hears(*kind, event.pipeline)) else { return Ok(false) };
    let (id, now) = (NotificationId(host.ids.next()), host.now());
    let told =
        Told { id, kind, at: event.at, event: Some(seq), run: event.run, subject: &event.subject, data: &event.data };
    let message = compose(subscriber.format, &host.settings.source, &told);
    let notification = Notification {
        id,
        subscriber: subscriber.id,
        event: Some(seq),
        kind,
        run: event.run,
        lane: event.run.map_or(event.subject, |run| run.to_string()),
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
    Ok(true)
}

async fn prune(host: &Host, pruned: &mut Option<Timestamp>) -> Result<(), StoreError> {
    let now = host.now();
    if pruned.is_some_and(|at| now.since(at) < PRUNED) {
        return Ok(());
    }
    let (age, bytes) = host.settings.webhooks_kept;
    let before = now.plus_millis(-i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    while host.store.write(move |tx| tx.prune_notifications(before, bytes, PRUNED_AT_ONCE)).await? > 0 {}
    *pruned = Some(now);
    Ok(())
}
