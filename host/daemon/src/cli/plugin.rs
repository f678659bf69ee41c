//! `novacron-cicd plugin`

use clap::{Args, Subcommand};

use super::{
    CliError, Exit,
    client::{Client, segment},
    output::{Output, Rows, fields, or_dash},
};
use crate::api::{
    List,
    plugins::{PluginView, SlotView},
};

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List plugins, broken ones with their error
    List,
    /// Show what a plugin asks for and what it has
    #[command(visible_alias = "show")]
    Inspect(One),
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
