//! What happens: drawn from the seed, played, and then everything is left to come to rest.

use std::sync::Arc;

use novacron_cicd_domain::{
    operation::{Operation, OperationKind, OperationState},
    status::State,
};
use novacron_cicd_store::{Event, OperationFilter, Page};

use super::{
    Failure, check,
    host::Home,
    platform::Platform,
    profile::{Discovery, Profile},
    steps::Steps,
    time::{Dice, Time, at_once},
};
use crate::service::{Resolution, tests::someone};

/// Milliseconds: when the first thing is asked for, when the last thing happens, and how long it may take from there until
/// all is at rest.
const BEGIN: i64 = 5_000;
const END: i64 = 240_000;
const REST: i64 = 60 * 60 * 1000;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Act {
    Trigger(String),
    Cancel(String),
    Retry(String),
    /// Somebody else starts a run on the platform.
    Push,
    /// Somebody does a run again on the platform.
    Again,
    /// The platform is down for so long, and may forget its queue.
    Restart(bool, i64),
    /// The host dies so many places from here.
    Die(u32),
    /// The host's disk is full for so long.
    Fill(i64),
    /// Somebody who is not the platform says that a run came to this end.
    Forge(State),
}

fn script(dice: &Dice, profile: &Profile) -> Vec<(i64, Act)> {
    let mut acts = Vec::new();
    let at = || dice.between(BEGIN, END);
    let burst = dice.chance(30).then(at);
    for nth in 0..dice.between(1, 6) {
        let (key, begin) = (format!("key-{nth}"), burst.unwrap_or_else(at));
        acts.push((begin, Act::Trigger(key.clone())));
        if dice.chance(30) {
            // Somebody who did not wait for the answer.
            acts.push((begin + dice.between(0, 2_000), Act::Trigger(key.clone())));
        }
        if dice.chance(40) {
            acts.push((begin + dice.between(0, 60_000), Act::Cancel(key.clone())));
        }
        while dice.chance(40) {
            acts.push((begin + dice.between(20_000, END), Act::Retry(key.clone())));
        }
        if profile.trouble > 0 && dice.chance(40) {
            let places = u32::try_from(dice.between(1, 40)).unwrap_or(1);
            acts.push((begin + dice.between(0, 100), Act::Die(places)));
        }
    }
    if profile.discovery != Discovery::Not {
        for act in [Act::Push, Act::Again] {
            while dice.chance(40) {
                acts.push((at(), act.clone()));
            }
        }
    }
    while dice.chance(60) {
        acts.push((at(), Act::Forge(dice.pick(&[State::Succeeded, State::Failed, State::Canceled]))));
    }
    if profile.trouble > 0 && dice.chance(30) {
        acts.push((at(), Act::Fill(dice.between(1, 20_000))));
    }
    while profile.trouble > 0 && dice.chance(40) {
        acts.push((at(), Act::Restart(dice.chance(30), dice.between(100, 20_000))));
    }
    while profile.trouble > 0 && dice.chance(40) {
        acts.push((at(), Act::Die(u32::try_from(dice.between(1, 200)).unwrap_or(1))));
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}

/// The story of a seed: what was told of it, or what should not have come to pass.
pub(super) fn play(seed: u64) -> Result<Vec<String>, Failure> {
    let dice = Dice::new(seed);
    let profile = Profile::draw(&dice);
    let time = Time::new(super::START, dice.other());
    let steps = Steps::new(time.clone(), dice.other());
    let platform = Platform::new(profile.clone(), time.clone(), dice.other(), steps);
    let script = script(&dice, &profile);
    let home = Arc::new(Home::new(platform, dice.other()));
    let played = time.play(lived(&home, script.clone()));
    home.end();
    played.map_err(|failure| {
        let mut story = home.platform.truth().story.clone();
        story.extend(told(&home));
        story.sort_by_key(|line| line.split(' ').next().and_then(|at| at.parse::<i64>().ok()));
        let story = story.join("\n  ");
        format!("{failure}\n{profile:?}\n{script:?}\n  {story}")
    })
}

/// The host's own story.
fn told(home: &Home) -> Vec<String> {
    let line = |event: &Event| {
        let Event { event, .. } = event;
        let (kind, from, to, attempt) = (&event.kind, &event.data["from"], &event.data["to"], &event.data["attempt"]);
        format!("{} {kind} {from} {to} {attempt} of {}", event.at.0, event.subject)
    };
    check::events(&home.store).iter().map(line).collect()
}

async fn lived(home: &Arc<Home>, script: Vec<(i64, Act)>) -> Result<Vec<String>, Failure> {
    let (platform, time) = (&home.platform, &home.platform.time);
    platform.set_calm(true);
    home.start();
    let mut passed = 0;
    for (at, act) in script {
        if at > passed {
            awaited(home, at - passed).await;
            passed = at;
        }
        platform.set_calm(false);
        platform.tell(format!("{act:?}"));
        match act {
            Act::Trigger(key) => drop(tokio::spawn(home.clone().trigger(key))),
            Act::Cancel(key) => drop(tokio::spawn(home.clone().cancel(key))),
            Act::Retry(key) => drop(tokio::spawn(home.clone().retry(key))),
            Act::Push => platform.push(),
            Act::Again => platform.again(),
            Act::Restart(forgets, millis) => drop(tokio::spawn(platform.clone().restart(forgets, millis))),
            Act::Die(places) => platform.steps.plan(Some(places)),
            Act::Fill(millis) => platform.steps.fill(millis),
            Act::Forge(state) => home.forge(state),
        }
    }
    awaited(home, 10_000).await;
    platform.steps.plan(None);
    platform.steps.fill(0);
    platform.set_calm(true);
    rested(home).await?;
    let mut story = std::mem::take(&mut platform.truth().story);
    story.extend(told(home).into_iter().map(|line| line.split(" of ").next().unwrap_or_default().to_owned()));
    story.push(format!("{} the end", crate::engine::ports::Clock::now(time.as_ref()).0));
    Ok(story)
}

/// Lets time pass; where the host dies meanwhile, another one is started a little later.
async fn awaited(home: &Home, millis: i64) {
    let (platform, time) = (&home.platform, &home.platform.time);
    let until = time.sleep(millis);
    tokio::pin!(until);
    loop {
        tokio::select! {
            biased;
            () = platform.steps.death() => {
                platform.tell("the host dies".into());
                // What it heard and did not write is not known any more.
                platform.truth().not_before.clear();
                home.end();
                time.sleep(platform.dice.between(5, 10_000)).await;
                home.start();
                platform.tell("a host is there".into());
            }
            () = &mut until => return,
        }
    }
}

/// Nothing goes wrong any more: all must come to its end, and stay there.
async fn rested(home: &Arc<Home>) -> Result<(), Failure> {
    let mut at_rest = 0;
    let mut last = String::new();
    for _ in 0..REST / 10_000 {
        home.platform.time.sleep(10_000).await;
        decided(home).await?;
        let wrong = check::all(home)?;
        let rests = home.platform.truth().rests();
        at_rest = if rests && wrong.is_empty() { at_rest + 1 } else { 0 };
        if at_rest > 6 {
            return Ok(());
        }
        last = if wrong.is_empty() { "the platform does not rest".into() } else { wrong.join("\n") };
    }
    Err(last)
}

/// An operator looks at what nobody could know, and says what became of it; gives up what the platform has nothing of.
async fn decided(home: &Arc<Home>) -> Result<(), Failure> {
    if home.platform.truth().rests() {
        home.give_up();
    }
    let filter = OperationFilter { state: Some(OperationState::Ambiguous), ..OperationFilter::default() };
    let open = at_once(home.store.read(move |state| state.operations(&Page::first(Page::MOST), &filter)));
    for operation in open.map_err(|error| error.to_string())?.items {
        let Some(host) = home.platform.host().clone() else { continue };
        let Some(resolution) = decision(home, &operation)? else { continue };
        home.platform.tell(format!("{} is resolved: {resolution:?}", operation.kind.as_str()));
        let user = someone(novacron_cicd_domain::token::Role::Admin);
        at_once(host.operations.resolve(&user, operation.id, resolution)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// None: nothing can be said while it waits in the platform's queue.
fn decision(home: &Home, operation: &Operation) -> Result<Option<Resolution>, Failure> {
    let truth = home.platform.truth();
    if operation.kind == OperationKind::RunCancel {
        return Ok(Some(Resolution::Abandon));
    }
    check::may_be_ambiguous(&home.platform.profile, &truth, operation)?;
    match (truth.made_by(operation.id), truth.run_of(operation.id)) {
        (1, Some(run)) => Ok(Some(Resolution::Adopt { external_id: run.id.clone() })),
        (1, None) => Ok(None),
        (0, _) if home.platform.dice.chance(50) => Ok(Some(Resolution::Resend)),
        (0, _) => Ok(Some(Resolution::Abandon)),
        (made, _) => Err(format!("{} made {made} runs", operation.id)),
    }
}
