//! `novacron-cicd pipeline definition`, `parameters`, `validate`, `enable`, `disable`, `copy`, `move`, `schedule`,
//! `trigger-token`: a pipeline as its platform has it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    CliError, Exit,
    change::{self, Waiting},
    client::{Client, segment, with_query},
    output::{Output, Rows, fields, or_dash},
};
use crate::api::{
    List,
    pipelines::ParameterBody,
    remote::{
        pipelines::{DefinitionView, PipelineCopy, PipelineMove, PipelineValidate, PipelineValidated},
        schedules::{SchedulePut, ScheduleView, TriggerTokenCreate, TriggerTokenView},
    },
    words,
};

/// One pipeline.
#[derive(Debug, Args)]
pub struct One {
    /// The pipeline's name or id
    name: String,
}

/// At which reference.
#[derive(Debug, Args)]
pub struct Parameters {
    /// The pipeline's name or id
    name: String,
    /// Branch, tag or commit; left out: the platform's default
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
}

/// A definition that the platform is to look at.
#[derive(Debug, Args)]
pub struct Validate {
    /// The file with it, or - for stdin
    file: PathBuf,
    /// On this provider's platform
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// Where its source is
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
    /// Branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
}

/// A change of one pipeline.
#[derive(Debug, Args)]
pub struct Switch {
    /// The pipeline's name or id
    name: String,
    #[command(flatten)]
    waiting: Waiting,
}

