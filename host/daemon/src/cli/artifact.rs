//! `novacron-cicd artifact`

mod attestations;
mod upload;

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use novacron_cicd_domain::id::{ArtifactId, RunId};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    CliError, Exit,
    change::{self, Waiting},
    client::{self, Client},
    output::{Output, Rows, bytes, or_dash},
};
use crate::api::{
    artifacts::{ArtifactView, SHA256},
    words,
};

/// What to do with artifacts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List artifacts
    List(List),
    /// Download artifacts and check them
    #[command(
        after_help = "The sha256 is computed while the bytes are written to a file beside the target, which takes the
target's name only where it is right.

Examples:
  $ novacron-cicd artifact download 019732a4-7c1e-7f00-8000-000000000001
  $ novacron-cicd artifact download --run 019732a4-7c1e-7f00-8000-000000000002 --dir out
  $ novacron-cicd artifact download --run 019732a4-7c1e-7f00-8000-000000000002 --name app.tar.gz --file app.tgz"
    )]
    Download(Download),
    /// Put an artifact, or a file, on a platform
    #[command(after_help = "A file is taken in as an artifact first, and goes to the platform from there.

Examples:
  $ novacron-cicd artifact upload 019732a4-7c1e-7f00-8000-000000000001 --provider ci-prod --wait
  $ novacron-cicd artifact upload --file app.tar.gz --version 1.2.3 --provider ci-prod --wait")]
    Upload(Box<upload::Upload>),
    /// List what a platform has stated and signed of an artifact, and download it
    #[command(
        after_help = "What is downloaded is as the platform hands it out: its signature is checked by whoever uses it.

Example:
  $ novacron-cicd artifact attestations 019732a4-7c1e-7f00-8000-000000000001 --download statements"
    )]
    Attestations(attestations::Attestations),
    /// Have the platform keep an artifact until somebody deletes it
    Keep(Keep),
    /// Delete an artifact on its platform
    Delete(Delete),
}

/// One artifact.
#[derive(Debug, Args)]
pub struct Keep {
    /// The artifact's id
    id: ArtifactId,
    #[command(flatten)]
    waiting: Waiting,
}

/// An artifact that goes from its platform.
#[derive(Debug, Args)]
pub struct Delete {
    /// The artifact's id
    id: ArtifactId,
    /// Delete it on the platform; what is known of it here is kept
    #[arg(long, required = true)]
    remote: bool,
    #[command(flatten)]
    waiting: Waiting,
}

