//! One life of a host: started, asked, ended by a signal to the one process that was started here.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Api, Cli, Home, PATIENCE, faulty_program, program};

/// How a host is started.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    /// At this fault point the process aborts: `trigger.stored`, `trigger.stored:2`.
    pub(crate) fault: Option<String>,
    /// The program with fault points, even where none is to be hit.
    pub(crate) faulty: bool,
    /// At this port; none: one that is free.
    pub(crate) port: Option<u16>,
    /// The state directory is a file system of this many KiB.
    pub(crate) disk_kib: Option<u64>,
    /// Further variables.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// A host at work. It is killed when it goes.
pub(crate) struct Host {
    home: Arc<Home>,
    child: Child,
    address: String,
    token: String,
}

impl Host {
    /// Starts a host and waits until it is ready.
    pub(crate) async fn start(home: &Arc<Home>, setup: Setup) -> Self {
        let child = spawn(home, &setup);
        let mut host = Self { home: Arc::clone(home), child, address: String::new(), token: String::new() };
        host.await_ready().await;
        host
    }

    /// Starts a host that is to end by itself, and waits for that.
    pub(crate) fn run_to_end(home: &Home, setup: &Setup) -> ExitStatus {
        let mut child = spawn(home, setup);
        wait(&mut child, PATIENCE).unwrap_or_else(|| {
            child.kill().unwrap();
            panic!("the host still runs, though it was expected to end; it said:\n{}", said(home));
        })
    }

    async fn await_ready(&mut self) {
        let began = Instant::now();
        loop {
            if let Some(found) = self.announced() {
                (self.address, self.token) = found;
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the host ended with {status} before it was ready; it said:\n{}", said(&self.home));
            }
            assert!(began.elapsed() < PATIENCE, "the host is not ready; it said:\n{}", said(&self.home));
            // The file is written by another process; there is no event of it that is worth a dependency.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What this very process wrote when it was ready: where it listens, and the first token.
    fn announced(&self) -> Option<(String, String)> {
        let text = std::fs::read_to_string(self.state().join("daemon.json")).ok()?;
        let announced: Value = serde_json::from_str(&text).ok()?;
        if announced["pid"].as_u64()? != u64::from(self.child.id()) {
            return None;
        }
        let address = announced["url"].as_str()?.trim_end_matches('/').to_owned();
        let token = std::fs::read_to_string(self.state().join("admin.token")).ok()?;
        Some((address, token.trim().to_owned()))
    }

    /// The state directory as the host sees it: it may be a file system that only the host has mounted.
    pub(crate) fn state(&self) -> PathBuf {
        let path = self.home.state();
        PathBuf::from(format!("/proc/{}/root{}", self.child.id(), path.display()))
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.home
    }

    pub(crate) fn port(&self) -> u16 {
        url::Url::parse(&self.address).unwrap().port().unwrap()
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A client with the first token.
    pub(crate) async fn api(&self) -> Api {
        Api::new(&self.address, &self.token).await
    }

    /// The command line as a person on this machine has it.
    pub(crate) fn cli(&self) -> Cli {
        Cli::new(&self.home, &self.address)
    }

    /// As a power cut would.
    pub(crate) fn kill(mut self) -> u16 {
        let port = self.port();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        port
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the host still runs; it said:\n{}", said(&self.home));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it has ended by a fault point.
    pub(crate) async fn aborted(&mut self) {
        let status = self.ended().await;
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{status}; it said:\n{}", said(&self.home));
    }

    /// Asks it to end, as an operator does, and waits for that.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let process = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(process, Signal::TERM).unwrap();
        wait(&mut self.child, PATIENCE)
            .unwrap_or_else(|| panic!("the host does not end on SIGTERM; it said:\n{}", said(&self.home)))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may be gone by now, and then so be it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // The harness of the tests catches what a test says, and shows it where that failed.
            let _ = writeln!(std::io::stderr(), "the host said:\n{}", said(&self.home));
        }
    }
}

fn said(home: &Home) -> String {
    last_lines(&home.log())
}

/// What a process wrote last.
pub(super) fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// The end of a process, where it comes in that time.
pub(super) fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let began = Instant::now();
    while began.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        pause();
    }
    None
}

#[expect(clippy::disallowed_methods, reason = "a process that is waited for has no event to await")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

fn spawn(home: &Home, setup: &Setup) -> Child {
    let program = if setup.faulty || setup.fault.is_some() { faulty_program() } else { program() };
    let log = OpenOptions::new().create(true).append(true).open(home.log()).unwrap();
    let address = format!("127.0.0.1:{}", setup.port.unwrap_or(0));
    let mut command = match setup.disk_kib {
        None => Command::new(&program),
        Some(kib) => on_a_small_disk(home, kib, &program),
    };
    command
        .arg("serve")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.user())
        .env("NOVACRON_CICD_LISTEN", address)
        .env("NOVACRON_CICD_STATE_DIR", home.state())
        .env("NOVACRON_CICD_PLUGIN_DIRS", home.plugins())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    if let Some(fault) = &setup.fault {
        command.env("NOVACRON_CICD_FAULT", fault);
    }
    for (name, value) in &setup.variables {
        command.env(name, value);
    }
    command.spawn().unwrap()
}

/// The program in a mount namespace of its own, where the state directory is a small file system in memory. Needs root, or a kernel that
/// lets everybody make namespaces; fails loudly where there is neither, because then nothing was tested.
fn on_a_small_disk(home: &Home, kib: u64, program: &std::path::Path) -> Command {
    std::fs::create_dir_all(home.state()).unwrap();
    let mount = format!("mount -t tmpfs -o size={kib}k,mode=0700 tmpfs \"$1\"");
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let way = ways.into_iter().find(|way| {
        let mut probe = Command::new("unshare");
        probe.args(*way).args(["sh", "-c", &mount, "probe"]).arg(home.state()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    });
    let way = way.expect(
        "a full disk needs a small file system: `unshare --mount` works neither as we are nor in a user namespace",
    );
    let mut command = Command::new("unshare");
    // `exec` all along, so that the process that was started is the host.
    command
        .args(way)
        .args(["sh", "-c", &format!("{mount} && exec \"$2\" \"$3\""), "host"])
        .arg(home.state())
        .arg(program);
    command
}
