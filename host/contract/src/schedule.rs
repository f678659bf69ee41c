//! Schedules of a pipeline, and tokens that start it.

use novacron_cicd_domain::platform::{Schedule, ScheduleChange, TriggerToken};

use crate::{
    bindings::exports::novacron::cicd::{pipeline_schedules as schedules, pipeline_triggers as triggers},
    value::{Violation, id, map, to_domain, values},
};

impl TryFrom<schedules::Schedule> for Schedule {
    type Error = Violation;
    fn try_from(schedule: schedules::Schedule) -> Result<Self, Violation> {
        Ok(Self {
            id: id("schedule.id", schedule.id)?,
            cron: schedule.cron,
            timezone: schedule.timezone,
            reference: schedule.reference,
            enabled: schedule.enabled,
            description: schedule.description,
            next_run: schedule.next_run.map(to_domain),
            more: map(schedule.more),
        })
    }
}

impl From<ScheduleChange> for schedules::ScheduleChange {
    fn from(change: ScheduleChange) -> Self {
        Self {
            cron: change.cron,
            timezone: change.timezone,
            reference: change.reference,
            enabled: change.enabled,
            description: change.description,
            variables: values(change.variables),
            more: Vec::new(),
        }
    }
}

impl TryFrom<triggers::TriggerToken> for TriggerToken {
    type Error = Violation;
    fn try_from(token: triggers::TriggerToken) -> Result<Self, Violation> {
        Ok(Self { id: id("trigger-token.id", token.id)?, description: token.description, more: map(token.more) })
    }
}
