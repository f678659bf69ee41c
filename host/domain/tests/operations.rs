//! What may follow what in the life of an operation.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_domain::{
    Coded, Timestamp,
    id::{OperationId, ProviderId},
    operation::{
        Operation, OperationEvent as Event, OperationKind, OperationState as State, Recovery, RecoveryClass as Class,
        Resolution,
    },
};

const NOW: Timestamp = Timestamp(1_000);
const LATER: Timestamp = Timestamp(5_000);

fn operation(state: State, recovery: Class) -> Operation {
    let sent = matches!(state, State::Sent | State::Ambiguous | State::Done);
    Operation {
        id: OperationId(uuid::Uuid::nil()),
        kind: OperationKind::RunTrigger,
        provider: ProviderId(uuid::Uuid::nil()),
        run: None,
        payload: serde_json::Value::Null,
        recovery,
        state,
        attempts: u32::from(sent),
        first_sent: sent.then_some(Timestamp(500)),
        due: Timestamp(0),
        lease_until: None,
        error: None,
        actor: "engine".into(),
        created: Timestamp(0),
        updated: Timestamp(500),
        version: 4,
    }
}

fn why() -> (String, String) {
    ("upstream".into(), "the platform answered 503".into())
}

fn events() -> Vec<Event> {
    let (code, message) = why();
    vec![
        Event::Claim { until: LATER },
        Event::Send,
        Event::Finish,
        Event::Refuse { code: code.clone(), message: message.clone() },
        Event::Retry { due: LATER, code: code.clone(), message: message.clone() },
        Event::Lose { due: LATER, code, message },
        Event::Recover,
        Event::NotFound { due: LATER },
        Event::LookAgain { due: LATER },
        Event::Cancel,
        Event::Resolve(Resolution::Adopt),
        Event::Resolve(Resolution::Resend),
        Event::Resolve(Resolution::Abandon),
    ]
}

const CLASSES: [Class; 4] = [Class::IdempotentKey, Class::Searchable, Class::ByState, Class::None];

