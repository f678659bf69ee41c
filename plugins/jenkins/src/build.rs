//! A build, as a run.
//!
//! Pure. What a build's actions hold belongs to plugins, in any shape: they are looked into field by field, and what is
//! not understood is passed over.

use novacron_cicd_sdk::{
    attribute,
    types::{Graph, Job, Run, RunRef, Status, Times},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::Client,
    path,
    status::{self, Word},
};

/// The fields that [`Build`] reads (`hudson/model/Run.java`, `@Exported`).
pub(crate) const TREE: &str = "_class,number,result,building,inProgress,timestamp,duration,queueId,displayName,builtOn,\
    actions[_class,parameters[name,value],causes[_class,shortDescription,userId,upstreamProject,upstreamBuild],\
    lastBuiltRevision[SHA1,branch[name]],queuingDurationMillis],\
    runs[number,url,result,building,inProgress,timestamp,duration,builtOn]";

/// The one job of a run whose stages are not known, and the parent of those that are: the build itself.
pub(crate) const WHOLE: &str = "build";
/// Begins the id of a job that is a cell of a matrix.
pub(crate) const CELL: &str = "cell:";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Build {
    #[serde(rename = "_class")]
    class: String,
    pub(crate) number: u64,
    /// May stand there before the build has ended.
    pub(crate) result: Option<String>,
    /// An executor works on it.
    pub(crate) building: bool,
    /// Not yet at its end; older cores do not say it.
    pub(crate) in_progress: Option<bool>,
    /// When it began, in milliseconds since the epoch.
    pub(crate) timestamp: Option<u64>,
    pub(crate) duration: Option<i64>,
    pub(crate) queue_id: Option<i64>,
    /// `#17`, or what the build called itself.
    pub(crate) display_name: Option<String>,
    pub(crate) built_on: Option<String>,
    actions: Vec<Value>,
    url: Option<String>,
    /// The cells of a matrix; those that were not built this time are there with an older number.
    runs: Vec<Build>,
}

impl Build {
    fn each<'a>(&'a self, list: &'a str) -> impl Iterator<Item = &'a Value> {
        self.actions.iter().filter_map(move |action| action.get(list)?.as_array()).flatten()
    }

