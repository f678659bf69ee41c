//! Everything about pipelines.

use novacron_cicd_sdk::{
    PipelineCopies, PipelineDefinitions, PipelineLint, PipelineSchedules, PipelineState, PipelineTriggers, Pipelines,
    Result,
    http::{Capture, Json},
    pipeline_definitions::Definition,
    pipeline_lint::{Finding, LintRequest},
    pipeline_schedules::{Schedule, ScheduleChange},
    pipeline_triggers::TriggerToken,
    pipelines::PipelinePage,
    types::{Operation, PageRequest, Parameter, Pipeline, Ticket},
};
use serde_json::Value;

use crate::{
    Whole, act, change, make, read,
    shapes::{each, flag, given, maybe, more, parameter, pipeline, text, texts, ticket},
};

/// The slot that a new token is captured into.
const FRESH: &str = "fresh";

fn of(id: &str) -> Json {
    Json::object().field("pipeline", id)
}

impl Pipelines for Whole {
    fn list_pipelines(_: PageRequest) -> Result<PipelinePage> {
        Ok(PipelinePage { items: each(&read("pipelines.list-pipelines", &[])?, pipeline), next: None })
    }

    fn get(id: String) -> Result<Pipeline> {
        Ok(pipeline(&read("pipelines.get", &[("pipeline", &id)])?))
    }

    fn parameters(id: String, reference: Option<String>) -> Result<Vec<Parameter>> {
        let reference = reference.unwrap_or_default();
        Ok(each(&read("pipelines.parameters", &[("pipeline", &id), ("reference", &reference)])?, parameter))
    }
}

fn defined(definition: Definition) -> Json {
    Json::object().field("name", definition.name).field("repository", definition.repository)
}

impl PipelineDefinitions for Whole {
    fn read(id: String) -> Result<Definition> {
        let found = crate::read("pipeline-definitions.read", &[("pipeline", &id)])?;
        Ok(Definition {
            name: text(&found, "name"),
            repository: maybe(&found, "repository"),
            reference: maybe(&found, "reference"),
            location: maybe(&found, "location"),
            source: maybe(&found, "source").map(String::into_bytes),
            parameters: each(&found["parameters"], parameter),
            environment: Vec::new(),
            schedules: texts(&found, "schedules"),
            webhook_url: None,
            more: Vec::new(),
        })
    }

    fn create(operation: Operation, definition: Definition) -> Result<Pipeline> {
        Ok(pipeline(&make(&operation, "pipeline-definitions.create", defined(definition))?))
    }

    fn update(operation: Operation, id: String, definition: Definition, _: Option<String>) -> Result<Pipeline> {
        let arguments = defined(definition).field("pipeline", id);
        Ok(pipeline(&make(&operation, "pipeline-definitions.update", arguments)?))
    }

    fn delete(operation: Operation, id: String, _: Option<String>) -> Result<()> {
        act(&operation, "pipeline-definitions.delete", of(&id))
    }
}

impl PipelineState for Whole {
    fn set_enabled(operation: Operation, id: String, enabled: bool) -> Result<Pipeline> {
        let made = make(&operation, "pipeline-state.set-enabled", of(&id).field("enabled", enabled))?;
        Ok(Pipeline { enabled, ..pipeline(&made) })
    }
}

impl PipelineLint for Whole {
    fn validate(request: LintRequest) -> Result<Vec<Finding>> {
        let source = String::from_utf8_lossy(&request.source).into_owned();
        Ok(each(&read("pipeline-lint.validate", &[("source", &source)])?, |finding| Finding {
            severity: text(finding, "severity"),
            message: text(finding, "message"),
            line: finding["line"].as_u64().and_then(|line| line.try_into().ok()),
            column: None,
        }))
    }
}

impl PipelineCopies for Whole {
    fn copy(operation: Operation, source: String, name: String, location: Option<String>) -> Result<Pipeline> {
        let arguments = of(&source).field("name", name).field("location", location);
        Ok(pipeline(&make(&operation, "pipeline-copies.copy", arguments)?))
    }

    fn relocate(operation: Operation, id: String, name: Option<String>, location: Option<String>) -> Result<Pipeline> {
        let arguments = of(&id).field("name", name).field("location", location);
        Ok(pipeline(&make(&operation, "pipeline-copies.relocate", arguments)?))
    }
}

fn schedule(document: &Value) -> Schedule {
    Schedule {
        id: text(document, "id"),
        cron: text(document, "cron"),
        timezone: maybe(document, "timezone"),
        reference: maybe(document, "reference"),
        enabled: flag(document, "enabled"),
        description: maybe(document, "description"),
        next_run: document["next_run"].as_u64(),
        more: more(document),
    }
}

impl PipelineSchedules for Whole {
    fn list_schedules(id: String) -> Result<Vec<Schedule>> {
        Ok(each(&read("pipeline-schedules.list-schedules", &[("pipeline", &id)])?, schedule))
    }

    fn put_schedule(
        operation: Operation,
        id: String,
        known: Option<String>,
        wanted: ScheduleChange,
    ) -> Result<Schedule> {
        let arguments = of(&id).field("schedule", known).field("cron", wanted.cron).field("enabled", wanted.enabled);
        let arguments = given(arguments, wanted.variables);
        Ok(schedule(&make(&operation, "pipeline-schedules.put-schedule", arguments)?))
    }

    fn delete_schedule(operation: Operation, id: String, schedule: String) -> Result<()> {
        act(&operation, "pipeline-schedules.delete-schedule", of(&id).field("schedule", schedule))
    }

    fn play_schedule(operation: Operation, id: String, schedule: String, correlation: String) -> Result<Ticket> {
        let arguments = of(&id).field("schedule", schedule).field("correlation", correlation);
        Ok(ticket(&make(&operation, "pipeline-schedules.play-schedule", arguments)?))
    }
}

fn token(document: &Value, slot: Option<&str>) -> TriggerToken {
    TriggerToken {
        id: text(document, "id"),
        description: maybe(document, "description"),
        slot: slot.map(str::to_owned),
        more: more(document),
    }
}

impl PipelineTriggers for Whole {
    fn list_tokens(id: String) -> Result<Vec<TriggerToken>> {
        let found = read("pipeline-triggers.list-tokens", &[("pipeline", &id)])?;
        Ok(each(&found, |document| token(document, None)))
    }

    fn create_token(operation: Operation, id: String, description: String) -> Result<TriggerToken> {
        let arguments = of(&id).field("description", description);
        let request = change(&operation, "pipeline-triggers.create-token", arguments);
        let made = request.capture(Capture::pointer("/token", FRESH)).fetch()?;
        Ok(token(&made, Some(FRESH)))
    }

    fn delete_token(operation: Operation, id: String, token: String) -> Result<()> {
        act(&operation, "pipeline-triggers.delete-token", of(&id).field("token", token))
    }
}
