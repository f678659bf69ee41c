//! `novacron-cicd secret`: values come by stdin or from a file, never as an argument that others could see.

use std::{
    io::{IsTerminal as _, Read as _},
    path::PathBuf,
};

use clap::{Args, Subcommand};
use reqwest::Method;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde::Serialize;

use super::{
    CliError, Exit,
    client::{Client, segment},
    output::{Output, Rows, fields, note},
};
use crate::api::secrets::SecretView;

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Set a new secret; its value comes by stdin or from a file
    #[command(
        after_help = "One newline at the end is not taken for a part of the value, unless --keep-newline says so.

Examples:
  $ printf %s \"$KEY\" | novacron-cicd secret set ci-key
  $ novacron-cicd secret set ci-key --from-file key.txt
  $ openssl rand -base64 32 | novacron-cicd secret set ci-key"
    )]
    Set(Set),
    /// Give a secret a new value
    Rotate(Set),
    /// List secrets: names and times, never values
    List(List),
    /// Delete a secret that nothing uses
    Delete(Name),
}

/// A secret and where its value comes from.
#[derive(Debug, Args)]
pub struct Set {
    /// Its name
    name: String,
    /// Read the value from this file instead of stdin
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Take a newline at the end for a part of the value
    #[arg(long)]
    keep_newline: bool,
}

/// One secret.
#[derive(Debug, Args)]
pub struct Name {
    /// Its name
    name: String,
}

/// How many.
#[derive(Debug, Args)]
pub struct List {
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Neither Debug nor Clone: it holds a value.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    value: &'a str,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::Set(set) => {
            let value = value(&set)?;
            let body = Body { name: Some(&set.name), value: &value };
            let answer = client.answer::<SecretView>(client.request(Method::POST, "/v1/secrets").json(&body)).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Rotate(set) => {
            let value = value(&set)?;
            let path = format!("/v1/secrets/{}", segment(&set.name));
            let request = client.request(Method::PUT, &path).json(&Body { name: None, value: &value });
            let answer = client.answer::<SecretView>(request).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::List(list) => {
            let (answer, more) = client.list::<SecretView>("/v1/secrets", &[], list.limit).await?;
            let mut rows = Rows::new("secrets", &["NAME", "VERSION", "CREATED", "UPDATED"]);
            for secret in &answer.typed {
                rows.push(vec![
                    secret.name.clone(),
                    secret.version.to_string(),
                    out.time(Some(secret.created)),
                    out.time(Some(secret.updated)),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
        Verb::Delete(name) => {
            client.send(client.request(Method::DELETE, &format!("/v1/secrets/{}", segment(&name.name)))).await?;
            if out.terminal {
                note(&format!("secret {} deleted", name.name));
            }
            Ok(Exit::Ok)
        }
    }
}

fn show(secret: &SecretView, out: &Output) -> String {
    fields(&[
        ("Name", secret.name.clone()),
        ("Version", secret.version.to_string()),
        ("Created", out.time(Some(secret.created))),
        ("Updated", out.time(Some(secret.updated))),
    ])
}

fn value(set: &Set) -> Result<zeroize::Zeroizing<String>, CliError> {
    let bytes = match &set.from_file {
        Some(path) => std::fs::read(path).map_err(|source| CliError::io(format!("read {}", path.display()), source))?,
        None if std::io::stdin().is_terminal() => unseen()?,
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map_err(|source| CliError::io("read stdin", source))?;
            bytes
        }
    };
    let mut text = String::from_utf8(bytes).map_err(|_| {
        CliError::usage("the value is no UTF-8 text", "a secret is text: encode bytes first, such as in base64")
    })?;
    if !set.keep_newline && text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(CliError::usage("the value is empty", "give it by stdin or with --from-file"));
    }
    Ok(zeroize::Zeroizing::new(text))
}

/// A line from the terminal that the terminal does not show.
fn unseen() -> Result<Vec<u8>, CliError> {
    let io = |source: std::io::Error| CliError::io("read from the terminal", source);
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).map_err(|error| io(error.into()))?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    anstream::eprint!("Value (not shown): ");
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(|error| io(error.into()))?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    let _ = tcsetattr(&stdin, OptionalActions::Flush, &before);
    note("");
    read.map_err(io)?;
    Ok(line.into_bytes())
}
