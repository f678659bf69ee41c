//! What goes out: three messages, all signed the same way. `docs/webhook-provider.md` describes them.
//!
//! Pure: everything that the host says comes in as [`Hook`].

use novacron_cicd_sdk::{
    Result,
    http::{Json, Request},
    lookup,
    run_cancel::CancelTarget,
    runs::TriggerRequest,
    types::{Error, Operation, ParameterValue, Value},
};

use crate::settings::Settings;

/// The slot whose key signs.
pub const SIGNING: &str = "signing";
/// The slot of the receiver's gateway, where the operator filled it.
pub const TOKEN: &str = "token";

/// Where the messages go, and what is the same in all of them.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The provider's base URL: posted to exactly as it is.
    pub url: String,
    /// The host's clock, in seconds.
    pub seconds: u64,
    /// Whether slot [`TOKEN`] is filled.
    pub token: bool,
    /// The operator's.
    pub settings: Settings,
}

impl Hook {
    /// Asks whether somebody is there who knows the key. `id` is new for each.
    #[must_use]
    pub fn ping(&self, id: &str) -> Request {
        self.post(id, Json::object().field("type", "ping")).reads()
    }

    /// Asks for a run.
    ///
    /// # Errors
    /// `unsupported` where the run could not report back.
    pub fn trigger(&self, operation: &Operation, request: &TriggerRequest) -> Result<Request> {
        let Some(callback) = &request.callback else {
            return Err(Error::unsupported("callbacks")
                .message("a run of this provider reports back by callbacks, and the host offers none")
                .hint("set public_url in the host's configuration"));
        };
        let pipeline = Json::object()
            .field("id", &request.pipeline)
            .maybe("name", lookup(&request.more, "novacron.pipeline-name"));
        let callback = Json::object().field("url", &callback.url).secret("token", &callback.token);
        let body = message("run.trigger", operation)
            .nested("run", Json::object().field("correlation", &request.correlation))
            .nested("pipeline", pipeline)
            .maybe("reference", request.reference.as_ref())
            .maybe("repository", lookup(&request.more, "novacron.repository"))
            .nested("parameters", values(&request.parameters))
            .nested("environment", values(&request.environment))
            .nested("callback", callback);
        Ok(self.post(&operation.id, body))
    }

    /// Asks for the end of a run.
    ///
    /// # Errors
    /// `unsupported` where the receiver takes no cancel.
    pub fn cancel(&self, operation: &Operation, target: &CancelTarget) -> Result<Request> {
        if !self.settings.cancel {
            return Err(Error::unsupported("run-cancel")
                .message("the receiver of this provider takes no run.cancel")
                .hint("end the run there, or set `cancel` in the provider's settings"));
        }
        let CancelTarget::Run(run) = target else {
            return Err(Error::unsupported("tickets").message("this provider has no queue of its own"));
        };
        let run =
            Json::object().maybe("correlation", lookup(&operation.more, "novacron.correlation")).field("id", &run.run);
        Ok(self.post(&operation.id, message("run.cancel", operation).nested("run", run)))
    }

    fn post(&self, id: &str, body: Json) -> Request {
        let mut request = Request::post(&self.url).json_with_secrets(body);
        for (name, value) in &self.settings.headers {
            request = request.header(name, value);
        }
        if self.token {
            request = request.credential(TOKEN);
        }
        request.standard_webhook(SIGNING, id, self.seconds)
    }
}

fn message(kind: &str, operation: &Operation) -> Json {
    let sent = Json::object().field("id", &operation.id).field("attempt", operation.attempt);
    Json::object().field("type", kind).nested("operation", sent)
}

/// An object of strings, whatever kind a parameter was declared as: a shell reads it without knowing the kinds.
fn values(given: &[ParameterValue]) -> Json {
    given.iter().fold(Json::object(), |object, given| match &given.value {
        Value::Text(text) => object.field(&given.name, text),
        Value::Secret(reference) => object.secret(&given.name, reference),
    })
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
