//! The demo: the main job with a real host, a real CI server and real output, told step by step.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, ensure};

use crate::{
    guests,
    process::{self, Running},
    tree,
};

/// What the demo's repository builds with.
const BUILD: &str = r#"#!/bin/sh
set -eu
echo "building version $VERSION for $BUILD_ENV"
for part in compile link pack; do echo "$part ..."; sleep 0.3; done
mkdir -p dist
printf 'backend %s (%s)\n' "$VERSION" "$BUILD_ENV" > dist/backend.bin
echo "done"
"#;

/// Shows the main job.
pub(crate) fn run(keep: bool) -> anyhow::Result<()> {
    guests::build()?;
    tree::run(
        "building the host and the small CI server",
        tree::cargo(["build", "--locked", "-p", "novacron-cicd", "-p", "novacron-cicd-smallci"]),
    )?;
    let began = Instant::now();
    let place = tempfile::Builder::new().prefix("novacron-cicd-demo-").tempdir()?;
    let mut stage = Stage::set(place.path())?;
    let shown = stage.play();
    let seconds = began.elapsed().as_secs_f64();
    if shown.is_err() {
        println!("\nThe host's last words:\n{}", process::tail(&place.path().join("host.log")));
    }
    shown?;
    println!("\nThat was the main job, in {seconds:.1} s. Where to look next:");
    println!("  README.md                  the same by hand, and what else there is");
    println!("  docs/webhook-provider.md   put your own CI system behind the webhook plugin");
    println!("  docs/plugin-author.md      write a provider of your own");
    if keep {
        stage.leave();
        let place = place.keep();
        println!("\nThe host is still running; its state is in {}.", place.display());
        println!("  talk to it:  {} --state-dir {} run list", stage.program.display(), place.join("state").display());
        println!("  stop it:     kill {} {}", stage.host.id(), stage.ci.id());
        println!("  clean up:    rm -r {}", place.display());
    } else {
        drop(stage);
        place.close()?;
        println!("\nNothing is left of it: the host is stopped, its directory is gone (--keep would leave both).");
    }
    Ok(())
}

/// A host and a CI server at work.
struct Stage {
    program: PathBuf,
    state: PathBuf,
    place: PathBuf,
    hook: String,
    host: Running,
    ci: Running,
}

