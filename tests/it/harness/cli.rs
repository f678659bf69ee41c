//! The command line as a person has it: no variables but the usual ones, no terminal.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{Home, PATIENCE, program};

/// Where and as whom commands are given.
#[derive(Clone)]
pub(crate) struct Cli {
    home: PathBuf,
    work: PathBuf,
    state: PathBuf,
    url: String,
    token: Option<String>,
}

/// What became of a command.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    words: String,
}

impl Cli {
    pub(crate) fn new(home: &Home, url: &str) -> Self {
        Self { home: home.user(), work: home.work(), state: home.state(), url: url.to_owned(), token: None }
    }

    /// The same with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same asking another address.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// The command, not yet started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(words)
            .current_dir(&self.work)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("COLUMNS", "110")
            .env("NOVACRON_CICD_URL", &self.url)
            .env("NOVACRON_CICD_STATE_DIR", &self.state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(token) = &self.token {
            command.env("NOVACRON_CICD_TOKEN", token);
        }
        command
    }

    /// Gives the command and waits for its end.
    pub(crate) async fn run(&self, words: &[&str]) -> Ended {
        self.run_with_input(words, None).await
    }

    /// The same with something on its standard input.
    pub(crate) async fn run_with_input(&self, words: &[&str], input: Option<&str>) -> Ended {
        let began = std::time::Instant::now();
        let mut command = self.command(words);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            pipe.write_all(input.as_bytes()).await.unwrap();
        }
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
            .await
            .unwrap_or_else(|_| panic!("`{}` does not end", words.join(" ")))
            .unwrap();
        Ended {
            code: code(output.status),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            took: began.elapsed(),
            words: words.join(" "),
        }
    }

    /// Gives a command that is to go well, and answers its output.
    pub(crate) async fn ok(&self, words: &[&str]) -> String {
        self.run(words).await.expect_code(0).stdout
    }

    /// The same, with its output as JSON.
    pub(crate) async fn json(&self, words: &[&str]) -> serde_json::Value {
        let words: Vec<_> = words.iter().copied().chain(["-o", "json"]).collect();
        let text = self.ok(&words).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("`{}`: {error}:\n{text}", words.join(" ")))
    }
}

impl Ended {
    /// Fails where the command ended otherwise.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "$ novacron-cicd {}\n{}{}(exit {})", self.words, self.stdout, self.stderr, self.code)
    }
}

/// As a shell counts: 128 and the signal.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(-1)
}
