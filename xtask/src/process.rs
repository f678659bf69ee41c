//! Programs that are started and looked after: none outlives the command that started it, unless it is left on purpose.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

/// Where a host listens that must get along with others.
pub(crate) const FREE_PORT: &str = "127.0.0.1:0";
/// How long a host may take until it serves.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether it does: a measured start is exact to this.
const LOOK: Duration = Duration::from_micros(500);

/// A program at work. Dropping it ends it at once.
pub(crate) struct Running {
    child: Child,
    left: bool,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.spawn().with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
        Ok(Self { child, left: false })
    }

    /// Starts the host on this state directory and a free port, and waits until it serves; what it says goes to `log`.
    pub(crate) fn host(program: &Path, state: &Path, log: &Path) -> anyhow::Result<Self> {
        let said = File::create(log).with_context(|| format!("writing {}", log.display()))?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", FREE_PORT, "--state-dir"]).arg(state);
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
        let mut host = Self::start(&mut command)?;
        let began = Instant::now();
        while !state.join("daemon.json").exists() {
            if let Some(status) = host.child.try_wait()? {
                bail!("the host ended at once ({status}):\n{}", tail(log));
            }
            ensure!(began.elapsed() < PATIENCE, "the host was not ready within {PATIENCE:?}:\n{}", tail(log));
            pause(LOOK);
        }
        Ok(host)
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        signal("TERM", &self.id().to_string())?;
        self.child.wait()?;
        Ok(())
    }

    /// It goes on when we have ended.
    pub(crate) fn leave(&mut self) {
        self.left = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.left {
            // It has ended already where this fails.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// `kill`, since the standard library only knows KILL, and only for one process; a group is its number after a dash.
pub(crate) fn signal(name: &str, process: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args(["-s", name, "--", process]).status().context("starting kill")?;
    ensure!(status.success(), "kill -s {name} -- {process}: {status}");
    Ok(())
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    last_lines(&std::fs::read_to_string(log).unwrap_or_default())
}

/// As many of the last lines as a person will read.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[expect(clippy::disallowed_methods, reason = "a single thread that waits for a process")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
