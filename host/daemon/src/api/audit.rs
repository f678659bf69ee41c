//! `/v1/audit`: who did what, chained so that nothing can be taken out unseen.

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use novacron_cicd_store::AuditEntry;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    extract::Query,
    page::{self, PageQuery},
};

/// Something that somebody did.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditView {
    /// One more on every entry, without gaps.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Who: a token's name, or `engine`.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More, never a secret.
    pub detail: serde_json::Value,
    /// Of this entry and the hash of the one before it.
    pub hash: String,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.seq,
            at: Time(entry.record.at),
            actor: entry.record.actor,
            action: entry.record.action,
            subject: entry.record.subject,
            detail: entry.record.detail,
            hash: entry.hash,
        }
    }
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List what was done, newest first.
///
/// Admin.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", operation_id = "audit_list", params(PageQuery),
    responses((status = 200, body = List<AuditView>)))]
async fn list(
    State(state): State<ApiState>,
    Who(actor): Who,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let page = page::wanted(query.limit, query.cursor)?;
    let listing = state.services().audit.list(&actor, page).await?;
    Ok(page::answer(&uri, listing, AuditView::from))
}
