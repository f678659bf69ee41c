//! The stages of a pipeline's build, as whichever plugin of Jenkins is there shows them.
//!
//! Pure. pipeline-graph-view keeps what is parallel; pipeline-rest-api (`wfapi`) tells stages in a row; Blue Ocean has the
//! true edges. Each stage is a job below the build itself, whose log is the only one.

use novacron_cicd_sdk::{
    http::Target,
    types::{Graph, Job, RunRef, State, Status, Times},
};
use serde::{Deserialize, de::Error as _};

use crate::{build::WHOLE, client::Client, path, settings::Unstable};

/// A plugin of Jenkins that shows stages, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    GraphView,
    Wfapi,
    BlueOcean,
}

impl Source {
    /// All, in the order in which they are tried.
    pub(crate) const ALL: [Self; 3] = [Self::GraphView, Self::Wfapi, Self::BlueOcean];

    /// The word that it is remembered by.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::GraphView => "graph-view",
            Self::Wfapi => "wfapi",
            Self::BlueOcean => "blue-ocean",
        }
    }

    /// Where it shows the stages of a build.
    pub(crate) fn target(self, pipeline: &str, build: u64) -> Target {
        let number = build.to_string();
        match self {
            Self::GraphView => path::of(pipeline, &[&number, "stages", "tree"]),
            Self::Wfapi => path::of(pipeline, &[&number, "wfapi", "describe"]),
            Self::BlueOcean => Self::blue(pipeline, build, &[]),
        }
    }

    /// Where it has the log of a stage, to be read like that of a build (blueocean-rest, `LogResource`). The others have only those
    /// of single steps.
    pub(crate) fn log(self, run: &RunRef, stage: &str) -> Option<Target> {
        let number = path::number(&run.run).ok()?;
        (self == Self::BlueOcean).then(|| Self::blue(&run.pipeline, number, &[stage, "log"]))
    }

    /// The nodes of a build, and what is asked of them.
    fn blue(pipeline: &str, number: u64, tail: &[&str]) -> Target {
        let mut segments = ["blue", "rest", "organizations", "jenkins"].map(str::to_owned).to_vec();
        for name in pipeline.split('/') {
            segments.extend(["pipelines".to_owned(), name.to_owned()]);
        }
        segments.extend(["runs".to_owned(), number.to_string(), "nodes".to_owned()]);
        segments.extend(tail.iter().map(|part| (*part).to_owned()));
        segments.into()
    }

    /// Reads what it answers.
    /// Where the answer is of another shape than this plugin has.
    pub(crate) fn read(self, body: &[u8], unstable: Unstable, whole: &Status) -> Result<Stages, serde_json::Error> {
        let mut stages = Stages { jobs: Vec::new(), exact: self == Self::BlueOcean };
        let status = |word: &str| status(word, unstable, whole);
        match self {
            Self::GraphView => {
                let answer: Envelope = serde_json::from_slice(body)?;
                stages.nested(&answer.data.stages, WHOLE, &[], &status);
            }
            Self::Wfapi => stages.row(serde_json::from_slice::<Described>(body)?.stages, &status),
            Self::BlueOcean => stages.edges(serde_json::from_slice(body)?, &status),
        }
        match stages.jobs.iter().find(|job| !path::is_id(&job.id)) {
            Some(job) => Err(serde_json::Error::custom(format!("a stage has an id of {} bytes", job.id.len()))),
            None => Ok(stages),
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    data: Tree,
}

#[derive(Deserialize)]
struct Tree {
    #[serde(default)]
    stages: Vec<Node>,
}

/// Of pipeline-graph-view; its ids are numbers in some versions and texts in others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: serde_json::Value,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    children: Vec<Node>,
    next_sibling: Option<Box<Node>>,
    start_time_millis: Option<i64>,
    total_duration_millis: Option<i64>,
    agent: Option<String>,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    start_time_millis: Option<i64>,
    duration_millis: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlueNode {
    id: String,
    #[serde(default)]
    display_name: String,
    state: Option<String>,
    result: Option<String>,
    #[serde(default)]
    edges: Vec<Edge>,
    first_parent: Option<String>,
}

#[derive(Deserialize)]
struct Edge {
    id: String,
}

#[derive(Debug)]
pub(crate) struct Stages {
    jobs: Vec<Job>,
    exact: bool,
}

fn times(start: Option<i64>, took: Option<i64>, state: State) -> Times {
    let start = start.and_then(|start| u64::try_from(start).ok()).filter(|start| *start > 0);
    let took = took.and_then(|took| u64::try_from(took).ok());
    let ended = matches!(state, State::Succeeded | State::Failed | State::Canceled);
    let finished = if ended { start.zip(took).map(|(start, took)| start + took) } else { None };
    Times { started: start, finished, ..Times::default() }
}

fn job(id: String, name: String, parent: &str, status: Status, times: Times) -> Job {
    let stage = Some(name.clone());
    let parent = Some(parent.to_owned());
    Job { id, name, stage, status, times, needs: vec![], parent, runner: None, url: None, steps: vec![], more: vec![] }
}

impl Stages {
    /// Stages in a row, each with what is in it: branches side by side, or stages in a row again.
    fn nested(&mut self, nodes: &[Node], parent: &str, before: &[String], status: &impl Fn(&str) -> Status) {
        let mut before = before.to_vec();
        for node in nodes {
            let branch = node.kind.starts_with("PARALLEL");
            let last = self.chain(node, parent, &before, status);
            if !branch {
                before = vec![last];
            }
        }
    }

    /// A node and those that follow it in its branch; answers the last one's id.
    fn chain(&mut self, node: &Node, parent: &str, before: &[String], status: &impl Fn(&str) -> Status) -> String {
        let id = node.id.as_str().map_or_else(|| node.id.to_string(), str::to_owned);
        let stands = status(&node.state);
        let times = times(node.start_time_millis, node.total_duration_millis, stands.state);
        let made = job(id.clone(), node.name.clone(), parent, stands, times);
        self.jobs.push(Job { needs: before.to_vec(), runner: node.agent.clone(), ..made });
        self.nested(&node.children, &id, before, status);
        match &node.next_sibling {
            Some(next) => self.chain(next, parent, &[id], status),
            None => id,
        }
    }

    /// Stages in a row that hides what was parallel: each is taken to wait for the last one that had ended when it began.
    fn row(&mut self, stages: Vec<Stage>, status: &impl Fn(&str) -> Status) {
        for stage in stages {
            let stands = status(&stage.status);
            let times = times(stage.start_time_millis, stage.duration_millis, stands.state);
            let had_ended = |job: &&Job| match (job.times.finished, times.started) {
                (Some(end), Some(begin)) => end <= begin,
                (_, None) => true,
                (None, Some(_)) => false,
            };
            let needs = self.jobs.iter().rev().find(had_ended).map(|job| job.id.clone()).into_iter().collect();
            self.jobs.push(Job { needs, ..job(stage.id, stage.name, WHOLE, stands, times) });
        }
    }

    fn edges(&mut self, nodes: Vec<BlueNode>, status: &impl Fn(&str) -> Status) {
        let edges: Vec<(String, String)> =
            nodes.iter().flat_map(|node| node.edges.iter().map(|edge| (node.id.clone(), edge.id.clone()))).collect();
        for node in nodes {
            let word = match (node.state.as_deref(), node.result.as_deref()) {
                (Some("FINISHED"), Some(result)) => result.to_owned(),
                (state, result) => state.or(result).unwrap_or("NOT_BUILT").to_owned(),
            };
            let mut needs: Vec<String> =
                edges.iter().filter(|(_, to)| *to == node.id).map(|(from, _)| from.clone()).collect();
            if needs.is_empty() {
                needs.extend(node.first_parent);
            }
            self.jobs.push(Job { needs, ..job(node.id, node.display_name, WHOLE, status(&word), Times::default()) });
        }
    }

    pub(crate) fn wait(&self) -> bool {
        self.jobs.iter().any(|job| job.status.state == State::Waiting)
    }

    pub(crate) fn below(self, client: &Client, pipeline: &str, number: u64, mut graph: Graph) -> Graph {
        if self.jobs.is_empty() {
            return graph;
        }
        graph.edges = if self.exact { "exact" } else { "approximate" }.into();
        let place = path::url(&client.base_url, pipeline, &[&number.to_string()]);
        graph.jobs.extend(self.jobs.into_iter().map(|job| Job { url: Some(place.clone()), ..job }));
        graph
    }
}

/// The words of all three: `StatusExt` of wfapi, `PipelineState` of pipeline-graph-view, state and result of Blue Ocean. One
/// that is none of them stands as the whole build does; so does one that goes on after the build has ended, which is how a
/// controller that went down leaves it.
fn status(word: &str, unstable: Unstable, whole: &Status) -> Status {
    let stands = match word.to_ascii_lowercase().as_str() {
        "success" | "finished" => Status::of(State::Succeeded, word),
        "unstable" => Status::of(unstable.state(), word).reason("unstable").condition("warnings"),
        "failed" | "failure" => Status::of(State::Failed, word),
        "aborted" => Status::of(State::Canceled, word),
        "skipped" | "not_built" | "not_executed" => Status::of(State::Skipped, word),
        "queued" => Status::of(State::Pending, word).reason("queued"),
        "in_progress" | "running" => Status::of(State::Running, word),
        "paused" | "paused_pending_input" => Status::of(State::Waiting, word).reason("gate"),
        _ => Status::of(whole.state, word).reason("unknown"),
    };
    let ended = |state| !matches!(state, State::Pending | State::Running | State::Waiting);
    if ended(whole.state) && !ended(stands.state) { Status::of(whole.state, word).reason("stale") } else { stands }
}

#[cfg(test)]
#[path = "stages_tests.rs"]
mod tests;
