//! Starting and ending runs: what goes in, and the ticket that comes out.

use novacron_cicd_domain::platform::{CancelTarget, CheckReport, RetryScope, Ticket, TriggerRequest};

use crate::{
    bindings::{
        exports::novacron::cicd::{plugin, run_cancel, run_retry, runs},
        novacron::cicd::types as wit,
    },
    value::{Violation, attributes, cursor, values},
};

impl From<TriggerRequest> for runs::TriggerRequest {
    fn from(request: TriggerRequest) -> Self {
        Self {
            pipeline: request.pipeline,
            reference: request.reference,
            parameters: values(request.parameters),
            environment: values(request.environment),
            correlation: request.correlation,
            callback: request.callback.map(Into::into),
            more: attributes(request.more),
        }
    }
}

impl TryFrom<wit::Ticket> for Ticket {
    type Error = Violation;
    fn try_from(ticket: wit::Ticket) -> Result<Self, Violation> {
        Ok(match ticket {
            wit::Ticket::Run(run) => Self::Run(Box::new(run.try_into()?)),
            wit::Ticket::Queued(place) => Self::Queued(cursor("ticket.queued", place)?),
            wit::Ticket::Folded(place) => Self::Folded(cursor("ticket.folded", place)?),
            wit::Ticket::Unknown(place) => {
                Self::Unknown(place.map(|place| cursor("ticket.unknown", place)).transpose()?)
            }
            wit::Ticket::Canceled(reason) => Self::Canceled(reason),
        })
    }
}

impl From<CancelTarget> for run_cancel::CancelTarget {
    fn from(target: CancelTarget) -> Self {
        match target {
            CancelTarget::Run(run) => Self::Run((&run).into()),
            CancelTarget::Queued { pipeline, ticket } => Self::Queued(run_cancel::Queued { pipeline, ticket }),
        }
    }
}

impl From<RetryScope> for run_retry::RetryScope {
    fn from(scope: RetryScope) -> Self {
        match scope {
            RetryScope::All => Self::All,
            RetryScope::Failed => Self::Failed,
            RetryScope::Job(job) => Self::Job(job),
        }
    }
}

impl From<plugin::CheckReport> for CheckReport {
    fn from(report: plugin::CheckReport) -> Self {
        Self {
            account: report.account,
            platform_version: report.platform_version,
            features: report.features,
            missing_permissions: report.missing_permissions,
            warnings: report.warnings,
        }
    }
}
