#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{
    plan::Scratch,
    sample::{self, NOW},
};

fn with_providers() -> Scratch {
    let scratch = Scratch::new();
    for n in 1..=2 {
        scratch.tx().insert_provider(&sample::provider(n)).unwrap();
    }
    scratch
}

/// Operations of provider 1 or 2: (provider, milliseconds after now when it is due, state, lease).
type Row = (u64, i64, OperationState, Option<i64>);

fn insert(scratch: &Scratch, rows: &[Row]) {
    for (n, (provider, due, state, lease)) in (1..).zip(rows) {
        let operation = Operation {
            due: NOW.plus_millis(*due),
            state: *state,
            lease_until: lease.map(|after| NOW.plus_millis(after)),
            ..sample::operation(n, &sample::provider(*provider), None)
        };
        scratch.tx().insert_operation(&operation).unwrap();
    }
}

fn claim() -> Claim {
    Claim { now: NOW, lease_until: NOW.plus_millis(100), limit: 9, per_provider: 9, provider: None }
}

fn numbers(claimed: &[Operation]) -> Vec<u64> {
    claimed.iter().map(|o| (1..99).find(|n| o.id == OperationId(sample::uuid(*n))).unwrap()).collect()
}

#[test]
fn an_operation_comes_back_as_it_was_stored() {
    let scratch = with_providers();
    let provider = sample::provider(1);
    let pipeline = sample::pipeline(1, &provider);
    scratch.tx().insert_pipeline(&pipeline).unwrap();
    let run = sample::run(1, &pipeline);
    scratch.tx().insert_run(&run).unwrap();
    let mut n = 0;
    for kind in OperationKind::all() {
        for state in OperationState::ALL {
            for run in [None, Some(run.id)] {
                n += 1;
                let error = run.map(|_| ("a".to_owned(), "b".to_owned()));
                let lease_until = run.map(|_| NOW);
                let sample = sample::operation(n, &provider, run);
                let operation = Operation { kind, state, error, lease_until, ..sample };
                scratch.tx().insert_operation(&operation).unwrap();
                assert_eq!(scratch.tx().operation(operation.id).unwrap(), operation);
            }
        }
    }
}

#[test]
fn what_is_due_and_not_leased_is_claimed_oldest_first() {
    use OperationState::*;
    let scratch = with_providers();
    insert(
        &scratch,
        &[
            (1, 0, Queued, None),
            (1, -5, Queued, None),
            (1, 1, Queued, None),
            (1, -1, Claimed, Some(50)),
            (1, -2, Claimed, Some(0)),
            (1, -3, Sent, Some(-1)),
            (1, -4, Sent, None),
            (1, -9, Done, None),
            (1, -9, Failed, None),
            (1, -9, Canceled, None),
            (1, -9, Ambiguous, None),
        ],
    );
    let claimed = scratch.tx().claim_operations(&claim()).unwrap();
    assert_eq!(numbers(&claimed), [2, 7, 6, 5, 1]);
    assert_eq!(claimed.iter().map(|o| o.state).collect::<Vec<_>>(), [Claimed, Sent, Sent, Claimed, Claimed]);
    assert!(claimed.iter().all(|o| o.lease_until == Some(NOW.plus_millis(100)) && o.version == 2));
    assert_eq!(scratch.tx().claim_operations(&claim()).unwrap(), []);
    for operation in claimed {
        assert_eq!(scratch.tx().operation(operation.id).unwrap(), operation);
    }
}

#[test]
fn one_provider_does_not_take_all_places() {
    use OperationState::*;
    let rows = [(1, -9, Claimed, Some(50)), (1, -8, Queued, None), (1, -7, Queued, None), (2, -1, Queued, None)];
    let provider = Some(ProviderId(sample::uuid(1)));
    for (what, claim, expected) in [
        ("two places each, one of them taken", Claim { per_provider: 2, ..claim() }, vec![2, 4]),
        ("all places taken", Claim { per_provider: 1, ..claim() }, vec![4]),
        ("of one provider alone", Claim { provider, ..claim() }, vec![2, 3]),
        ("of one provider, two places", Claim { provider, per_provider: 2, ..claim() }, vec![2]),
        ("at most two in all", Claim { limit: 2, ..claim() }, vec![2, 3]),
    ] {
        let scratch = with_providers();
        insert(&scratch, &rows);
        assert_eq!(numbers(&scratch.tx().claim_operations(&claim).unwrap()), expected, "{what}");
    }
}

