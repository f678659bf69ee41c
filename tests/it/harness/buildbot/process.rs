//! One of Buildbot's processes, and what it said.

use std::{
    collections::hash_map::RandomState,
    fs::OpenOptions,
    hash::BuildHasher as _,
    io::Write as _,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::host::{last_lines, wait};

use super::PATIENCE;

/// Between two looks at another process.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// It is killed when it goes, and what it said is shown where the test failed.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(super) fn start(name: &'static str, mut command: Command, log: PathBuf) -> Self {
        let output = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        Self { name, child: command.spawn().unwrap(), log }
    }

    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(super) fn said(&self) -> String {
        last_lines(&self.log)
    }

    /// Asks it to end, and waits for that.
    pub(super) fn stop(mut self) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(process, Signal::TERM).unwrap();
        let ended = wait(&mut self.child, PATIENCE);
        assert!(ended.is_some(), "{} does not end on SIGTERM; it said:\n{}", self.name, self.said());
    }

    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone by now, and then so be it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // The harness of the tests catches what a test says, and shows it where that failed.
            let _ = writeln!(std::io::stderr(), "{} said:\n{}", self.name, self.said());
        }
    }
}

/// A port that nobody has. It must stay ours while a master is away, so it is none that the system gives to whoever asks for any: those
/// begin at 32768 (`net.ipv4.ip_local_port_range`).
pub(super) fn free_port() -> u16 {
    const LOWEST: u16 = 20_000;
    const HIGHEST: u16 = 32_767;
    loop {
        let drawn = RandomState::new().hash_one(()) % u64::from(HIGHEST - LOWEST + 1);
        let port = LOWEST + u16::try_from(drawn).expect("it is less than the span of ports");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
