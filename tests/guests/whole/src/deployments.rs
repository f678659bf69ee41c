//! Environments and deployments.

use novacron_cicd_sdk::{
    DeploymentApproval, DeploymentCancel, DeploymentReconciliation, DeploymentRollback, DeploymentStatus, Deployments,
    Environments, Result,
    deployment_reconciliation::Actual,
    deployments::{DeployRequest, DeploymentPage},
    environments::{Environment, EnvironmentChange, EnvironmentPage, Rule},
    http::Json,
    types::{DeployTicket, Deployment, Operation, PageRequest, State, Status, Timestamp},
};
use serde_json::Value;

use crate::{
    Whole, act, make, read,
    shapes::{each, given, maybe, more, status, text, times},
};

fn environment(document: &Value) -> Environment {
    let rule = |rule: &Value| Rule { kind: text(rule, "kind"), value: text(rule, "value") };
    Environment {
        id: text(document, "id"),
        name: text(document, "name"),
        tier: maybe(document, "tier"),
        url: maybe(document, "url"),
        state: maybe(document, "state"),
        protection: each(&document["protection"], rule),
        updated: document["updated"].as_u64(),
        more: more(document),
    }
}

fn at(environment: &str) -> Json {
    Json::object().field("environment", environment)
}

impl Environments for Whole {
    fn list_environments(_: PageRequest) -> Result<EnvironmentPage> {
        Ok(EnvironmentPage { items: each(&read("environments.list-environments", &[])?, environment), next: None })
    }

    fn get(id: String) -> Result<Environment> {
        Ok(environment(&read("environments.get", &[("environment", &id)])?))
    }

    fn put_environment(operation: Operation, wanted: EnvironmentChange) -> Result<Environment> {
        let arguments = Json::object().field("name", wanted.name).field("tier", wanted.tier);
        let rules = wanted.protection.map(|rules| rules.into_iter().map(|rule| rule.kind).collect::<Vec<_>>());
        Ok(environment(&make(&operation, "environments.put-environment", arguments.field("protection", rules))?))
    }

    fn stop_environment(operation: Operation, environment: String) -> Result<()> {
        act(&operation, "environments.stop-environment", at(&environment))
    }

    fn delete_environment(operation: Operation, environment: String) -> Result<()> {
        act(&operation, "environments.delete-environment", at(&environment))
    }
}

fn deployment(document: &Value) -> Deployment {
    Deployment {
        id: text(document, "id"),
        environment: text(document, "environment"),
        status: status(document),
        times: times(document),
        run: None,
        version: maybe(document, "version"),
        url: maybe(document, "url"),
        more: more(document),
    }
}

fn ticket(document: &Value) -> DeployTicket {
    match maybe(document, "ticket") {
        Some(place) => DeployTicket::Queued(place),
        None => DeployTicket::Deployment(deployment(document)),
    }
}

fn of(id: &str) -> Json {
    Json::object().field("deployment", id)
}

impl Deployments for Whole {
    fn start(operation: Operation, request: DeployRequest) -> Result<DeployTicket> {
        let arguments = at(&request.environment)
            .field("target", request.target.name)
            .field("version", request.artifact.version)
            .field("correlation", request.correlation);
        let arguments = given(given(arguments, request.parameters), request.target.credentials);
        Ok(ticket(&make(&operation, "deployments.start", arguments)?))
    }

    fn resolve_ticket(place: String) -> Result<DeployTicket> {
        Ok(ticket(&read("deployments.resolve-ticket", &[("ticket", &place)])?))
    }

    fn get(id: String) -> Result<Deployment> {
        Ok(deployment(&read("deployments.get", &[("deployment", &id)])?))
    }

    fn list_deployments(environment: Option<String>, _: PageRequest) -> Result<DeploymentPage> {
        let asked = [("environment", environment.as_deref().unwrap_or_default())];
        Ok(DeploymentPage { items: each(&read("deployments.list-deployments", &asked)?, deployment), next: None })
    }
}

impl DeploymentCancel for Whole {
    fn cancel(operation: Operation, id: String) -> Result<()> {
        act(&operation, "deployment-cancel.cancel", of(&id))
    }
}

impl DeploymentApproval for Whole {
    fn approve(operation: Operation, id: String, approve: bool, comment: Option<String>) -> Result<()> {
        act(&operation, "deployment-approval.approve", of(&id).field("approve", approve).field("comment", comment))
    }
}

impl DeploymentRollback for Whole {
    fn rollback(operation: Operation, to: String, correlation: String) -> Result<DeployTicket> {
        let arguments = of(&to).field("correlation", correlation);
        Ok(ticket(&make(&operation, "deployment-rollback.rollback", arguments)?))
    }
}

impl DeploymentReconciliation for Whole {
    fn observe(environment: String, target: String) -> Result<Actual> {
        let asked = [("environment", environment.as_str()), ("target", target.as_str())];
        let found = read("deployment-reconciliation.observe", &asked)?;
        Ok(Actual {
            version: maybe(&found, "version"),
            sha256: maybe(&found, "sha256"),
            deployment: found.get("deployment").map(deployment),
            more: more(&found),
        })
    }

    fn find_by_correlation(correlation: String, _: Timestamp) -> Result<Vec<Deployment>> {
        let found = read("deployment-reconciliation.find-by-correlation", &[("correlation", &correlation)])?;
        Ok(each(&found, deployment))
    }
}

impl DeploymentStatus for Whole {
    fn set_status(operation: Operation, id: String, status: Status, url: Option<String>) -> Result<()> {
        let state = match status.state {
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            _ => "going on",
        };
        act(&operation, "deployment-status.set-status", of(&id).field("state", state).field("url", url))
    }
}
