//! `novacron-cicd remote secret` and `remote variable`

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    super::{
        CliError, Exit,
        change::{self, Waiting},
        client::{Client, with_query},
        key_value,
        output::Output,
    },
    Many, Whose, list, tell,
};
use crate::api::remote::stored::{RemoteSecretPut, RemoteVariablePut};

/// What to do with a platform's own secrets.
#[derive(Debug, Subcommand)]
pub enum SecretVerb {
    /// List a platform's own secrets, never their values
    List(Listed),
    /// Place secrets of the vault in a platform's own store
    #[command(after_help = "The plugin is trusted with what it places; the audit trail says which secret went where.

Examples:
  $ novacron-cicd remote secret put DEPLOY_KEY --provider ci-prod --part value=deploy-key --wait
  $ novacron-cicd remote secret put registry --provider ci-prod --kind username-password \\
      --part username=registry-user --part password=registry-password")]
    Put(PutSecret),
    /// Delete a secret of a platform's own store
    Delete(Delete),
}

/// What to do with a platform's plain variables.
#[derive(Debug, Subcommand)]
pub enum VariableVerb {
    /// List a platform's plain variables
    List(Listed),
    /// Set a plain variable; never a secret, since whoever looks can read it
    Put(PutVariable),
    /// Delete a plain variable
    Delete(Delete),
}

/// Which.
#[derive(Debug, Args)]
pub struct Listed {
    #[command(flatten)]
    many: Many,
    /// Where they hold, as the plugin documents it
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
}

/// A secret to be placed.
#[derive(Debug, Args)]
pub struct PutSecret {
    /// What the platform calls it
    name: String,
    #[command(flatten)]
    whose: Whose,
    /// A part, such as value, and the name of the secret that fills it. May be repeated
    #[arg(long = "part", required = true, value_name = "PART=SECRET", value_parser = key_value)]
    parts: Vec<(String, String)>,
    /// What it is: text, file, username-password, ssh-key, or another word of the plugin
    #[arg(long, default_value = "text", value_name = "KIND")]
    kind: String,
    /// Where it holds, as the plugin documents it
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// An option that the plugin documents. May be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = key_value)]
    options: Vec<(String, String)>,
    #[command(flatten)]
    waiting: Waiting,
}

/// A variable to be set.
#[derive(Debug, Args)]
pub struct PutVariable {
    /// What the platform calls it
    name: String,
    /// Readable by whoever may look
    value: String,
    #[command(flatten)]
    whose: Whose,
    /// Where it holds, as the plugin documents it
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// An option that the plugin documents. May be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = key_value)]
    options: Vec<(String, String)>,
    #[command(flatten)]
    waiting: Waiting,
}

/// One that goes.
#[derive(Debug, Args)]
pub struct Delete {
    /// What the platform calls it
    name: String,
    #[command(flatten)]
    whose: Whose,
    /// Where it holds, as the plugin documents it
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) async fn secret(verb: SecretVerb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        SecretVerb::List(Listed { many, scope }) => {
            let columns = [("NAME", "name"), ("SCOPE", "scope"), ("KIND", "kind"), ("UPDATED", "updated")];
            let path = many.whose.path(&["secrets"]);
            list("secrets", &columns, &path, &[("scope", scope)], many.limit, client, out).await
        }
        SecretVerb::Put(put) => {
            let path = put.whose.path(&["secrets", &put.name]);
            let (parts, options) = (put.parts.into_iter().collect(), put.options.into_iter().collect());
            let body = RemoteSecretPut { scope: put.scope, kind: put.kind, parts, options };
            change::ask(Method::PUT, &path, Some(&body), put.waiting, client, out).await
        }
        SecretVerb::Delete(one) => delete("secrets", one, client, out).await,
    }
}

pub(super) async fn variable(verb: VariableVerb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        VariableVerb::List(Listed { many, scope }) => {
            let columns = [("NAME", "name"), ("SCOPE", "scope"), ("VALUE", "value")];
            let path = many.whose.path(&["variables"]);
            list("variables", &columns, &path, &[("scope", scope)], many.limit, client, out).await
        }
        VariableVerb::Put(put) => {
            let path = put.whose.path(&["variables", &put.name]);
            let options = put.options.into_iter().collect();
            let body = RemoteVariablePut { value: put.value, scope: put.scope, options };
            change::ask(Method::PUT, &path, Some(&body), put.waiting, client, out).await
        }
        VariableVerb::Delete(one) => delete("variables", one, client, out).await,
    }
}

async fn delete(what: &str, one: Delete, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let query: Vec<_> = one.scope.into_iter().map(|scope| ("scope", scope)).collect();
    let path = with_query(&one.whose.path(&[what, &one.name]), &query);
    tell(Method::DELETE, &path, one.waiting, client, out).await
}
