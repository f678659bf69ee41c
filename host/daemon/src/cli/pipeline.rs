//! `novacron-cicd pipeline`

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use super::{
    CliError, Exit,
    client::{Client, segment},
    declare, definition,
    output::{Output, Rows, fields, note, or_dash},
    watch::{self, Patience},
};
use crate::api::{
    operations::OperationView,
    pipelines::{ParameterBody, PipelineChanged, PipelineCreate, PipelineUpdate, PipelineView, RemotePipelineView},
    runs::{RunCreate, RunCreated},
    words,
};

/// What to do with pipelines.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a pipeline
    #[command(
        after_help = "A parameter is NAME[!][:KIND][(CHOICE|CHOICE)][=DEFAULT]; ! means required. Kinds: string, text,
bool, number, choice, list, file, environment, secret.

Examples:
  $ novacron-cicd pipeline create backend-build --provider ci --ref main \\
      --repository https://git.example.com/backend -e BUILD_ENV=production \\
      --param VERSION! --param RELEASE:bool=false --param 'TIER:choice(dev|prod)=dev'
  $ novacron-cicd pipeline create --file pipeline.yaml"
    )]
    Create(Create),
    /// Adopt a pipeline that is there on its platform
    #[command(after_help = "Examples:
  $ novacron-cicd pipeline list --remote --provider ci
  $ novacron-cicd pipeline import --provider ci --external-ref team/backend")]
    Import(Import),
    /// Trigger a run of a pipeline
    #[command(after_help = "Examples:
  $ novacron-cicd pipeline run backend-build -p VERSION=1.2.3 -p RELEASE=true
  $ novacron-cicd pipeline run backend-build -p VERSION=1.2.3 --watch --exit-status
  $ novacron-cicd pipeline run backend-build --wait --timeout 30m --exit-status -o json
  $ novacron-cicd pipeline run backend-build --idempotency-key \"$GITHUB_SHA\"")]
    Run(Run),
    /// Show a pipeline
    Show(Name),
    /// Change a pipeline
    Update(Update),
    /// Delete a pipeline and keep its runs
    Delete(Delete),
    /// Show a pipeline's definition as its platform has it
    Definition(definition::One),
    /// List the parameters that a run takes now, as the platform declares them
    Parameters(definition::Parameters),
    /// Have a provider's platform look at a definition
    #[command(after_help = "Exit status 1 where it finds an error.

Example:
  $ novacron-cicd pipeline validate Jenkinsfile --provider ci-prod")]
    Validate(definition::Validate),
    /// Let a pipeline take new runs on its platform
    Enable(definition::Switch),
    /// Let a pipeline take no new runs on its platform
    Disable(definition::Switch),
    /// Make another pipeline like one that is there, on its platform and here
    Copy(definition::Copy),
    /// Rename a pipeline on its platform, move it there, or both
    Move(definition::Move),
    /// Look after a pipeline's schedules on its platform
    #[command(subcommand)]
    Schedule(definition::Schedule),
    /// Look after tokens that start a pipeline and nothing else
    #[command(subcommand)]
    TriggerToken(definition::TriggerToken),
    /// List pipelines, here or on a provider's platform
    #[command(after_help = "Examples:
  $ novacron-cicd pipeline list
  $ novacron-cicd pipeline list --remote --provider ci")]
    List(List),
}

/// One pipeline.
#[derive(Debug, Args)]
pub struct Name {
    /// Its name or id
    name: String,
}

/// What a pipeline is.
#[derive(Debug, Args)]
pub(super) struct Shape {
    /// Where the source is
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
    /// Branch, tag or commit
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Declare a parameter. May be repeated
    #[arg(long = "param", value_name = "DECLARATION", value_parser = declare::parameter)]
    parameters: Vec<ParameterBody>,
    /// A variable that builds find in their environment. May be repeated
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = super::key_value)]
    environment: Vec<(String, String)>,
    /// Where to tell of its runs
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// A file with the definition in the platform's own language
    #[arg(long, value_name = "FILE")]
    source: Option<PathBuf>,
    /// Where the definition lives on the platform: a path in the repository, a folder
    #[arg(long, value_name = "PATH")]
    location: Option<String>,
    /// When the platform runs it by itself. May be repeated
    #[arg(long = "schedule", value_name = "CRON")]
    schedules: Vec<String>,
}

