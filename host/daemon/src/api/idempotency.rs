//! `Idempotency-Key`: a request that does something outside is done once, however often it is sent.
//!
//! The work runs in a task of its own: a client that hangs up does not take it down half done, and its answer is kept
//! for the client's next attempt. Where a crash took the answer, what was done is found again and shown as it is now.
//! Where no key is given the host makes one and says it in the answer. Must be absent: answers that hold a secret,
//! because what is kept here is kept in clear.

use std::future::Future;

use axum::{
    body::{Body, to_bytes},
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, request::Parts};
use novacron_cicd_store::{Begun, StoredAnswer};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::Instrument as _;

use super::{ApiError, ApiState, Problem};
use crate::service::{Actor, Done};

/// The header.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Answers that were given before say so.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// What of an answer's headers is kept.
const KEPT: [HeaderName; 3] = [http::header::CONTENT_TYPE, http::header::LOCATION, http::header::ETAG];
/// Answers are small; a larger one would be a mistake.
const LARGEST_ANSWER: usize = 4 << 20;

/// The key of a request, and what the request is about.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    key: String,
    about: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let about = format!("{} {}", parts.method, parts.uri);
        let Some(value) = parts.headers.get(&HEADER) else {
            return Ok(Self { key: uuid::Uuid::now_v7().to_string(), about });
        };
        let refuse = |reason| ApiError::Header {
            name: "idempotency-key",
            value: String::from_utf8_lossy(value.as_bytes()).chars().take(80).collect(),
            reason,
        };
        let key = value.to_str().map_err(|_| refuse("it is not text"))?.trim().trim_matches('"').to_owned();
        if key.is_empty() || key.len() > 255 {
            return Err(refuse("it has not 1 to 255 characters"));
        }
        Ok(Self { key, about })
    }
}

impl Key {
    /// Does `work` with `body`, and makes its `answer`; unless the same request was done before: then its answer is
    /// given again.
    pub(crate) async fn once<B, T, W, A>(
        self,
        state: ApiState,
        actor: Actor,
        body: B,
        work: impl FnOnce(ApiState, Actor, B) -> W + Send + 'static,
        answer: impl FnOnce(ApiState, T) -> A + Send + 'static,
    ) -> Result<Response, ApiError>
    where
        B: Serialize + Send + 'static,
        T: Done,
        W: Future<Output = Result<T, ApiError>> + Send,
        A: Future<Output = Response> + Send,
    {
        let mut digest = Sha256::new();
        digest.update(self.about.as_bytes());
        digest.update([0]);
        digest.update(serde_json::to_vec(&body).unwrap_or_default());
        let hash = hex::encode(digest.finalize());
        let key = self.key;
        let task = async move {
            let services = state.services();
            match services.idempotency.begin(&actor, &key, &hash).await? {
                Begun::New => {}
                Begun::Replay(answer) => return Ok(replay(answer, &key)),
                Begun::Done(done) => {
                    let found = services.idempotency.find(services, done).await?;
                    return Ok(replayed(answer(state.clone(), found).await, &key));
                }
                Begun::Mismatch => return Err(ApiError::KeyMismatch { key }),
                Begun::InFlight => return Err(ApiError::KeyInFlight { key }),
            }
            let asking = Actor { key: Some(key.clone()), ..actor.clone() };
            let response = match work(state.clone(), asking, body).await {
                Ok(done) => answer(state.clone(), done).await,
                Err(error) => error.into_response(),
            };
            let (response, answer) = keep(response).await;
            // What may succeed later must not be answered with today's failure for ever.
            let kept = match answer {
                Some(answer) if is_final(answer.status) => services.idempotency.finish(&actor, &key, answer).await,
                _ => services.idempotency.abandon(&actor, &key).await,
            };
            if let Err(error) = kept {
                tracing::warn!(%error, "the answer to a request with an idempotency key was not kept");
            }
            Ok(named(response, &key))
        };
        // The task ends by itself; a client that hangs up only stops waiting for it.
        tokio::spawn(task.in_current_span()).await.unwrap_or(Err(ApiError::Panic))
    }
}

/// Whether the same request would be answered the same way tomorrow.
fn is_final(status: u16) -> bool {
    status < 500 && status != 429 && status != 401
}

/// Takes an answer's body out, so that it can be kept and given.
async fn keep(response: Response) -> (Response, Option<StoredAnswer>) {
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_ANSWER).await else {
        return (ApiError::Panic.into_response(), None);
    };
    let headers = KEPT
        .iter()
        .filter_map(|name| Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned())))
        .collect();
    let answer = StoredAnswer { status: parts.status.as_u16(), headers, body: bytes.to_vec() };
    (Response::from_parts(parts, Body::from(bytes)), Some(answer))
}

fn replay(answer: StoredAnswer, key: &str) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let problem =
        serde_json::from_slice::<Problem>(&answer.body).ok().filter(|problem| problem.status == answer.status);
    let mut response = match problem {
        // It is said anew, with this request's id.
        Some(problem) => problem.into_response(),
        None => (status, answer.body).into_response(),
    };
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    replayed(response, key)
}

fn replayed(mut response: Response, key: &str) -> Response {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    named(response, key)
}

fn named(mut response: Response, key: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(key) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
