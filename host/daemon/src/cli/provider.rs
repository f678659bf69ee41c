//! `novacron-cicd provider`

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use super::{
    CliError, Exit,
    client::{Client, segment},
    output::{Output, Rows, ago, fields, note, or_dash},
};
use crate::api::providers::{
    CheckView, CredentialBody, GrantsBody, ProviderCreate, ProviderUpdate, ProviderView, ProxyBody,
};

/// What to do with providers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Connect a platform
    #[command(after_help = "Examples:
  $ novacron-cicd secret set ci-key --from-file key.txt
  $ novacron-cicd provider add ci --plugin webhook --base-url https://ci.example.com/hook \\
      --credential signing=ci-key
  $ novacron-cicd provider add ci-lan --plugin webhook --base-url http://10.0.0.7:8080/hook \\
      --credential signing=ci-key --grant-network 10.0.0.0/24")]
    Add(Add),
    /// Show a provider
    Show(Name),
    /// Reach a provider and say what was found
    Check(Name),
    /// Change a provider
    #[command(after_help = "Examples:
  $ novacron-cicd provider update ci --base-url https://ci2.example.com/hook
  $ novacron-cicd provider update ci --credential signing=new-key --if-version 3")]
    Update(Update),
    /// Remove a provider that no pipeline uses
    Remove(Remove),
    /// List providers
    List(List),
}

/// One provider.
#[derive(Debug, Args)]
pub struct Name {
    /// Its name or id
    name: String,
}

/// How many.
#[derive(Debug, Args)]
pub struct List {
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// What a provider is.
#[derive(Debug, Default, Args)]
pub(super) struct Shape {
    /// A setting; a value that is JSON is taken as JSON. May be repeated
    #[arg(long = "setting", value_name = "KEY=VALUE", value_parser = super::key_value)]
    settings: Vec<(String, String)>,
    /// A file with all settings: JSON or YAML
    #[arg(long, value_name = "FILE", conflicts_with = "settings")]
    settings_file: Option<PathBuf>,
    /// Fill a credential slot with a secret, by its name. May be repeated
    #[arg(long = "credential", value_name = "SLOT=SECRET", value_parser = super::key_value)]
    credentials: Vec<(String, String)>,
    /// The user name that belongs to a slot's secret. May be repeated
    #[arg(long = "username", value_name = "SLOT=NAME", value_parser = super::key_value)]
    usernames: Vec<(String, String)>,
    /// Allow a further origin, such as https://uploads.example.com. May be repeated
    #[arg(long = "grant-origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Allow redirects of downloads to hosts that end so, such as .blob.example.net. May be repeated
    #[arg(long = "grant-redirect-host", value_name = "SUFFIX")]
    redirect_hosts: Vec<String>,
    /// Allow a private or loopback network, such as 10.0.0.0/8. May be repeated
    #[arg(long = "grant-network", value_name = "CIDR")]
    private_networks: Vec<String>,
    /// Believe the certificate authorities in this file (PEM) beside the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Send all requests of the provider by this proxy, such as http://proxy.example.com:3128
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// The user name for the proxy
    #[arg(long, value_name = "NAME", requires = "proxy")]
    proxy_username: Option<String>,
    /// The name of the secret that is the password for the proxy
    #[arg(long, value_name = "SECRET", requires = "proxy_username")]
    proxy_secret: Option<String>,
    /// Add a header to each request to the base URL, for a gate before the platform: its value is a secret. May be repeated
    #[arg(long = "header", value_name = "HEADER=SECRET", value_parser = super::key_value)]
    headers: Vec<(String, String)>,
    /// Do not reach the platform first
    #[arg(long)]
    no_check: bool,
}

/// A provider to be added.
#[derive(Debug, Args)]
pub struct Add {
    /// Its name
    name: String,
    /// The plugin that knows the platform: see `novacron-cicd plugin list`
    #[arg(long, value_name = "ID")]
    plugin: String,
    /// Where the platform is
    #[arg(long, value_name = "URL")]
    base_url: String,
    #[command(flatten)]
    shape: Shape,
}

/// What is to be changed; what is left out stays.
#[derive(Debug, Args)]
pub struct Update {
    /// Its name or id
    name: String,
    /// Where the platform is
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Refuse where the provider is no longer at this version
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
    #[command(flatten)]
    shape: Shape,
}

/// One provider, at a version.
#[derive(Debug, Args)]
pub struct Remove {
    /// Its name or id
    name: String,
    /// Refuse where the provider is no longer at this version
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
}

impl Shape {
    fn settings(&self) -> Result<Option<Value>, CliError> {
        if let Some(path) = &self.settings_file {
            return super::pipeline::document(path).map(Some);
        }
        let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        let settings: serde_json::Map<_, _> =
            self.settings.iter().map(|(key, text)| (key.clone(), value(text))).collect();
        Ok((!settings.is_empty()).then_some(Value::Object(settings)))
    }

    fn credentials(&self) -> Result<Option<BTreeMap<String, CredentialBody>>, CliError> {
        let mut credentials: BTreeMap<_, _> = self
            .credentials
            .iter()
            .map(|(slot, secret)| (slot.clone(), CredentialBody { username: None, secret: secret.clone() }))
            .collect();
        for (slot, username) in &self.usernames {
            let credential = credentials.get_mut(slot).ok_or_else(|| {
                CliError::usage(
                    format!("--username names the slot {slot:?}, which has no secret"),
                    format!("add --credential {slot}=SECRET"),
                )
            })?;
            credential.username = Some(username.clone());
        }
        Ok((!credentials.is_empty()).then_some(credentials))
    }