impl Shape {
    /// The text of the file with the definition.
    fn source(&self) -> Result<Option<String>, CliError> {
        let read = |path: &PathBuf| {
            let failed = |source| CliError::io(format!("read {}", path.display()), source);
            std::fs::read_to_string(path).map_err(failed)
        };
        self.source.as_ref().map(read).transpose()
    }
}

/// A pipeline to be created.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    /// The provider that runs it
    #[arg(long, value_name = "NAME", required_unless_present = "file")]
    provider: Option<String>,
    /// What the platform calls it, where it is there already
    #[arg(long, value_name = "REF")]
    external_ref: Option<String>,
    /// A file with the whole definition, as the API takes it: JSON or YAML
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
}

/// A pipeline to be adopted.
#[derive(Debug, Args)]
pub struct Import {
    /// Our name for it; left out: the platform's
    name: Option<String>,
    /// The provider that runs it
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// What the platform calls it
    #[arg(long, value_name = "REF")]
    external_ref: String,
}

/// What is to be changed; what is left out stays.
#[derive(Debug, Args)]
pub struct Update {
    /// Its name or id
    name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Empty a field. May be repeated
    #[arg(long, value_name = "FIELD", value_parser = ["repository", "ref", "webhook-url", "params", "env", "schedules"])]
    unset: Vec<String>,
    /// Refuse where the pipeline is no longer at this version
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
    #[command(flatten)]
    shape: Shape,
}

/// A pipeline to be deleted.
#[derive(Debug, Args)]
pub struct Delete {
    /// Its name or id
    name: String,
    /// Delete it on the platform too
    #[arg(long)]
    remote: bool,
}

/// Which pipelines.
#[derive(Debug, Args)]
pub struct List {
    /// Of this provider only
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// What is on the provider's platform
    #[arg(long, requires = "provider")]
    remote: bool,
    /// How many at most
    #[arg(short = 'L', long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// A run to be triggered.
#[derive(Debug, Args)]
pub struct Run {
    /// The pipeline's name or id
    name: String,
    /// A parameter. May be repeated; with the same KEY for the values of a list
    #[arg(short, long = "param", value_name = "KEY=VALUE", value_parser = super::key_value)]
    parameters: Vec<(String, String)>,
    /// A variable that the build finds in its environment. May be repeated
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = super::key_value)]
    environment: Vec<(String, String)>,
    /// Branch, tag or commit; left out: the pipeline's
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// Wait until it has ended
    #[arg(long)]
    wait: bool,
    /// Show its jobs and steps until it has ended
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    /// Do not wait longer than this, such as 90s or 30m: then exit with 4, and the run goes on
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    timeout: Option<Duration>,
    /// Exit with 1 where the run did not succeed
    #[arg(long)]
    exit_status: bool,
    /// The same key with the same request triggers once, however often it is sent
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::Create(create) => self::create(create, client, out).await,
        Verb::Import(import) => {
            let body = PipelineCreate {
                name: import.name,
                provider: import.provider,
                external_ref: Some(import.external_ref),
                import: true,
                ..PipelineCreate::default()
            };
            changed(client.post::<PipelineChanged>("/v1/pipelines", &body, None).await?, out)
        }
        Verb::Run(run) => trigger(run, client, out).await,
        Verb::Show(name) => {
            let answer = client.get::<PipelineView>(&path(&name.name)).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Update(update) => self::update(update, client, out).await,
        Verb::Delete(delete) => {
            let path = format!("{}{}", path(&delete.name), if delete.remote { "?remote=true" } else { "" });
            match client.delete::<OperationView>(&path).await? {
                Some(answer) => out.print(&answer.value, || super::operation::show(&answer.typed, out)),
                None => {
                    if out.terminal {
                        note(&format!("pipeline {} deleted; its runs are kept", delete.name));
                    }
                    Ok(Exit::Ok)
                }
            }
        }
        Verb::Definition(one) => definition::definition(&one, client, out).await,
        Verb::Parameters(wanted) => definition::parameters(wanted, client, out).await,
        Verb::Validate(validate) => definition::validate(validate, client, out).await,
        Verb::Enable(one) => definition::switch(&one, "enable", client, out).await,
        Verb::Disable(one) => definition::switch(&one, "disable", client, out).await,
        Verb::Copy(copy) => definition::copy(copy, client, out).await,
        Verb::Move(wanted) => definition::relocate(wanted, client, out).await,
        Verb::Schedule(verb) => definition::schedule(verb, client, out).await,
        Verb::TriggerToken(verb) => definition::trigger_token(verb, client, out).await,
        Verb::List(list) => self::list(list, client, out).await,
    }
}

