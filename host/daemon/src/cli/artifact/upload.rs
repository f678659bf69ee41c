//! `novacron-cicd artifact upload`

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use futures_util::TryStreamExt as _;
use indicatif::ProgressBar;
use novacron_cicd_domain::{
    artifact::ArtifactKind,
    id::{ArtifactId, RunId},
};
use reqwest::{Body, Method, header};
use sha2::{Digest as _, Sha256};
use tokio_util::io::ReaderStream;

use super::{
    super::{
        CliError, Exit,
        change::{self, Waiting},
        client::{Client, with_query},
        key_value,
        output::Output,
    },
    bar, file_name,
};
use crate::api::{
    artifacts::{ArtifactView, SHA256},
    remote::artifacts::ArtifactUploadBody,
};

/// What goes where.
#[derive(Debug, Args)]
pub struct Upload {
    /// The artifact's id
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    id: Option<ArtifactId>,
    /// This file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// What the file is: binary, container, package or archive
    #[arg(long, value_name = "KIND", requires = "file", value_parser = kind)]
    kind: Option<ArtifactKind>,
    /// To this provider's platform
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// What it is to be called there; left out: as it is called here
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Its version there; left out: as it is here
    #[arg(long = "version", value_name = "VERSION")]
    release: Option<String>,
    /// A run of that provider that it is to belong to there
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,
    /// An option that the plugin documents. May be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = key_value)]
    options: Vec<(String, String)>,
    #[command(flatten)]
    waiting: Waiting,
}

fn kind(word: &str) -> Result<ArtifactKind, String> {
    ArtifactKind::parse(word).ok_or_else(|| "it is binary, container, package or archive".to_owned())
}

pub(super) async fn upload(upload: Upload, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let id = match (upload.id, &upload.file) {
        (Some(id), _) => id,
        (None, Some(file)) => store(file, &upload, client).await?.id,
        (None, None) => return Err(CliError::usage("there is nothing to upload", "name an artifact, or a --file")),
    };
    let body = ArtifactUploadBody {
        provider: upload.provider,
        name: upload.name,
        version: upload.release,
        run: upload.run,
        options: upload.options.into_iter().collect(),
    };
    let path = format!("/v1/artifacts/{id}/upload");
    change::ask(Method::POST, &path, Some(&body), upload.waiting, client, out).await
}

/// Hands the file to the daemon, which takes it only where it is what it was before it was sent.
async fn store(file: &Path, upload: &Upload, client: &Client) -> Result<ArtifactView, CliError> {
    let shown = file.display().to_string();
    let io = |source| CliError::io(format!("read {shown}"), source);
    let name = file_name(&shown)?.to_owned();
    let (sha256, size) = digest(file).map_err(io)?;
    let opened = tokio::fs::File::open(file).await.map_err(io)?;
    let bar: ProgressBar = bar(&name, size);
    let counted = bar.clone();
    let pieces = ReaderStream::new(opened).inspect_ok(move |piece| counted.inc(piece.len() as u64));
    let mut query = vec![("name", name)];
    query.extend(upload.release.clone().map(|version| ("version", version)));
    query.extend(upload.kind.map(|kind| ("kind", kind.as_str().to_owned())));
    let request = client
        .request(Method::POST, &with_query("/v1/artifacts", &query))
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, size)
        .header(SHA256, sha256)
        .body(Body::wrap_stream(pieces));
    let stored = client.answer::<ArtifactView>(request).await;
    bar.finish_and_clear();
    Ok(stored?.typed)
}

/// Its sha256 and size.
fn digest(file: &Path) -> io::Result<(String, u64)> {
    let (mut file, mut digest, mut size) = (std::fs::File::open(file)?, Sha256::new(), 0);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hex::encode(digest.finalize()), size)),
            read => {
                digest.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}
