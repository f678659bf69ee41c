//! Everything about runs.

use novacron_cicd_sdk::{
    ArtifactRetention, ArtifactUploads, Artifacts, Attestations, Logs, Result, RunCancel, RunChanges, RunDeletion,
    RunForceCancel, RunGates, RunListing, RunPlay, RunRetry, RunSearch, Runs,
    artifact_uploads::{UploadAnswer, UploadPlan, UploadRequest, Uploaded},
    artifacts::{ArtifactPage, DownloadPlan},
    attestations::{Attestation, AttestationPage},
    attribute,
    http::{Json, Request},
    logs::{Availability, LogAnswer, LogChunk, LogRequest},
    lookup,
    run_cancel::CancelTarget,
    run_changes::Changes,
    run_gates::{Decision, Gate},
    run_listing::{RunFilter, RunPage},
    run_retry::RetryScope,
    runs::TriggerRequest,
    types::{Digest, Error, Operation, PageRequest, ParameterValue, Run, RunMatch, RunRef, Ticket, Timestamp},
};
use serde_json::Value;

use crate::{
    SLOT, Whole, act, ask, make, read,
    shapes::{artifact, each, given, maybe, more, parameter, run, text, ticket},
};

fn of(run: &RunRef) -> Json {
    Json::object().field("run", &run.run)
}

impl Runs for Whole {
    fn trigger(operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        let arguments = Json::object().field("pipeline", request.pipeline).field("correlation", request.correlation);
        Ok(ticket(&make(&operation, "runs.trigger", arguments)?))
    }

    fn resolve_ticket(_: String, place: String) -> Result<Ticket> {
        Ok(ticket(&read("runs.resolve-ticket", &[("ticket", &place)])?))
    }

    fn get(wanted: RunRef) -> Result<Run> {
        Ok(run(&read("runs.get", &[("run", &wanted.run)])?))
    }
}

impl RunSearch for Whole {
    fn find_by_correlation(_: String, correlation: String, _: Timestamp) -> Result<RunMatch> {
        let found = read("run-search.find-by-correlation", &[("correlation", &correlation)])?;
        Ok(match <[Run; 1]>::try_from(each(&found, run)) {
            Ok([run]) => RunMatch::One(run),
            Err(none) if none.is_empty() => RunMatch::None,
            Err(many) => RunMatch::Many(many.into_iter().map(|run| run.identity).collect()),
        })
    }
}

impl RunListing for Whole {
    fn list_runs(_: RunFilter, _: PageRequest) -> Result<RunPage> {
        Ok(RunPage { items: each(&read("run-listing.list-runs", &[])?, run), next: None })
    }
}

impl RunChanges for Whole {
    fn list_changed(_: Vec<String>, position: Option<String>) -> Result<Changes> {
        let found = read("run-changes.list-changed", &[("position", position.as_deref().unwrap_or_default())])?;
        Ok(Changes { runs: each(&found["runs"], run), position: text(&found, "position"), more_now: false })
    }
}

impl RunCancel for Whole {
    fn cancel(operation: Operation, target: CancelTarget) -> Result<()> {
        let arguments = match target {
            CancelTarget::Run(run) => of(&run),
            CancelTarget::Queued(queued) => Json::object().field("ticket", queued.ticket),
        };
        act(&operation, "run-cancel.cancel", arguments)
    }
}

impl RunForceCancel for Whole {
    fn force_cancel(operation: Operation, run: RunRef) -> Result<()> {
        act(&operation, "run-force-cancel.force-cancel", of(&run))
    }
}

impl RunRetry for Whole {
    fn retry(operation: Operation, run: RunRef, _: RetryScope, correlation: String) -> Result<Ticket> {
        Ok(ticket(&make(&operation, "run-retry.retry", of(&run).field("correlation", correlation))?))
    }
}

impl RunPlay for Whole {
    fn play(operation: Operation, run: RunRef, job: String, variables: Vec<ParameterValue>) -> Result<()> {
        act(&operation, "run-play.play", given(of(&run).field("job", job), variables))
    }
}

impl RunGates for Whole {
    fn list_gates(run: RunRef) -> Result<Vec<Gate>> {
        Ok(each(&read("run-gates.list-gates", &[("run", &run.run)])?, |gate| Gate {
            id: text(gate, "id"),
            kind: text(gate, "kind"),
            job: maybe(gate, "job"),
            message: maybe(gate, "message"),
            can_resolve: gate["can_resolve"].as_bool(),
            inputs: each(&gate["inputs"], parameter),
            more: more(gate),
        }))
    }

