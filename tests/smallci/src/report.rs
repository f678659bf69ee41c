//! The run's callbacks: each is sent until the host has taken it, however often the host is restarted meanwhile.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use crate::{
    Shared,
    protocol::{Callback, Job, Status},
};

/// The first wait before a second try; doubled until `LONGEST_WAIT`.
const FIRST_WAIT: Duration = Duration::from_millis(25);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// One run's way to the host.
#[derive(Clone)]
pub(crate) struct Reporter {
    shared: Arc<Shared>,
    callback: Callback,
}

/// What is sent; made anew for every try.
pub(crate) enum Content {
    Nothing,
    Json(Bytes),
    Raw(Bytes),
    File { path: PathBuf, sha256: [u8; 32] },
}

/// What the host said, when it said something that settles the matter.
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Reporter {
    pub(crate) const fn new(shared: Arc<Shared>, callback: Callback) -> Self {
        Self { shared, callback }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) async fn status(&self, status: &Status<'_>) -> anyhow::Result<()> {
        let body = serde_json::to_vec(status)?.into();
        self.taken(Method::PUT, &["status"], &[], Content::Json(body)).await
    }

    pub(crate) async fn job(&self, job: &Job) -> anyhow::Result<()> {
        let body = serde_json::to_vec(job)?.into();
        self.taken(Method::PUT, &["jobs", job.id], &[], Content::Json(body)).await
    }

    pub(crate) async fn heartbeat(&self) -> anyhow::Result<()> {
        self.taken(Method::POST, &["heartbeat"], &[], Content::Nothing).await
    }

    pub(crate) async fn artifact(
        &self,
        name: &str,
        query: &[(&str, &str)],
        path: PathBuf,
        sha256: [u8; 32],
    ) -> anyhow::Result<()> {
        self.taken(Method::PUT, &["artifacts", name], query, Content::File { path, sha256 }).await
    }

    /// Sends until the host has taken it.
    async fn taken(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        content: Content,
    ) -> anyhow::Result<()> {
        let said = self.send(method, path, query, &content).await?;
        if said.status.is_success() {
            return Ok(());
        }
        let sentence = format!("{}: {} {}", path.join("/"), said.status, String::from_utf8_lossy(&said.body));
        self.shared.book.complain(sentence.clone());
        anyhow::bail!(sentence)
    }

    /// Sends until the host has answered with something that another try would not change.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        content: &Content,
    ) -> anyhow::Result<Said> {
        let mut url = self.callback.url.clone();
        let segments: Vec<String> =
            path.iter().map(|segment| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string()).collect();
        url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), segments.join("/")));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let began = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let mut request = self.shared.client.request(method.clone(), url.clone()).bearer_auth(&self.callback.token);
            request = match content {
                Content::Nothing => request,
                Content::Json(body) => request.header("content-type", "application/json").body(body.clone()),
                Content::Raw(body) => request.header("content-type", "application/octet-stream").body(body.clone()),
                Content::File { path, sha256 } => {
                    let file = tokio::fs::File::open(path).await.with_context(|| path.display().to_string())?;
                    let length = file.metadata().await?.len();
                    request
                        .header("content-type", "application/octet-stream")
                        .header("content-length", length)
                        .header("content-digest", content_digest(sha256))
                        .header("x-sha256", hex::encode(sha256))
                        .body(file)
                }
            };
            let again = match request.send().await {
                Ok(response) => {
                    let status = response.status();
                    let away = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                    match response.bytes().await {
                        Ok(body) if !away => return Ok(Said { status, body }),
                        Ok(body) => format!("{status} {}", String::from_utf8_lossy(&body)),
                        Err(error) => error.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            if began.elapsed() > self.shared.config.patience {
                let sentence = format!("{url}: gave up after {:?}: {again}", began.elapsed());
                self.shared.book.complain(sentence.clone());
                anyhow::bail!(sentence);
            }
            self.shared.book.count(|tally| tally.callback_retries += 1);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// RFC 9530.
fn content_digest(sha256: &[u8; 32]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("sha-256=:{}:", STANDARD.encode(sha256))
}
