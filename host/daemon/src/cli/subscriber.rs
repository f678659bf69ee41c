//! `novacron-cicd subscriber`

use clap::{Args, Subcommand};
use novacron_cicd_domain::notification::{Format, NotificationKind};
use reqwest::Method;

use super::{
    CliError, Exit,
    client::{Client, segment},
    notification,
    output::{Output, Rows, fields, note, or_dash},
};
use crate::api::{
    notifications::NotificationView,
    subscribers::{SubscriberCreate, SubscriberUpdate, SubscriberView},
};

/// What to do with subscribers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Tell somebody of what happens from now on
    #[command(after_help = "Examples:
  $ novacron-cicd secret set tell-key --from-file key.txt
  $ novacron-cicd subscriber create chat --to https://tell.example.com/hooks/ci --secret tell-key \\
      --kind run.finished --kind operation.ambiguous
  $ novacron-cicd subscriber create events --to http://10.0.0.7:8080/ --format cdevents --grant-network 10.0.0.7/32")]
    Create(Create),
    /// Show a subscriber
    Show(One),
    /// Change a subscriber; what waits for it is sent at once
    #[command(after_help = "Examples:
  $ novacron-cicd subscriber update chat --secret tell-key-2 --earlier-secret tell-key
  $ novacron-cicd subscriber update chat --unset earlier-secret
  $ novacron-cicd subscriber update chat --enable")]
    Update(Update),
    /// Remove a subscriber, with its messages
    Delete(Delete),
    /// Send a subscriber a message that tells nothing
    Test(One),
    /// List subscribers
    List(List),
}

/// One subscriber.
#[derive(Debug, Args)]
pub struct One {
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

/// What a subscriber is.
#[derive(Debug, Args)]
struct Shape {
    /// What messages look like: standard-webhooks, cdevents or cdevents-binary
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// Tell this, such as run.finished; all where none is named. May be repeated
    #[arg(long = "kind", value_name = "KIND", value_parser = kind)]
    kinds: Vec<NotificationKind>,
    /// Sign with this secret, by its name
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    /// Allow a private or loopback network, such as 10.0.0.0/8. May be repeated
    #[arg(long = "grant-network", value_name = "CIDR")]
    private_networks: Vec<String>,
}

/// A subscriber to be made.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name
    name: String,
    /// Where messages go
    #[arg(long, value_name = "URL")]
    to: String,
    /// Tell of this pipeline alone
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    #[command(flatten)]
    shape: Shape,
}

/// What is to be changed; what is left out stays.
#[derive(Debug, Args)]
pub struct Update {
    /// Its name or id
    name: String,
    /// Where messages go
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    #[command(flatten)]
    shape: Shape,
    /// Sign with this secret as well, while receivers get to know the other
    #[arg(long, value_name = "SECRET")]
    earlier_secret: Option<String>,
    /// Take a field away. May be repeated
    #[arg(long, value_name = "FIELD", value_parser = ["kinds", "secret", "earlier-secret", "networks"])]
    unset: Vec<String>,
    /// Tell it nothing
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Tell it of what happens from now on
    #[arg(long)]
    enable: bool,
    /// Refuse where the subscriber is no longer at this version
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
}

/// One subscriber, at a version.
#[derive(Debug, Args)]
pub struct Delete {
    /// Its name or id
    name: String,
    /// Refuse where the subscriber is no longer at this version
    #[arg(long, value_name = "N")]
    if_version: Option<i64>,
}

fn format(text: &str) -> Result<Format, String> {
    Format::parse(text).ok_or_else(|| words(Format::ALL.iter().map(|format| format.as_str())))
}

fn kind(text: &str) -> Result<NotificationKind, String> {
    NotificationKind::parse(text).ok_or_else(|| words(NotificationKind::ALL.iter().map(|kind| kind.as_str())))
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!("it is none of {}", words.collect::<Vec<_>>().join(", "))
}

fn path(name: &str) -> String {
    format!("/v1/subscribers/{}", segment(name))
}

