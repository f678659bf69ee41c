//! The other side: runs that live, a queue, attempts, and the truth about all of it.
//!
//! What happens here happens whether a host is there or not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use novacron_cicd_domain::{
    Timestamp,
    id::{OperationId, RunId},
    platform::{CallErrorKind, FoundRun, RunMatch, RunRef, Ticket},
    run::{Edges, Graph, Job, SeenRun},
    status::{State, Status, Times},
};

use super::{
    profile::{Again, Answers, Profile},
    steps::Steps,
    time::{Dice, Time},
};
use crate::{
    engine::{ports::Clock as _, ports::Reporting, testing::found},
    service::Services,
};

/// What the platform calls our pipeline.
pub(super) const PIPELINE: &str = "theirs";

/// With what a run of a platform that calls back proves who it is.
#[derive(Clone)]
pub(super) struct Bearer {
    pub(super) run: RunId,
    pub(super) token: String,
}

/// One attempt at a run.
pub(super) struct Attempt {
    pub(super) state: State,
    pub(super) by: Option<OperationId>,
    jobs: Vec<(String, State)>,
    started: Option<i64>,
    finished: Option<i64>,
}

/// A run, as it really is.
pub(super) struct Theirs {
    pub(super) id: String,
    pub(super) attempts: Vec<Attempt>,
    token: Option<String>,
    origin: &'static str,
    created: i64,
    updated: i64,
    change: u64,
    bearer: Option<Bearer>,
}

impl Theirs {
    pub(super) fn state(&self) -> State {
        self.attempts.last().map_or(State::Pending, |attempt| attempt.state)
    }
}

/// A place in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Waits,
    Became(usize),
    Canceled,
    /// The platform was restarted, and keeps its queue in memory.
    Forgotten,
}

struct Item {
    ticket: String,
    token: String,
    by: OperationId,
    place: Place,
}

/// What an operation made.
#[derive(Clone, Copy)]
enum Made {
    Run(usize),
    Item(usize),
}

#[derive(Default)]
pub(super) struct Truth {
    pub(super) runs: Vec<Theirs>,
    items: Vec<Item>,
    made: BTreeMap<OperationId, Made>,
    changes: u64,
    down: bool,
    /// Calls of operations under way, by hosts that live.
    pub(super) under_way: BTreeSet<OperationId>,
    /// Operations that were refused.
    pub(super) refused: BTreeSet<OperationId>,
    /// Before that, an operation is not to be sent again.
    pub(super) not_before: BTreeMap<OperationId, i64>,
    /// What must never have happened.
    pub(super) wrong: Vec<String>,
    /// All that happened, to compare two plays.
    pub(super) story: Vec<String>,
}

impl Truth {
    /// So many runs were made by an operation, places in the queue that will become one included.
    pub(super) fn made_by(&self, operation: OperationId) -> usize {
        let attempts = self.runs.iter().flat_map(|run| &run.attempts).filter(|attempt| attempt.by == Some(operation));
        let waiting = self.items.iter().filter(|item| item.by == operation && item.place == Place::Waits);
        attempts.count() + waiting.count()
    }

    /// Whether what it made was lost by the platform, or taken out of its queue.
    pub(super) fn let_go(&self, operation: OperationId) -> bool {
        let gone = |item: &&Item| matches!(item.place, Place::Forgotten | Place::Canceled);
        self.items.iter().filter(gone).any(|item| item.by == operation)
    }

    pub(super) fn run(&self, id: &str) -> Option<&Theirs> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// The run that an operation began or went on with.
    pub(super) fn run_of(&self, operation: OperationId) -> Option<&Theirs> {
        self.runs.iter().find(|run| run.attempts.iter().any(|attempt| attempt.by == Some(operation)))
    }

    pub(super) fn rests(&self) -> bool {
        self.runs.iter().all(|run| run.state().is_terminal())
            && self.items.iter().all(|item| item.place != Place::Waits)
    }
}