/// A copy to be made.
#[derive(Debug, Args)]
pub struct Copy {
    /// The pipeline's name or id
    name: String,
    /// The name of the new one, here and there
    copy: String,
    /// Where the new one lives on the platform; left out: beside the other
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// Where a pipeline is to be.
#[derive(Debug, Args)]
pub struct Move {
    /// The pipeline's name or id
    name: String,
    /// What the platform is to call it
    #[arg(long, value_name = "NAME", required_unless_present = "location")]
    rename: Option<String>,
    /// Where on the platform it is to live
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub enum Schedule {
    /// List the schedules that a pipeline has on its platform
    List(One),
    /// Make a schedule, or change one to be so
    #[command(after_help = "Examples:
  $ novacron-cicd pipeline schedule put backend-build '0 3 * * *' --ref main --wait
  $ novacron-cicd pipeline schedule put backend-build '0 4 * * *' --schedule 17 --disabled")]
    Put(Put),
    /// Delete a schedule
    Delete(OneSchedule),
    /// Run a schedule now
    Play(OneSchedule),
}

/// What a schedule is to be.
#[derive(Debug, Args)]
pub struct Put {
    /// The pipeline's name or id
    name: String,
    /// As the platform writes it
    cron: String,
    /// The platform's id of the one to be changed; left out: a new one
    #[arg(long, value_name = "ID")]
    schedule: Option<String>,
    /// Left out: the platform's own
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Branch or tag
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// It starts no runs
    #[arg(long)]
    disabled: bool,
    /// For people
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What its runs are given. May be repeated
    #[arg(short = 'p', long = "variable", value_name = "KEY=VALUE", value_parser = super::key_value)]
    variables: Vec<(String, String)>,
    /// The same by the name of a secret, whose value the platform keeps. May be repeated
    #[arg(long = "secret-variable", value_name = "KEY=SECRET", value_parser = super::key_value)]
    secret_variables: Vec<(String, String)>,
    #[command(flatten)]
    waiting: Waiting,
}

/// One schedule.
#[derive(Debug, Args)]
pub struct OneSchedule {
    /// The pipeline's name or id
    name: String,
    /// The platform's id of the schedule
    schedule: String,
    #[command(flatten)]
    waiting: Waiting,
}

/// What to do with tokens that start a pipeline and nothing else.
#[derive(Debug, Subcommand)]
pub enum TriggerToken {
    /// List the tokens, without their values
    List(One),
    /// Make a token; its value becomes a secret of the vault
    #[command(after_help = "Example:
  $ novacron-cicd pipeline trigger-token create backend-build 'for the release bot' --keep-as release-bot --wait")]
    Create(CreateToken),
    /// End a token
    Delete(DeleteToken),
}

/// A token to be made.
#[derive(Debug, Args)]
pub struct CreateToken {
    /// The pipeline's name or id
    name: String,
    /// For people
    description: String,
    /// The name of the secret that it becomes
    #[arg(long, value_name = "SECRET")]
    keep_as: String,
    #[command(flatten)]
    waiting: Waiting,
}

/// A token that ends.
#[derive(Debug, Args)]
pub struct DeleteToken {
    /// The pipeline's name or id
    name: String,
    /// The platform's id of the token
    token: String,
    #[command(flatten)]
    waiting: Waiting,
}

fn path(name: &str, parts: &[&str]) -> String {
    let mut path = format!("/v1/pipelines/{}", segment(name));
    for part in parts {
        path.push('/');
        path.push_str(&segment(part));
    }
    path
}

pub(super) async fn definition(one: &One, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let answer = client.get::<DefinitionView>(&path(&one.name, &["definition"])).await?;
    out.print(&answer.value, || {
        let found = &answer.typed;
        // The platform's own language is what people want to read; the rest is for platforms that show none.
        found.source.clone().unwrap_or_else(|| {
            fields(&[
                ("Name", found.name.clone()),
                ("Location", or_dash(found.location.as_deref())),
                ("Repository", or_dash(found.repository.as_deref())),
                ("Ref", or_dash(found.reference.as_deref())),
                ("Schedules", found.schedules.join(", ")),
            ])
        })
    })
}

pub(super) async fn parameters(wanted: Parameters, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let query: Vec<_> = wanted.reference.into_iter().map(|reference| ("reference", reference)).collect();
    let path = with_query(&path(&wanted.name, &["parameters"]), &query);
    let answer = client.get::<List<ParameterBody>>(&path).await?;
    let mut rows = Rows::new("parameters", &["NAME", "KIND", "REQUIRED", "DEFAULT", "CHOICES"]);
    for parameter in &answer.typed.items {
        rows.push(vec![
            parameter.name.clone(),
            words::serialized(parameter.kind),
            parameter.required.to_string(),
            or_dash(parameter.default.as_deref()),
            parameter.choices.join(" "),
        ]);
    }
    out.list(&answer.value["items"], rows, false)
}

pub(super) async fn validate(validate: Validate, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let file = &validate.file;
    let source = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(|source| CliError::io("read stdin", source))?
    } else {
        std::fs::read_to_string(file).map_err(|source| CliError::io(format!("read {}", file.display()), source))?
    };
    let body = PipelineValidate { source, repository: validate.repository, reference: validate.reference };
    let path = format!("/v1/providers/{}/pipelines/validate", segment(&validate.provider));
    let answer = client.post::<PipelineValidated>(&path, &body, None).await?;
    out.print(&answer.value, || {
        let line = |finding: &crate::api::remote::pipelines::FindingView| {
            let at = finding.line.map(|line| format!("{line}: ")).unwrap_or_default();
            format!("{} {at}{}\n", finding.severity, finding.message)
        };
        let end = if answer.typed.valid { "valid\n" } else { "not valid\n" };
        answer.typed.findings.iter().map(line).chain([end.to_owned()]).collect()
    })?;
    Ok(if answer.typed.valid { Exit::Ok } else { Exit::Failed })
}

pub(super) async fn switch(one: &Switch, verb: &str, client: &Client, out: &Output) -> Result<Exit, CliError> {
    change::tell(Method::POST, &path(&one.name, &[verb]), one.waiting, client, out).await
}

pub(super) async fn copy(copy: Copy, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let body = PipelineCopy { name: copy.copy, location: copy.location };
    change::ask(Method::POST, &path(&copy.name, &["copy"]), Some(&body), copy.waiting, client, out).await
}

pub(super) async fn relocate(wanted: Move, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let body = PipelineMove { name: wanted.rename, location: wanted.location };
    change::ask(Method::POST, &path(&wanted.name, &["move"]), Some(&body), wanted.waiting, client, out).await
}

pub(super) async fn schedule(verb: Schedule, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Schedule::List(one) => {
            let answer = client.get::<List<ScheduleView>>(&path(&one.name, &["schedules"])).await?;
            let mut rows = Rows::new("schedules", &["ID", "CRON", "ENABLED", "REF", "NEXT", "DESCRIPTION"]);
            for schedule in &answer.typed.items {
                rows.push(vec![
                    schedule.id.clone(),
                    schedule.cron.clone(),
                    schedule.enabled.to_string(),
                    or_dash(schedule.reference.as_deref()),
                    out.time(schedule.next_run),
                    or_dash(schedule.description.as_deref()),
                ]);
            }
            out.list(&answer.value["items"], rows, false)
        }
        Schedule::Put(put) => {
            let (method, path) = match &put.schedule {
                Some(schedule) => (Method::PUT, path(&put.name, &["schedules", schedule])),
                None => (Method::POST, path(&put.name, &["schedules"])),
            };
            let body = SchedulePut {
                cron: put.cron,
                timezone: put.timezone,
                reference: put.reference,
                enabled: !put.disabled,
                description: put.description,
                variables: put.variables.into_iter().collect(),
                secret_variables: put.secret_variables.into_iter().collect(),
            };
            change::ask(method, &path, Some(&body), put.waiting, client, out).await
        }
        Schedule::Delete(one) => {
            let path = path(&one.name, &["schedules", &one.schedule]);
            change::tell(Method::DELETE, &path, one.waiting, client, out).await
        }
        Schedule::Play(one) => {
            let path = path(&one.name, &["schedules", &one.schedule, "play"]);
            change::tell(Method::POST, &path, one.waiting, client, out).await
        }
    }
}

pub(super) async fn trigger_token(verb: TriggerToken, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        TriggerToken::List(one) => {
            let answer = client.get::<List<TriggerTokenView>>(&path(&one.name, &["trigger-tokens"])).await?;
            let mut rows = Rows::new("tokens", &["ID", "DESCRIPTION"]);
            for token in &answer.typed.items {
                rows.push(vec![token.id.clone(), or_dash(token.description.as_deref())]);
            }
            out.list(&answer.value["items"], rows, false)
        }
        TriggerToken::Create(create) => {
            let body = TriggerTokenCreate { description: create.description, keep_as: create.keep_as };
            let path = path(&create.name, &["trigger-tokens"]);
            change::ask(Method::POST, &path, Some(&body), create.waiting, client, out).await
        }
        TriggerToken::Delete(one) => {
            let path = path(&one.name, &["trigger-tokens", &one.token]);
            change::tell(Method::DELETE, &path, one.waiting, client, out).await
        }
    }
}
