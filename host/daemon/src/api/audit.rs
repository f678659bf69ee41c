//! `/v1/audit`: who did what, chained so that nothing can be taken out unseen.

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use novacron_cicd_store::{AuditEntry, AuditVerdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    ApiError, ApiState, List, Time,
    auth::Who,
    extract::{Json, Query},
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

/// Whether the chain of the audit trail is whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditVerdict)]
pub struct AuditVerdictView {
    /// Whether nothing was taken out or changed.
    pub intact: bool,
    /// How many entries there are, where it is intact.
    pub entries: Option<i64>,
    /// The newest entry's hash, where it is intact: kept elsewhere it shows later that the whole was not replaced.
    pub head: Option<String>,
    /// The first entry that is not right.
    pub broken_at: Option<i64>,
    /// What is not right with it.
    pub reason: Option<String>,
}

/// Routes of this noun.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(verify))
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

/// Check that nothing of the audit trail was taken out or changed.
///
/// Admin.
#[utoipa::path(get, path = "/v1/audit/verification", tag = "audit", operation_id = "audit_verify",
    responses((status = 200, body = AuditVerdictView)))]
async fn verify(State(state): State<ApiState>, Who(actor): Who) -> Result<Json<AuditVerdictView>, ApiError> {
    let nothing = AuditVerdictView { intact: false, entries: None, head: None, broken_at: None, reason: None };
    Ok(Json(match state.services().audit.verify(&actor).await? {
        AuditVerdict::Intact { entries, head } => {
            AuditVerdictView { intact: true, entries: Some(entries), head: Some(head), ..nothing }
        }
        AuditVerdict::Broken { seq, reason } => {
            AuditVerdictView { broken_at: Some(seq), reason: Some(reason), ..nothing }
        }
    }))
}