    /// What it was given; a password is told by its name alone.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        self.each("parameters")
            .filter_map(|given| Some((given.get("name")?.as_str()?, given.get("value").and_then(text))))
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().find(|(given, _)| *given == name)?.1
    }

    /// The classes of what started it. What interrupted it stands under the same name, in an action of its own.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &Value> {
        self.actions
            .iter()
            .filter(|action| !is_class(action, "InterruptedBuildAction"))
            .filter_map(|action| action.get("causes")?.as_array())
            .flatten()
    }

    /// Our token of it. A replay or a rebuild has the parameters of the build that it repeats, and is not ours.
    pub(crate) fn correlation(&self, client: &Client) -> Option<String> {
        let repeats = self.causes().any(|cause| REPEATS.iter().any(|end| is_class(cause, end)));
        let token = self.parameter(&client.settings.correlation_parameter)?;
        (!token.is_empty() && !repeats).then_some(token)
    }

    /// Whether it is a pipeline's, which has stages.
    pub(crate) fn is_pipeline(&self) -> bool {
        self.class.ends_with("WorkflowRun")
    }

    fn timed_out(&self) -> bool {
        let mut interruptions = self
            .actions
            .iter()
            .filter(|action| is_class(action, "InterruptedBuildAction"))
            .filter_map(|action| action.get("causes")?.as_array())
            .flatten()
            .peekable();
        // `TimeoutStepExecution$ExceededTimeout` of a pipeline's `timeout` step.
        interruptions.peek().is_some() && interruptions.all(|cause| is_class(cause, "ExceededTimeout"))
    }

    pub(crate) fn status(&self, client: &Client) -> Status {
        let (building, in_progress, result) = (self.building, self.in_progress, self.result.as_deref());
        status::of_build(Word { building, in_progress, result, timed_out: self.timed_out() }, client.settings.unstable)
    }

    /// When it was asked for, began and ended. How long it waited is told where the `metrics` plugin is.
    pub(crate) fn times(&self) -> Times {
        let waited = self.actions.iter().find_map(|action| action.get("queuingDurationMillis")?.as_u64());
        let ended = !self.building && self.in_progress != Some(true);
        let duration = self.duration.and_then(|duration| u64::try_from(duration).ok());
        let finished = self.timestamp.zip(duration).map(|(began, took)| began + took);
        Times {
            created: self.timestamp.map(|began| began.saturating_sub(waited.unwrap_or(0))),
            started: self.timestamp,
            finished: if ended { finished } else { None },
            updated: None,
        }
    }

    /// The run that it is, without its graph.
    pub(crate) fn run(&self, client: &Client, pipeline: &str) -> Run {
        let number = self.number.to_string();
        let identity = RunRef { pipeline: pipeline.to_owned(), run: number.clone(), attempt: None };
        let correlation = self.correlation(client);
        let revision =
            self.actions.iter().find_map(|action| action.get("lastBuiltRevision").filter(|it| it.is_object()));
        let word = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let unnamed = format!("#{number}");
        Run {
            url: Some(path::url(&client.base_url, pipeline, &[number.as_str()])),
            name: self.display_name.clone().filter(|name| *name != unnamed),
            number: Some(number),
            times: self.times(),
            reference: revision.and_then(branch),
            commit: revision.and_then(|revision| word(revision, "SHA1")),
            actor: self.causes().find_map(|cause| word(cause, "userId")),
            origin: self.origin(correlation.is_some()).into(),
            correlation,
            parameters: self
                .parameters()
                .filter(|(name, _)| *name != client.settings.correlation_parameter)
                .map(|(name, value)| attribute(name, value.unwrap_or_default()))
                .collect(),
            more: self
                .causes()
                .filter_map(|cause| word(cause, "shortDescription"))
                .map(|why| attribute("x-cause", why))
                .collect(),
            ..Run::new(identity, self.status(client))
        }
    }

    /// What started it. What carries our token is ours, whoever Jenkins says it was.
    fn origin(&self, ours: bool) -> &'static str {
        if ours {
            return "api";
        }
        let known = ORIGINS.iter().find(|(end, _)| self.causes().any(|cause| is_class(cause, end)));
        known.map_or("unknown", |(_, origin)| origin)
    }

    /// Whether a person or a program asked for it at the API or on the page, as far as Jenkins tells: not a schedule, a
    /// push or another build.
    pub(crate) fn was_asked_for(&self) -> bool {
        let mut causes = self.causes().peekable();
        causes.peek().is_none() || causes.any(|cause| is_class(cause, "UserIdCause") || is_class(cause, "RemoteCause"))
    }

    /// All that is known without asking for stages: the build is one job, and each cell of a matrix one below it.
    pub(crate) fn graph(&self, client: &Client, pipeline: &str) -> Graph {
        let number = self.number.to_string();
        let mut jobs = vec![self.job(client, WHOLE, path::url(&client.base_url, pipeline, &[&number, "console"]))];
        for cell in self.runs.iter().filter(|cell| cell.number == self.number) {
            let Some(name) = cell.url.as_deref().and_then(path::cell) else { continue };
            let url = path::url(&client.base_url, pipeline, &[&name, &number, "console"]);
            let job = cell.job(client, &name, url);
            jobs.push(Job { id: format!("{CELL}{name}"), parent: Some(WHOLE.into()), ..job });
        }
        Graph { jobs, edges: "exact".into(), complete: true }
    }

    fn job(&self, client: &Client, name: &str, url: String) -> Job {
        Job {
            id: name.to_owned(),
            name: name.to_owned(),
            stage: None,
            status: self.status(client),
            times: self.times(),
            needs: Vec::new(),
            parent: None,
            runner: self.built_on.clone().filter(|node| !node.is_empty()),
            url: Some(url),
            steps: Vec::new(),
            more: Vec::new(),
        }
    }
}

/// Causes of builds that repeat another with its parameters.
const REPEATS: [&str; 3] = ["ReplayCause", "RebuildCause", "RestartDeclarativePipelineCause"];

/// By the end of the class of a cause; the first that fits counts: a replay names the user too.
const ORIGINS: [(&str, &str); 12] = [
    ("ReplayCause", "retry"),
    ("RebuildCause", "retry"),
    ("RestartDeclarativePipelineCause", "retry"),
    ("UserIdCause", "manual"),
    ("TimerTriggerCause", "schedule"),
    ("SCMTriggerCause", "push"),
    ("PushCause", "push"),
    ("WebHookCause", "push"),
    ("BranchEventCause", "push"),
    ("BranchIndexingCause", "push"),
    ("UpstreamCause", "upstream"),
    ("RemoteCause", "api"),
];

/// Whether an object is of a class that ends so: nested classes stand behind `$`.
fn is_class(value: &Value, end: &str) -> bool {
    value.get("_class").and_then(Value::as_str).is_some_and(|class| class.ends_with(end))
}

/// A parameter's value as text. A file's or a run's is an object, and is left out.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Of the git plugin's `BuildData`: `refs/remotes/origin/main`, `origin/main`, `detached`.
fn branch(revision: &Value) -> Option<String> {
    let name = revision.get("branch")?.as_array()?.first()?.get("name")?.as_str()?;
    let name = name.strip_prefix("refs/remotes/").unwrap_or(name);
    let name = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("origin/")).unwrap_or(name);
    (name != "detached").then(|| name.to_owned())
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
