//! What is there on the controller: items, queue, builds. Only what a client can see of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Credential;

/// The class of a pipeline job.
pub const PIPELINE: &str = "org.jenkinsci.plugins.workflow.job.WorkflowJob";
/// The class of a folder.
pub const FOLDER: &str = "com.cloudbees.hudson.plugins.folder.Folder";
/// The class of a project with a job for each branch.
pub const MULTIBRANCH: &str = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject";

/// The class of a folder of such projects, one for each repository.
pub const ORGANIZATION: &str = "jenkins.branch.OrganizationFolder";

/// The class of the controller's own node.
pub const BUILT_IN: &str = "hudson.model.Hudson$MasterComputer";

/// A node that has nothing to do, as the API shows it.
#[must_use]
pub fn node(class: &str, name: &str) -> Value {
    json!({ "_class": class, "displayName": name, "offline": false, "temporarilyOffline": false, "idle": true,
            "offlineCauseReason": "", "assignedLabels": [{ "name": name }], "numExecutors": 1,
            "executors": [{ "currentExecutable": null }], "oneOffExecutors": [] })
}

/// A folder or a job.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// As it is stored: a branch is encoded.
    pub name: String,
    /// Its class.
    pub class: String,
    /// What it holds; none: it is a job.
    pub items: Option<Vec<Item>>,
    /// Its parameter definitions, as the API shows them; none: it takes none.
    pub parameters: Option<Vec<Value>>,
    /// Whether it takes builds.
    pub disabled: bool,
    /// Its `config.xml`.
    pub config: String,
    /// Its builds, the oldest first.
    pub builds: Vec<Build>,
}

impl Item {
    /// A pipeline.
    #[must_use]
    pub fn job(name: &str) -> Self {
        Self { name: name.into(), class: PIPELINE.into(), ..Self::default() }
    }

    /// Something that holds others.
    #[must_use]
    pub fn folder(name: &str, class: &str, items: Vec<Item>) -> Self {
        Self { name: name.into(), class: class.into(), items: Some(items), ..Self::default() }
    }

    /// With string parameters of these names and defaults.
    #[must_use]
    pub fn with_strings(self, parameters: &[(&str, &str)]) -> Self {
        let one = |(name, default): &(&str, &str)| {
            json!({ "_class": "hudson.model.StringParameterDefinition", "type": "StringParameterDefinition",
                    "name": name, "description": "", "defaultParameterValue": { "value": default } })
        };
        self.with(parameters.iter().map(one).collect())
    }

    /// With these parameters more.
    #[must_use]
    pub fn with(mut self, parameters: Vec<Value>) -> Self {
        self.parameters.get_or_insert_default().extend(parameters);
        self
    }

    /// What a `config.xml` makes; none: Jenkins does not know its class.
    pub(super) fn of_config(name: &str, config: &str) -> Option<Self> {
        let body = config.split_once("?>").map_or(config, |(_, body)| body).trim_start();
        let mut item = match body.trim_start_matches('<').split(['>', ' ', '/']).next()? {
            "flow-definition" => Self::job(name),
            "project" => Self { class: "hudson.model.FreeStyleProject".into(), ..Self::job(name) },
            class if class == FOLDER => Self::folder(name, FOLDER, vec![]),
            _ => return None,
        };
        item.config = config.to_owned();
        // As Jenkins writes it again, secrets and all.
        if let Some(list) = between(config, "parameterDefinitions") {
            let one = |text: &str| {
                json!({ "type": format!("{}ParameterDefinition", text.split("ParameterDefinition>").next().unwrap_or_default()),
                        "name": between(text, "name"), "defaultParameterValue": { "value": between(text, "defaultValue") } })
            };
            item.parameters = Some(list.split("<hudson.model.").skip(1).map(one).collect());
        }
        Some(item)
    }

    fn color(&self) -> String {
        let last = self.builds.last();
        let color = match last.and_then(|build| build.result.as_deref()) {
            _ if self.disabled => "disabled",
            Some("SUCCESS") => "blue",
            Some("UNSTABLE") => "yellow",
            Some("FAILURE") => "red",
            Some("ABORTED") => "aborted",
            _ => "notbuilt",
        };
        if last.is_some_and(|build| build.building) { format!("{color}_anime") } else { color.into() }
    }
}

