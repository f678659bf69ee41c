//! `artifact-uploads`: a plan of the guest's, the host's bytes, and the guest's word on the answer; together one change.

use novacron_cicd_contract::bindings::novacron::cicd::types as wit;
use novacron_cicd_domain::platform::{CallError, CallErrorKind, Outcome, UploadAnswer, UploadPlan, UploadRequest};

use super::{Provider, guest};
use crate::egress::Upload;

impl Provider {
    /// Puts an artifact of the host's on the platform.
    ///
    /// # Errors
    /// [`CallError`]; its `retry` says whether the whole may be done again.
    pub(super) async fn upload(
        &self,
        operation: &wit::Operation,
        request: UploadRequest,
    ) -> Result<Outcome, CallError> {
        let bytes = Upload { sha256: request.sha256.clone(), size: request.size };
        let plan = self.plan_upload(operation.clone(), request).await?;
        let answer = self.send(&plan.transfer, bytes).await?;
        let status = answer.status;
        self.finish_upload(operation.clone(), plan.state, answer).await.map_err(|error| after_sending(error, status))
    }

    async fn plan_upload(&self, operation: wit::Operation, request: UploadRequest) -> Result<UploadPlan, CallError> {
        let request = request.into();
        guest!(
            self, artifact_uploads, "artifact-uploads.plan-upload" changes,
            |store, guest| guest.call_plan_upload(store, &operation, &request),
            UploadPlan::try_from
        )
        .await
    }

    async fn finish_upload(
        &self,
        operation: wit::Operation,
        state: String,
        answer: UploadAnswer,
    ) -> Result<Outcome, CallError> {
        let answer = answer.into();
        guest!(
            self, artifact_uploads, "artifact-uploads.finish-upload" changes,
            |store, guest| guest.call_finish_upload(store, &operation, &state, &answer),
            Outcome::try_from
        )
        .await
    }
}

/// The bytes went out before this call: that it did nothing itself says nothing of them, but where the platform refused
/// them.
fn after_sending(error: CallError, status: u16) -> CallError {
    let refused = (400..500).contains(&status);
    let kind = match error.kind {
        CallErrorKind::Transient | CallErrorKind::RateLimited(_) if !refused => CallErrorKind::OutcomeUnknown,
        kind => kind,
    };
    CallError { kind, sent: true, ..error }
}

#[cfg(test)]
mod tests {
    use novacron_cicd_domain::Retry;

    use super::*;

    #[test]
    fn bytes_that_went_out_are_not_taken_for_undone() {
        let (wait, upstream) = (Some(5), |status| CallErrorKind::Upstream { status, excerpt: String::new() });
        for (kind, status, expected) in [
            (CallErrorKind::Transient, 201, Retry::Unknown),
            (CallErrorKind::Transient, 503, Retry::Unknown),
            (CallErrorKind::Transient, 429, Retry::Safe(None)),
            (CallErrorKind::RateLimited(wait), 201, Retry::Unknown),
            (CallErrorKind::RateLimited(wait), 429, Retry::Safe(wait)),
            (CallErrorKind::Timeout, 201, Retry::Unknown),
            (CallErrorKind::Canceled, 201, Retry::Unknown),
            (upstream(504), 504, Retry::Unknown),
            (CallErrorKind::Conflict, 422, Retry::Never),
        ] {
            let (plugin, function) = ("p".to_owned(), "artifact-uploads.finish-upload".to_owned());
            let error = CallError { kind, message: String::new(), hint: None, plugin, function, sent: false };
            let shown = format!("{error:?} after {status}");
            assert_eq!(after_sending(error, status).retry(), expected, "{shown}");
        }
    }
}
