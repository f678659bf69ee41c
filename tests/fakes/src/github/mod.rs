//! GitHub's API, as far as it concerns Actions and what stands around it. Faithful to its OpenAPI description (2022-11-28 and
//! 2026-03-10) and to recorded answers, with the behaviours that clients get wrong: runs that are listed late, logs on another
//! origin that refuses credentials, sealed secrets, locks by content, renamed repositories.
//!
//! It does nothing by itself: a test, or an engine behind it, begins runs, makes their jobs and ends them.

mod actions;
mod contents;
mod deliver;
mod deploy;
mod drive;
mod hooks;
mod releases;
mod routes;
mod show;
mod source;
mod stores;
mod world;

use std::{ops::Deref, sync::Arc};

pub use drive::Work;
pub use world::{Attempt, Delivery, Deployment, Hook, Job, Release, Repo, Run, Runner, Workflow, World, sha};

use crate::server::{Answer, Fault, Platform, Seen, Server};
use world::Blobs;

/// GitHub on loopback.
pub struct Github {
    server: Server<World>,
    storage: Server<Storage>,
}

impl Deref for Github {
    type Target = Server<World>;

    fn deref(&self) -> &Self::Target {
        &self.server
    }
}

/// Where logs and archives lie. It has its own way to know who asks, and refuses GitHub's.
struct Storage(Blobs);

impl Platform for Storage {
    fn answer(&mut self, request: &Seen) -> Answer {
        if request.header("authorization").is_some() {
            let said = "<?xml version=\"1.0\"?><Error><Code>InvalidAuthenticationInfo</Code></Error>";
            return Answer::new(400).body("application/xml", said);
        }
        let name = request.path().trim_start_matches('/');
        match self.0.lock().unwrap().get(name) {
            Some(bytes) => Answer::new(200).body("application/octet-stream", bytes.clone()),
            None => Answer::new(404).body("application/xml", "<Error><Code>BlobNotFound</Code></Error>"),
        }
    }
}

impl Github {
    /// With nothing in it. Its token is [`crate::house::secret`] of `token`.
    ///
    /// # Panics
    /// Where loopback can't be listened on.
    pub async fn start() -> Self {
        let blobs: Blobs = Arc::default();
        let storage = Server::start("", Storage(blobs.clone())).await;
        let world = World {
            base: String::new(),
            blob_url: storage.url(),
            blobs,
            now: 1_800_000_000_000,
            token: crate::house::secret("token"),
            scopes: Some("repo, workflow".into()),
            minted: Vec::new(),
            app: None,
            run_details: true,
            lag: 0,
            filters_stall: false,
            repos: Vec::new(),
            // GitHub's numbers are over 2^32.
            next: 17_000_000_000,
        };
        Self { server: Server::start("", world).await, storage }
    }

    /// What the storage was asked.
    #[must_use]
    pub fn fetched(&self) -> Vec<Seen> {
        self.storage.seen()
    }
}

/// That the hour's requests are spent until `reset`, in seconds since the epoch.
#[must_use]
pub fn spent(reset: u64) -> Fault {
    let headers = [("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", reset.to_string())];
    let body = r#"{"message":"API rate limit exceeded for user ID 1.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}"#;
    Fault::Refuse(403, headers.map(|(name, value)| (name.to_owned(), value)).to_vec(), body.into())
}

/// That too much was asked at once; how long to wait is said in the header, or not at all.
#[must_use]
pub fn too_fast(retry_after: Option<u64>) -> Fault {
    let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())).into_iter().collect();
    let body = r#"{"message":"You have exceeded a secondary rate limit.","documentation_url":"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"}"#;
    Fault::Refuse(if retry_after.is_some() { 429 } else { 403 }, headers, body.into())
}
