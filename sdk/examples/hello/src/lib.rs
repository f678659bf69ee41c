//! The smallest provider. It has no platform behind it: every run of it says hello and has succeeded.

use novacron_cicd_sdk::types::{Error, Operation, Run, RunRef, State, Status, Ticket};
use novacron_cicd_sdk::{
    Logs, Plugin, Result, Runs, context, info, logs::*, plugin::CheckReport, runs::TriggerRequest,
};

struct Hello;

impl Plugin for Hello {
    fn check() -> Result<CheckReport> {
        Ok(CheckReport { platform_version: Some("of no platform".into()), ..CheckReport::default() })
    }
}

impl Runs for Hello {
    fn trigger(operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        info!("hello from a trigger"; pipeline = request.pipeline, attempt = operation.attempt);
        Self::get(RunRef { pipeline: request.pipeline, run: request.correlation, attempt: None }).map(Ticket::Run)
    }

    fn resolve_ticket(_pipeline: String, _ticket: String) -> Result<Ticket> {
        Err(Error::unsupported("tickets"))
    }

    fn get(run: RunRef) -> Result<Run> {
        Ok(Run::new(run, Status::of(State::Succeeded, "greeted")))
    }
}

impl Logs for Hello {
    fn read(request: LogRequest) -> Result<LogAnswer> {
        let settings: serde_json::Value = context::settings()?;
        let line = format!("hello, {}\n", settings["name"].as_str().unwrap_or("world"));
        let bytes = if request.cursor.is_some() { Vec::new() } else { line.into_bytes() };
        let availability = Availability::Complete;
        Ok(LogAnswer::Chunk(LogChunk { bytes, next: "end".into(), more_now: false, reset: false, availability }))
    }
}

novacron_cicd_sdk::export!(Hello with plugin, runs, logs);
