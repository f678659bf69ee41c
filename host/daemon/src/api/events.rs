//! `/v1/events`: what happened, as a list, or as server-sent events that can be resumed.

use std::convert::Infallible;

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, Sse},
    },
};
use futures_util::{Stream, StreamExt as _};
use http::HeaderMap;
use novacron_cicd_domain::id::{PipelineId, RunId};
use novacron_cicd_store::{Event, EventFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ApiError, ApiState, Problem, Time, extract::Query, page, sse};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// Durable and rising; may have gaps.
    pub id: i64,
    /// When.
    pub at: Time,
    /// What: `run.state`, `job.state`, ...
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// The run that it belongs to.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub run: Option<RunId>,
    /// The pipeline that it belongs to.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub pipeline: Option<PipelineId>,
    /// More, by kind.
    pub data: serde_json::Value,
}

/// A part of the event log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// Oldest first.
    pub items: Vec<EventView>,
    /// The newest id that this answer has looked at: send it as `after`.
    pub last: i64,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.seq,
            at: Time(event.event.at),
            kind: event.event.kind,
            subject: event.event.subject,
            run: event.event.run,
            pipeline: event.event.pipeline,
            data: event.event.data,
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which events.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// After this id. Left out: a stream begins now, a list at the beginning. `Last-Event-ID` beats it.
    after: Option<i64>,
    /// How many items a list has at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// Whose kind begins with this: `run.`
    kind: Option<String>,
    /// Of this run only.
    #[param(value_type = Option<String>, format = "uuid")]
    run: Option<RunId>,
    /// Of this pipeline only: its name or id.
    pipeline: Option<String>,
}

/// List what happened, or follow it.
///
/// `Accept: text/event-stream` follows: ids are durable, and `Last-Event-ID` goes on where a reader stopped. A comment
/// every 15 s keeps the connection open.
#[utoipa::path(get, path = "/v1/events", tag = "events", operation_id = "event_list",
    params(EventQuery, ("Last-Event-ID" = Option<i64>, Header, description = "the id of the last event that was read")),
    responses((status = 200, content((EventList = "application/json"), (String = "text/event-stream")))))]
async fn list(
    State(state): State<ApiState>,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let pipeline = match &query.pipeline {
        Some(pipeline) => Some(state.services().pipelines.show(pipeline).await?.id),
        None => None,
    };
    let filter = EventFilter { kind: query.kind, run: query.run, pipeline };
    let after = sse::last_event_id(&headers)?.or(query.after);
    if !sse::wanted(&headers) {
        let limit = page::wanted(query.limit, None)?.limit;
        let from = after.unwrap_or(0);
        let events = state.services().events.list(filter, from, limit).await?;
        let last = events.last().map_or(from, |event| event.seq);
        let items = events.into_iter().map(EventView::from).collect();
        return Ok(axum::Json(EventList { items, last }).into_response());
    }
    let events = state.services().events.subscribe(filter, after).await?;
    let stopping = state.stopping().clone();
    let frames = frames(events).take_until(stopping.cancelled_owned());
    Ok(sse::respond(Sse::new(frames)))
}

fn frames<S>(events: S) -> impl Stream<Item = Result<Frame, Infallible>> + Send
where
    S: Stream<Item = Result<Event, crate::service::ServiceError>> + Send,
{
    events.map(|event| {
        Ok(match event {
            Ok(event) => {
                let view = EventView::from(event);
                sse::frame(&view.kind, Some(view.id), &view)
            }
            Err(error) => sse::frame("error", None, &Problem::of(&error.into())),
        })
    })
}
