//! `novacron-cicd token`

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use novacron_cicd_domain::token::Role;

use super::{
    CliError, Exit, Global,
    client::{Client, segment},
    connection,
    output::{Output, Rows, note},
};
use crate::api::{
    Time,
    tokens::{TokenCreate, TokenIssued, TokenView},
    words,
};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a token; its value is printed this once
    #[command(after_help = "Roles, each may do all that the one before it may:
  viewer    look
  operator  run and cancel; change pipelines
  deployer  deploy, promote, roll back
  admin     everything: providers, secrets, plugins, tokens

Examples:
  $ novacron-cicd token create novacron-api --role operator > token
  $ novacron-cicd token create dashboard --role viewer --expires-in 90d")]
    Create(Create),
    /// List tokens without their values
    List(List),
    /// End a token
    Revoke(Name),
    /// End a token and issue another with the same name and role
    #[command(after_help = "Examples:
  $ novacron-cicd token reset novacron-api > token
  $ novacron-cicd token reset --offline    # the first admin token is lost, and the daemon is stopped")]
    Reset(Reset),
}

/// A token to be created.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name
    name: String,
    /// What its holder may do
    #[arg(long, value_enum, value_name = "ROLE")]
    role: RoleName,
    /// When it ends, such as 12h or 90d from now
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    expires_in: Option<Duration>,
}

/// A role by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Look
    Viewer,
    /// Run and cancel; change pipelines
    Operator,
    /// Deploy, promote, roll back
    Deployer,
    /// Everything
    Admin,
}

/// How many.
#[derive(Debug, Args)]
pub struct List {
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// One token.
#[derive(Debug, Args)]
pub struct Name {
    /// Its name or id
    name: String,
}

/// One token, or the first admin token of a stopped daemon.
#[derive(Debug, Args)]
pub struct Reset {
    /// Its name or id
    #[arg(required_unless_present = "offline")]
    name: Option<String>,
    /// The first admin token, in the state directory of a daemon that is stopped
    #[arg(long, conflicts_with = "name")]
    pub(super) offline: bool,
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
            RoleName::Deployer => Self::Deployer,
            RoleName::Admin => Self::Admin,
        }
    }
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::Create(create) => {
            let expires = create.expires_in.map(|after| {
                let millis = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
                Time(super::now().plus_millis(millis))
            });
            let body = TokenCreate { name: create.name, role: create.role.into(), expires };
            issued(&client.post::<TokenIssued>("/v1/tokens", &body, None).await?, out)
        }
        Verb::List(list) => {
            let (answer, more) = client.list::<TokenView>("/v1/tokens", &[], list.limit).await?;
            let mut rows = Rows::new("tokens", &["NAME", "ROLE", "STATE", "CREATED", "LAST USED", "EXPIRES"]);
            for token in &answer.typed {
                let expired = token.expires.is_some_and(|expires| expires.0 <= super::now());
                let state = if token.revoked.is_some() {
                    "revoked"
                } else if expired {
                    "expired"
                } else {
                    "active"
                };
                rows.push(vec![
                    token.name.clone(),
                    words::serialized(token.role),
                    state.to_owned(),
                    out.time(Some(token.created)),
                    out.time(token.last_used),
                    out.time(token.expires),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
        Verb::Revoke(name) => {
            client.delete::<TokenView>(&format!("/v1/tokens/{}", segment(&name.name))).await?;
            if out.terminal {
                note(&format!("token {} revoked", name.name));
            }
            Ok(Exit::Ok)
        }
        Verb::Reset(reset) => {
            let name = reset.name.unwrap_or_default();
            let path = format!("/v1/tokens/{}/reset", segment(&name));
            issued(&client.post::<TokenIssued>(&path, &serde_json::json!({}), None).await?, out)
        }
    }
}

/// The value alone, so that a script can catch it.
fn issued(answer: &super::client::Answer<TokenIssued>, out: &Output) -> Result<Exit, CliError> {
    if out.terminal {
        note("keep it: it is not shown again");
    }
    out.print(&answer.value, || format!("{}\n", answer.typed.value))
}

/// On the state of a daemon that is stopped.
pub(super) async fn reset_offline(global: &Global) -> Result<Exit, CliError> {
    let state_dir = connection::config(global)?.state_dir;
    crate::service::reset_admin_token(&state_dir).await?;
    note(&format!("the new admin token is in {}", state_dir.join(connection::ADMIN_TOKEN).display()));
    Ok(Exit::Ok)
}
