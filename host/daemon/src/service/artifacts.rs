//! Artifacts: listed, opened; those of a platform are fetched when somebody opens them first, and kept from then on.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use novacron_cicd_domain::{
    artifact::Artifact,
    event::{self as events, EventKind},
    id::ArtifactId,
    platform::{CallError, CallErrorKind, DownloadPlan, RunRef},
    provider::Provider,
    token::Role,
};
use novacron_cicd_store::{ArtifactFilter, Listing, NewEvent, Page};
use serde_json::json;

pub use crate::artifact::VerifiedBlob;

use super::{
    Actor, ArtifactUpload, ServiceError,
    host::{Host, audit, event},
};
use crate::{
    artifact::{BlobError, Expected},
    engine::ledger::platform_pipeline,
};

/// Bytes with a digest.
#[derive(Clone)]
pub struct Artifacts {
    pub(super) host: Arc<Host>,
}

/// Fetches under way: each artifact is fetched by one, and the others wait for it.
#[derive(Default)]
pub(crate) struct Fetches(Mutex<HashMap<ArtifactId, Weak<tokio::sync::Mutex<()>>>>);

impl Fetches {
    fn turn(&self, id: ArtifactId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&id).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        turns.insert(id, Arc::downgrade(&turn));
        turn
    }
}

impl Artifacts {
    /// Newest first.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, filter: ArtifactFilter, page: Page) -> Result<Listing<Artifact>, ServiceError> {
        self.host.read(move |state| Ok(state.artifacts(&page, &filter)?)).await
    }

    /// By id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: ArtifactId) -> Result<Artifact, ServiceError> {
        self.host.read(move |state| Ok(state.artifact(id)?)).await
    }

    /// Its bytes, checked against the digest while they are read. Those that are still the platform's are fetched first.
    ///
    /// # Errors
    /// [`ServiceError::Mismatch`] where they are not what was said of them, [`ServiceError::Io`] where they are gone,
    /// [`ServiceError::Call`] where the platform does not hand them out.
    pub async fn open(&self, actor: &Actor, id: ArtifactId) -> Result<(Artifact, VerifiedBlob), ServiceError> {
        let mut artifact = self.show(id).await?;
        if artifact.sha256.is_none() {
            let turn = self.host.fetches.turn(id);
            let _held = turn.lock().await;
            artifact = self.show(id).await?;
            if artifact.sha256.is_none() {
                artifact = self.fetch(actor, artifact).await?;
            }
        }
        let sha256 = artifact.sha256.as_deref().unwrap_or_default();
        let blob = self.host.blobs.reader(sha256, artifact.size.unwrap_or_default()).await?;
        Ok((artifact, blob))
    }

    /// Takes in bytes that belong to no run. Operator.
    ///
    /// # Errors
    /// [`ServiceError::Mismatch`] where they are not what was said; nothing of them is kept then.
    pub async fn store(
        &self,
        actor: &Actor,
        name: &str,
        upload: ArtifactUpload,
        body: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<Artifact, ServiceError> {
        actor.require(Role::Operator)?;
        let artifact = take_in(&self.host, name, upload, body).await?;
        let by = actor.name.clone();
        self.host
            .write(move |tx| {
                tx.insert_artifact(&artifact)?;
                let at = artifact.created;
                event(tx, EventKind::ArtifactCreated, artifact.id, None, events::artifact(&artifact), at)?;
                let detail = json!({ "name": artifact.name, "sha256": artifact.sha256, "size": artifact.size });
                audit(tx, &by, "artifact.store", artifact.id, detail, at)?;
                Ok(artifact)
            })
            .await
    }

    /// From the platform, by the plugin's plan, through the door; kept when it answers.
    async fn fetch(&self, actor: &Actor, artifact: Artifact) -> Result<Artifact, ServiceError> {
        let Some((provider, run)) = self.origin(&artifact).await? else {
            return Err(ServiceError::not_found("artifact", artifact.id));
        };
        let external = artifact.external_id.clone().unwrap_or_default();
        let platforms = &self.host.platforms;
        let failed = |cause: CallError| ServiceError::call(&provider.name)(cause);
        let planned = async {
            let plan = platforms.plan_download(self.host.call(&provider, actor), run, external).await?;
            let opened = platforms.open(self.host.call(&provider, actor), plan.transfer.clone()).await?;
            match refusal(opened.status) {
                None => Ok((opened.body, plan)),
                Some(kind) => Err(error(&provider, &plan, kind, &format!("the platform answered {}", opened.status))),
            }
        };
        let (body, plan) = planned.await.map_err(&failed)?;
        let digest = plan.digests.iter().find(|(algorithm, _)| algorithm == "sha256");
        let expected = Expected {
            sha256: digest.map(|(_, hex)| hex.clone()),
            size: plan.size,
            most: Some(self.host.settings.artifact_limit),
        };
        let body = body.map(|piece| piece.map_err(io::Error::other)).boxed();
        let blob = match self.host.blobs.receive(body, &expected).await {
            Err(BlobError::Broken(cause)) => {
                let reason = format!("the bytes broke off: {cause}");
                return Err(failed(error(&provider, &plan, CallErrorKind::Transient, &reason)));
            }
            received => received?,
        };
        let (now, by) = (self.host.now(), actor.name.clone());
        self.host
            .write(move |tx| {
                let new = tx.keep_artifact(artifact.id, &blob.sha256, blob.size)?;
                let kept = tx.artifact(artifact.id)?;
                if new {
                    let pipeline = kept.run.map(|run| tx.run(run)).transpose()?.map(|run| run.pipeline);
                    tx.append_event(&NewEvent {
                        at: now,
                        kind: EventKind::ArtifactCreated.as_str().into(),
                        subject: kept.id.to_string(),
                        run: kept.run,
                        pipeline,
                        data: events::artifact(&kept),
                    })?;
                    let detail = json!({ "name": kept.name, "sha256": kept.sha256, "size": kept.size });
                    audit(tx, &by, "artifact.fetch", kept.id, detail, now)?;
                }
                Ok(kept)
            })
            .await
    }

    /// The connection that has it, and its run in the platform's words.
    async fn origin(&self, artifact: &Artifact) -> Result<Option<(Provider, RunRef)>, ServiceError> {
        let (Some(run), attempt) = (artifact.run, artifact.attempt) else { return Ok(None) };
        self.host
            .read(move |state| {
                let run = state.run(run)?;
                let Some(external) = run.external_id.clone() else { return Ok(None) };
                let reference = RunRef { pipeline: platform_pipeline(state, &run)?, run: external, attempt };
                Ok(Some((state.provider(run.provider)?, reference)))
            })
            .await
    }
}

