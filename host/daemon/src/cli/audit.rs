//! `novacron-cicd audit`

use clap::{Args, Subcommand};

use super::{
    CliError, Exit,
    client::Client,
    output::{Output, Rows, fields},
};
use crate::api::audit::{AuditVerdictView, AuditView};

/// What to do with the audit trail.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List who did what, newest first
    List(List),
    /// Check that nothing was taken out or changed
    Verify,
}

/// How many.
#[derive(Debug, Args)]
pub struct List {
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::List(list) => {
            let (answer, more) = client.list::<AuditView>("/v1/audit", &[], list.limit).await?;
            let mut rows = Rows::new("entries", &["ID", "AT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"]);
            for entry in &answer.typed {
                rows.push(vec![
                    entry.id.to_string(),
                    out.time(Some(entry.at)),
                    entry.actor.clone(),
                    entry.action.clone(),
                    entry.subject.clone(),
                    entry.detail.to_string(),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
        Verb::Verify => {
            let answer = client.get::<AuditVerdictView>("/v1/audit/verification").await?;
            let verdict = &answer.typed;
            out.print(&answer.value, || {
                fields(&[
                    ("Intact", verdict.intact.to_string()),
                    ("Entries", verdict.entries.map(|entries| entries.to_string()).unwrap_or_default()),
                    ("Head", verdict.head.clone().unwrap_or_default()),
                    ("Broken at", verdict.broken_at.map(|id| id.to_string()).unwrap_or_default()),
                    ("Reason", verdict.reason.clone().unwrap_or_default()),
                ])
            })?;
            Ok(if verdict.intact { Exit::Ok } else { Exit::Failed })
        }
    }
}
