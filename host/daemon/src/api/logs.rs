//! `/v1/runs/{id}/logs`: what runs wrote, by byte offsets that stay.

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, Sse},
    },
};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use novacron_cicd_domain::id::RunId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Problem,
    extract::{Json, Path, Query},
    sse,
};
use crate::{log::LogChunk, service::ServiceError};

/// Where the next read begins.
pub const NEXT_OFFSET: HeaderName = HeaderName::from_static("x-log-next-offset");
/// Whether the log ends there.
pub const COMPLETE: HeaderName = HeaderName::from_static("x-log-complete");
/// The most that one read gives.
const LARGEST_READ: u32 = 4 << 20;

/// One log of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Log)]
pub struct LogView {
    /// The attempt that wrote it.
    pub attempt: u32,
    /// The job that wrote it; null: the run itself.
    pub job: Option<String>,
    /// What the platform calls the job; null where nothing but its log is known.
    pub job_name: Option<String>,
    /// How many bytes there are.
    pub bytes: u64,
    /// Whether more can come.
    pub complete: bool,
}

/// A piece of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogPiece {
    /// Where it begins.
    pub offset: u64,
    /// Where the next one begins.
    pub next: u64,
    /// Whether the log ends with it.
    pub complete: bool,
    /// Bytes that are no UTF-8 are shown as U+FFFD; the plain text form has them as they are.
    pub text: String,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(read)).routes(routes!(list))
}

/// Which part of which log.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// The log of this job; left out: of the run itself.
    job: Option<String>,
    /// Of this attempt; left out: of the current one.
    attempt: Option<u32>,
    /// From this byte.
    #[serde(default)]
    offset: u64,
    /// How many bytes at most.
    #[param(minimum = 1, maximum = 4_194_304, default = 1_048_576)]
    limit: Option<u32>,
    /// Go on until the log is complete.
    #[serde(default)]
    follow: bool,
}

/// Read a log, or follow it.
///
/// Plain text by default, with the next offset in `x-log-next-offset`; `application/json` and `text/event-stream` by
/// `Accept`. Followed as plain text, a connection that ends in the middle of a chunk did not reach the end of the log:
/// count the bytes and ask again from there. Followed as server-sent events, the id of each event is the next offset,
/// and `end` is the last event.
#[utoipa::path(get, path = "/v1/runs/{id}/logs", tag = "runs", operation_id = "run_logs",
    params(("id" = String, Path, format = "uuid"), LogQuery,
        ("Last-Event-ID" = Option<i64>, Header, description = "the next offset: beats `offset`")),
    responses((status = 200, content((String = "text/plain"), (LogPiece = "application/json"),
        (String = "text/event-stream")), headers(("x-log-next-offset" = u64), ("x-log-complete" = bool)))))]
async fn read(
    State(state): State<ApiState>,
    Path(id): Path<RunId>,
    Query(query): Query<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let limit = query.limit.unwrap_or(1 << 20).clamp(1, LARGEST_READ);
    let job = query.job.as_deref();
    let resumed = sse::last_event_id(&headers)?.and_then(|id| u64::try_from(id).ok());
    let offset = resumed.unwrap_or(query.offset);
    let logs = &state.services().logs;
    if query.follow || sse::wanted(&headers) {
        let chunks = logs.follow(id, query.attempt, job, offset).await?;
        let stopping = state.stopping().clone();
        if sse::wanted(&headers) {
            let frames = frames(chunks, offset).take_until(stopping.cancelled_owned());
            return Ok(sse::respond(Sse::new(frames)));
        }
        // Stopping breaks the answer off instead of ending it, so that the reader knows that there is more.
        let cut = futures_util::stream::once(stopping.cancelled_owned()).map(|()| Err(ApiError::Stopping));
        let bytes = chunks.map(|chunk| Ok(Bytes::from(chunk?.bytes)));
        let body = until_first_ends(bytes, cut);
        return Ok(plain(Body::from_stream(body)));
    }
    let chunk = logs.read(id, query.attempt, job, offset, limit).await?;
    let (next, complete) = (chunk.next, chunk.complete);
    let mut response = if wants_json(&headers) {
        let text = String::from_utf8_lossy(&chunk.bytes).into_owned();
        Json(LogPiece { offset, next, complete, text }).into_response()
    } else {
        plain(Body::from(chunk.bytes))
    };
    response.headers_mut().insert(NEXT_OFFSET, HeaderValue::from(next));
    response.headers_mut().insert(COMPLETE, HeaderValue::from_static(if complete { "true" } else { "false" }));
    Ok(response)
}