/// Bytes that are handed over, as an artifact of no run; nobody has heard of it yet.
pub(super) async fn take_in(
    host: &Host,
    name: &str,
    upload: ArtifactUpload,
    body: BoxStream<'static, io::Result<Bytes>>,
) -> Result<Artifact, ServiceError> {
    check_name(name)?;
    if upload.sha256.as_ref().is_some_and(|digest| digest.len() != 64 || hex::decode(digest).is_err()) {
        return Err(ServiceError::invalid("/sha256", "artifact.invalid-digest", "a sha256 has 64 hexadecimal digits"));
    }
    let expected = Expected {
        sha256: upload.sha256.as_ref().map(|digest| digest.to_lowercase()),
        size: upload.size,
        most: Some(host.settings.artifact_limit),
    };
    let blob = host.blobs.receive(body, &expected).await?;
    Ok(Artifact {
        id: ArtifactId(host.ids.next()),
        name: name.to_owned(),
        version: upload.version,
        kind: upload.kind,
        external_id: None,
        size: Some(blob.size),
        sha256: Some(blob.sha256),
        media_type: upload.media_type,
        metadata: upload.metadata,
        run: None,
        attempt: None,
        job: upload.job,
        created: host.now(),
    })
}

/// A file name, without directories: whoever downloads it writes a file of this name.
fn check_name(name: &str) -> Result<(), ServiceError> {
    let plain = !name.is_empty()
        && name.len() <= 255
        && !matches!(name, "." | "..")
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'));
    if plain {
        return Ok(());
    }
    Err(ServiceError::invalid(
        "/name",
        "artifact.invalid-name",
        "an artifact's name is a file name without directories, of at most 255 bytes",
    ))
}

fn error(provider: &Provider, plan: &DownloadPlan, kind: CallErrorKind, reason: &str) -> CallError {
    let (plugin, function) = (provider.plugin.clone(), "artifacts.plan-download".to_owned());
    let message = format!("{}: {reason}", plan.transfer.summary());
    CallError { kind, message, hint: None, plugin, function, sent: false }
}

/// Why an answer is not the bytes; none where it is.
pub(super) fn refusal(status: u16) -> Option<CallErrorKind> {
    match status {
        200 => None,
        401 => Some(CallErrorKind::Unauthorized),
        403 => Some(CallErrorKind::Forbidden(None)),
        404 | 410 => Some(CallErrorKind::NotFound),
        status => Some(CallErrorKind::Upstream { status, excerpt: String::new() }),
    }
}