/// The platform and the way to it.
pub(super) struct Platform {
    pub(super) profile: Profile,
    pub(super) time: Arc<Time>,
    pub(super) dice: Dice,
    pub(super) steps: Arc<Steps>,
    /// Nothing goes wrong any more.
    calm: Mutex<bool>,
    truth: Mutex<Truth>,
    /// The host that runs reach, where one is up.
    host: Mutex<Option<Services>>,
}

impl Platform {
    pub(super) fn new(profile: Profile, time: Arc<Time>, dice: Dice, steps: Arc<Steps>) -> Arc<Self> {
        let (calm, truth, host) = (Mutex::new(false), Mutex::default(), Mutex::default());
        Arc::new(Self { profile, time, dice, steps, calm, truth, host })
    }

    pub(super) fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn host(&self) -> MutexGuard<'_, Option<Services>> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_calm(&self, calm: bool) {
        *self.calm.lock().unwrap_or_else(PoisonError::into_inner) = calm;
        self.truth().down &= !calm;
    }

    /// Whether something goes wrong here, so often in a hundred where nothing is calm.
    pub(super) fn trouble(&self, percent: u64) -> bool {
        let calm = *self.calm.lock().unwrap_or_else(PoisonError::into_inner);
        !calm && self.dice.chance(percent)
    }

    pub(super) fn is_down(&self) -> bool {
        self.truth().down
    }

    /// By its own clock.
    fn now(&self) -> i64 {
        self.time.now().0 + self.profile.skew
    }

    pub(super) fn tell(&self, what: String) {
        let line = format!("{} {what}", self.time.now().0);
        self.truth().story.push(line);
    }

    /// Goes down for a while; what waits in its queue is lost.
    pub(super) async fn restart(self: Arc<Self>, forgets: bool, millis: i64) {
        {
            let mut truth = self.truth();
            truth.down = true;
            if forgets {
                for item in truth.items.iter_mut().filter(|item| item.place == Place::Waits) {
                    item.place = Place::Forgotten;
                }
            }
        }
        self.time.sleep(millis).await;
        self.truth().down = false;
    }

    /// Begins a run.
    fn begin(
        self: &Arc<Self>,
        by: Option<OperationId>,
        token: Option<String>,
        origin: &'static str,
        bearer: Option<Bearer>,
    ) -> usize {
        let now = self.now();
        let place = {
            let mut truth = self.truth();
            let place = truth.runs.len();
            let id = format!("run-{}", place + 1);
            let attempts = Vec::new();
            truth.runs.push(Theirs { id, attempts, token, origin, created: now, updated: now, change: 0, bearer });
            place
        };
        self.attempt(place, by);
        place
    }

    /// Begins an attempt at a run.
    fn attempt(self: &Arc<Self>, run: usize, by: Option<OperationId>) {
        let nth = {
            let mut truth = self.truth();
            let theirs = &mut truth.runs[run];
            let nth = theirs.attempts.len();
            let jobs = (0..self.dice.between(1, 4)).map(|job| (format!("a{nth}-j{job}"), State::Pending)).collect();
            theirs.attempts.push(Attempt { state: State::Pending, by, jobs, started: None, finished: None });
            nth
        };
        self.changed(run);
        tokio::spawn(self.clone().live(run, nth));
    }

    /// Something of a run is as it was not.
    fn changed(self: &Arc<Self>, run: usize) {
        let now = self.now();
        let (id, state, bearer) = {
            let mut truth = self.truth();
            truth.changes += 1;
            let change = truth.changes;
            let theirs = &mut truth.runs[run];
            (theirs.change, theirs.updated) = (change, now.max(theirs.updated + 1));
            (theirs.id.clone(), theirs.state(), theirs.bearer.clone())
        };
        self.tell(format!("{id} is {state}"));
        if let Some(bearer) = bearer {
            tokio::spawn(self.clone().report(bearer, id, state));
        }
    }

    /// Moves an attempt, unless it is over; says whether it was not.
    fn step(self: &Arc<Self>, run: usize, nth: usize, to: State, jobs: impl Fn(usize, State) -> State) -> bool {
        let now = self.now();
        {
            let mut truth = self.truth();
            let attempt = &mut truth.runs[run].attempts[nth];
            if attempt.state.is_terminal() {
                return false;
            }
            attempt.state = to;
            for (place, (_, state)) in attempt.jobs.iter_mut().enumerate() {
                *state = jobs(place, *state);
            }
            attempt.started = attempt.started.or(Some(now));
            attempt.finished = to.is_terminal().then_some(now);
        }
        self.changed(run);
        true
    }

    /// The life of an attempt.
    async fn live(self: Arc<Self>, run: usize, nth: usize) {
        let jobs = self.truth().runs[run].attempts[nth].jobs.len();
        let ends = self.dice.pick(&[State::Succeeded, State::Succeeded, State::Failed]);
        // What a person begins is not over before anybody can have looked.
        let slow = if nth > 0 { 20_000 } else { 0 };
        self.time.sleep(self.dice.between(1, 5_000)).await;
        for job in 0..jobs {
            let runs = move |place: usize, state| match place.cmp(&job) {
                std::cmp::Ordering::Less => State::Succeeded,
                std::cmp::Ordering::Equal => State::Running,
                std::cmp::Ordering::Greater => state,
            };
            if !self.step(run, nth, State::Running, runs) {
                return;
            }
            self.time.sleep(slow + self.dice.between(500, 20_000)).await;
            if self.dice.chance(15) {
                if !self.step(run, nth, State::Waiting, |_, state| state) {
                    return;
                }
                self.time.sleep(self.dice.between(500, 30_000)).await;
            }
        }
        self.step(run, nth, ends, move |place, _| if place + 1 == jobs { ends } else { State::Succeeded });
    }

    /// A run says where it stands, until somebody has heard it; what it says may come late, twice and out of order.
    async fn report(self: Arc<Self>, bearer: Bearer, id: String, state: State) {
        loop {
            let late = if self.trouble(self.profile.trouble) { 40_000 } else { 500 };
            self.time.sleep(self.dice.between(1, late)).await;
            let heard = match &*self.host() {
                Some(host) => super::host::report(host, &bearer, &id, state),
                None => false,
            };
            if heard && !self.trouble(30) {
                return;
            }
        }
    }

    pub(super) fn seen(&self, theirs: &Theirs) -> SeenRun {
        let (last, counted) = (theirs.attempts.last(), self.profile.again == Again::Attempt);
        let shown = if self.profile.again == Again::Jobs { 0 } else { theirs.attempts.len().saturating_sub(1) };
        let jobs = theirs.attempts[shown..].iter().flat_map(|attempt| &attempt.jobs).map(|(id, state)| Job {
            id: id.clone(),
            name: id.clone(),
            stage: None,
            status: Status::ours(*state),
            times: Times::default(),
            needs: Vec::new(),
            parent: None,
            runner: None,
            url: None,
            steps: Vec::new(),
        });
        SeenRun {
            external_id: Some(theirs.id.clone()),
            attempt: counted.then(|| u32::try_from(theirs.attempts.len()).unwrap_or(u32::MAX)),
            status: Some(Status::ours(theirs.state())),
            times: Times {
                created: Some(Timestamp(theirs.created)),
                started: last.and_then(|last| last.started).map(Timestamp),
                finished: last.and_then(|last| last.finished).map(Timestamp),
                updated: self.profile.says_when.then_some(Timestamp(theirs.updated)),
            },
            graph: Some(Graph { jobs: jobs.collect(), edges: Edges::None, complete: true }),
            ..SeenRun::default()
        }
    }

    fn shown(&self, theirs: &Theirs) -> FoundRun {
        FoundRun {
            correlation: theirs.token.clone().filter(|_| self.profile.tokens),
            origin: theirs.origin.into(),
            ..found(PIPELINE.into(), self.seen(theirs))
        }
    }

    /// Whether it is in the index already.
    fn is_indexed(&self, theirs: &Theirs) -> bool {
        theirs.created + self.profile.lag <= self.now()
    }

    fn ticket(&self, made: Made) -> Ticket {
        let truth = self.truth();
        match made {
            Made::Run(run) => Ticket::Run(Box::new(self.seen(&truth.runs[run]))),
            Made::Item(item) => match (&truth.items[item].place, self.profile.answers) {
                (Place::Became(run), _) => Ticket::Run(Box::new(self.seen(&truth.runs[*run]))),
                (_, Answers::Taken) => Ticket::Unknown(None),
                _ => Ticket::Queued(truth.items[item].ticket.clone()),
            },
        }
    }

    pub(super) fn trigger(self: &Arc<Self>, by: OperationId, token: String, bearer: Option<Bearer>) -> Ticket {
        use novacron_cicd_domain::operation::RecoveryClass::IdempotentKey;
        let known = self.truth().made.get(&by).copied();
        if let Some(known) = known.filter(|_| self.profile.trigger == IdempotentKey) {
            return self.ticket(known);
        }
        let made = self.make(by, token, bearer);
        self.truth().made.insert(by, made);
        self.ticket(made)
    }

    fn make(self: &Arc<Self>, by: OperationId, token: String, bearer: Option<Bearer>) -> Made {
        if self.profile.answers == Answers::Run {
            return Made::Run(self.begin(Some(by), Some(token), "api", bearer));
        }
        let place = {
            let mut truth = self.truth();
            let ticket = format!("item-{}", truth.items.len() + 1);
            truth.items.push(Item { ticket, token: token.clone(), by, place: Place::Waits });
            truth.items.len() - 1
        };
        let (this, longest) = (self.clone(), if self.profile.answers == Answers::Queue { 30_000 } else { 3_000 });
        tokio::spawn(async move {
            this.time.sleep(this.dice.between(1, longest)).await;
            if this.truth().items[place].place == Place::Waits {
                let run = this.begin(Some(by), Some(token), "api", bearer);
                this.truth().items[place].place = Place::Became(run);
            }
        });
        Made::Item(place)
    }

    pub(super) fn resolve(&self, ticket: &str) -> Result<Ticket, CallErrorKind> {
        let truth = self.truth();
        let item = truth.items.iter().find(|item| item.ticket == ticket).ok_or(CallErrorKind::NotFound)?;
        match &item.place {
            Place::Waits => Ok(Ticket::Queued(item.ticket.clone())),
            Place::Became(run) => Ok(Ticket::Run(Box::new(self.seen(&truth.runs[*run])))),
            Place::Canceled => Ok(Ticket::Canceled(None)),
            Place::Forgotten => Err(CallErrorKind::NotFound),
        }
    }

    pub(super) fn get(&self, run: &str) -> Result<FoundRun, CallErrorKind> {
        let truth = self.truth();
        truth.run(run).map(|theirs| self.shown(theirs)).ok_or(CallErrorKind::NotFound)
    }

    pub(super) fn find(&self, token: &str, since: Timestamp) -> RunMatch {
        let truth = self.truth();
        let matches = |theirs: &&Theirs| {
            theirs.token.as_deref() == Some(token) && theirs.created >= since.0 && self.is_indexed(theirs)
        };
        let found: Vec<&Theirs> = truth.runs.iter().filter(matches).collect();
        let waiting = truth.items.iter().find(|item| item.token == token && item.place == Place::Waits);
        match (found.as_slice(), waiting) {
            ([], Some(item)) if self.profile.answers == Answers::Queue => RunMatch::Queued(item.ticket.clone()),
            ([], _) => RunMatch::None,
            ([one], _) => RunMatch::One(Box::new(self.shown(one))),
            (many, _) => {
                let reference =
                    |one: &&Theirs| RunRef { pipeline: PIPELINE.into(), run: one.id.clone(), attempt: None };
                RunMatch::Many(many.iter().map(reference).collect())
            }
        }
    }

    /// Newest first.
    pub(super) fn list(&self) -> Vec<FoundRun> {
        let truth = self.truth();
        truth.runs.iter().rev().filter(|theirs| self.is_indexed(theirs)).map(|theirs| self.shown(theirs)).collect()
    }

    /// What changed after a position, and the position after that.
    pub(super) fn changes(&self, after: u64) -> (Vec<FoundRun>, u64) {
        let truth = self.truth();
        let (known, unknown): (Vec<&Theirs>, Vec<&Theirs>) =
            truth.runs.iter().filter(|theirs| theirs.change > after).partition(|theirs| self.is_indexed(theirs));
        let next = unknown.iter().map(|theirs| theirs.change - 1).min().unwrap_or(truth.changes);
        (known.into_iter().map(|theirs| self.shown(theirs)).collect(), next)
    }

    pub(super) fn cancel(self: &Arc<Self>, run: &str) -> Result<(), CallErrorKind> {
        let place = {
            let truth = self.truth();
            // A platform that calls back knows its runs by what they were started with.
            let called = |theirs: &Theirs| theirs.id == run || theirs.token.as_deref() == Some(run);
            let place = truth.runs.iter().position(called).ok_or(CallErrorKind::NotFound)?;
            if truth.runs[place].state().is_terminal() {
                return Err(CallErrorKind::Conflict);
            }
            place
        };
        let nth = self.truth().runs[place].attempts.len() - 1;
        let this = self.clone();
        tokio::spawn(async move {
            this.time.sleep(this.dice.between(1, 3_000)).await;
            let ends = |_, state: State| if state.is_terminal() { state } else { State::Canceled };
            this.step(place, nth, State::Canceled, ends);
        });
        Ok(())
    }

    pub(super) fn cancel_queued(&self, ticket: &str) -> Result<(), CallErrorKind> {
        let mut truth = self.truth();
        let item = truth.items.iter_mut().find(|item| item.ticket == ticket && item.place == Place::Waits);
        item.ok_or(CallErrorKind::NotFound)?.place = Place::Canceled;
        Ok(())
    }

    /// Does a run again, where it stands as the caller thinks that it does.
    pub(super) fn retry(
        self: &Arc<Self>,
        by: OperationId,
        run: &str,
        expected: Option<u32>,
        token: String,
    ) -> Result<Ticket, CallErrorKind> {
        use novacron_cicd_domain::operation::RecoveryClass::IdempotentKey;
        let known = self.truth().made.get(&by).copied();
        if let Some(known) = known.filter(|_| self.profile.retry == IdempotentKey) {
            return Ok(self.ticket(known));
        }
        let place = {
            let truth = self.truth();
            let place = truth.runs.iter().position(|theirs| theirs.id == run).ok_or(CallErrorKind::NotFound)?;
            let theirs = &truth.runs[place];
            let other = expected.is_some_and(|expected| expected as usize != theirs.attempts.len());
            if self.profile.again != Again::Run && (!theirs.state().is_terminal() || other) {
                return Err(CallErrorKind::Conflict);
            }
            place
        };
        let made = match self.profile.again {
            Again::Run => self.make(by, token, None),
            Again::Attempt | Again::Jobs => {
                self.attempt(place, Some(by));
                Made::Run(place)
            }
        };
        self.truth().made.insert(by, made);
        Ok(self.ticket(made))
    }

    /// Somebody pushes.
    pub(super) fn push(self: &Arc<Self>) {
        self.begin(None, None, "push", None);
    }

    /// Somebody does a run again that is over, on the platform itself.
    pub(super) fn again(self: &Arc<Self>) {
        let over: Vec<usize> = {
            let truth = self.truth();
            (0..truth.runs.len()).filter(|run| truth.runs[*run].state().is_terminal()).collect()
        };
        if over.is_empty() || self.profile.reporting == Reporting::Callback {
            return;
        }
        match self.profile.again {
            Again::Run => drop(self.begin(None, None, "manual", None)),
            Again::Attempt | Again::Jobs => self.attempt(self.dice.pick(&over), None),
        }
    }
}