/// Items of both; ends when the first does.
fn until_first_ends<A, B, T>(first: A, second: B) -> impl Stream<Item = T> + Send + 'static
where
    A: Stream<Item = T> + Send + 'static,
    B: Stream<Item = T> + Send + 'static,
    T: Send + 'static,
{
    let first = first.map(Some).chain(futures_util::stream::once(std::future::ready(None)));
    futures_util::stream::select(first, second.map(Some))
        .take_while(|item| std::future::ready(item.is_some()))
        .filter_map(std::future::ready)
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"))
}

/// What a build wrote is shown as text and nothing else, whatever it looks like.
fn plain(body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn frames<S>(chunks: S, offset: u64) -> impl Stream<Item = Result<Frame, std::convert::Infallible>> + Send
where
    S: Stream<Item = Result<LogChunk, ServiceError>> + Send,
{
    let mut text = Utf8 { offset, rest: Vec::new() };
    chunks.flat_map(move |chunk| {
        let frames = match chunk {
            Ok(chunk) => {
                let complete = chunk.complete;
                let mut frames = Vec::new();
                if let Some(piece) = text.push(&chunk.bytes, chunk.next, complete) {
                    frames.push(Ok(sse::frame("log", i64::try_from(piece.next).ok(), &piece)));
                }
                if complete {
                    frames.push(Ok(sse::frame("end", i64::try_from(chunk.next).ok(), &serde_json::json!({}))));
                }
                frames
            }
            Err(error) => vec![Ok(sse::frame("error", None, &Problem::of(&error.into())))],
        };
        futures_util::stream::iter(frames)
    })
}

/// Bytes to text; a character that is not whole yet waits for its rest, and offsets stay those of the bytes.
struct Utf8 {
    offset: u64,
    rest: Vec<u8>,
}

impl Utf8 {
    fn push(&mut self, bytes: &[u8], next: u64, complete: bool) -> Option<LogPiece> {
        self.rest.extend_from_slice(bytes);
        let whole = if complete { self.rest.len() } else { whole_characters(&self.rest) };
        if whole == 0 {
            return None;
        }
        let rest = self.rest.split_off(whole);
        let text = String::from_utf8_lossy(&self.rest).into_owned();
        self.rest = rest;
        let begin = self.offset;
        self.offset = next.saturating_sub(self.rest.len() as u64);
        Some(LogPiece { offset: begin, next: self.offset, complete, text })
    }
}

/// How many bytes of `bytes` do not end in the middle of a character.
fn whole_characters(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let at = bytes.len() - back;
        let Some(first) = bytes.get(at) else { break };
        let wanted = match first {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => break,
        };
        return if wanted > back { at } else { bytes.len() };
    }
    bytes.len()
}

/// List the logs of a run and how far they are.
#[utoipa::path(get, path = "/v1/runs/{id}/logs/list", tag = "runs", operation_id = "run_log_list",
    params(("id" = String, Path, format = "uuid"), LogListQuery),
    responses((status = 200, body = List<LogView>)))]
async fn list(
    State(state): State<ApiState>,
    Path(id): Path<RunId>,
    Query(query): Query<LogListQuery>,
) -> Result<Json<List<LogView>>, ApiError> {
    let attempt = match query.attempt {
        Some(attempt) => attempt,
        None => state.services().runs.show(id).await?.attempt,
    };
    let streams = state.services().logs.streams(id, Some(attempt)).await?;
    let view = |stream: novacron_cicd_store::LogStream| LogView {
        attempt,
        job: stream.job,
        job_name: stream.job_name,
        bytes: stream.position.written,
        complete: stream.position.complete,
    };
    Ok(Json(List { items: streams.into_iter().map(view).collect(), next: None }))
}

/// Logs of which attempt.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogListQuery {
    /// Left out: the current one.
    attempt: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_split_at_any_byte_comes_out_whole() {
        let text = "aé€😀z";
        for split in 0..=text.len() {
            let mut utf8 = Utf8 { offset: 10, rest: Vec::new() };
            let (left, right) = text.as_bytes().split_at(split);
            let end = 10 + text.len() as u64;
            let first = utf8.push(left, 10 + split as u64, false);
            let second = utf8.push(right, end, true);
            let pieces: Vec<_> = first.into_iter().chain(second).collect();
            assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text, "split at {split}");
            assert_eq!(pieces.last().map(|piece| piece.next), Some(end), "split at {split}");
            for pair in pieces.windows(2) {
                assert_eq!(pair[0].next, pair[1].offset, "split at {split}");
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_not_held_back() {
        let mut utf8 = Utf8 { offset: 0, rest: Vec::new() };
        let piece = utf8.push(b"ok\xff\xfe", 4, false);
        assert_eq!(piece.map(|piece| (piece.next, piece.text)), Some((4, "ok\u{fffd}\u{fffd}".to_owned())));
    }
}
