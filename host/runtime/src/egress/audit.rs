//! One record for every request that went out or was refused.
//!
//! Must be absent from a record: header values, paths (a webhook's path may be its secret), queries, bodies.

use novacron_cicd_domain::{Timestamp, id::ProviderId};

use super::{error::SendError, scope::CallScope};

/// What became of one request of a plugin. Each hop of a redirect and each request of a login has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressRecord {
    /// When it was begun.
    pub at: Timestamp,
    /// For which provider.
    pub provider: ProviderId,
    /// By which plugin.
    pub plugin: String,
    /// In which function of the contract; `login` for the host's own requests of a login.
    pub function: String,
    /// GET, POST, ...
    pub method: String,
    /// Scheme, host and port; what the guest wrote, cut, where that is no URL.
    pub origin: String,
    /// The status, or the code of the error.
    pub outcome: Result<u16, &'static str>,
    /// Bytes of the body that was sent.
    pub sent: u64,
    /// Bytes of the answer's body, as far as they were read.
    pub received: u64,
    /// From the beginning to the end of the answer's body, or to the failure.
    pub millis: u64,
}

/// A record in the making: filed once, when it is dropped at the latest.
///
/// So a call that is canceled in the middle leaves a record too.
pub(super) struct Audit {
    ports: std::sync::Arc<dyn crate::ports::HostPorts>,
    started: tokio::time::Instant,
    record: Option<EgressRecord>,
}

impl Audit {
    pub(super) fn begin(
        ports: &std::sync::Arc<dyn crate::ports::HostPorts>,
        scope: &CallScope,
        function: &str,
        method: &str,
        origin: String,
        sent: u64,
    ) -> Self {
        let record = EgressRecord {
            at: ports.now(),
            provider: scope.provider().provider().id,
            plugin: scope.provider().provider().plugin.clone(),
            function: function.to_owned(),
            method: method.to_owned(),
            origin,
            outcome: Err("egress.abandoned"),
            sent,
            received: 0,
            millis: 0,
        };
        Self { ports: ports.clone(), started: tokio::time::Instant::now(), record: Some(record) }
    }

    pub(super) fn status(&mut self, status: u16) {
        if let Some(record) = &mut self.record {
            record.outcome = Ok(status);
        }
    }

    /// Of a body that did not go out whole.
    pub(super) fn unsent(&mut self, bytes: u64) {
        if let Some(record) = &mut self.record {
            record.sent -= bytes.min(record.sent);
        }
    }

    pub(super) fn received(&mut self, bytes: u64) {
        if let Some(record) = &mut self.record {
            record.received += bytes;
        }
    }

    pub(super) fn failed(&mut self, error: &SendError) {
        if let Some(record) = &mut self.record {
            record.outcome = Err(novacron_cicd_domain::Coded::code(error));
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.ports.audit(record);
        }
    }
}