impl Stage {
    fn set(place: &Path) -> anyhow::Result<Self> {
        println!("\nA git repository with a build script, made on the spot:");
        let repository = place.join("backend");
        fs::create_dir(&repository)?;
        fs::write(repository.join("build.sh"), BUILD)?;
        git(&repository, &["init", "--quiet", "--initial-branch", "main"])?;
        git(&repository, &["add", "--all"])?;
        let author = ["-c", "user.name=demo", "-c", "user.email=demo@localhost"];
        git(&repository, &[&author[..], &["commit", "--quiet", "--message", "A build"]].concat())?;
        println!("  {}", repository.display());

        println!("\nA small CI server that clones and builds for real, behind a signing secret:");
        let secret = place.join("signing.secret");
        fs::write(&secret, random_secret()?)?;
        let mut ci = Command::new(tree::program("smallci"));
        // Below the demo's own directory, so that it goes with it however the server ends.
        ci.arg("--secret-file")
            .arg(&secret)
            .arg("--workdir")
            .arg(place.join("ci"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut ci = Running::start(&mut ci)?;
        let output = ci.child().stdout.take().context("the small CI server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let said: serde_json::Value = serde_json::from_str(&line).context("what the small CI server says first")?;
        let hook = said["hook"].as_str().context("the small CI server says no address")?.to_owned();
        println!("  {hook}");

        println!("\nThe host, on its defaults but for a state directory of its own and a free port:");
        let state = place.join("state");
        fs::create_dir_all(state.join("plugins"))?;
        fs::copy(guests::component("novacron-cicd-plugin-webhook"), state.join("plugins/webhook.wasm"))?;
        let program = tree::program("novacron-cicd");
        println!("  $ novacron-cicd serve --listen {}", process::FREE_PORT);
        let host = Running::host(&program, &state, &place.join("host.log"))?;
        Ok(Self { program, state, place: place.to_owned(), hook, host, ci })
    }

    fn play(&self) -> anyhow::Result<()> {
        let secret = self.place.join("signing.secret");
        let repository = format!("file://{}", self.place.join("backend").display());
        self.step("The plugin was dropped into the plugin directory; the host took it in.", &["plugin", "list"])?;
        self.step(
            "A secret, by file: never as an argument.",
            &["secret", "set", "ci-key", "--from-file", &secret.to_string_lossy()],
        )?;
        self.step(
            "A provider: plugin, address, credential. Loopback has to be allowed by name.",
            &[
                "provider",
                "add",
                "ci",
                "--plugin",
                "webhook",
                "--base-url",
                &self.hook,
                "--credential",
                "signing=ci-key",
                "--grant-network",
                "127.0.0.1/32",
            ],
        )?;
        self.step(
            "A pipeline with typed parameters and a variable for its builds.",
            &[
                "pipeline",
                "create",
                "backend-build",
                "--provider",
                "ci",
                "--repository",
                &repository,
                "--ref",
                "main",
                "-e",
                "BUILD_ENV=production",
                "--param",
                "VERSION!",
                "--param",
                "RELEASE:bool=false",
            ],
        )?;
        let (refused, _) =
            self.command("What is wrong is refused before anything is sent.", &["pipeline", "run", "backend-build"])?;
        ensure!(!refused, "a run without its required parameter was not refused");
        self.step(
            "A run. The answer comes as soon as the wish is durable; the work goes on behind it.",
            &["pipeline", "run", "backend-build", "-p", "VERSION=1.2.3", "-p", "RELEASE=true"],
        )?;
        let run = self.id(&["run", "list", "-o", "json"])?;
        let log = self.step("Its log, live, until it has ended.", &["run", "logs", &run, "-f"])?;
        ensure!(log.contains("building version 1.2.3 for production"), "the build did not see what it was given");
        self.step("How it went; with --exit-status a script learns it too.", &["run", "watch", &run, "--exit-status"])?;
        self.step("Its jobs and what they needed.", &["run", "graph", &run])?;
        self.step("What it left behind.", &["artifact", "list"])?;
        let downloads = self.place.join("downloads");
        self.step(
            "Downloaded, and compared with the digest while it was written.",
            &["artifact", "download", "--run", &run, "--dir", &downloads.to_string_lossy()],
        )?;
        let bytes = fs::read_to_string(downloads.join("backend.bin"))?;
        ensure!(bytes == "backend 1.2.3 (production)\n", "the artifact is not what was built: {bytes:?}");
        println!("  backend.bin: {bytes}");
        Ok(())
    }

    /// Shows a command and what it says; it must succeed.
    fn step(&self, why: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let (well, output) = self.command(why, arguments)?;
        ensure!(well, "novacron-cicd {} failed", arguments.join(" "));
        Ok(output)
    }

    fn command(&self, why: &str, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
        println!("\n{why}\n  $ novacron-cicd {}", arguments.join(" "));
        let mut child = Command::new(&self.program)
            .args(arguments)
            .arg("--state-dir")
            .arg(&self.state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // Each line when it comes, so that what is live is seen to be.
        let mut said = String::new();
        let output = child.stdout.take().context("the command has no output")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("  {line}");
            said.push_str(&line);
            said.push('\n');
        }
        // What goes to stderr is a line or two, and never fills its pipe.
        let rest = child.wait_with_output()?;
        for line in String::from_utf8_lossy(&rest.stderr).lines() {
            println!("  {line}");
        }
        Ok((rest.status.success(), said))
    }

    /// The id of the first thing that a listing holds.
    fn id(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(&self.program).args(arguments).arg("--state-dir").arg(&self.state).output()?;
        let listing: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        Ok(listing[0]["id"]
            .as_str()
            .with_context(|| format!("novacron-cicd {} lists nothing", arguments.join(" ")))?
            .to_owned())
    }

    fn leave(&mut self) {
        self.host.leave();
        self.ci.leave();
    }
}

fn git(repository: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("git").arg("-C").arg(repository).args(arguments).status().context("starting git")?;
    ensure!(status.success(), "git {}: {status}", arguments.join(" "));
    Ok(())
}

/// 32 random bytes as text: any text will do as a signing secret.
fn random_secret() -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