/// A build.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// Its number.
    pub number: u64,
    /// May be set while it builds.
    pub result: Option<String>,
    /// An executor works on it.
    pub building: bool,
    /// It is not at its very end.
    pub in_progress: bool,
    /// When it began.
    pub timestamp: u64,
    /// When it ended; none: the clock's time, once it does not build.
    pub ended: Option<u64>,
    /// The queue item that it came from.
    pub queue_id: u64,
    /// What it was given, and why.
    pub actions: Vec<Value>,
    /// What it wrote; none: the file is not there yet.
    pub log: Option<Vec<u8>>,
    /// Whether its job is a pipeline.
    pub is_pipeline: bool,
    /// What each plugin that shows stages answers, by the plugin's name.
    pub stages: Vec<(String, Value)>,
    /// What the steps of a stage wrote, by its id; Blue Ocean shows it.
    pub stage_logs: Vec<(String, Vec<u8>)>,
    /// Its cells, of a build of a matrix.
    pub cells: Vec<Cell>,
    /// The files that it was given, by the parameter's name.
    pub files: Vec<(String, Vec<u8>)>,
    /// The ids of its `input` steps that wait.
    pub inputs: Vec<String>,
    /// What it kept, by path.
    pub artifacts: Vec<(String, String)>,
    /// Whether it is kept for ever.
    pub kept: bool,
    /// Whether it is named in the queue while it can't be read.
    pub hidden: bool,
    /// `stop`, `term`, `kill` and decisions, as they were asked for.
    pub asked: Vec<String>,
}

/// One of the builds that a build of a matrix is made of.
#[derive(Clone, Debug)]
pub struct Cell {
    /// `label=linux,jdk=21`.
    pub name: String,
    /// How it ended.
    pub result: Option<String>,
    /// What it wrote.
    pub log: Vec<u8>,
}

/// The text of the first element of this name.
pub(super) fn between(xml: &str, name: &str) -> Option<String> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    Some(after.split_once(&format!("</{name}>"))?.0.to_owned())
}

/// What waits, or has left and is still remembered.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) id: u64,
    pub(super) job: String,
    pub(super) actions: Vec<Value>,
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) left: Option<Left>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Cancelled,
    Leaving,
    As(u64),
}

/// All of it.
#[derive(Clone, Debug)]
pub struct World {
    /// What Jenkins takes for its own address; ours is another.
    pub root_url: String,
    /// What the controller holds.
    pub items: Vec<Item>,
    /// Users with their API tokens and passwords.
    pub users: Vec<(String, String, String)>,
    /// Whether POSTs of a session need a crumb.
    pub crumbs: bool,
    /// Every address answers 503.
    pub booting: bool,
    /// Every address answers 200 with a page to log in at, as some proxies do.
    pub behind_login: bool,
    /// Permissions that the users lack.
    pub lacking: BTreeSet<String>,
    /// Plugins that are installed.
    pub plugins: Vec<String>,
    /// The origin that files are served from; none: the controller's own.
    pub files: Option<String>,
    /// Its nodes, as the API shows them.
    pub nodes: Vec<Value>,
    /// What its stores hold.
    pub credentials: Vec<Credential>,
    /// The domains that its stores have; `_` is the global one.
    pub domains: Vec<String>,
    /// The clock, in milliseconds.
    pub now: u64,
    pub(super) queue: Vec<Place>,
    pub(super) next_place: u64,
    pub(super) sessions: BTreeMap<String, Option<String>>,
    pub(super) next_session: u32,
}

impl World {
    /// An item by its full name.
    pub(super) fn item(&mut self, full_name: &str) -> Option<&mut Item> {
        let mut names = full_name.split('/');
        let first = names.next()?;
        let mut at = self.items.iter_mut().find(|item| item.name == first)?;
        for name in names {
            at = at.items.as_mut()?.iter_mut().find(|item| item.name == name)?;
        }
        Some(at)
    }

    /// What a folder holds; the controller has no name.
    pub(super) fn items_of(&mut self, folder: &str) -> Option<&mut Vec<Item>> {
        if folder.is_empty() { Some(&mut self.items) } else { self.item(folder)?.items.as_mut() }
    }

    /// A build that can be read.
    pub(super) fn build(&mut self, job: &str, number: u64) -> Option<&mut Build> {
        self.item(job)?.builds.iter_mut().find(|build| build.number == number && !build.hidden)
    }

