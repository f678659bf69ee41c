//! A provider that misbehaves in every way that its settings name.
//!
//! Each behaviour makes one limit of the sandbox fire; a behaviour that is not known is an error, so that a test with a
//! misspelt name fails.

mod behaviour;

use novacron_cicd_sdk::types::{Error, Operation, Run, RunRef, State, Status, Ticket};
use novacron_cicd_sdk::{
    Credentials, Plugin, Result, Runs, Webhooks, context,
    credentials::Login,
    http::{Capture, Request},
    plugin::CheckReport,
    runs::TriggerRequest,
    webhooks::{Decoded, Delivery},
};

#[derive(serde::Deserialize)]
pub(crate) struct Settings {
    behaviour: String,
    #[serde(default)]
    text: String,
}

struct Hostile;

/// The answer's warnings hold what a behaviour has to say.
impl Plugin for Hostile {
    fn check() -> Result<CheckReport> {
        let settings: Settings = context::settings()?;
        Ok(CheckReport { warnings: behaviour::misbehave(&settings)?, ..CheckReport::default() })
    }
}

impl Runs for Hostile {
    fn trigger(_: Operation, request: TriggerRequest) -> Result<Ticket> {
        let settings: Settings = context::settings()?;
        let said = behaviour::misbehave(&settings)?;
        Ok(Ticket::Unknown(Some(format!("{} {}", request.pipeline, said.join(" ")))))
    }

    fn resolve_ticket(_: String, _: String) -> Result<Ticket> {
        Err(Error::unsupported("tickets"))
    }

    fn get(mut run: RunRef) -> Result<Run> {
        let settings: Settings = context::settings()?;
        if settings.behaviour == "empty-id" {
            run.run = String::new();
        }
        behaviour::misbehave(&settings)?;
        Ok(Run::new(run, Status::of(State::Running, "running")))
    }
}

/// Pure: whatever it tries beside computing is refused.
impl Webhooks for Hostile {
    fn decode(_: Delivery) -> Result<Decoded> {
        let settings: Settings = context::settings()?;
        let said = behaviour::misbehave(&settings)?;
        Ok(Decoded { observations: Vec::new(), ignored: Some(said.join(" ")) })
    }
}

impl Credentials for Hostile {
    fn describe_login(slot: String) -> Result<Login> {
        let settings: Settings = context::settings()?;
        if !matches!(settings.behaviour.as_str(), "logged-in" | "known" | "known-and-changed") {
            return Err(Error::not_found(format!("nobody knows how to fill {slot}")));
        }
        let login = Request::post("/token")
            .form_secret("client_secret", &format!("slot:{slot}"))
            .capture(Capture::pointer("/access_token", slot));
        Ok(Login {
            requests: vec![login.build()?],
            placement: "bearer".into(),
            lifetime_ms: None,
            guards: Vec::new(),
            more: Vec::new(),
        })
    }
}

novacron_cicd_sdk::export!(Hostile with plugin, runs, webhooks, credentials);
