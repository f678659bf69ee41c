//! Transfers that never enter a guest: the host performs a plan through the same door, under the same policy.

use std::collections::BTreeMap;

use novacron_cicd_contract::bindings::novacron::cicd::types::Request;
use novacron_cicd_domain::platform::Transfer;

use super::Provider;
use crate::egress::{Call, CallScope, SendError, StreamAnswer};

impl Provider {
    /// Opens a transfer that this provider's plugin planned. It ends with the binding's token, not with its deadline,
    /// which is for calls: a log may be followed for hours.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn open(&self, transfer: &Transfer, deadline: tokio::time::Instant) -> Result<StreamAnswer, SendError> {
        let Some(request) = transfer.request::<Request>() else {
            return Err(SendError::BadRequest(format!("{} was not planned by a plugin", transfer.summary())));
        };
        let call = Call {
            function: "transfer".to_owned(),
            pure: false,
            secrets: BTreeMap::new(),
            // A transfer's bytes are not held in memory: they are counted by whoever keeps them.
            budget: crate::egress::Budget { bytes: u64::MAX, ..self.host.limits.budget },
            deadline,
            cancel: self.binding.cancel.clone(),
            login: self.describer(),
        };
        let scope = CallScope::new(self.prepared.scope.clone(), call);
        self.host.door.stream(&scope, request.clone()).await
    }
}
