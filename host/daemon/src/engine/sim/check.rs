//! What must hold when all is at rest.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    id::{OperationId, RunId},
    operation::{Operation, OperationKind, OperationState, RecoveryClass},
    run::Run,
    status::State,
};
use novacron_cicd_store::{Event, EventFilter, OperationFilter, Page, RunFilter, Store};

use crate::engine::ports::Reporting;

use super::{
    Failure,
    host::Home,
    platform::Truth,
    profile::{Again, Discovery, Profile},
    time::at_once,
};

/// All events, in order.
pub(super) fn events(store: &Store) -> Vec<Event> {
    let filter = EventFilter::default();
    at_once(store.read(move |state| state.events_after(0, 100_000, &filter))).unwrap()
}

/// Only where the class can not tell, or where what was sent first is in doubt and what was sent after it was refused.
pub(super) fn may_be_ambiguous(profile: &Profile, truth: &Truth, operation: &Operation) -> Result<(), Failure> {
    let class = profile.recovery(operation.kind.function());
    // Somebody else may have gone on with a run meanwhile: then a retry of it is in conflict.
    let others = operation.kind == OperationKind::RunRetry && profile.again != Again::Run;
    if class == RecoveryClass::None || others || truth.refused.contains(&operation.id) {
        return Ok(());
    }
    Err(format!("{} is ambiguous, and {} can tell: {:?}", operation.id, class.as_str(), operation.error))
}

/// What does not hold.
pub(super) fn all(home: &Home) -> Result<Vec<String>, Failure> {
    let read = |error: novacron_cicd_store::StoreError| error.to_string();
    let page = Page::first(Page::MOST);
    let operations = page.clone();
    let operations = at_once(home.store.read(move |state| state.operations(&operations, &OperationFilter::default())))
        .map_err(read)?
        .items;
    let runs = at_once(home.store.read(move |state| state.runs(&page, &RunFilter::default()))).map_err(read)?.items;
    let events = events(&home.store);
    let (truth, profile) = (home.platform.truth(), &home.platform.profile);
    let mut wrong = truth.wrong.clone();
    once(&truth, &operations, &mut wrong);
    same(home, &operations, &mut wrong);
    for run in &runs {
        told_truly(profile, &truth, run, &operations, &mut wrong);
    }
    for theirs in &truth.runs {
        let ours = runs.iter().filter(|run| run.external_id.as_deref() == Some(&theirs.id)).count();
        let expected = if profile.discovery == Discovery::Not { 0..=1 } else { 1..=1 };
        if !expected.contains(&ours) {
            wrong.push(format!("{} is {ours} runs of ours", theirs.id));
        }
    }
    heard(&events, &runs, &operations, &mut wrong);
    let hints = at_once(home.store.read(|state| {
        let providers = state.providers(&Page::first(Page::MOST))?.items;
        providers.into_iter().map(|provider| Ok(state.hints(provider.id, 99)?.len())).sum::<Result<usize, _>>()
    }));
    if profile.reporting == Reporting::Poll && hints.map_err(read)? > 0 {
        wrong.push("hints are left that nobody looked at".into());
    }
    Ok(wrong)
}

/// Every operation is settled; what was asked for was done once, and what was not done was not done.
fn once(truth: &Truth, operations: &[Operation], wrong: &mut Vec<String>) {
    for operation in operations {
        let (id, state) = (operation.id, operation.state);
        if !state.is_settled() {
            wrong.push(format!("{} {id} is {}: {:?}", operation.kind.as_str(), state.as_str(), operation.error));
            continue;
        }
        if operation.kind == OperationKind::RunCancel {
            continue;
        }
        let made = truth.made_by(id);
        // Where it is compared what there is with what was wanted, another's attempt is as good as ours.
        let by_state = operation.kind == OperationKind::RunRetry && operation.recovery == RecoveryClass::ByState;
        let expected = match state {
            OperationState::Done if by_state => 0..=1,
            OperationState::Done if !truth.let_go(id) => 1..=1,
            _ => 0..=0,
        };
        if !expected.contains(&made) {
            wrong.push(format!("{} {id} is {}, and made {made} runs", operation.kind.as_str(), state.as_str()));
        }
    }
}

