//! `novacron-cicd plugin`

use clap::{Args, Subcommand};

use super::{
    CliError, Exit,
    client::{Client, segment},
    output::{Output, Rows, fields, or_dash},
};
use crate::api::{
    List,
    plugins::{PluginApprove, PluginView, SlotView},
};

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List plugins, broken ones with their error
    List,
    /// Show what a plugin asks for and what it has
    #[command(visible_alias = "show")]
    Inspect(One),
    /// Let a held plugin serve
    #[command(
        after_help = "A plugin is held where its file has changed and asks for more than was approved. Without --sha256
this says what more it asks for, and approves nothing.

Examples:
  $ novacron-cicd plugin approve jenkins
  $ novacron-cicd plugin approve jenkins --sha256 DIGEST"
    )]
    Approve(Approve),
}

/// A plugin that waits.
#[derive(Debug, Args)]
pub struct Approve {
    /// Its id
    id: String,
    /// The file that was looked at, as `plugin approve` and `plugin list -o json` show it
    #[arg(long, value_name = "DIGEST")]
    sha256: Option<String>,
}

/// One plugin.
#[derive(Debug, Args)]
pub struct One {
    /// Its id
    id: String,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List => {
            let answer = client.get::<List<PluginView>>("/v1/plugins").await?;
            let mut rows = Rows::new("plugins", &["NAME", "VERSION", "STATE", "TITLE", "ERROR"]);
            for plugin in &answer.typed.items {
                rows.push(vec![
                    plugin.id.clone(),
                    or_dash(plugin.version.as_deref()),
                    plugin.state.clone(),
                    or_dash(plugin.title.as_deref()),
                    plugin.error.as_ref().map_or_else(|| "-".to_owned(), |error| error.message.clone()),
                ]);
            }
            out.list(&answer.value["items"], rows, false)
        }
        Verb::Inspect(one) => {
            let answer = client.get::<PluginView>(&format!("/v1/plugins/{}", segment(&one.id))).await?;
            out.print(&answer.value, || show(&answer.typed))
        }
        Verb::Approve(Approve { id, sha256: Some(sha256) }) => {
            let body = PluginApprove { sha256 };
            let answer =
                client.post::<PluginView>(&format!("/v1/plugins/{}/approve", segment(&id)), &body, None).await?;
            out.print(&answer.value, || show(&answer.typed))
        }
        Verb::Approve(Approve { id, sha256: None }) => {
            let plugins = client.get::<List<PluginView>>("/v1/plugins").await?.typed.items;
            let held = plugins.into_iter().find(|plugin| plugin.id == id && plugin.state == "held");
            let Some((held, sha256)) = held.and_then(|held| Some((held.more, held.sha256?))) else {
                return Err(CliError::usage(
                    format!("no file of plugin {id:?} waits for approval"),
                    "`novacron-cicd plugin list` shows the state of each",
                ));
            };
            Err(CliError::usage(
                format!("plugin {id} asks for more than was approved: {}", held.join("; ")),
                format!("if that is as it should be: `novacron-cicd plugin approve {id} --sha256 {sha256}`"),
            ))
        }
    }
}

fn show(plugin: &PluginView) -> String {
    let mut text = fields(&[
        ("Plugin", plugin.id.clone()),
        ("Title", or_dash(plugin.title.as_deref())),
        ("About", or_dash(plugin.description.as_deref())),
        ("Version", or_dash(plugin.version.as_deref())),
        ("State", plugin.state.clone()),
        ("Error", plugin.error.as_ref().map_or_else(String::new, |error| format!("{}: {}", error.code, error.message))),
        ("SHA-256", or_dash(plugin.sha256.as_deref())),
        ("File", plugin.path.clone()),
        ("Interfaces", plugin.interfaces.join(", ")),
    ]);
    let slot = |slot: &SlotView| {
        let required = if slot.required { ", required" } else { "" };
        let about = slot.description.as_ref().map(|about| format!(": {about}")).unwrap_or_default();
        format!("  {} ({}{required}){about}\n", slot.slot, slot.kind)
    };
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("{title}:\n{}", lines.concat()));
        }
    };
    section("Credential slots", plugin.credentials.iter().map(slot).collect());
    section("Asks for beyond what was approved", plugin.more.iter().map(|line| format!("  {line}\n")).collect());
    section("Asks for", plugin.asks.iter().map(|line| format!("  {line}\n")).collect());
    section("Settings", plugin.settings.as_ref().map(settings).unwrap_or_default());
    text
}

/// The settings that a JSON Schema names, one a line.
fn settings(schema: &serde_json::Value) -> Vec<String> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let kind = property["type"].as_str().unwrap_or("any");
            let needed = if required.contains(&name.as_str()) { ", required" } else { "" };
            let about = property["description"].as_str().map(|about| format!(": {about}")).unwrap_or_default();
            format!("  {name} ({kind}{needed}){about}\n")
        })
        .collect()
}