async fn create(create: Create, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let mut body = match &create.file {
        Some(path) => serde_json::from_value(document(path)?).map_err(|error| CliError::Usage {
            message: format!("{} is no pipeline: {error}", path.display()),
            hint: Some("`novacron-cicd pipeline show NAME -o yaml` shows one".into()),
        })?,
        None => PipelineCreate::default(),
    };
    body.source = create.shape.source()?.or(body.source);
    body.name = create.name.or(body.name);
    body.provider = create.provider.unwrap_or(body.provider);
    body.external_ref = create.external_ref.or(body.external_ref);
    body.repository = create.shape.repository.or(body.repository);
    body.reference = create.shape.reference.or(body.reference);
    body.webhook_url = create.shape.webhook_url.or(body.webhook_url);
    body.location = create.shape.location.or(body.location);
    if !create.shape.schedules.is_empty() {
        body.schedules = Some(create.shape.schedules);
    }
    body.parameters.extend(create.shape.parameters);
    body.environment.extend(create.shape.environment);
    changed(client.post::<PipelineChanged>("/v1/pipelines", &body, None).await?, out)
}

fn changed(answer: super::client::Answer<PipelineChanged>, out: &Output) -> Result<Exit, CliError> {
    if out.terminal
        && let Some(operation) = &answer.typed.operation
    {
        note(&format!("the platform is told by operation {}", operation.id));
    }
    out.print(&answer.value, || show(&answer.typed.pipeline, out))
}

async fn update(update: Update, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let unset = |field: &str| update.unset.iter().any(|name| name == field);
    let text = |field: &str, value: Option<String>| value.map(Some).or_else(|| unset(field).then_some(None));
    let shape = update.shape;
    let source = shape.source()?;
    let schedules = (!shape.schedules.is_empty() || unset("schedules")).then_some(shape.schedules);
    let body = PipelineUpdate {
        name: update.rename,
        repository: text("repository", shape.repository),
        reference: text("ref", shape.reference),
        webhook_url: text("webhook-url", shape.webhook_url),
        parameters: (!shape.parameters.is_empty() || unset("params")).then_some(shape.parameters),
        environment: (!shape.environment.is_empty() || unset("env")).then(|| shape.environment.into_iter().collect()),
        source,
        location: shape.location,
        schedules,
    };
    let mut request = client.request(Method::PATCH, &path(&update.name)).json(&body);
    if let Some(version) = update.if_version {
        request = request.header("if-match", format!("\"{version}\""));
    }
    changed(client.answer(request).await?, out)
}