    /// A new place in the queue, or that of an equal request which waits already (`Queue.scheduleInternal`).
    pub(super) fn enqueue(&mut self, job: &str, parameters: Vec<Value>, user: &str) -> (u64, bool) {
        let given = json!({ "_class": "hudson.model.ParametersAction", "parameters": parameters });
        let same = |place: &&Place| place.left.is_none() && place.job == job && place.actions.first() == Some(&given);
        if let Some(place) = self.queue.iter().find(same) {
            return (place.id, false);
        }
        let cause = json!({ "_class": "hudson.model.Cause$UserIdCause", "shortDescription": format!("Started by user {user}"),
                            "userId": user });
        self.next_place += 1;
        let actions = vec![given, json!({ "_class": "hudson.model.CauseAction", "causes": [cause] })];
        let files = Vec::new();
        self.queue.push(Place { id: self.next_place, job: job.to_owned(), actions, files, left: None });
        (self.next_place, true)
    }

    /// Where an item is, as Jenkins tells it.
    pub(super) fn url(&self, full_name: &str) -> String {
        let mut url = self.root_url.clone();
        for name in full_name.split('/') {
            url.push_str(&format!(
                "job/{}/",
                percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
            ));
        }
        url
    }

    pub(super) fn place_json(&self, place: &Place) -> Value {
        let class = match place.left {
            None => "hudson.model.Queue$WaitingItem",
            Some(_) => "hudson.model.Queue$LeftItem",
        };
        let mut value = json!({
            "_class": class, "id": place.id, "actions": place.actions, "blocked": false, "buildable": false, "stuck": false,
            "inQueueSince": self.now, "why": place.left.is_none().then_some("In the quiet period. Expires in 4.9 sec"),
            "task": { "_class": PIPELINE, "name": place.job, "url": self.url(&place.job) },
            "url": format!("queue/item/{}/", place.id),
        });
        if let Some(left) = &place.left {
            value["cancelled"] = (*left == Left::Cancelled).into();
            value["executable"] = match left {
                Left::As(number) => {
                    json!({ "_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun", "number": number,
                                            "url": format!("{}{number}/", self.url(&place.job)) })
                }
                _ => Value::Null,
            };
        }
        value
    }

    pub(super) fn item_json(&self, item: &Item, full_name: &str) -> Value {
        let mut value = json!({ "_class": item.class, "name": item.name, "fullName": full_name,
                                "url": self.url(full_name) });
        if let Some(items) = &item.items {
            let inner = items.iter().map(|inner| self.item_json(inner, &format!("{full_name}/{}", inner.name)));
            value["jobs"] = inner.collect();
            return value;
        }
        let builds = || {
            item.builds
                .iter()
                .rev()
                .filter(|build| !build.hidden)
                .map(|build| build_json(build, &self.url(full_name), self.now))
        };
        let property = item.parameters.as_ref().map(|definitions| {
            json!({ "_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": definitions })
        });
        value["color"] = item.color().into();
        value["buildable"] = (!item.disabled).into();
        value["property"] = property.into_iter().collect();
        value["inQueue"] = self.queue.iter().any(|place| place.left.is_none() && place.job == full_name).into();
        // `builds` never has more than the newest hundred; `allBuilds` has them all.
        value["builds"] = builds().take(100).collect();
        value["allBuilds"] = builds().collect();
        value
    }
}

pub(super) fn build_json(build: &Build, job: &str, now: u64) -> Value {
    let class = match build {
        build if build.is_pipeline => "org.jenkinsci.plugins.workflow.job.WorkflowRun",
        build if !build.cells.is_empty() => "hudson.matrix.MatrixBuild",
        _ => "hudson.model.FreeStyleBuild",
    };
    json!({
        "_class": class, "number": build.number, "id": build.number.to_string(),
        "result": build.result, "building": build.building, "inProgress": build.in_progress, "queueId": build.queue_id,
        "timestamp": build.timestamp, "duration": if build.building { 0 } else { build.ended.unwrap_or(now).saturating_sub(build.timestamp) },
        "url": format!("{job}{}/", build.number), "displayName": format!("#{}", build.number), "actions": build.actions,
        "runs": build.cells.iter().map(|cell| cell_json(cell, build, job, now)).collect::<Value>(),
        "artifacts": build.artifacts.iter().map(|(path, _)| json!({ "fileName": path, "relativePath": path })).collect::<Value>(),
    })
}

fn cell_json(cell: &Cell, build: &Build, job: &str, now: u64) -> Value {
    let ended = cell.result.is_some();
    json!({
        "_class": "hudson.matrix.MatrixRun", "number": build.number, "url": format!("{job}{}/{}/", cell.name, build.number),
        "result": cell.result, "building": !ended, "inProgress": !ended, "timestamp": build.timestamp,
        "duration": if ended { now.saturating_sub(build.timestamp) } else { 0 }, "builtOn": "agent-1",
    })
}
