//! A small CI server that really builds, for the demo and the tests: what an operator would put behind the `webhook` plugin.
//!
//! It takes `run.trigger` and `run.cancel` as signed POSTs, clones a git repository, runs its `build.sh`, and reports through the
//! run's callbacks. It is a peer of the host, not a part of it: it knows the host by the documented protocol alone, so no crate of the host may
//! appear here. Its [`Tally`] is the judge of "exactly one run": what it counts, the host can't talk away.

mod build;
mod logs;
mod protocol;
mod receiver;
mod report;
mod signature;
mod tally;
mod workspace;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use tokio::{net::TcpListener, task::JoinSet};
use url::Url;

pub use signature::sign;
pub use tally::{Manner, Phase, RunRecord, Tally};

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What the triggers are signed with: `whsec_` and base64, or any text.
    pub signing_secret: String,
    /// Where builds are made; none: a temporary directory that goes with the server.
    pub workdir: Option<PathBuf>,
    /// How often a run says that it lives.
    pub heartbeat: Duration,
    /// How long a callback is tried again while the host does not answer.
    pub patience: Duration,
    /// How many builds are made at a time.
    pub builds_at_once: usize,
}

impl Config {
    /// Loopback, a free port, four builds at a time, two minutes of patience.
    #[must_use]
    pub fn new(signing_secret: impl Into<String>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            signing_secret: signing_secret.into(),
            workdir: None,
            heartbeat: Duration::from_secs(10),
            patience: Duration::from_secs(120),
            builds_at_once: 4,
        }
    }
}

/// A server at work. Dropping it ends its builds, their process groups included.
#[derive(Debug)]
pub struct SmallCi {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

/// What the receiver and the builds share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) own_url: Url,
    pub(crate) client: reqwest::Client,
    pub(crate) workdir: PathBuf,
    pub(crate) book: tally::Book,
    pub(crate) slots: Arc<tokio::sync::Semaphore>,
    builds: Mutex<JoinSet<()>>,
    /// Deleted with the server.
    _scratch: Option<tempfile::TempDir>,
}

impl Shared {
    pub(crate) fn builds(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SmallCi {
    /// Listens, and answers from then on.
    ///
    /// # Errors
    /// When the address is taken or the work directory can't be made.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(config.listen).await.with_context(|| format!("listening on {}", config.listen))?;
        let address = listener.local_addr()?;
        let (workdir, scratch) = if let Some(path) = &config.workdir {
            std::fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
            (path.clone(), None)
        } else {
            let scratch = tempfile::Builder::new().prefix("smallci-").tempdir()?;
            (scratch.path().to_owned(), Some(scratch))
        };
        // Somebody else in this process may have chosen one; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(60))
            .build()?;
        let shared = Arc::new(Shared {
            slots: Arc::new(tokio::sync::Semaphore::new(config.builds_at_once.max(1))),
            own_url: Url::parse(&format!("http://{address}/"))?,
            config,
            client,
            workdir,
            book: tally::Book::default(),
            builds: Mutex::default(),
            _scratch: scratch,
        });
        let app = receiver::router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // It ends when the handle is aborted; an error of one connection is that connection's.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a provider of the `webhook` plugin takes as its base URL.
    #[must_use]
    pub fn hook_url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What was seen until now.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.shared.book.tally()
    }

    /// How triggers are answered from now on.
    pub fn answer_by(&self, manner: Manner) {
        self.shared.book.set_manner(manner);
    }

    /// Waits until `found` finds something in the tally.
    ///
    /// # Errors
    /// When it has not within `patience`; the error shows the tally.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        patience: Duration,
        mut found: impl FnMut(&Tally) -> Option<T>,
    ) -> anyhow::Result<T> {
        let mut changes = self.shared.book.changes();
        let seen = async {
            loop {
                changes.borrow_and_update();
                if let Some(it) = found(&self.tally()) {
                    return it;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        match tokio::time::timeout(patience, seen).await {
            Ok(it) => Ok(it),
            Err(_) => anyhow::bail!("{what}: not within {patience:?}; the CI server saw {:#?}", self.tally()),
        }
    }
}

impl Drop for SmallCi {
    fn drop(&mut self) {
        self.server.abort();
        self.shared.builds().abort_all();
    }
}