async fn list(list: List, client: &Client, out: &Output) -> Result<Exit, CliError> {
    if let (true, Some(provider)) = (list.remote, &list.provider) {
        let path = format!("/v1/providers/{}/pipelines", segment(provider));
        let (answer, more) = client.list::<RemotePipelineView>(&path, &[], list.limit).await?;
        let mut rows = Rows::new("pipelines", &["EXTERNAL REF", "NAME", "ENABLED", "REF", "URL"]);
        for pipeline in &answer.typed {
            rows.push(vec![
                pipeline.external_ref.clone(),
                pipeline.name.clone(),
                pipeline.enabled.to_string(),
                or_dash(pipeline.reference.as_deref()),
                or_dash(pipeline.url.as_deref()),
            ]);
        }
        return out.list(&answer.value, rows, more);
    }
    let query: Vec<_> = list.provider.into_iter().map(|provider| ("provider", provider)).collect();
    let (answer, more) = client.list::<PipelineView>("/v1/pipelines", &query, list.limit).await?;
    let mut rows = Rows::new("pipelines", &["NAME", "PROVIDER", "REF", "PARAMETERS", "REPOSITORY", "UPDATED"]);
    for pipeline in &answer.typed {
        rows.push(vec![
            pipeline.name.clone(),
            pipeline.provider.clone(),
            or_dash(pipeline.reference.as_deref()),
            pipeline.parameters.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>().join(" "),
            or_dash(pipeline.repository.as_deref()),
            out.time(Some(pipeline.updated)),
        ]);
    }
    out.list(&answer.value, rows, more)
}

async fn trigger(run: Run, client: &Client, out: &Output) -> Result<Exit, CliError> {
    watch::needs_waiting(run.wait || run.watch, run.timeout, run.exit_status)?;
    let body = RunCreate {
        parameters: declare::inputs(run.parameters),
        environment: run.environment.into_iter().collect(),
        reference: run.reference,
    };
    let path = format!("{}/runs", path(&run.name));
    // With a key of our own a second attempt after a broken connection can't trigger twice.
    let key = run.idempotency_key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let answer = client.post::<RunCreated>(&path, &body, Some(&key)).await?;
    let id = answer.typed.run.run.id;
    if !(run.wait || run.watch) {
        if out.terminal {
            note(&format!("see `novacron-cicd run watch {id}`"));
        }
        return out.print(&answer.value["run"], || format!("{id}\n"));
    }
    let patience = Patience { timeout: run.timeout, exit_status: run.exit_status, show: run.watch };
    watch::run(client, out, id, patience).await
}

fn path(name: &str) -> String {
    format!("/v1/pipelines/{}", segment(name))
}

/// A JSON or YAML file; YAML takes JSON too.
pub(super) fn document(path: &Path) -> Result<Value, CliError> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(|source| CliError::io("read stdin", source))?
    } else {
        std::fs::read_to_string(path).map_err(|source| CliError::io(format!("read {}", path.display()), source))?
    };
    serde_yaml_ng::from_str(&text).map_err(|error| CliError::Usage {
        message: format!("{} is neither JSON nor YAML: {error}", path.display()),
        hint: None,
    })
}

fn show(pipeline: &PipelineView, out: &Output) -> String {
    let parameter = |parameter: &ParameterBody| {
        let mut text = format!("{} ({}", parameter.name, words::serialized(parameter.kind));
        if !parameter.choices.is_empty() {
            text.push_str(&format!(": {}", parameter.choices.join("|")));
        }
        if parameter.required {
            text.push_str(", required");
        }
        if let Some(default) = &parameter.default {
            text.push_str(&format!(", default {default}"));
        }
        text + ")"
    };
    fields(&[
        ("Name", pipeline.name.clone()),
        ("ID", pipeline.id.to_string()),
        ("Provider", pipeline.provider.clone()),
        ("On platform", or_dash(pipeline.external_ref.as_deref())),
        ("Repository", or_dash(pipeline.repository.as_deref())),
        ("Ref", or_dash(pipeline.reference.as_deref())),
        ("Parameters", pipeline.parameters.iter().map(parameter).collect::<Vec<_>>().join(", ")),
        (
            "Environment",
            pipeline.environment.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "),
        ),
        ("Webhook", or_dash(pipeline.webhook_url.as_deref())),
        ("Version", pipeline.version.to_string()),
        ("Updated", out.time(Some(pipeline.updated))),
    ])
}