pub(super) async fn run(verb: Verb, client: &Client, out: &Output) -> Result<Exit, CliError> {
    match verb {
        Verb::Create(create) => {
            let Shape { format, kinds, secret, private_networks } = create.shape;
            let (name, url, pipeline) = (create.name, create.to, create.pipeline);
            let format = format.unwrap_or(Format::StandardWebhooks);
            let body = SubscriberCreate { name, url, format, kinds, pipeline, secret, private_networks };
            let answer = client.post::<SubscriberView>("/v1/subscribers", &body, None).await?;
            if out.terminal {
                note(&format!("subscriber {} created", answer.typed.name));
            }
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Show(one) => {
            let answer = client.get::<SubscriberView>(&path(&one.name)).await?;
            out.print(&answer.value, || show(&answer.typed, out))
        }
        Verb::Update(update) => self::update(update, client, out).await,
        Verb::Delete(delete) => {
            let mut request = client.request(Method::DELETE, &path(&delete.name));
            if let Some(version) = delete.if_version {
                request = request.header("if-match", format!("\"{version}\""));
            }
            client.send(request).await?;
            if out.terminal {
                note(&format!("subscriber {} removed", delete.name));
            }
            Ok(Exit::Ok)
        }
        Verb::Test(one) => {
            let path = format!("{}/test", path(&one.name));
            let answer = client.answer::<NotificationView>(client.request(Method::POST, &path)).await?;
            if out.terminal {
                note(&format!("`novacron-cicd notification show {}` says what came of it", answer.typed.id));
            }
            out.print(&answer.value, || notification::show(&answer.typed, out))
        }
        Verb::List(list) => {
            let (answer, more) = client.list::<SubscriberView>("/v1/subscribers", &[], list.limit).await?;
            let mut rows = Rows::new("subscribers", &["NAME", "TELLS", "FORMAT", "URL", "UPDATED"]);
            for subscriber in &answer.typed {
                rows.push(vec![
                    subscriber.name.clone(),
                    standing(subscriber).to_owned(),
                    subscriber.format.as_str().to_owned(),
                    subscriber.url.clone(),
                    out.time(Some(subscriber.updated)),
                ]);
            }
            out.list(&answer.value, rows, more)
        }
    }
}

async fn update(update: Update, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let unset = |field: &str| update.unset.iter().any(|name| name == field);
    let secret = |field: &str, value: Option<String>| value.map(Some).or_else(|| unset(field).then_some(None));
    let Shape { format, kinds, secret: newer, private_networks } = update.shape;
    let body = SubscriberUpdate {
        url: update.to,
        format,
        kinds: (!kinds.is_empty() || unset("kinds")).then_some(kinds),
        secret: secret("secret", newer),
        earlier_secret: secret("earlier-secret", update.earlier_secret),
        private_networks: (!private_networks.is_empty() || unset("networks")).then_some(private_networks),
        enabled: (update.enable || update.disable).then_some(update.enable),
    };
    let mut request = client.request(Method::PATCH, &path(&update.name)).json(&body);
    if let Some(version) = update.if_version {
        request = request.header("if-match", format!("\"{version}\""));
    }
    let answer = client.answer::<SubscriberView>(request).await?;
    out.print(&answer.value, || show(&answer.typed, out))
}

fn standing(subscriber: &SubscriberView) -> &'static str {
    match (subscriber.enabled, &subscriber.disabled_by) {
        (true, _) => "enabled",
        (false, None) => "disabled",
        (false, Some(_)) => "gone",
    }
}

fn show(subscriber: &SubscriberView, out: &Output) -> String {
    let kinds: Vec<_> = subscriber.kinds.iter().map(|kind| kind.as_str()).collect();
    let why = subscriber.disabled_by.as_ref().map(|failure| format!("{}: {}", failure.code, failure.message));
    fields(&[
        ("Name", subscriber.name.clone()),
        ("ID", subscriber.id.to_string()),
        ("URL", subscriber.url.clone()),
        ("Tells", standing(subscriber).to_owned()),
        ("Because", or_dash(why.as_deref())),
        ("Format", subscriber.format.as_str().to_owned()),
        ("Kinds", if kinds.is_empty() { "all".to_owned() } else { kinds.join(", ") }),
        ("Pipeline", subscriber.pipeline_id.map_or_else(String::new, |id| id.to_string())),
        ("Secret", or_dash(subscriber.secret.as_deref())),
        ("Earlier secret", or_dash(subscriber.earlier_secret.as_deref())),
        ("Networks", subscriber.private_networks.join(", ")),
        ("Version", subscriber.version.to_string()),
        ("Updated", out.time(Some(subscriber.updated))),
    ])
}