/// Which artifacts.
#[derive(Debug, Args)]
pub struct List {
    /// Of this run only
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,
    /// Of this name only
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// What to download, and where to.
#[derive(Debug, Args)]
pub struct Download {
    /// The artifact's id
    #[arg(required_unless_present = "run", conflicts_with_all = ["run", "name"])]
    id: Option<ArtifactId>,
    /// All artifacts of this run
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,
    /// Of the run's artifacts the one of this name
    #[arg(long, value_name = "NAME", requires = "run")]
    name: Option<String>,
    /// Into this directory; it is made where it is not there
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Into this file
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    file: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(list) => {
            let filters = [("run", list.run.map(|run| run.to_string())), ("name", list.name)];
            let query: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let (answer, more) = client.list::<ArtifactView>("/v1/artifacts", &query, list.limit).await?;
            let mut rows = Rows::new("artifacts", &["ID", "NAME", "VERSION", "KIND", "SIZE", "SHA256", "CREATED"]);
            for artifact in &answer.typed {
                rows.push(vec![
                    artifact.id.to_string(),
                    artifact.name.clone(),
                    or_dash(artifact.version.as_deref()),
                    words::serialized(artifact.kind),
                    artifact.size.map_or_else(|| "-".to_owned(), bytes),
                    artifact.sha256.as_ref().map_or_else(
                        || "-".to_owned(),
                        |sha256| sha256.chars().take(if out.terminal { 12 } else { 64 }).collect(),
                    ),
                    out.time(Some(artifact.created)),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
        Verb::Download(download) => self::download(download, client, out).await,
        Verb::Upload(upload) => upload::upload(*upload, client, out).await,
        Verb::Attestations(wanted) => attestations::run(wanted, client, out).await,
        Verb::Keep(keep) => {
            let path = format!("/v1/artifacts/{}/keep", keep.id);
            change::tell(Method::POST, &path, keep.waiting, client, out).await
        }
        Verb::Delete(delete) => {
            let path = format!("/v1/artifacts/{}?remote={}", delete.id, delete.remote);
            change::tell(Method::DELETE, &path, delete.waiting, client, out).await
        }
    }
}

async fn download(download: Download, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let artifacts = match (download.id, download.run) {
        (Some(id), _) => vec![client.get::<ArtifactView>(&format!("/v1/artifacts/{id}")).await?.typed],
        (None, Some(run)) => {
            let query: Vec<_> = download.name.clone().into_iter().map(|name| ("name", name)).collect();
            let path = format!("/v1/runs/{run}/artifacts");
            client.list::<ArtifactView>(&path, &query, 10_000).await?.0.typed
        }
        (None, None) => Vec::new(),
    };
    if let (0, Some(run)) = (artifacts.len(), download.run) {
        let name = download.name.map(|name| format!(" {name:?}")).unwrap_or_default();
        return Err(CliError::usage(
            format!("run {run} has no artifact{name}"),
            format!("`novacron-cicd artifact list --run {run}` lists what it has"),
        ));
    }
    if download.file.is_some() && artifacts.len() > 1 {
        return Err(CliError::usage(
            format!("--file names one file, and there are {} artifacts", artifacts.len()),
            "choose one with --name, or name a directory with --dir",
        ));
    }
    let mut done = Vec::new();
    for artifact in &artifacts {
        let target = match &download.file {
            Some(file) => file.clone(),
            None => {
                std::fs::create_dir_all(&download.dir)
                    .map_err(|source| CliError::io(format!("make {}", download.dir.display()), source))?;
                download.dir.join(file_name(&artifact.name)?)
            }
        };
        let (sha256, size) = fetch(client, artifact, &target, download.force).await?;
        done.push((artifact, target, sha256, size));
    }
    let value = done.iter().map(|(artifact, target, sha256, size)| {
        json!({"id": artifact.id, "name": artifact.name, "file": target, "size": size, "sha256": sha256})
    });
    out.print(&Value::Array(value.collect()), || {
        done.iter().map(|(_, target, sha256, _)| format!("{sha256}  {}\n", target.display())).collect()
    })
}

/// The last part of a name that a build made up: it never leads out of the directory.
fn file_name(name: &str) -> Result<&str, CliError> {
    let refuse = || CliError::usage(format!("{name:?} is no name for a file here"), "name the file with --file");
    let last = Path::new(name).file_name().and_then(|last| last.to_str()).ok_or_else(refuse)?;
    if last.is_empty() || last.contains(['/', '\\', '\0']) { Err(refuse()) } else { Ok(last) }
}

/// Its sha256 and size, as they were found and as they should be.
async fn fetch(
    client: &Client,
    artifact: &ArtifactView,
    target: &Path,
    force: bool,
) -> Result<(String, u64), CliError> {
    if !force && target.exists() {
        return Err(CliError::Exists { path: target.display().to_string() });
    }
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let io = |what: &str| {
        let what = format!("{what} {}", target.display());
        move |source| CliError::io(what, source)
    };
    let mut file =
        tempfile::Builder::new().prefix(".novacron-cicd-").tempfile_in(directory).map_err(io("make a file beside"))?;
    let bar = bar(&artifact.name, artifact.size.unwrap_or_default());
    let path = format!("/v1/artifacts/{}/content", artifact.id);
    let response = client.send(client.request(Method::GET, &path)).await?;
    // Of one that was the platform's until now the daemon says it with the bytes.
    let said = response.headers().get(SHA256).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let expected = artifact.sha256.clone().or(said).unwrap_or_default();
    let (mut stream, mut digest, mut size) = (response.bytes_stream(), Sha256::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| CliError::BrokenOff { reason: client::reason(&error) })?;
        digest.update(&chunk);
        size += chunk.len() as u64;
        file.write_all(&chunk).map_err(io("write"))?;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    let found = hex::encode(digest.finalize());
    if found != expected {
        return Err(CliError::Digest { name: artifact.name.clone(), expected, found });
    }
    publish(file, target, directory, force).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::Exists { path: target.display().to_string() },
        _ => io("write")(error),
    })?;
    Ok((found, size))
}

/// Durable first, then by its name.
fn publish(file: tempfile::NamedTempFile, target: &Path, directory: &Path, force: bool) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    if force { file.persist(target) } else { file.persist_noclobber(target) }.map_err(|error| error.error)?;
    std::fs::File::open(directory)?.sync_all()
}

fn bar(name: &str, size: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(size).with_message(name.to_owned());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_name_that_a_build_made_up_never_leads_out_of_the_directory() {
        for (name, expected) in
            [("app.tar.gz", "app.tar.gz"), ("../../etc/passwd", "passwd"), ("/etc/passwd", "passwd")]
        {
            assert_eq!(file_name(name).unwrap(), expected);
        }
        for name in ["", "..", "/", "a/..", "a\\b"] {
            assert!(file_name(name).is_err(), "{name}");
        }
    }
}