/// One key is one run, of one operation.
fn same(home: &Home, operations: &[Operation], wrong: &mut Vec<String>) {
    let mut known: BTreeMap<String, (RunId, OperationId)> = BTreeMap::new();
    for asked in home.asked().iter() {
        let first = *known.entry(asked.key.clone()).or_insert((asked.run, asked.operation));
        if first != (asked.run, asked.operation) {
            wrong.push(format!("{} is two runs", asked.key));
        }
        if !operations.iter().any(|operation| operation.id == asked.operation && operation.run == Some(asked.run)) {
            wrong.push(format!("{} was accepted and is not there", asked.key));
        }
    }
}

/// A run stands where the platform's last truth is.
fn told_truly(profile: &Profile, truth: &Truth, run: &Run, operations: &[Operation], wrong: &mut Vec<String>) {
    let state = run.status.state;
    let cause = operations.iter().find(|operation| match operation.kind {
        OperationKind::RunTrigger => operation.run == Some(run.id),
        OperationKind::RunRetry => operation.id.0 == run.id.0,
        _ => false,
    });
    let Some(external) = &run.external_id else {
        if !state.is_terminal() {
            wrong.push(format!("{} is {state}, and is nowhere on the platform", run.id));
        }
        return;
    };
    let Some(theirs) = truth.run(external) else {
        wrong.push(format!("{} is {external}, which is not there", run.id));
        return;
    };
    if cause.is_some_and(|cause| truth.run_of(cause.id).is_none_or(|made| made.id != *external)) {
        wrong.push(format!("{} is {external}, which is another's", run.id));
    }
    if state != theirs.state() {
        wrong.push(format!("{} is {state}, and {external} is {}", run.id, theirs.state()));
    }
    let (ours, counted) = (run.attempt as usize, theirs.attempts.len());
    if (profile.again == Again::Attempt && ours != counted) || ours > counted {
        wrong.push(format!("{} is at attempt {ours}, and {external} at {counted}", run.id));
    }
}

/// Every event has its number, and each tells a move from where the one before it led to.
fn heard(events: &[Event], runs: &[Run], operations: &[Operation], wrong: &mut Vec<String>) {
    let mut states: BTreeMap<String, String> = BTreeMap::new();
    let mut opened: BTreeMap<String, bool> = BTreeMap::new();
    for (number, event) in (1..).zip(events) {
        if event.seq != number {
            wrong.push(format!("event {number} has the number {}", event.seq));
        }
        let (event, data) = (&event.event, &event.event.data);
        let word = |key: &str| data[key].as_str().map(ToOwned::to_owned);
        let (key, first) = match event.kind.as_str() {
            "run.created" => {
                states.insert(format!("run {}", event.subject), word("state").unwrap_or_default());
                continue;
            }
            "run.attempt" => {
                opened.insert(format!("run {}", event.subject), true);
                continue;
            }
            "run.state" => (format!("run {}", event.subject), None),
            "job.state" => (format!("job {} {} {}", event.subject, data["attempt"], data["job"]), None),
            // A claim is told to nobody.
            "operation.state" => (format!("operation {}", event.subject), Some("queued".to_owned())),
            _ => continue,
        };
        let claimed = |state: String| if state == "claimed" { "queued".to_owned() } else { state };
        let (from, to) = (word("from").map(claimed), word("to").unwrap_or_default());
        let known = states.insert(key.clone(), to.clone()).or(first);
        if known != from {
            wrong.push(format!("{} of {key}: from {from:?} to {to}, and it was {known:?}", event.kind));
        }
        let anew = event.kind == "run.state" && opened.insert(key.clone(), false).unwrap_or(false);
        if known.as_deref().and_then(State::parse).is_some_and(State::is_terminal)
            && !anew
            && event.kind != "operation.state"
        {
            wrong.push(format!("{} of {key}: {known:?} was its end, and now it is {to}", event.kind));
        }
    }
    let rows = runs.iter().map(|run| (format!("run {}", run.id), run.status.state.as_str()));
    let rows = rows
        .chain(operations.iter().map(|operation| (format!("operation {}", operation.id), operation.state.as_str())));
    for (id, state) in rows {
        // Retries, and what is canceled before it is sent, may be settled in the transaction that makes them.
        if states.get(&id).is_some_and(|told| told != state) {
            wrong.push(format!("{id} is {state}, and was last said to be {:?}", states.get(&id)));
        }
    }
}
