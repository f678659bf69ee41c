//! What every handler has at hand.

use std::sync::Arc;

use novacron_cicd_domain::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{config::Limits, service::Services};

/// What every handler has at hand. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    services: Services,
    limits: Limits,
    stopping: CancellationToken,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
    clock: fn() -> Timestamp,
}

impl ApiState {
    /// `stopping` ends streams that would go on for ever; `metrics` renders what `/metrics` shows.
    pub fn new(
        services: Services,
        limits: Limits,
        stopping: CancellationToken,
        metrics: impl Fn() -> String + Send + Sync + 'static,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self(Arc::new(Inner { services, limits, stopping, metrics: Box::new(metrics), clock }))
    }

    pub(crate) fn services(&self) -> &Services {
        &self.0.services
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    pub(crate) fn metrics(&self) -> String {
        (self.0.metrics)()
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0.clock)()
    }
}
