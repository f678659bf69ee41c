//! What every route of a change takes and answers: who asks, under which key, and the operation that it becomes.

use axum::{extract::FromRequestParts, response::Response};
use http::request::Parts;
use novacron_cicd_domain::operation::Operation;
use serde::Serialize;
use utoipa::{IntoParams, IntoResponses};

use super::{
    ApiError, ApiState,
    auth::Who,
    idempotency::Key,
    operations::{self, OperationView},
};
use crate::service::{Actor, Remote, ServiceError};

/// Who asks, and under which key.
pub(crate) struct Asked {
    state: ApiState,
    actor: Actor,
    key: Key,
}

/// The header that makes a request be done once.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes; `Key` reads it")]
pub(crate) struct Once {
    /// the same key with the same request is done once
    #[param(rename = "Idempotency-Key")]
    key: Option<String>,
}

/// The operation goes on by itself.
#[derive(IntoResponses)]
#[response(status = 202, description = "accepted", headers(("Location" = String)))]
#[expect(dead_code, reason = "it describes; `operations::accepted` answers")]
pub(crate) struct Accepted(OperationView);

impl FromRequestParts<ApiState> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let Who(actor) = Who::from_request_parts(parts, state).await?;
        let key = Key::from_request_parts(parts, state).await?;
        Ok(Self { state: state.clone(), actor, key })
    }
}

impl Asked {
    /// Asks for a change, once per key.
    pub(crate) async fn change<B, W>(
        self,
        body: B,
        work: impl FnOnce(Remote, Actor, B) -> W + Send + 'static,
    ) -> Result<Response, ApiError>
    where
        B: Serialize + Send + 'static,
        W: Future<Output = Result<Operation, ServiceError>> + Send,
    {
        let work = async move |state: ApiState, actor, body| {
            let remote = state.services().remote.clone();
            Ok(work(remote, actor, body).await?)
        };
        self.key.once(self.state, self.actor, body, work, operations::accepted).await
    }
}