/// The whole machine: one row per state and class, one column per event, `.` where there is no such move.
#[test]
fn every_state_and_event_moves_as_the_table_says() {
    let short = |state: State| match state {
        State::Queued => "queue",
        State::Claimed => "claim",
        State::Sent => "sent",
        State::Done => "done",
        State::Failed => "fail",
        State::Canceled => "cancel",
        State::Ambiguous => "ambig",
    };
    let mut table = format!("{:10}{:16}", "", "");
    for event in events() {
        table.push_str(&format!("{:11}", event.as_str()));
    }
    for state in State::ALL {
        for class in CLASSES {
            let row: String = events()
                .into_iter()
                .map(|event| match operation(state, class).transition(event, NOW) {
                    Ok(after) => format!("{:11}", short(after.state)),
                    Err(_) => format!("{:11}", "."),
                })
                .collect();
            table.push_str(&format!("\n{:10}{:16}{row}", state.as_str(), class.as_str()));
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"), @r##"
                              claim      send       finish     refuse     retry      lose       recover    not-found  look-again cancel     adopt      resend     abandon
    queued    idempotent-key  claim      .          .          .          .          .          .          .          .          cancel     .          .          .
    queued    searchable      claim      .          .          .          .          .          .          .          .          cancel     .          .          .
    queued    by-state        claim      .          .          .          .          .          .          .          .          cancel     .          .          .
    queued    none            claim      .          .          .          .          .          .          .          .          cancel     .          .          .
    claimed   idempotent-key  claim      sent       .          fail       queue      .          queue      .          .          cancel     .          .          .
    claimed   searchable      claim      sent       .          fail       queue      .          queue      .          .          cancel     .          .          .
    claimed   by-state        claim      sent       .          fail       queue      .          queue      .          .          cancel     .          .          .
    claimed   none            claim      sent       .          fail       queue      .          queue      .          .          cancel     .          .          .
    sent      idempotent-key  .          .          done       fail       queue      queue      queue      .          .          .          .          .          .
    sent      searchable      .          .          done       fail       queue      sent       sent       queue      sent       .          done       queue      fail
    sent      by-state        .          .          done       fail       queue      sent       sent       queue      sent       .          done       queue      fail
    sent      none            .          .          done       fail       queue      ambig      ambig      .          .          .          .          .          .
    done      idempotent-key  .          .          .          .          .          .          .          .          .          .          .          .          .
    done      searchable      .          .          .          .          .          .          .          .          .          .          .          .          .
    done      by-state        .          .          .          .          .          .          .          .          .          .          .          .          .
    done      none            .          .          .          .          .          .          .          .          .          .          .          .          .
    failed    idempotent-key  .          .          .          .          .          .          .          .          .          .          .          .          .
    failed    searchable      .          .          .          .          .          .          .          .          .          .          .          .          .
    failed    by-state        .          .          .          .          .          .          .          .          .          .          .          .          .
    failed    none            .          .          .          .          .          .          .          .          .          .          .          .          .
    canceled  idempotent-key  .          .          .          .          .          .          .          .          .          .          .          .          .
    canceled  searchable      .          .          .          .          .          .          .          .          .          .          .          .          .
    canceled  by-state        .          .          .          .          .          .          .          .          .          .          .          .          .
    canceled  none            .          .          .          .          .          .          .          .          .          .          .          .          .
    ambiguous idempotent-key  .          .          .          .          .          .          .          .          .          .          done       queue      fail
    ambiguous searchable      .          .          .          .          .          .          .          .          .          .          done       queue      fail
    ambiguous by-state        .          .          .          .          .          .          .          .          .          .          done       queue      fail
    ambiguous none            .          .          .          .          .          .          .          .          .          .          done       queue      fail
    "##);
}

#[test]
fn a_move_writes_what_it_must() {
    let queued = operation(State::Queued, Class::None);
    let claimed = queued.transition(Event::Claim { until: LATER }, NOW).unwrap();
    assert_eq!((claimed.lease_until, claimed.attempts, claimed.first_sent), (Some(LATER), 0, None));
    let sent = claimed.transition(Event::Send, Timestamp(1_001)).unwrap();
    assert_eq!((sent.attempts, sent.first_sent, sent.updated), (1, Some(Timestamp(1_001)), Timestamp(1_001)));
    assert_eq!(sent.lease_until, Some(LATER));
    let (code, message) = why();
    let lost = sent.clone().transition(Event::Lose { due: LATER, code, message }, Timestamp(1_002)).unwrap();
    assert_eq!((lost.state, lost.lease_until, lost.error), (State::Ambiguous, None, Some(why())));
    let done = sent.transition(Event::Finish, Timestamp(1_003)).unwrap();
    assert_eq!((done.lease_until, done.error, done.version), (None, None, 4));
}

#[test]
fn what_is_not_due_or_has_a_holder_is_not_claimed() {
    let early = Operation { due: LATER, ..operation(State::Queued, Class::None) };
    assert_eq!(early.transition(Event::Claim { until: LATER }, NOW).unwrap_err().reason, "it is not due");
    let held = Operation { lease_until: Some(LATER), ..operation(State::Claimed, Class::None) };
    let error = held.clone().transition(Event::Claim { until: LATER }, NOW).unwrap_err();
    assert_eq!(error.to_string(), "an operation that is claimed can't claim: another engine has it");
    assert_eq!(error.code(), "operation.invalid-transition");
    assert_eq!(held.transition(Event::Claim { until: LATER }, LATER).unwrap().state, State::Claimed);
}

#[test]
fn an_unknown_outcome_is_never_sent_again_blindly() {
    for (class, recovery, state, lease) in [
        (Class::IdempotentKey, Recovery::Resend, State::Queued, None),
        (Class::Searchable, Recovery::Search, State::Sent, Some(LATER)),
        (Class::ByState, Recovery::Compare, State::Sent, Some(LATER)),
        (Class::None, Recovery::Ask, State::Ambiguous, None),
    ] {
        let sent = Operation { lease_until: Some(LATER), ..operation(State::Sent, class) };
        assert_eq!(sent.recovery(), Some(recovery), "{class:?}");
        let recovered = sent.transition(Event::Recover, NOW).unwrap();
        assert_eq!((recovered.state, recovered.lease_until), (state, lease), "{class:?}");
        assert_eq!(recovered.first_sent, Some(Timestamp(500)), "{class:?}");
    }
    let claimed = operation(State::Claimed, Class::None);
    assert_eq!(claimed.recovery(), None);
    assert_eq!(claimed.transition(Event::Recover, NOW).unwrap().state, State::Queued);
    assert_eq!(operation(State::Ambiguous, Class::Searchable).recovery(), Some(Recovery::Ask));
    assert_eq!(operation(State::Done, Class::None).recovery(), None);
}

#[test]
fn a_cancel_says_undone_only_where_that_is_known() {
    let step = |operation: Operation, event, at| operation.transition(event, Timestamp(at)).unwrap();
    let (code, message) = why();
    let retry = Event::Retry { due: NOW, code: code.clone(), message: message.clone() };
    let lose = Event::Lose { due: NOW, code, message };
    let claim = Event::Claim { until: LATER };
    let start = operation(State::Queued, Class::IdempotentKey);
    for (what, events, expected) in [
        ("never sent", vec![], State::Canceled),
        ("claimed", vec![claim.clone()], State::Canceled),
        ("sent, and nothing was done", vec![claim.clone(), Event::Send, retry.clone()], State::Canceled),
        (
            "sent twice, and nothing was done",
            vec![claim.clone(), Event::Send, retry.clone(), claim.clone(), Event::Send, retry.clone()],
            State::Canceled,
        ),
        ("sent, and who knows", vec![claim.clone(), Event::Send, lose.clone()], State::Ambiguous),
        (
            "who knows of the first, the second did nothing",
            vec![claim.clone(), Event::Send, lose, claim.clone(), Event::Send, retry],
            State::Ambiguous,
        ),
    ] {
        // All within one millisecond, as under a clock that stands still.
        let operation = events.into_iter().fold(start.clone(), |operation, event| step(operation, event, 1_000));
        assert_eq!(step(operation, Event::Cancel, 1_000).state, expected, "{what}");
    }
    let error = operation(State::Sent, Class::None).transition(Event::Cancel, NOW).unwrap_err();
    assert!(error.hint().unwrap().contains("wait for its outcome"));
}

#[test]
fn an_operator_decides_only_what_nobody_is_settling() {
    let looking = Operation { lease_until: Some(LATER), ..operation(State::Sent, Class::Searchable) };
    for resolution in [Resolution::Adopt, Resolution::Resend, Resolution::Abandon] {
        let refused = looking.clone().transition(Event::Resolve(resolution), NOW).unwrap_err();
        assert_eq!(refused.reason, "it is still being settled");
        assert!(refused.hint().is_some());
        assert!(looking.clone().transition(Event::Resolve(resolution), LATER).is_ok());
    }
    let abandoned =
        operation(State::Ambiguous, Class::None).transition(Event::Resolve(Resolution::Abandon), NOW).unwrap();
    assert_eq!(abandoned.error.unwrap().0, "operation.abandoned");
}
