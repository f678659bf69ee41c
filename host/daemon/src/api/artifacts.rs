//! `/v1/artifacts` and `/v1/runs/{id}/artifacts`: bytes with a digest.

use std::collections::BTreeMap;

use axum::{
    body::{Body, Bytes},
    extract::{OriginalUri, State},
    response::{IntoResponse, Response},
};
use base64::Engine as _;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use novacron_cicd_domain::{
    artifact::{Artifact, ArtifactKind},
    id::{ArtifactId, RunId},
};
use novacron_cicd_store::ArtifactFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    digest::digest,
    extract::{Json, Path, Query},
    page, words,
};
use crate::service::ArtifactUpload;

/// The digest of the whole artifact, in hexadecimal digits.
pub const SHA256: HeaderName = HeaderName::from_static("x-sha256");

/// Bytes with a digest.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Artifact)]
pub struct ArtifactView {
    /// Ours.
    #[schema(value_type = String, format = "uuid")]
    pub id: ArtifactId,
    /// A file name, without directories.
    pub name: String,
    /// As the producer says it.
    pub version: Option<String>,
    /// What it is.
    #[schema(value_type = words::ArtifactKindWord)]
    pub kind: ArtifactKind,
    /// What the platform calls it; null: the run itself handed it over.
    pub external_id: Option<String>,
    /// In bytes; of one whose bytes are still the platform's as the platform says it, or null.
    pub size: Option<u64>,
    /// 64 hexadecimal digits; null: its bytes are still the platform's, and are fetched and kept at the first download.
    pub sha256: Option<String>,
    /// As the producer says it.
    pub media_type: Option<String>,
    /// The producer's own.
    pub metadata: BTreeMap<String, String>,
    /// The run that it came from.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub run: Option<RunId>,
    /// That run's attempt.
    pub attempt: Option<u32>,
    /// The job of that run.
    pub job: Option<String>,
    /// When we had all of it, or the platform made it.
    pub created: Time,
}

impl From<Artifact> for ArtifactView {
    fn from(artifact: Artifact) -> Self {
        Self {
            id: artifact.id,
            name: artifact.name,
            version: artifact.version,
            kind: artifact.kind,
            external_id: artifact.external_id,
            size: artifact.size,
            sha256: artifact.sha256,
            media_type: artifact.media_type,
            metadata: artifact.metadata,
            run: artifact.run,
            attempt: artifact.attempt,
            job: artifact.job,
            created: Time(artifact.created),
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, store))
        .routes(routes!(of_run))
        .routes(routes!(show))
        .routes(routes!(content))
}

/// Which artifacts.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ArtifactQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Of this run only.
    #[param(value_type = Option<String>, format = "uuid")]
    run: Option<RunId>,
    /// Of this name only.
    name: Option<String>,
}

/// List artifacts, newest first.
#[utoipa::path(get, path = "/v1/artifacts", tag = "artifacts", operation_id = "artifact_list", params(ArtifactQuery),
    responses((status = 200, body = List<ArtifactView>)))]
async fn list(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ArtifactQuery>,
) -> Result<Response, ApiError> {
    let filter = ArtifactFilter { run: query.run, name: query.name };
    let listing = state.services().artifacts.list(filter, page::wanted(query.limit, query.cursor)?).await?;
    Ok(page::answer(&uri, listing, ArtifactView::from))
}

/// What a file is.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StoreQuery {
    /// A file name, without directories.
    name: String,
    /// As the producer says it.
    version: Option<String>,
    /// What it is.
    #[serde(default)]
    #[param(value_type = Option<words::ArtifactKindWord>)]
    kind: ArtifactKind,
}

