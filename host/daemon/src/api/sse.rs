//! Server-sent events: what is the same for events and for logs.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

use super::ApiError;

/// How long a connection may be quiet.
const PING: Duration = Duration::from_secs(15);

/// Whether the reader wants server-sent events.
pub(crate) fn wanted(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts
        .flat_map(|value| value.split(','))
        .any(|part| part.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("text/event-stream")))
}

/// Where the reader stopped.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
    match text.parse() {
        Ok(id) if id >= 0 => Ok(Some(id)),
        _ => Err(ApiError::Header { name: "last-event-id", value: text, reason: "it is no id that this stream gave" }),
    }
}

/// One frame.
pub(crate) fn frame(event: &str, id: Option<i64>, data: &impl Serialize) -> Event {
    let text = serde_json::to_string(data).unwrap_or_default();
    // The event's name goes on a line of its own: nothing may break out of it.
    let frame = Event::default().event(event.replace(['\r', '\n'], " ")).data(text);
    match id {
        Some(id) => frame.id(id.to_string()),
        None => frame,
    }
}

/// The answer: pinged, never cached, never held back by a proxy.
pub(crate) fn respond<S>(stream: Sse<S>) -> Response
where
    S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
{
    let mut response = stream.keep_alive(KeepAlive::new().interval(PING).text("ping")).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