    fn grants(&self) -> Result<Option<GrantsBody>, CliError> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).map_err(|source| CliError::io(format!("read {}", path.display()), source))
        };
        let grants = GrantsBody {
            origins: self.origins.clone(),
            redirect_hosts: self.redirect_hosts.clone(),
            private_networks: self.private_networks.clone(),
            authorities: self.ca_file.as_ref().map(read).transpose()?,
            proxy: self.proxy.clone().map(|url| ProxyBody {
                url,
                username: self.proxy_username.clone(),
                secret: self.proxy_secret.clone(),
            }),
            headers: self.headers.iter().cloned().collect(),
        };
        Ok((grants != GrantsBody::default()).then_some(grants))
    }
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::Add(add) => {
            let body = ProviderCreate {
                name: add.name,
                plugin: add.plugin,
                base_url: add.base_url,
                settings: add.shape.settings()?.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
                credentials: add.shape.credentials()?.unwrap_or_default(),
                grants: add.shape.grants()?.unwrap_or_default(),
                no_check: add.shape.no_check,
            };
            let answer = client.post::<ProviderView>("/v1/providers", &body, None).await?;
            if out.terminal {
                note(&format!("provider {} added", answer.typed.name));
            }
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Show(name) => {
            let answer = client.get::<ProviderView>(&path(&name.name)).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Check(name) => {
            let path = format!("{}/check", path(&name.name));
            let answer = client.answer::<CheckView>(client.request(Method::POST, &path)).await?;
            out.print(&answer.value, || {
                let CheckView { provider, features, missing_permissions, warnings, .. } = &answer.typed;
                let list = |items: &[String]| if items.is_empty() { String::new() } else { items.join(", ") };
                show(provider, out)
                    + &fields(&[
                        ("Features", list(features)),
                        ("Missing", list(missing_permissions)),
                        ("Warnings", list(warnings)),
                    ])
            })?;
            let healthy = answer.typed.provider.health.healthy != Some(false);
            Ok(if healthy { Exit::Ok } else { Exit::Failed })
        }
        Verb::Update(update) => {
            let body = ProviderUpdate {
                base_url: update.base_url,
                settings: update.shape.settings()?,
                credentials: update.shape.credentials()?,
                grants: update.shape.grants()?,
                no_check: update.shape.no_check,
            };
            let mut request = client.request(Method::PATCH, &path(&update.name)).json(&body);
            if let Some(version) = update.if_version {
                request = request.header("if-match", format!("\"{version}\""));
            }
            let answer = client.answer::<ProviderView>(request).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Remove(remove) => {
            let mut request = client.request(Method::DELETE, &path(&remove.name));
            if let Some(version) = remove.if_version {
                request = request.header("if-match", format!("\"{version}\""));
            }
            client.send(request).await?;
            if out.terminal {
                note(&format!("provider {} removed", remove.name));
            }
            Ok(Exit::Ok)
        }
        Verb::List(list) => {
            let (answer, more) = client.list::<ProviderView>("/v1/providers", &[], list.limit).await?;
            let mut rows = Rows::new("providers", &["NAME", "PLUGIN", "HEALTH", "BASE URL", "UPDATED"]);
            for provider in &answer.typed {
                rows.push(vec![
                    provider.name.clone(),
                    provider.plugin.clone(),
                    health(provider.health.healthy).to_owned(),
                    provider.base_url.clone(),
                    out.time(Some(provider.updated)),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
    }
}

fn path(name: &str) -> String {
    format!("/v1/providers/{}", segment(name))
}

fn health(healthy: Option<bool>) -> &'static str {
    match healthy {
        Some(true) => "healthy",
        Some(false) => "unhealthy",
        None => "unknown",
    }
}

fn show(provider: &ProviderView, out: &Output) -> String {
    let found = match (&provider.health.error, provider.health.at) {
        (Some(error), _) => format!("unhealthy: {error}"),
        (None, Some(at)) if out.terminal => {
            format!("{}, {}", health(provider.health.healthy), ago(super::now().since(at.0)))
        }
        (None, _) => health(provider.health.healthy).to_owned(),
    };
    let slots = provider.credentials.iter().map(|(slot, source)| match &source.username {
        Some(username) => format!("{slot} = {} (as {username})", source.secret),
        None => format!("{slot} = {}", source.secret),
    });
    fields(&[
        ("Name", provider.name.clone()),
        ("ID", provider.id.to_string()),
        ("Plugin", provider.plugin.clone()),
        ("Base URL", provider.base_url.clone()),
        ("Health", found),
        ("Account", or_dash(provider.health.account.as_deref())),
        ("Platform", or_dash(provider.health.platform_version.as_deref())),
        ("Credentials", slots.collect::<Vec<_>>().join(", ")),
        (
            "Settings",
            if provider.settings.as_object().is_none_or(serde_json::Map::is_empty) {
                String::new()
            } else {
                provider.settings.to_string()
            },
        ),
        ("Origins", provider.grants.origins.join(", ")),
        ("Redirects", provider.grants.redirect_hosts.join(", ")),
        ("Networks", provider.grants.private_networks.join(", ")),
        ("Authorities", provider.grants.authorities.as_ref().map_or_else(String::new, |_| "of its own".into())),
        ("Version", provider.version.to_string()),
        ("Updated", out.time(Some(provider.updated))),
    ])
}
