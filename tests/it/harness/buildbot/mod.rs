//! A Buildbot: a CI server that we did not write, one master and one worker on loopback, in a directory that goes with the test.
//!
//! Its own REST API is the judge of what reached it (`judge.rs`). Both processes are ended by their id when it goes; what a build runs ends by
//! itself as soon as the directory is gone. `master.cfg` says which builders there are.

mod judge;
mod process;
mod published;

use std::{fs, path::PathBuf, process::Command, time::Instant};

use process::Process;
use published::Published;
use tempfile::TempDir;

use super::{PATIENCE, required, target};

/// Who may act on it, and the password. It protects nothing.
pub(crate) const USER: &str = "op";
pub(crate) const PASSWORD: &str = "buildbot-tests-only";

const MASTER: &str = include_str!("master.cfg");
const MASTER_APPLICATION: &str = include_str!("master.tac");
const WORKER_APPLICATION: &str = include_str!("worker.tac");
/// How often other ports are tried, where somebody was quicker.
const ATTEMPTS: usize = 5;

/// How long a session is good for, in seconds: a week, as Buildbot has it where nobody says.
const SESSION: u32 = 604_800;

pub(crate) struct Buildbot {
    session: u32,
    hook: Option<Hook>,
    master: Option<Process>,
    worker: Option<Process>,
    ports: Ports,
    published: Published,
    http: reqwest::Client,
    place: TempDir,
}

/// Where it tells of its builds, and with which token.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) url: String,
    pub(crate) token: &'static str,
}

/// Where it listens: for people and programs, and for its worker.
#[derive(Clone, Copy)]
struct Ports {
    www: u16,
    worker: u16,
}

/// Somebody else listens there.
struct PortTaken;

impl Buildbot {
    /// Starts one, and waits until its worker is connected.
    pub(crate) async fn start() -> Self {
        Self::set(SESSION, None).await
    }

    /// The same that tells of its builds.
    pub(crate) async fn that_tells(hook: Hook) -> Self {
        Self::set(SESSION, Some(hook)).await
    }

    /// The same with sessions that run out after so many seconds.
    pub(crate) async fn with_sessions_of(seconds: u32) -> Self {
        Self::set(seconds, None).await
    }

    async fn set(seconds: u32, hook: Option<Hook>) -> Self {
        for _ in 0..ATTEMPTS {
            let mut it = Self::create(seconds, hook.clone()).await;
            if it.start_master().await.is_ok() {
                it.start_worker().await;
                return it;
            }
        }
        panic!("in {ATTEMPTS} attempts there were no free ports for a Buildbot");
    }

    async fn create(session: u32, hook: Option<Hook>) -> Self {
        let place = tempfile::Builder::new().prefix("cicd-buildbot-").tempdir().unwrap();
        let folder = |name: &str| place.path().join(name);
        for name in ["worker", "published"] {
            fs::create_dir(folder(name)).unwrap();
        }
        let mut create = run("from buildbot.scripts.runner import run; run()");
        create.args(["create-master", "--quiet", "master"]).current_dir(place.path());
        let made = tokio::task::spawn_blocking(move || create.output().unwrap()).await.unwrap();
        assert!(made.status.success(), "buildbot create-master: {}", String::from_utf8_lossy(&made.stderr));
        fs::write(folder("master/master.cfg"), MASTER).unwrap();
        fs::write(folder("master/master.tac"), MASTER_APPLICATION).unwrap();
        fs::write(folder("worker/worker.tac"), WORKER_APPLICATION).unwrap();
        let published = Published::serve(folder("published")).await;
        let (www, worker) = (process::free_port(), process::free_port());
        // Another scenario in this process may have chosen one; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self { session, hook, master: None, worker: None, ports: Ports { www, worker }, published, http, place }
    }

    /// Where it is: the base URL of a provider.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.www)
    }

    /// The second origin, where its steps publish files.
    pub(crate) fn published(&self) -> &Published {
        &self.published
    }

    /// Lets builds of `gated` go on that wait for this gate.
    pub(crate) fn open(&self, gate: &str) {
        fs::write(self.place.path().join(gate), "").unwrap();
    }

    /// Ends the master as an operator does; the worker stays, and comes back to the next one.
    pub(crate) fn stop_master(&mut self) {
        self.master.take().expect("it runs").stop();
    }

    /// Ends the master as a power cut would.
    pub(crate) fn kill_master(&mut self) {
        self.master.take().expect("it runs").kill();
    }

    /// Starts the master that has ended, with all that it knew, and waits until the worker has found it.
    pub(crate) async fn start_master_again(&mut self) {
        assert!(self.start_master().await.is_ok(), "somebody took the port of a master that was away");
        self.await_worker().await;
    }

    async fn start_master(&mut self) -> Result<(), PortTaken> {
        let command = self.twistd("master");
        let master = self.master.insert(Process::start("the master", command, self.place.path().join("master.log")));
        let began = Instant::now();
        let config = format!("http://127.0.0.1:{}/config", self.ports.www);
        loop {
            // Where somebody else answers at that port, it is under another title.
            if let Ok(answer) = self.http.get(&config).send().await
                && let Ok(config) = answer.json::<serde_json::Value>().await
                && config["title"] == title(&self.place)
            {
                return Ok(());
            }
            if let Some(status) = master.ended() {
                if master.said().contains("CannotListenError") {
                    return Err(PortTaken);
                }
                panic!("the master ended with {status} before it was ready; it said:\n{}", master.said());
            }
            assert!(began.elapsed() < PATIENCE, "the master is not ready; it said:\n{}", master.said());
            tokio::time::sleep(process::PAUSE).await;
        }
    }

    async fn start_worker(&mut self) {
        let command = self.twistd("worker");
        self.worker = Some(Process::start("the worker", command, self.place.path().join("worker.log")));
        self.await_worker().await;
    }

    async fn await_worker(&self) {
        super::eventually("the worker's arrival", async || {
            let workers = self.try_get("workers/w1").await.ok()?;
            (!workers["workers"][0]["connected_to"].as_array()?.is_empty()).then_some(())
        })
        .await;
    }

    /// `twistd` in the foreground, in the folder of this name.
    fn twistd(&self, name: &str) -> Command {
        let mut command = run("from twisted.scripts.twistd import run; run()");
        // Where a client is killed, the reactor that twistd takes by itself may lose track of a descriptor, and then refuses every
        // connection that is given it (`epollreactor.py`: `_poller.modify` finds no such file).
        command
            .arg("--reactor=poll")
            .args(["--nodaemon", "--no_save", "--pidfile=", "--python", &format!("{name}.tac")])
            .current_dir(self.place.path().join(name))
            .env("PLACE", self.place.path())
            .env("TITLE", title(&self.place))
            .env("WWW_PORT", self.ports.www.to_string())
            .env("WORKER_PORT", self.ports.worker.to_string())
            .env("PUBLISHED", self.published.url())
            .env("OP_PASSWORD", PASSWORD)
            .env("SESSION_SECONDS", self.session.to_string());
        if let Some(Hook { url, token }) = &self.hook {
            command.env("HOOK", url).env("HOOK_TOKEN", token);
        }
        command
    }
}

/// Tells one Buildbot from another at the same port.
fn title(place: &TempDir) -> String {
    place.path().file_name().expect("a temporary directory has a name").to_string_lossy().into_owned()
}

/// One of Buildbot's programs. Its scripts name the path that they were installed at, before it was renamed; its Python finds all by itself.
fn run(program: &str) -> Command {
    let python: PathBuf = required(target().join("tools/buildbot/bin/python"));
    let mut command = Command::new(python);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(["-c", program]);
    command
}
