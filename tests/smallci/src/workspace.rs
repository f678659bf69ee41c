//! One build's directory and the processes in it: git, and the repository's own script, each in a process group that can be ended whole.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, Command},
};
use tokio_util::sync::CancellationToken;

use crate::logs::LogWriter;

/// How a process ended.
pub(crate) enum Ended {
    Itself(ExitStatus),
    Killed,
}

/// Ends the whole group when it goes, unless its leader is known to be gone.
struct Group {
    leader: Option<Pid>,
}

impl Group {
    fn of(child: &Child) -> Self {
        Self { leader: child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) }
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // It may have ended by itself in this moment.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where the source is, inside the build's directory.
pub(crate) fn source(directory: &Path) -> PathBuf {
    directory.join("source")
}

fn bare_command(program: &str, directory: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()))
        .env("HOME", home)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Runs it with both outputs into the log, in order.
async fn run(mut command: Command, log: &LogWriter, stop: &CancellationToken) -> anyhow::Result<Ended> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut group = Group::of(&child);
    let mut output = child.stdout.take().context("its output is piped")?;
    let copy = async {
        let mut buffer = vec![0; 8 * 1024];
        loop {
            match output.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(length) => log.write(buffer[..length].to_vec()).await,
            }
        }
    };
    tokio::select! {
        () = copy => {
            tokio::select! {
                status = child.wait() => { let status = status?; group.kill(); Ok(Ended::Itself(status)) }
                () = stop.cancelled() => { group.kill(); child.wait().await?; Ok(Ended::Killed) }
            }
        }
        () = stop.cancelled() => { group.kill(); child.wait().await?; Ok(Ended::Killed) }
    }
}

/// Fetches one revision of `repository`, and says which commit that is.
pub(crate) async fn clone(
    directory: &Path,
    repository: &str,
    reference: Option<&str>,
    log: &LogWriter,
    stop: &CancellationToken,
) -> anyhow::Result<Result<String, Ended>> {
    let reference = reference.unwrap_or("HEAD");
    // What comes from outside is never read as an option.
    anyhow::ensure!(
        !repository.starts_with('-') && !reference.starts_with('-'),
        "neither repository nor reference may begin with a dash: {repository} {reference}"
    );
    let source = source(directory);
    tokio::fs::create_dir_all(&source).await?;
    let script = r#"exec 2>&1; set -e
git init -q .
git fetch -q --depth 1 -- "$1" "$2"
git -c advice.detachedHead=false checkout -q FETCH_HEAD"#;
    let mut command = bare_command("sh", &source, directory);
    command.args(["-c", script, "clone", repository, reference]);
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_NOSYSTEM", "1");
    match run(command, log, stop).await? {
        Ended::Itself(status) if status.success() => {}
        ended => return Ok(Err(ended)),
    }
    let head = bare_command("git", &source, directory).args(["rev-parse", "HEAD"]).output().await?;
    anyhow::ensure!(head.status.success(), "git rev-parse HEAD: {}", head.status);
    Ok(Ok(String::from_utf8_lossy(&head.stdout).trim().to_owned()))
}

/// Runs the repository's `build.sh` with what the run was given in its environment.
pub(crate) async fn build(
    directory: &Path,
    variables: &BTreeMap<String, String>,
    log: &LogWriter,
    stop: &CancellationToken,
) -> anyhow::Result<Ended> {
    let mut command = bare_command("sh", &source(directory), directory);
    command.args(["-c", "exec sh ./build.sh 2>&1"]);
    for (name, value) in variables {
        // The build's own directory and search path stay ours.
        if name != "HOME" && name != "PATH" {
            command.env(name, value);
        }
    }
    run(command, log, stop).await
}

/// The files that the build left in `dist/`, by name.
pub(crate) async fn products(directory: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut products = Vec::new();
    let mut entries = match tokio::fs::read_dir(source(directory).join("dist")).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(products),
        Err(error) => return Err(error.into()),
    };
    while let Some(entry) = entries.next_entry().await? {
        if entry.file_type().await?.is_file() {
            products.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    products.sort();
    Ok(products)
}