/// Take in bytes that belong to no run, as an artifact.
///
/// `x-sha256` or `content-digest` is checked where it is sent. To put them on a platform: `POST .../upload`. Operator.
#[utoipa::path(post, path = "/v1/artifacts", tag = "artifacts", operation_id = "artifact_store",
    params(StoreQuery, ("x-sha256" = Option<String>, Header, description = "64 hexadecimal digits"),
        ("content-digest" = Option<String>, Header, description = "RFC 9530: sha-256=:...:")),
    request_body(content = words::Binary, content_type = "application/octet-stream"),
    responses((status = 201, body = ArtifactView, headers(("Location" = String)))))]
async fn store(
    State(state): State<ApiState>,
    Who(actor): Who,
    Query(query): Query<StoreQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.trim().to_owned());
    let upload = ArtifactUpload {
        version: query.version,
        kind: query.kind,
        media_type: text(header::CONTENT_TYPE),
        sha256: digest(&headers)?,
        size: text(header::CONTENT_LENGTH).and_then(|size| size.parse().ok()),
        ..ArtifactUpload::default()
    };
    let bytes = body.into_data_stream().map(|piece| piece.map_err(std::io::Error::other)).boxed();
    let artifact = state.services().artifacts.store(&actor, &query.name, upload, bytes).await?;
    let location = [(header::LOCATION, format!("/v1/artifacts/{}", artifact.id))];
    Ok((StatusCode::CREATED, location, Json(ArtifactView::from(artifact))).into_response())
}

/// Which artifacts of one run.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunArtifactQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Of this name only.
    name: Option<String>,
}

/// List the artifacts of a run, newest first.
#[utoipa::path(get, path = "/v1/runs/{id}/artifacts", tag = "artifacts", operation_id = "run_artifacts",
    params(("id" = String, Path, format = "uuid"), RunArtifactQuery),
    responses((status = 200, body = List<ArtifactView>)))]
async fn of_run(
    State(state): State<ApiState>,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<RunId>,
    Query(query): Query<RunArtifactQuery>,
) -> Result<Response, ApiError> {
    let run = state.services().runs.show(id).await?.id;
    let filter = ArtifactFilter { run: Some(run), name: query.name };
    let listing = state.services().artifacts.list(filter, page::wanted(query.limit, query.cursor)?).await?;
    Ok(page::answer(&uri, listing, ArtifactView::from))
}

/// Show an artifact.
#[utoipa::path(get, path = "/v1/artifacts/{id}", tag = "artifacts", operation_id = "artifact_show",
    params(("id" = String, Path, format = "uuid")), responses((status = 200, body = ArtifactView)))]
async fn show(State(state): State<ApiState>, Path(id): Path<ArtifactId>) -> Result<Json<ArtifactView>, ApiError> {
    Ok(Json(state.services().artifacts.show(id).await?.into()))
}

/// Download an artifact.
///
/// The bytes are checked against their digest while they are read: a download that breaks off is not whole. One range
/// can be asked for. Bytes that are still the platform's are fetched first, and kept.
#[utoipa::path(get, path = "/v1/artifacts/{id}/content", tag = "artifacts", operation_id = "artifact_download",
    params(("id" = String, Path, format = "uuid"), ("Range" = Option<String>, Header, description = "one range of bytes")),
    responses((status = 200, content_type = "application/octet-stream", body = words::Binary,
            headers(("x-sha256" = String), ("ETag" = String))),
        (status = 206, content_type = "application/octet-stream", body = words::Binary,
            headers(("x-sha256" = String), ("Content-Range" = String)))))]
async fn content(
    State(state): State<ApiState>,
    Who(actor): Who,
    Path(id): Path<ArtifactId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (artifact, blob) = state.services().artifacts.open(&actor, id).await?;
    let size = blob.size();
    let range = wanted_range(&headers, size)?;
    let (first, length) = range.unwrap_or((0, size));
    let body = Body::from_stream(part(blob.into_stream(), first, length));
    let mut response = body.into_response();
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    describe(response.headers_mut(), &artifact, size, range, length);
    Ok(response)
}

