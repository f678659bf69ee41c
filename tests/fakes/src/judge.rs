//! Clients that we did not write (`tests/peers.toml`), each at work in a program of its own under `tests/judges`: a call is a line of JSON
//! to it, its answer a line back. What it is told by our fakes it says in words that all judges of a platform share.

#![expect(clippy::panic, reason = "a test that it is used in fails by it")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}

/// Says that the running test really spoke to this peer, which said that it is of this version. To be called when that has been
/// seen: `cargo xtask test` looks for the mark afterwards.
///
/// # Panics
/// Where it is not called in a test's own thread.
pub fn spoke(peer: &str, version: &str) {
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.rsplit("::").next()).expect("a test runs in a thread of its name");
    let folder = target().join("peers").join(peer);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(test), version).unwrap();
}

/// Where `cargo xtask peers` put something: `judges-node/node_modules`.
///
/// # Panics
/// Where it is not there.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    let path = target().join("tools").join(name);
    assert!(path.exists(), "{} is not there; `cargo xtask peers` installs it", path.display());
    path
}

/// A script of `tests/judges`, and what runs it.
#[must_use]
pub fn script(file: &str) -> Command {
    let path = root().join("tests/judges").join(file);
    let mut command = if file.ends_with(".py") {
        let mut command = Command::new(tool("judges-python/bin/python"));
        // Beside the scripts nothing is written.
        command.arg("-B");
        command
    } else {
        let mut command = Command::new(tool("judges-node/node/bin/node"));
        command.env("NODE_PATH", tool("judges-node/node_modules"));
        command
    };
    command.arg(path);
    command
}

/// Prism, which compares all that goes through it with GitHub's own description of its API (`tests/judges/node/ready.cjs`), and lets nothing
/// through that is otherwise.
pub struct Prism {
    _child: Child,
    url: String,
    version: String,
}

impl Prism {
    /// Before a fake GitHub.
    ///
    /// # Panics
    /// Where it does not begin.
    pub async fn before(fake: &str) -> Self {
        let package = tool("judges-node/node_modules/@stoplight/prism-cli");
        let told: Value = serde_json::from_slice(&std::fs::read(package.join("package.json")).unwrap()).unwrap();
        // It can't choose a port by itself.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(tool("judges-node/node/bin/node"));
        command.arg(package.join("dist/index.js")).args(["proxy", "--errors", "--host", "127.0.0.1", "--port"]);
        command.arg(free.port().to_string()).arg(tool("judges-node/github.json")).arg(fake);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = said.next_line().await.unwrap() {
            if line.contains("Prism is listening") {
                // It writes on, and would wait for ever once nobody reads it.
                tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
                let version = format!("Prism {}", told["version"].as_str().unwrap());
                return Self { _child: child, url: format!("http://{free}"), version };
            }
        }
        panic!("Prism ended: {:?}", child.wait().await);
    }

    /// Where it is asked.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which one it is.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// A client that waits for calls. It ends with this.
pub struct Judge {
    name: String,
    _child: Child,
    calls: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Judge {
    /// Begins a script of `tests/judges`.
    ///
    /// # Panics
    /// Where it can't be begun.
    #[must_use]
    pub fn begin(file: &str, arguments: &[&str]) -> Self {
        let mut command = script(file);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (calls, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { name: file.to_owned(), _child: child, calls, answers: BufReader::new(answers).lines() }
    }

    /// What the client makes of a call; an error is in its own words.
    ///
    /// # Errors
    /// Where the client's own call failed.
    ///
    /// # Panics
    /// Where the program ended.
    pub async fn try_ask(&mut self, call: &str, arguments: Value) -> Result<Value, String> {
        self.calls.write_all(format!("{}\n", json!([call, arguments])).as_bytes()).await.unwrap();
        let line = self.answers.next_line().await.unwrap();
        let line = line.unwrap_or_else(|| panic!("{} ended in {call}", self.name));
        let mut answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}: {line}", self.name));
        match answer["error"].take() {
            Value::Null => Ok(answer["value"].take()),
            error => Err(error.as_str().unwrap_or_default().to_owned()),
        }
    }

    /// The same, where it has to succeed.
    ///
    /// # Panics
    /// Where it did not.
    pub async fn ask(&mut self, call: &str, arguments: Value) -> Value {
        let answer = self.try_ask(call, arguments).await;
        answer.unwrap_or_else(|error| panic!("{}: {call}: {error}", self.name))
    }
}
