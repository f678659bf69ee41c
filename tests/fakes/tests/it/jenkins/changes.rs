//! What changed in many jobs, in as few requests as will do.

use novacron_cicd_domain::{platform::RunChanges, status::State};
use novacron_cicd_fakes::jenkins::{FOLDER, Item};

use super::Setup;

const TIMER: &str = "hudson.triggers.TimerTrigger$TimerTriggerCause";

/// A reader of changes.
struct Watch {
    setup: Setup,
    pipelines: Vec<String>,
    position: Option<String>,
}

impl Watch {
    async fn new(items: Vec<Item>, pipelines: &[&str]) -> Self {
        let pipelines = pipelines.iter().map(|name| (*name).to_owned()).collect();
        Self { setup: Setup::new(items).await, pipelines, position: None }
    }

    async fn ask(&mut self) -> RunChanges {
        let changes = self.setup.provider.list_changed(&self.pipelines, self.position.as_deref()).await.unwrap();
        self.position = Some(changes.position.clone());
        changes
    }

    /// The runs of a whole round, in order, and how many requests they took.
    async fn look(&mut self) -> (Vec<(String, State)>, usize) {
        self.setup.jenkins.forget_seen();
        let mut found = Vec::new();
        loop {
            let changes = self.ask().await;
            let one = |run: novacron_cicd_domain::platform::FoundRun| {
                (format!("{}#{}", run.pipeline, run.run.external_id.unwrap()), run.run.status.unwrap().state)
            };
            found.extend(changes.runs.into_iter().map(one));
            if !changes.more_now {
                found.sort_by(|one, other| one.0.cmp(&other.0));
                return (found, self.setup.jenkins.seen().len());
            }
        }
    }

    fn begin(&self, job: &str) -> u64 {
        self.setup.jenkins.begin_by(job, &[TIMER])
    }

    /// A minute later.
    fn ended(&self, job: &str) {
        let number = self.begin(job);
        self.setup.jenkins.end(job, number, "SUCCESS");
    }
}

fn of(rows: &[(&str, State)]) -> Vec<(String, State)> {
    rows.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect()
}

#[tokio::test]
async fn one_request_tells_what_changed_in_all_jobs_of_a_controller() {
    let team = Item::folder(
        "team",
        FOLDER,
        vec![Item::job("web"), Item::folder("sub", FOLDER, vec![Item::job("dev%2Fmain")])],
    );
    let mut watch =
        Watch::new(vec![Item::job("app"), Item::job("other"), team], &["app", "team/web", "team/sub/dev%2Fmain"]).await;
    watch.ended("app");
    watch.begin("team/web");
    watch.begin("other");
    assert_eq!(watch.look().await, (of(&[("team/web#1", State::Running)]), 1), "what is over at first is history");
    assert_eq!(watch.look().await, (of(&[("team/web#1", State::Running)]), 1), "and stays it");

    watch.ended("app");
    watch.ended("team/sub/dev%2Fmain");
    watch.setup.jenkins.end("team/web", 1, "FAILURE");
    watch.ended("other");
    let expected =
        [("app#2", State::Succeeded), ("team/sub/dev%2Fmain#1", State::Succeeded), ("team/web#1", State::Failed)];
    assert_eq!(watch.look().await, (of(&expected), 1), "jobs of others are read over");
    let line = watch.setup.jenkins.lines().remove(0);
    assert_eq!(line, "GET /api/json");
    watch.setup.jenkins.world().now += 120_000;
    watch.begin("app");
    assert!(watch.look().await.0.contains(&("app#3".to_owned(), State::Running)));
}

#[tokio::test]
async fn what_a_folder_does_not_hold_is_not_asked_for() {
    let team = Item::folder("team", FOLDER, vec![Item::job("web"), Item::job("api")]);
    let mut watch = Watch::new(vec![Item::job("app"), team], &["team/web", "team/api"]).await;
    watch.begin("team/api");
    assert_eq!(watch.look().await.1, 1);
    assert_eq!(watch.setup.jenkins.lines(), ["GET /job/team/api/json"]);
    watch.pipelines = vec!["team/web".into()];
    watch.look().await;
    assert_eq!(watch.setup.jenkins.lines(), ["GET /job/team/job/web/api/json"], "one job is asked by itself");
}

#[tokio::test]
async fn no_build_is_missed_however_many_began_or_however_long_one_takes() {
    let mut watch = Watch::new(vec![Item::job("app"), Item::job("web")], &["app", "web"]).await;
    let long = watch.begin("web");
    watch.ended("app");
    watch.look().await;
    // It goes on behind newer ones that are seen meanwhile.
    for _ in 0..5 {
        watch.ended("web");
    }
    for _ in 0..30 {
        watch.ended("app");
    }
    let (found, requests) = watch.look().await;
    assert_eq!((found.len(), requests), (36, 3), "{found:?}");
    watch.setup.jenkins.world().now += 600_000;
    watch.setup.jenkins.end("web", long, "ABORTED");
    let (found, _) = watch.look().await;
    assert!(found.contains(&("web#1".to_owned(), State::Canceled)), "{found:?}");
    watch.ended("app");
    let (found, _) = watch.look().await;
    assert!(found.contains(&("app#32".to_owned(), State::Succeeded)), "{found:?}");
}

#[tokio::test]
async fn where_all_is_too_much_for_one_answer_jobs_are_asked_in_parts() {
    let names: Vec<String> = (0..45).map(|number| format!("job-{number}")).collect();
    let items = names.iter().map(|name| Item::job(name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut watch = Watch::new(items, &names).await;
    for name in &names {
        watch.ended(name);
        let number = watch.begin(name);
        // A cause that tells a long story makes the whole longer than is read.
        watch.setup.jenkins.build(name, number, |build| {
            build.actions[0]["causes"][0]["shortDescription"] = "x".repeat(40_000).into();
        });
    }
    let (found, requests) = watch.look().await;
    assert_eq!((found.len(), requests), (45, 46), "once in vain, then each");
    let (found, requests) = watch.look().await;
    assert_eq!((found.len(), requests), (45, 45), "it is remembered");
    for name in &names {
        watch.setup.jenkins.end(name, 2, "SUCCESS");
    }
    assert_eq!(watch.look().await.0.iter().filter(|(_, state)| *state == State::Succeeded).count(), 45);
}

#[tokio::test]
async fn a_job_that_is_gone_has_no_changes_and_a_position_of_others_is_refused() {
    let mut watch = Watch::new(vec![Item::job("app")], &["app", "gone", "folder/gone"]).await;
    watch.begin("app");
    assert_eq!(watch.look().await.0, of(&[("app#1", State::Running)]));
    watch.setup.jenkins.world().items.clear();
    assert_eq!(watch.look().await.0, []);
    watch.pipelines = vec!["gone".into()];
    assert_eq!(watch.look().await.0, []);
    let error = watch.setup.provider.list_changed(&watch.pipelines, Some("17")).await.unwrap_err();
    assert!(error.message.contains("position"), "{error:?}");
}
