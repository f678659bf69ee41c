//! Logs, artifacts and the plans by which the host moves them.

use novacron_cicd_domain::platform::{
    Attestation, DownloadPlan, LogAnswer, LogAvailability, LogChunk, LogPlan, LogRequest, Outcome, RemoteArtifact,
    Transfer, UploadAnswer, UploadPlan, UploadRequest,
};

use crate::{
    bindings::{
        exports::novacron::cicd::{artifact_uploads, artifacts, attestations, logs},
        novacron::cicd::types as wit,
    },
    value::{Violation, attributes, cursor, id, map, to_domain},
};

/// The most that one read of a log may answer, in bytes.
const CHUNK_LIMIT: u32 = 1 << 20;

impl From<LogRequest> for logs::LogRequest {
    fn from(request: LogRequest) -> Self {
        Self {
            run: (&request.run).into(),
            job: request.job,
            cursor: request.cursor,
            limit: request.limit.clamp(1, CHUNK_LIMIT),
        }
    }
}

impl From<logs::Availability> for LogAvailability {
    fn from(availability: logs::Availability) -> Self {
        match availability {
            logs::Availability::Growing => Self::Growing,
            logs::Availability::Complete => Self::Complete,
            logs::Availability::NotYet => Self::NotYet,
            logs::Availability::Never => Self::Never,
            logs::Availability::Expired => Self::Expired,
        }
    }
}

impl TryFrom<logs::LogAnswer> for LogAnswer {
    type Error = Violation;
    fn try_from(answer: logs::LogAnswer) -> Result<Self, Violation> {
        Ok(match answer {
            logs::LogAnswer::Chunk(chunk) => {
                if chunk.bytes.len() > CHUNK_LIMIT as usize {
                    let reason = format!("has {} bytes, more than {CHUNK_LIMIT}", chunk.bytes.len());
                    return Err(Violation { field: "log-chunk.bytes", reason });
                }
                Self::Chunk(LogChunk {
                    bytes: chunk.bytes,
                    next: cursor("log-chunk.next", chunk.next)?,
                    more_now: chunk.more_now,
                    reset: chunk.reset,
                    availability: chunk.availability.into(),
                })
            }
            logs::LogAnswer::Plan(plan) => Self::Plan(LogPlan {
                transfer: transfer(plan.request),
                skip: plan.skip,
                filter: plan.filter,
                next: cursor("log-plan.next", plan.next)?,
                availability: plan.availability.into(),
            }),
        })
    }
}

impl TryFrom<artifacts::Artifact> for RemoteArtifact {
    type Error = Violation;
    fn try_from(artifact: artifacts::Artifact) -> Result<Self, Violation> {
        Ok(Self {
            id: id("artifact.id", artifact.id)?,
            name: artifact.name,
            kind: artifact.kind,
            size: artifact.size,
            digests: digests(artifact.digests),
            created: artifact.created.map(to_domain),
            expires: artifact.expires.map(to_domain),
            expired: artifact.expired,
            job: artifact.job,
            media_type: artifact.media_type,
        })
    }
}

impl From<artifacts::DownloadPlan> for DownloadPlan {
    fn from(plan: artifacts::DownloadPlan) -> Self {
        Self {
            transfer: transfer(plan.request),
            size: plan.size,
            digests: digests(plan.digests),
            encoding: plan.encoding,
            expires: plan.expires.map(to_domain),
            ranges: plan.ranges,
        }
    }
}

impl From<UploadRequest> for artifact_uploads::UploadRequest {
    fn from(request: UploadRequest) -> Self {
        Self {
            run: request.run.as_ref().map(Into::into),
            name: request.name,
            version: request.version,
            size: request.size,
            sha256: request.sha256,
            media_type: request.media_type,
            more: attributes(request.options),
        }
    }
}

impl TryFrom<artifact_uploads::UploadPlan> for UploadPlan {
    type Error = Violation;
    fn try_from(plan: artifact_uploads::UploadPlan) -> Result<Self, Violation> {
        Ok(Self { transfer: transfer(plan.request), state: cursor("upload-plan.state", plan.state)? })
    }
}

impl From<UploadAnswer> for artifact_uploads::UploadAnswer {
    fn from(answer: UploadAnswer) -> Self {
        let headers = answer.headers.into_iter().map(|(name, value)| wit::Header { name, value }).collect();
        Self { status: answer.status, headers, body: answer.body }
    }
}

impl TryFrom<artifact_uploads::Uploaded> for Outcome {
    type Error = Violation;
    fn try_from(uploaded: artifact_uploads::Uploaded) -> Result<Self, Violation> {
        Ok(Self::Artifact {
            id: id("uploaded.id", uploaded.id)?,
            url: uploaded.url,
            digests: digests(uploaded.digests).into_iter().collect(),
            more: map(uploaded.more),
        })
    }
}

impl From<attestations::Attestation> for Attestation {
    fn from(attestation: attestations::Attestation) -> Self {
        Self {
            predicate: attestation.predicate,
            media_type: attestation.media_type,
            transfer: transfer(attestation.request),
            more: map(attestation.more),
        }
    }
}

fn digests(digests: Vec<wit::Digest>) -> Vec<(String, String)> {
    digests.into_iter().map(|digest| (digest.algorithm, digest.hex.to_ascii_lowercase())).collect()
}

/// A query may hold a signature: what is shown ends before it.
fn transfer(request: wit::Request) -> Transfer {
    let shown = request.url.split(['?', '#']).next().unwrap_or_default();
    Transfer::new(format!("{} {shown}", request.method), request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_plan_has_no_query() {
        let request = wit::Request {
            method: "GET".into(),
            url: "https://files.example.net/a.zip?signature=abc".into(),
            headers: Vec::new(),
            body: Vec::new(),
            credential: None,
            signatures: Vec::new(),
            redirects: wit::Redirects::None,
            window: None,
            timeout_ms: None,
            captures: Vec::new(),
            more: Vec::new(),
        };
        let planned = transfer(request);
        assert_eq!(format!("{planned:?}"), r#"Transfer("GET https://files.example.net/a.zip")"#);
        assert!(planned.request::<wit::Request>().is_some_and(|request| request.url.ends_with("abc")));
    }
}
