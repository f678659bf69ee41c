//! Transfers that never enter a guest: the host performs a plan through the same door, under the same policy.

use std::{collections::BTreeMap, time::Duration};

use novacron_cicd_contract::bindings::novacron::cicd::types::Request;
use novacron_cicd_domain::platform::{CallError, CallErrorKind, Transfer, UploadAnswer};
use tokio::time::Instant;

use super::Provider;
use crate::egress::{Budget, Call, CallScope, SendError, StreamAnswer, Upload};

/// What a plan's request is called in errors and in the audit trail.
const TRANSFER: &str = "transfer";
/// The longest that an upload may go on, however steadily.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Provider {
    /// Opens a transfer that this provider's plugin planned. It ends with the binding's token, not with its deadline,
    /// which is for calls: a log may be followed for hours.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn open(&self, transfer: &Transfer, deadline: Instant) -> Result<StreamAnswer, SendError> {
        let request = request(transfer)?;
        // A transfer's bytes are not held in memory: they are counted by whoever keeps them.
        let scope = self.transfer(u64::MAX, deadline);
        self.host.door.stream(&scope, request.clone()).await
    }

    /// Sends bytes of the host's by a plan of this provider's plugin; it takes as long as they move.
    ///
    /// # Errors
    /// [`CallError`]; its `retry` says whether they may be sent again.
    pub async fn send(&self, transfer: &Transfer, upload: Upload) -> Result<UploadAnswer, CallError> {
        // Twice: once more after a new login, or after a redirect that takes the body along.
        let most = upload.size.saturating_mul(2).saturating_add(self.host.limits.budget.bytes);
        let sent = async {
            let request = request(transfer)?;
            let scope = self.transfer(most, Instant::now() + LONGEST);
            self.host.door.upload(&scope, request.clone(), upload).await
        };
        let answer = sent.await.map_err(|error| self.unsent(transfer, &error))?;
        Ok(UploadAnswer {
            status: answer.status,
            headers: answer.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: answer.body,
        })
    }

    fn transfer(&self, bytes: u64, deadline: Instant) -> CallScope {
        let call = Call {
            function: TRANSFER.to_owned(),
            pure: false,
            secrets: BTreeMap::new(),
            budget: Budget { bytes, ..self.host.limits.budget },
            deadline,
            cancel: self.binding.cancel.clone(),
            login: self.describer(),
        };
        CallScope::new(self.prepared.scope.clone(), call)
    }

    /// Why bytes did not go, or nobody knows whether they did.
    fn unsent(&self, transfer: &Transfer, error: &SendError) -> CallError {
        let (kind, sent) = match error {
            SendError::Denied { .. } => (CallErrorKind::Denied, false),
            SendError::LoginFailed(_) => (CallErrorKind::Unauthorized, false),
            SendError::NotSent(_) => (CallErrorKind::Transient, false),
            // Something of them went out, and what became of it was not told, or is more than can be read.
            SendError::Interrupted(_) | SendError::TooLarge(_) => (CallErrorKind::OutcomeUnknown, true),
            SendError::BadRequest(_) | SendError::NoSuchCredential(_) | SendError::Budget(_) | SendError::Other(_) => {
                (CallErrorKind::Internal, false)
            }
        };
        let hint = match error {
            SendError::Denied { allow, .. } => {
                allow.as_ref().map(|command| format!("to allow it: `novacron-cicd {command}`"))
            }
            error => novacron_cicd_domain::Coded::hint(error),
        };
        let plugin = self.plugin.manifest().id.clone();
        let message = format!("{}: {error}", transfer.summary());
        CallError { kind, message, hint, plugin, function: TRANSFER.to_owned(), sent }
    }
}

fn request(transfer: &Transfer) -> Result<&Request, SendError> {
    let planned = transfer.request::<Request>();
    planned.ok_or_else(|| SendError::BadRequest(format!("{} was not planned by a plugin", transfer.summary())))
}
