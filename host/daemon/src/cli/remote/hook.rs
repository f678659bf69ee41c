//! `novacron-cicd remote hook`

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    super::{
        CliError, Exit,
        change::{self, Waiting},
        client::Client,
        key_value,
        output::Output,
    },
    Changed, Many, Whose, list, tell, whole,
};
use crate::api::remote::hooks::HookRegister;

/// What to do with the webhooks that a platform has.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the webhooks that a platform has
    List(Whole),
    /// Register a webhook on a platform
    #[command(after_help = "Example:
  $ novacron-cicd remote hook register https://cicd.example.com/v1/hooks/ci-prod --provider ci-prod \\
      --secret ci-prod-hook --wait")]
    Register(Register),
    /// Take a webhook off a platform
    Unregister(Changed),
    /// List deliveries that a platform could not place
    Missed(Missed),
    /// Have a platform make a delivery again
    Redeliver(Redeliver),
}

/// Whose.
#[derive(Debug, Args)]
pub struct Whole {
    #[command(flatten)]
    whose: Whose,
}

/// A webhook to be registered.
#[derive(Debug, Args)]
pub struct Register {
    /// Where deliveries go
    to: String,
    #[command(flatten)]
    whose: Whose,
    /// An event, in the platform's words; left out: what the plugin can read. May be repeated
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// The name of the secret that deliveries are signed with
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// An option that the plugin documents. May be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = key_value)]
    options: Vec<(String, String)>,
    #[command(flatten)]
    waiting: Waiting,
}

/// Which deliveries.
#[derive(Debug, Args)]
pub struct Missed {
    #[command(flatten)]
    many: Many,
    /// Since then, such as 2026-01-31T12:00:00Z; left out: within the last day
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// One delivery.
#[derive(Debug, Args)]
pub struct Redeliver {
    /// The platform's id of the webhook
    hook: String,
    /// The platform's id of the delivery, as `remote hook missed` shows it
    delivery: String,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(Whole { whose }) => {
            let columns = [("ID", "id"), ("ACTIVE", "active"), ("EVENTS", "events"), ("URL", "url")];
            whole("webhooks", &columns, &whose.path(&["hooks"]), &[], client, out).await
        }
        Verb::Register(register) => {
            let (events, options) = (register.events, register.options.into_iter().collect());
            let body = HookRegister { url: register.to, events, secret: register.secret, options };
            let path = register.whose.path(&["hooks"]);
            change::ask(Method::POST, &path, Some(&body), register.waiting, client, out).await
        }
        Verb::Unregister(Changed { one, waiting }) => {
            tell(Method::DELETE, &one.whose.path(&["hooks", &one.id]), waiting, client, out).await
        }
        Verb::Missed(Missed { many, since }) => {
            let columns = [("ID", "id"), ("HOOK", "hook"), ("EVENT", "event"), ("AT", "at")];
            let path = many.whose.path(&["missed-deliveries"]);
            list("deliveries", &columns, &path, &[("since", since)], many.limit, client, out).await
        }
        Verb::Redeliver(one) => {
            let path = one.whose.path(&["hooks", &one.hook, "deliveries", &one.delivery, "redeliver"]);
            tell(Method::POST, &path, one.waiting, client, out).await
        }
    }
}
