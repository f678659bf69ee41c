//! What else the platform keeps: secrets, variables, runners, webhooks.

use novacron_cicd_sdk::{
    Result, RunnerAssignment, RunnerCreation, RunnerDeletion, RunnerDrain, RunnerLabels, Runners, Secrets, Variables,
    WebhookRecovery, WebhookRegistration,
    http::{Capture, Json},
    runner_creation::{CreatedRunner, RunnerRequest},
    runners::{Runner, RunnerPage},
    secrets::{SecretChange, SecretInfo, SecretPage},
    types::{Operation, PageRequest, Timestamp},
    variables::{Variable, VariablePage},
    webhook_recovery::{Missed, MissedPage},
    webhook_registration::{Hook, HookRequest},
};
use serde_json::Value;

use crate::{
    Whole, act, change, make, read,
    shapes::{each, flag, maybe, more, text, texts},
};

/// The slot that what a new runner authenticates with is captured into.
const FRESH: &str = "fresh";

impl Secrets for Whole {
    fn list_secrets(scope: Option<String>, _: PageRequest) -> Result<SecretPage> {
        let found = read("secrets.list-secrets", &[("scope", scope.as_deref().unwrap_or_default())])?;
        let items = each(&found, |document| SecretInfo {
            name: text(document, "name"),
            scope: maybe(document, "scope"),
            kind: text(document, "kind"),
            updated: document["updated"].as_u64(),
            more: more(document),
        });
        Ok(SecretPage { items, next: None })
    }

    fn put_secret(operation: Operation, secret: SecretChange) -> Result<()> {
        let mut arguments =
            Json::object().field("name", secret.name).field("scope", secret.scope).field("kind", secret.kind);
        for part in secret.parts {
            arguments = arguments.secret(format!("part.{}", part.key), part.value);
        }
        act(&operation, "secrets.put-secret", arguments)
    }

    fn delete_secret(operation: Operation, name: String, scope: Option<String>) -> Result<()> {
        act(&operation, "secrets.delete-secret", Json::object().field("name", name).field("scope", scope))
    }
}

impl Variables for Whole {
    fn list_variables(scope: Option<String>, _: PageRequest) -> Result<VariablePage> {
        let found = read("variables.list-variables", &[("scope", scope.as_deref().unwrap_or_default())])?;
        let items = each(&found, |document| Variable {
            name: text(document, "name"),
            scope: maybe(document, "scope"),
            value: text(document, "value"),
            more: more(document),
        });
        Ok(VariablePage { items, next: None })
    }

    fn put_variable(operation: Operation, variable: Variable) -> Result<()> {
        let arguments = Json::object().field("name", variable.name).field("value", variable.value);
        act(&operation, "variables.put-variable", arguments)
    }

    fn delete_variable(operation: Operation, name: String, scope: Option<String>) -> Result<()> {
        act(&operation, "variables.delete-variable", Json::object().field("name", name).field("scope", scope))
    }
}

fn runner(document: &Value) -> Runner {
    Runner {
        draining: flag(document, "draining"),
        labels: texts(document, "labels"),
        ..Runner::new(text(document, "id"), text(document, "id"), "online")
    }
}

fn of(runner: &str) -> Json {
    Json::object().field("runner", runner)
}

impl Runners for Whole {
    fn list_runners(_: PageRequest) -> Result<RunnerPage> {
        Ok(RunnerPage { items: each(&read("runners.list-runners", &[])?, runner), next: None })
    }

    fn get(id: String) -> Result<Runner> {
        Ok(runner(&read("runners.get", &[("runner", &id)])?))
    }
}

impl RunnerDeletion for Whole {
    fn delete_runner(operation: Operation, id: String) -> Result<()> {
        act(&operation, "runner-deletion.delete-runner", of(&id))
    }
}

impl RunnerDrain for Whole {
    fn set_draining(operation: Operation, id: String, draining: bool, message: Option<String>) -> Result<()> {
        act(&operation, "runner-drain.set-draining", of(&id).field("draining", draining).field("message", message))
    }
}

impl RunnerLabels for Whole {
    /// By state: where it is so already, nothing is sent.
    fn set_labels(operation: Operation, id: String, labels: Vec<String>) -> Result<()> {
        if runner(&read("runners.get", &[("runner", &id)])?).labels == labels {
            return Ok(());
        }
        act(&operation, "runner-labels.set-labels", of(&id).field("labels", labels))
    }
}

impl RunnerCreation for Whole {
    fn create_runner(operation: Operation, request: RunnerRequest) -> Result<CreatedRunner> {
        let arguments = Json::object().field("name", request.name).field("labels", request.labels);
        let asked = change(&operation, "runner-creation.create-runner", arguments);
        let made: Value = asked.capture(Capture::pointer("/token", FRESH)).fetch()?;
        let expires = made["expires"].as_u64();
        Ok(CreatedRunner { runner: maybe(&made, "id"), slot: FRESH.into(), expires, more: more(&made) })
    }
}

impl RunnerAssignment for Whole {
    fn assign(operation: Operation, id: String, project: String) -> Result<()> {
        act(&operation, "runner-assignment.assign", of(&id).field("project", project))
    }

    fn unassign(operation: Operation, id: String, project: String) -> Result<()> {
        act(&operation, "runner-assignment.unassign", of(&id).field("project", project))
    }
}

fn hook(document: &Value) -> Hook {
    Hook {
        id: text(document, "id"),
        url: text(document, "url"),
        active: flag(document, "active"),
        events: texts(document, "events"),
        more: more(document),
    }
}

impl WebhookRegistration for Whole {
    fn list_hooks() -> Result<Vec<Hook>> {
        Ok(each(&read("webhook-registration.list-hooks", &[])?, hook))
    }

    fn register(operation: Operation, request: HookRequest) -> Result<Hook> {
        let mut arguments = Json::object().field("url", request.url).field("events", request.events);
        if let Some(secret) = request.secret {
            arguments = arguments.secret("secret", secret);
        }
        Ok(hook(&make(&operation, "webhook-registration.register", arguments)?))
    }

    fn unregister(operation: Operation, hook: String) -> Result<()> {
        act(&operation, "webhook-registration.unregister", Json::object().field("hook", hook))
    }
}

impl WebhookRecovery for Whole {
    fn list_missed(since: Timestamp, _: PageRequest) -> Result<MissedPage> {
        let found = read("webhook-recovery.list-missed", &[("since", &since.to_string())])?;
        let items = each(&found, |document| Missed {
            id: text(document, "id"),
            hook: text(document, "hook"),
            at: document["at"].as_u64().unwrap_or_default(),
            event: text(document, "event"),
        });
        Ok(MissedPage { items, next: None })
    }

    fn redeliver(operation: Operation, hook: String, delivery: String) -> Result<()> {
        let arguments = Json::object().field("hook", hook).field("delivery", delivery);
        act(&operation, "webhook-recovery.redeliver", arguments)
    }
}