fn describe(headers: &mut HeaderMap, artifact: &Artifact, size: u64, range: Option<(u64, u64)>, length: u64) {
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    let sha256 = artifact.sha256.as_deref().unwrap_or_default();
    let digest = hex::decode(sha256).unwrap_or_default();
    put(header::CONTENT_LENGTH, length.to_string());
    put(header::ACCEPT_RANGES, "bytes".into());
    put(header::ETAG, format!("\"{sha256}\""));
    put(SHA256, sha256.to_owned());
    let encoded = base64::engine::general_purpose::STANDARD.encode(digest);
    put(HeaderName::from_static("repr-digest"), format!("sha-256=:{encoded}:"));
    // Bytes of a build are never shown as a page of ours, whatever they say they are.
    put(header::CONTENT_TYPE, "application/octet-stream".into());
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff".into());
    let name = percent_encoding::utf8_percent_encode(&artifact.name, percent_encoding::NON_ALPHANUMERIC);
    put(header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}"));
    if let Some((first, length)) = range {
        put(header::CONTENT_RANGE, format!("bytes {first}-{}/{}", first + length.max(1) - 1, size));
    }
}

/// First byte and length of the one range that is asked for; none: the whole. Several ranges are answered with the
/// whole, which the standard allows.
fn wanted_range(headers: &HeaderMap, size: u64) -> Result<Option<(u64, u64)>, ApiError> {
    let Some(value) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let Some(range) = value.strip_prefix("bytes=") else { return Ok(None) };
    if range.contains(',') {
        return Ok(None);
    }
    let refuse = || ApiError::Range { range: value.chars().take(80).collect(), size };
    let (from, to) = range.split_once('-').ok_or_else(refuse)?;
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| refuse());
    let (first, last) = match (from.trim(), to.trim()) {
        ("", suffix) => (size.saturating_sub(number(suffix)?), size.saturating_sub(1)),
        (first, "") => (number(first)?, size.saturating_sub(1)),
        (first, last) => (number(first)?, number(last)?.min(size.saturating_sub(1))),
    };
    if first >= size || first > last {
        return Err(refuse());
    }
    Ok(Some((first, last - first + 1)))
}

/// `length` bytes of a stream, from its byte `skip`. The rest is read too, because only the whole can be checked.
fn part<S>(stream: S, skip: u64, length: u64) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static
where
    S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
{
    let (mut skip, mut left) = (skip, length);
    stream.map(move |chunk| {
        let mut chunk = chunk?;
        let drop = skip.min(chunk.len() as u64);
        skip -= drop;
        chunk = chunk.slice(usize::try_from(drop).unwrap_or(usize::MAX)..);
        let keep = left.min(chunk.len() as u64);
        left -= keep;
        Ok(chunk.slice(..usize::try_from(keep).unwrap_or(usize::MAX)))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_says() {
        let rows = [
            ("bytes=0-3", Some((0, 4))),
            ("bytes=4-", Some((4, 6))),
            ("bytes=-3", Some((7, 3))),
            ("bytes=8-99", Some((8, 2))),
            ("bytes=0-1,3-4", None),
            ("lines=1-2", None),
        ];
        for (range, expected) in rows {
            let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(range))]);
            assert_eq!(wanted_range(&headers, 10).unwrap(), expected, "{range}");
        }
        for range in ["bytes=10-", "bytes=5-4", "bytes=x-y", "bytes=7"] {
            let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(range).unwrap())]);
            assert!(matches!(wanted_range(&headers, 10), Err(ApiError::Range { size: 10, .. })), "{range}");
        }
    }

    #[tokio::test]
    async fn a_part_of_a_stream_is_right_at_every_border() {
        let chunks = ["abc", "", "defg", "h"];
        for first in 0..8 {
            for length in 0..=(8 - first) {
                let stream = futures_util::stream::iter(chunks.map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))));
                let parts: Vec<Bytes> = part(stream, first, length).map(Result::unwrap).collect().await;
                let wanted = &"abcdefgh"[first as usize..(first + length) as usize];
                assert_eq!(parts.concat(), wanted.as_bytes(), "{length} from {first}");
            }
        }
    }
}
