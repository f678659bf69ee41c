//! `novacron-cicd artifact attestations`, and the files that statements of a platform become.

use std::path::{Path, PathBuf};

use clap::Args;
use novacron_cicd_domain::id::ArtifactId;
use reqwest::Method;
use serde_json::json;

use super::{
    super::{
        CliError, Exit,
        client::{self, Client, segment, with_query},
        output::{Output, Rows},
    },
    publish,
};
use crate::api::{artifacts::ArtifactView, remote::artifacts::AttestationView, run_view::RunView};

/// Of which artifact.
#[derive(Debug, Args)]
pub struct Attestations {
    /// The artifact's id
    id: ArtifactId,
    /// As this provider's platform has them; left out: that of the artifact's run
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Of this repository only
    #[arg(long, value_name = "REPOSITORY")]
    repository: Option<String>,
    /// Download them into this directory; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    download: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long, requires = "download")]
    force: bool,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

pub(super) async fn run(wanted: Attestations, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let artifact = client.get::<ArtifactView>(&format!("/v1/artifacts/{}", wanted.id)).await?.typed;
    let digest = artifact.sha256.as_ref().or_else(|| artifact.metadata.get("platform.sha256")).ok_or_else(|| {
        let hint = format!("`novacron-cicd artifact download {}` fetches its bytes, and they have one", wanted.id);
        CliError::usage(format!("the artifact {} has no sha256 yet", wanted.id), hint)
    })?;
    let provider = match (wanted.provider, artifact.run) {
        (Some(provider), _) => provider,
        (None, Some(run)) => client.get::<RunView>(&format!("/v1/runs/{run}")).await?.typed.provider,
        (None, None) => {
            let message = format!("the artifact {} is of no run", wanted.id);
            return Err(CliError::usage(message, "name a --provider"));
        }
    };
    let path = format!("/v1/providers/{}/attestations", segment(&provider));
    let mut query = vec![("digest", format!("sha256:{digest}"))];
    query.extend(wanted.repository.map(|repository| ("repository", repository)));
    let (answer, more) = client.list::<AttestationView>(&path, &query, wanted.limit).await?;
    let Some(directory) = wanted.download else {
        let mut rows = Rows::new("attestations", &["PREDICATE", "MEDIA TYPE", "SOURCE"]);
        for attestation in answer.typed {
            rows.push(vec![attestation.predicate, attestation.media_type, attestation.source]);
        }
        return out.list(&answer.value, rows, more);
    };
    std::fs::create_dir_all(&directory)
        .map_err(|source| CliError::io(format!("make {}", directory.display()), source))?;
    // A digest may be the platform's word: of it a file's name has digits alone.
    let short: String = digest.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    let mut done = Vec::new();
    for (index, attestation) in answer.typed.iter().enumerate() {
        let file = directory.join(format!("{short}-{index}.json"));
        let path = with_query(&format!("{path}/{index}/bundle"), &query);
        fetch(client, &path, &file, &directory, wanted.force).await?;
        done.push((attestation, file));
    }
    let value = done.iter().map(|(attestation, file)| json!({"predicate": attestation.predicate, "file": file}));
    out.print(&serde_json::Value::Array(value.collect()), || {
        done.iter().map(|(attestation, file)| format!("{}  {}\n", attestation.predicate, file.display())).collect()
    })
}

async fn fetch(client: &Client, path: &str, file: &Path, directory: &Path, force: bool) -> Result<(), CliError> {
    let io = |source| CliError::io(format!("write {}", file.display()), source);
    let response = client.send(client.request(Method::GET, path)).await?;
    let bytes = response.bytes().await.map_err(|error| CliError::BrokenOff { reason: client::reason(&error) })?;
    let mut beside = tempfile::Builder::new().prefix(".novacron-cicd-").tempfile_in(directory).map_err(io)?;
    std::io::Write::write_all(&mut beside, &bytes).map_err(io)?;
    publish(beside, file, directory, force).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::Exists { path: file.display().to_string() },
        _ => io(error),
    })
}