#[test]
fn a_long_queue_of_one_provider_does_not_hide_another() {
    let scratch = with_providers();
    let mut rows = vec![(1, -9, OperationState::Queued, None); OLDEST + 9];
    rows.push((2, 0, OperationState::Queued, None));
    insert(&scratch, &rows);
    let claim = Claim { per_provider: 3, ..claim() };
    let of = |claimed: Vec<Operation>| claimed.into_iter().map(|o| o.provider).collect::<Vec<_>>();
    let [one, two] = [1, 2].map(|n| ProviderId(sample::uuid(n)));
    assert_eq!(of(scratch.tx().claim_operations(&claim).unwrap()), [one, one, one]);
    assert_eq!(of(scratch.tx().claim_operations(&claim).unwrap()), [two]);
}

#[test]
fn released_leases_can_be_claimed_at_once() {
    use OperationState::*;
    let scratch = with_providers();
    insert(&scratch, &[(1, 0, Claimed, Some(50)), (1, 0, Sent, Some(50)), (1, 0, Done, Some(50))]);
    assert_eq!(scratch.tx().release_leases().unwrap(), 2);
    assert_eq!(numbers(&scratch.tx().claim_operations(&claim()).unwrap()), [1, 2]);
}

#[test]
fn the_next_time_to_claim_is_known() {
    use OperationState::*;
    for (rows, expected) in [
        (vec![], None),
        (vec![(1, 5, Done, None)], None),
        (vec![(1, 5, Queued, None), (1, 3, Queued, None)], Some(3)),
        (vec![(1, 5, Queued, None), (1, -9, Sent, Some(2))], Some(2)),
    ] {
        let scratch = with_providers();
        insert(&scratch, &rows);
        assert_eq!(scratch.tx().next_due().unwrap(), expected.map(|after| NOW.plus_millis(after)), "{rows:?}");
    }
}

#[test]
fn a_change_takes_the_version_that_it_was_made_from() {
    let scratch = with_providers();
    let mut operation = sample::operation(1, &sample::provider(1), None);
    scratch.tx().insert_operation(&operation).unwrap();
    operation.state = OperationState::Sent;
    operation.attempts += 1;
    operation.error = None;
    operation.due = NOW.plus_millis(5);
    operation.lease_until = Some(NOW);
    operation.payload = serde_json::json!(null);
    operation.version = scratch.tx().update_operation(&operation, 1).unwrap();
    assert_eq!(scratch.tx().operation(operation.id).unwrap(), Operation { version: 2, ..operation.clone() });
    let stale = StoreError::Stale { what: "operation", key: operation.id.to_string(), expected: 1, found: 2 };
    assert_eq!(scratch.tx().update_operation(&operation, 1).unwrap_err(), stale);
}

#[test]
fn an_intent_about_nothing_is_refused() {
    let scratch = with_providers();
    let nobody = sample::provider(9);
    let error = scratch.tx().insert_operation(&sample::operation(1, &nobody, None)).unwrap_err();
    assert_eq!(error, StoreError::not_found("provider", nobody.id));
    let run = RunId(sample::uuid(9));
    let operation = sample::operation(1, &sample::provider(1), Some(run));
    assert!(matches!(scratch.tx().insert_operation(&operation), Err(StoreError::NotFound { .. })));
}

#[test]
fn operations_are_listed_by_what_is_asked() {
    use OperationState::*;
    let scratch = with_providers();
    insert(&scratch, &[(1, 0, Queued, None), (2, 0, Queued, None), (1, 0, Done, None)]);
    let provider = Some(ProviderId(sample::uuid(1)));
    let none = OperationFilter::default();
    for (filter, expected) in [
        (none, vec![3, 2, 1]),
        (OperationFilter { provider, ..none }, vec![3, 1]),
        (OperationFilter { state: Some(Queued), ..none }, vec![2, 1]),
        (OperationFilter { provider, state: Some(Queued), ..none }, vec![1]),
        (OperationFilter { run: Some(RunId(sample::uuid(1))), ..none }, vec![]),
    ] {
        assert_eq!(numbers(&scratch.tx().operations(&Page::default(), &filter).unwrap().items), expected);
    }
}
