//! `novacron-cicd remote environment`

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
    Changed, Many, One, Whose, list, one, tell,
};
use crate::api::remote::environments::{ProtectionRuleBody, RemoteEnvironmentPut};

/// What to do with a platform's environments.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List a platform's environments
    List(Listed),
    /// Show an environment
    Show(Shown),
    /// Make an environment, or change it to be so
    #[command(after_help = "Example:
  $ novacron-cicd remote environment put staging --provider ci-prod --tier staging --rule reviewers=ops --wait")]
    Put(Put),
    /// Stop an environment
    Stop(Changed),
    /// Delete an environment
    Delete(Changed),
}

/// How many.
#[derive(Debug, Args)]
pub struct Listed {
    #[command(flatten)]
    many: Many,
}

/// Which.
#[derive(Debug, Args)]
pub struct Shown {
    #[command(flatten)]
    one: One,
}

/// What an environment is to be; what is left out stays.
#[derive(Debug, Args)]
pub struct Put {
    /// Its name on the platform
    name: String,
    #[command(flatten)]
    whose: Whose,
    /// What it is for: development, testing, staging, production, or another word of the platform
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// Where what is deployed there is
    #[arg(long = "environment-url", value_name = "URL")]
    at: Option<String>,
    /// What has to hold before something is deployed there; replaces all rules. May be repeated
    #[arg(long = "rule", value_name = "KIND=VALUE", value_parser = key_value)]
    rules: Vec<(String, String)>,
    /// An option that the plugin documents. May be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = key_value)]
    options: Vec<(String, String)>,
    #[command(flatten)]
    waiting: Waiting,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(Listed { many }) => {
            let columns = [("ID", "id"), ("NAME", "name"), ("TIER", "tier"), ("STATE", "state"), ("URL", "url")];
            list("environments", &columns, &many.whose.path(&["environments"]), &[], many.limit, client, out).await
        }
        Verb::Show(Shown { one: wanted }) => {
            let names = [("Environment", "name"), ("ID", "id"), ("Tier", "tier"), ("State", "state"), ("URL", "url")];
            one(&wanted.whose.path(&["environments", &wanted.id]), &names, client, out).await
        }
        Verb::Put(put) => {
            let rules = put.rules.into_iter().map(|(kind, value)| ProtectionRuleBody { kind, value });
            let rules: Vec<_> = rules.collect();
            let body = RemoteEnvironmentPut {
                tier: put.tier,
                url: put.at,
                protection: (!rules.is_empty()).then_some(rules),
                options: put.options.into_iter().collect(),
            };
            let path = put.whose.path(&["environments", &put.name]);
            change::ask(Method::PUT, &path, Some(&body), put.waiting, client, out).await
        }
        Verb::Stop(Changed { one, waiting }) => {
            tell(Method::POST, &one.whose.path(&["environments", &one.id, "stop"]), waiting, client, out).await
        }
        Verb::Delete(Changed { one, waiting }) => {
            tell(Method::DELETE, &one.whose.path(&["environments", &one.id]), waiting, client, out).await
        }
    }
}
