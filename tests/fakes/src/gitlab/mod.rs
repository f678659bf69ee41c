//! A GitLab, as far as clients get it wrong. Faithful to the behaviours that GitLab's documentation and sources show
//! (`doc/api/`, `lib/api/`), not to its pages; with whole objects, so that its own clients take it for one.
//!
//! It stands under a relative root and does nothing by itself: whoever drives it says when a job begins, what it writes and how
//! it ends. What follows from that (the next stage, the pipeline's status, deployments) follows as it does there.

mod content;
mod definition;
mod events;
mod flow;
mod graphql;
mod objects;
mod page;
mod pipelines;
mod platform;
mod routes;
mod variables;
mod world;

use std::ops::Deref;

use crate::server::{Answer, Platform, Seen, Server};

pub use definition::Spec;
pub use events::Event;
pub use world::{File, Job, Pipeline, Project, Stored, World};

/// Below which path it stands.
pub const CONTEXT: &str = "/gitlab";
/// Its only user.
pub const USER: &str = "ci-bot";

/// A GitLab on loopback.
pub struct GitLab(Server<World>);

impl Deref for GitLab {
    type Target = Server<World>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Platform for World {
    fn answer(&mut self, request: &Seen) -> Answer {
        let now = self.http_date();
        routes::serve(self, request).header("date", now)
    }
}

/// Where artifacts lie: another origin, which wants to be asked without a credential.
pub struct Storage(Server<Shelf>);

/// What lies there, by path.
#[derive(Default)]
pub struct Shelf(pub std::collections::BTreeMap<String, Vec<u8>>);

impl Platform for Shelf {
    fn answer(&mut self, request: &Seen) -> Answer {
        if ["private-token", "authorization", "job-token", "cookie"].iter().any(|name| request.header(name).is_some()) {
            return Answer::new(400).body("text/xml", "<Error><Code>InvalidArgument</Code></Error>");
        }
        match self.0.get(request.path()) {
            Some(bytes) => Answer::new(200).body("application/zip", bytes.clone()),
            None => Answer::new(404),
        }
    }
}

impl Deref for Storage {
    type Target = Server<Shelf>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl GitLab {
    /// With these projects. Its user's token is [`crate::house::secret`] of the slot's name.
    ///
    /// # Panics
    /// Where loopback can't be listened on.
    pub async fn start(projects: Vec<Project>) -> Self {
        Self(Server::start(CONTEXT, World::new(projects)).await)
    }

    /// Lets artifacts lie elsewhere from now on.
    ///
    /// # Panics
    /// Where loopback can't be listened on.
    pub async fn with_storage(&self) -> Storage {
        let storage = Storage(Server::start("", Shelf::default()).await);
        self.world().storage = Some(storage.url());
        storage
    }

    /// Looks at a job, or changes it, whatever follows from that.
    ///
    /// # Panics
    /// Where there is no such job.
    pub fn job<T>(&self, id: u64, change: impl FnOnce(&mut Job) -> T) -> T {
        change(self.world().job(id).unwrap())
    }

    /// Looks at a pipeline, or changes it.
    ///
    /// # Panics
    /// Where there is no such pipeline.
    pub fn pipeline<T>(&self, id: u64, change: impl FnOnce(&mut Pipeline) -> T) -> T {
        change(self.world().pipeline(id).unwrap())
    }

    /// The newest job of that name in a pipeline.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn job_named(&self, pipeline: u64, name: &str) -> u64 {
        let found = |pipeline: &mut Pipeline| pipeline.jobs.iter().rev().find(|job| job.name == name).unwrap().id;
        self.pipeline(pipeline, found)
    }

    /// As [`World::pending`].
    #[must_use]
    pub fn pending(&self) -> Vec<u64> {
        self.world().pending()
    }

    /// As [`World::begin`].
    pub fn begin(&self, job: u64) {
        self.world().begin(job);
    }

    /// Adds to a job's log.
    pub fn write(&self, job: u64, text: &[u8]) {
        self.job(job, |job| job.trace.extend_from_slice(text));
    }

    /// As [`World::end`].
    pub fn end(&self, job: u64, status: &str) {
        self.world().end(job, status);
    }

    /// Lets jobs appear that were made asynchronously.
    pub fn hatch(&self, pipeline: u64) {
        self.world().hatch(pipeline);
    }

    /// As [`World::start_by`].
    #[must_use]
    pub fn start_by(&self, project: &str, source: &str) -> u64 {
        self.world().start_by(project, source)
    }
}
