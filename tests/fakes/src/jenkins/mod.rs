//! A Jenkins controller, as far as clients get it wrong. Faithful to the behaviours that core's own source shows
//! (`hudson/model/Queue.java`, `jenkins/model/ParameterizedJobMixIn.java`, stapler's `LargeText.java`, ...), not to its pages.
//!
//! It stands under a context path, takes itself for being at another address, and does nothing by itself: a test takes items
//! out of the queue, ends builds and writes their logs.

mod answer;
mod multipart;
mod routes;
mod shell;
mod store;
mod tree;
mod world;

use std::ops::Deref;

use serde_json::json;

use crate::server::Server;

pub use store::Credential;
pub use world::{BUILT_IN, Build, Cell, FOLDER, Item, MULTIBRANCH, ORGANIZATION, PIPELINE, World, node};

use world::Left;

/// Below which path it stands.
pub const CONTEXT: &str = "/jenkins";
/// Its only user.
pub const USER: &str = "ci";

/// A controller on loopback.
pub struct Jenkins(Server<World>);

impl Deref for Jenkins {
    type Target = Server<World>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Jenkins {
    /// With these items. Its user has an API token and a password: [`crate::house::secret`] of the slots' names.
    ///
    /// # Panics
    /// Where loopback can't be listened on.
    pub async fn start(items: Vec<Item>) -> Self {
        let world = World {
            root_url: "https://jenkins.internal.example:8443/".into(),
            items,
            users: vec![(USER.into(), crate::house::secret("token"), crate::house::secret("password"))],
            crumbs: true,
            booting: false,
            behind_login: false,
            lacking: Default::default(),
            plugins: vec!["pipeline-rest-api".into()],
            files: None,
            nodes: Vec::new(),
            credentials: Vec::new(),
            domains: vec!["_".into()],
            now: 1_800_000_000_000,
            queue: Vec::new(),
            next_place: 142,
            sessions: Default::default(),
            next_session: 0,
        };
        Self(Server::start(CONTEXT, world).await)
    }

    /// The places that wait, in their order.
    #[must_use]
    pub fn waiting(&self) -> Vec<u64> {
        self.world().queue.iter().filter(|place| place.left.is_none()).map(|place| place.id).collect()
    }

    /// The job that waits in a place.
    ///
    /// # Panics
    /// Where there is no such item.
    #[must_use]
    pub fn job_of(&self, id: u64) -> String {
        self.world().queue.iter().find(|place| place.id == id).unwrap().job.clone()
    }

    /// Whether there is such a job.
    #[must_use]
    pub fn has(&self, job: &str) -> bool {
        self.world().item(job).is_some()
    }

    /// The builds of top-level jobs that have not ended.
    #[must_use]
    pub fn running(&self) -> Vec<(String, u64)> {
        let world = self.world();
        let builds = world.items.iter().flat_map(|item| item.builds.iter().map(|build| (&item.name, build)));
        builds.filter(|(_, build)| build.building).map(|(job, build)| (job.clone(), build.number)).collect()
    }

    /// Takes an item out of the queue without a build yet.
    ///
    /// # Panics
    /// Where there is no such item.
    pub fn leave(&self, id: u64) {
        self.world().queue.iter_mut().find(|place| place.id == id).unwrap().left = Some(Left::Leaving);
    }

    /// Begins a build of a queue item; answers its number.
    ///
    /// # Panics
    /// Where there is no such item.
    pub fn begin(&self, id: u64) -> u64 {
        let mut world = self.world();
        let now = world.now;
        let place = world.queue.iter().find(|place| place.id == id).unwrap().clone();
        let item = world.item(&place.job).unwrap();
        let number = item.builds.last().map_or(1, |build| build.number + 1);
        let (building, in_progress) = (true, true);
        let actions = place.actions;
        let is_pipeline = item.class == PIPELINE;
        item.builds.push(Build {
            number,
            building,
            in_progress,
            timestamp: now,
            queue_id: id,
            actions,
            files: place.files,
            is_pipeline,
            ..Build::default()
        });
        world.queue.iter_mut().find(|place| place.id == id).unwrap().left = Some(Left::As(number));
        number
    }

    /// Drops what has left the queue, as Jenkins does after five minutes and at a restart.
    pub fn forget_left(&self) {
        self.world().queue.retain(|place| place.left.is_none());
    }

    /// Begins a build that nobody queued through us, with causes of these classes.
    ///
    /// # Panics
    /// Where there is no such job.
    pub fn begin_by(&self, job: &str, causes: &[&str]) -> u64 {
        let causes: Vec<_> =
            causes.iter().map(|class| json!({ "_class": class, "shortDescription": "Started elsewhere" })).collect();
        let mut world = self.world();
        let id = world.enqueue(job, vec![json!({ "name": "made-by", "value": causes.len() })], "somebody").0;
        let place = world.queue.iter_mut().find(|place| place.id == id).unwrap();
        place.actions = vec![json!({ "_class": "hudson.model.CauseAction", "causes": causes })];
        drop(world);
        self.begin(id)
    }

    /// Changes a build.
    ///
    /// # Panics
    /// Where there is no such build.
    pub fn build<T>(&self, job: &str, number: u64, change: impl FnOnce(&mut Build) -> T) -> T {
        let mut world = self.world();
        let item = world.item(job).unwrap();
        change(item.builds.iter_mut().find(|build| build.number == number).unwrap())
    }

    /// Ends a build, a minute later.
    ///
    /// # Panics
    /// Where there is no such build.
    pub fn end(&self, job: &str, number: u64, result: &str) {
        let mut world = self.world();
        world.now += 60_000;
        let now = world.now;
        drop(world);
        self.build(job, number, |build| {
            build.ended = Some(now);
            build.result = Some(result.to_owned());
            build.building = false;
            build.in_progress = false;
        });
    }

    /// Does what the `sh` steps of a job's script say, in a build of it. What they write is its log.
    ///
    /// # Panics
    /// Where there is no such build, or no shell.
    pub fn run_steps(&self, job: &str, number: u64) {
        let config = self.world().item(job).unwrap().config.clone();
        self.build(job, number, |build| build.log = Some(shell::run(&config, build)));
    }

    /// Ends every session, as a restart does.
    pub fn end_sessions(&self) {
        self.world().sessions.clear();
    }
}
