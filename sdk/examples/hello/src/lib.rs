//! The smallest provider: its platform starts a build on `POST /builds/NAME`, once for each `idempotency-key`, and
//! shows it at `GET /builds/NAME/ID`.

use novacron_cicd_sdk::types::{Error, Operation, Run, RunRef, State, Status, Ticket};
use novacron_cicd_sdk::{Plugin, Result, Runs, http::Request, plugin::CheckReport, runs::TriggerRequest};

/// What the platform says of a build.
#[derive(serde::Deserialize)]
struct Build {
    id: String,
    status: String,
}

struct Hello;

impl Plugin for Hello {
    fn check() -> Result<CheckReport> {
        Request::get("/version").credential("token").send()?.ok()?;
        Ok(CheckReport::default())
    }
}

impl Runs for Hello {
    fn trigger(operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        let post =
            Request::post(["builds", &request.pipeline]).credential("token").header("idempotency-key", operation.id);
        Ok(Ticket::Run(seen(request.pipeline, post.fetch()?)))
    }
    fn resolve_ticket(_: String, _: String) -> Result<Ticket> {
        Err(Error::unsupported("tickets"))
    }
    fn get(run: RunRef) -> Result<Run> {
        let build = Request::get(["builds", &run.pipeline, &run.run]).credential("token").fetch()?;
        Ok(seen(run.pipeline, build))
    }
}

fn seen(pipeline: String, build: Build) -> Run {
    let state = match build.status.as_str() {
        "queued" => State::Pending,
        "passed" => State::Succeeded,
        "broken" => State::Failed,
        _ => State::Running,
    };
    Run::new(RunRef { pipeline, run: build.id, attempt: None }, Status::of(state, build.status))
}

novacron_cicd_sdk::export!(Hello with plugin, runs);