    fn resolve_gate(operation: Operation, run: RunRef, gate: String, decision: Decision) -> Result<()> {
        let arguments =
            of(&run).field("gate", gate).field("approve", decision.approve).field("comment", decision.comment);
        act(&operation, "run-gates.resolve-gate", given(arguments, decision.inputs))
    }
}

impl RunDeletion for Whole {
    fn delete_run(operation: Operation, run: RunRef) -> Result<()> {
        act(&operation, "run-deletion.delete-run", of(&run))
    }
}

impl Logs for Whole {
    fn read(request: LogRequest) -> Result<LogAnswer> {
        let found = crate::read("logs.read", &[("run", &request.run.run)])?;
        let bytes = text(&found, "text").into_bytes();
        let next = bytes.len().to_string();
        let from = request.cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0).min(bytes.len());
        let bytes = bytes[from..].to_vec();
        let availability = Availability::Complete;
        Ok(LogAnswer::Chunk(LogChunk { bytes, next, more_now: false, reset: false, availability }))
    }
}

impl Artifacts for Whole {
    fn list_artifacts(run: Option<RunRef>, _: PageRequest) -> Result<ArtifactPage> {
        let run = run.ok_or_else(|| Error::unsupported("artifacts of no run"))?;
        let found = read("artifacts.list-artifacts", &[("run", &run.run)])?;
        Ok(ArtifactPage { items: each(&found, artifact), next: None })
    }

    fn plan_download(_: Option<RunRef>, id: String, _: Option<String>) -> Result<DownloadPlan> {
        Ok(DownloadPlan::raw(ask("artifacts.plan-download").query("artifact", id).build()?))
    }
}

impl ArtifactUploads for Whole {
    fn plan_upload(operation: Operation, request: UploadRequest) -> Result<UploadPlan> {
        let put = Request::put(["bytes", &request.name])
            .credential(SLOT)
            .header("idempotency-key", operation.id)
            .header("x-attempt", operation.attempt.to_string())
            .header("content-type", request.media_type.as_deref().unwrap_or("application/octet-stream"))
            .query("version", request.version.unwrap_or_default())
            .query("run", request.run.map(|run| run.run).unwrap_or_default())
            .query("label", lookup(&request.more, "label").unwrap_or_default());
        Ok(UploadPlan { request: put.build()?, state: request.sha256, more: Vec::new() })
    }

    fn finish_upload(_: Operation, state: String, answer: UploadAnswer) -> Result<Uploaded> {
        let said = String::from_utf8_lossy(&answer.body);
        let kept: Value = match answer.status {
            201 => serde_json::from_str(&said).map_err(|error| Error::internal(error.to_string()))?,
            409 => return Err(Error::conflict(said)),
            status => return Err(Error::upstream("the bytes were not taken", status, said)),
        };
        if kept["sha256"] != *state {
            return Err(Error::internal("the platform has other bytes"));
        }
        let digests = vec![Digest { algorithm: "sha256".into(), hex: state }];
        Ok(Uploaded { id: text(&kept, "id"), url: maybe(&kept, "url"), digests, more: more(&kept) })
    }
}

impl ArtifactRetention for Whole {
    fn delete_artifact(operation: Operation, _: Option<RunRef>, artifact: String) -> Result<()> {
        act(&operation, "artifact-retention.delete-artifact", Json::object().field("artifact", artifact))
    }

    fn keep_artifact(operation: Operation, _: Option<RunRef>, artifact: String) -> Result<()> {
        act(&operation, "artifact-retention.keep-artifact", Json::object().field("artifact", artifact))
    }
}

impl Attestations for Whole {
    fn list_attestations(subject: Digest, repository: Option<String>, _: PageRequest) -> Result<AttestationPage> {
        let repository = repository.unwrap_or_default();
        let asked = [("digest", subject.hex.as_str()), ("repository", repository.as_str())];
        let found = read("attestations.list-attestations", &asked)?;
        let mut items = Vec::new();
        for document in found.as_array().into_iter().flatten() {
            let pointer = maybe(document, "pointer").map(|pointer| attribute("novacron.pointer", pointer));
            items.push(Attestation {
                predicate: text(document, "predicate"),
                media_type: "application/json".into(),
                request: Request::get(["bytes", &text(document, "id")]).credential(SLOT).build()?,
                more: more(document).into_iter().chain(pointer).collect(),
            });
        }
        Ok(AttestationPage { items, next: None })
    }
}
