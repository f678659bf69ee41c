//! `/v1/artifacts/{id}/upload` and `/v1/providers/{name}/attestations`: artifacts of ours on a platform, and what the
//! platform has stated of bytes.

use std::collections::BTreeMap;

use axum::{
    extract::{OriginalUri, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderName, HeaderValue, header};
use novacron_cicd_domain::{
    id::{ArtifactId, RunId},
    platform,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{paged, wanted};
use crate::{
    api::{
        ApiError, ApiState, List,
        asked::{Accepted, Asked, Once},
        extract::{Json, Path, Query},
        words,
    },
    service::{ArtifactPlacing, Remote, ServiceError},
};

/// Where an artifact is to be put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactUploadBody {
    /// The provider's name or id.
    pub provider: String,
    /// What it is to be called there; left out: as it is called here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Left out: as it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A run of that provider that it is to belong to there; left out: it belongs to no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub run: Option<RunId>,
    /// As the plugin documents them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// An artifact as it is on the platform.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ArtifactUploaded {
    /// What the platform calls it.
    pub external_id: String,
    /// Where people find it.
    pub url: Option<String>,
    /// What the platform says of its bytes: algorithm to hexadecimal digits.
    pub digests: BTreeMap<String, String>,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

/// A statement that the platform made and signed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Attestation)]
pub struct AttestationView {
    /// The predicate's type, a URI.
    pub predicate: String,
    /// Of the statement.
    pub media_type: String,
    /// Where the platform has it: method and address, without the query.
    pub source: String,
    /// The plugin's own.
    pub more: BTreeMap<String, String>,
}

impl From<platform::Attestation> for AttestationView {
    fn from(found: platform::Attestation) -> Self {
        let source = found.transfer.summary().to_owned();
        Self { predicate: found.predicate, media_type: found.media_type, source, more: found.more }
    }
}

/// Of which bytes.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AttestationQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Such as `sha256:2c26b4...`.
    digest: String,
    /// Of this repository only.
    repository: Option<String>,
}

/// Of which bytes.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SubjectQuery {
    /// Such as `sha256:2c26b4...`.
    digest: String,
    /// Of this repository only.
    repository: Option<String>,
}

fn subject(digest: &str) -> Result<(String, String), ServiceError> {
    let (algorithm, hex) = digest
        .split_once(':')
        .ok_or_else(|| ServiceError::invalid("/digest", "field.invalid", "a digest is such as sha256:2c26b4..."))?;
    Ok((algorithm.to_owned(), hex.to_owned()))
}

/// Routes of these nouns.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(upload)).routes(routes!(attestations)).routes(routes!(attestation))
}

/// Put an artifact of ours on a platform.
///
/// Its bytes are here: those of a platform's artifact are after their first download. Operator.
#[utoipa::path(post, path = "/v1/artifacts/{id}/upload", tag = "artifacts", operation_id = "artifact_upload",
    params(("id" = String, Path, format = "uuid"), Once),
    request_body = ArtifactUploadBody, responses(Accepted))]
async fn upload(
    asked: Asked,
    Path(id): Path<ArtifactId>,
    Json(body): Json<ArtifactUploadBody>,
) -> Result<Response, ApiError> {
    let work = async move |remote: Remote, actor, body: ArtifactUploadBody| {
        let ArtifactUploadBody { provider, name, version, run, options } = body;
        remote.upload(&actor, id, ArtifactPlacing { provider, name, version, run, options }).await
    };
    asked.change(body, work).await
}

/// List what a platform has stated and signed of bytes with a digest.
#[utoipa::path(get, path = "/v1/providers/{name}/attestations", tag = "remote", operation_id = "attestation_list",
    params(("name" = String, Path, description = "the provider's name or id"), AttestationQuery),
    responses((status = 200, body = List<AttestationView>)))]
async fn attestations(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(query): Query<AttestationQuery>,
) -> Result<Response, ApiError> {
    let (subject, page) = (subject(&query.digest)?, wanted(query.limit, query.cursor)?);
    let found = state.services().remote.attestations(&name, subject, query.repository.as_deref(), page).await?;
    Ok(paged::<_, AttestationView>(&uri, found))
}

/// Download one of these statements, as the platform hands it out.
///
/// Nothing of it is checked here: whoever uses it checks its signature and its subject.
#[utoipa::path(get, path = "/v1/providers/{name}/attestations/{index}/bundle", tag = "remote",
    operation_id = "attestation_download",
    params(("name" = String, Path, description = "the provider's name or id"),
        ("index" = usize, Path, description = "its place in the whole list, the first being 0"), SubjectQuery),
    responses((status = 200, content_type = "application/octet-stream", body = words::Binary)))]
async fn attestation(
    State(state): State<ApiState>,
    Path((name, index)): Path<(String, usize)>,
    Query(query): Query<SubjectQuery>,
) -> Result<Response, ApiError> {
    let subject = subject(&query.digest)?;
    let bytes = state.services().remote.attestation(&name, subject, query.repository.as_deref(), index).await?;
    // Bytes of others are never shown as a page of ours, whatever they are.
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
    ];
    Ok((headers, bytes).into_response())
}
