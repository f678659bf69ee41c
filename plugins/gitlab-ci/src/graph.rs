//! The jobs of a pipeline and what each waits for.
//!
//! Pure. REST knows neither the order of stages nor `needs`; GraphQL knows both of this very pipeline
//! (`app/graphql/types/ci/job_type.rb`), the linter those of the definition (`lib/gitlab/ci/lint.rb`: only without `dry_run`).
//! Without either, a stage waits for the one whose jobs were made before its own.

use std::collections::HashMap;

use novacron_cicd_sdk::{
    attribute,
    types::{Graph, Job, Times},
};
use serde_json::Value;

use crate::{rows, status};

/// One page of jobs: a pipeline has seldom more than a hundred. Few fields, for the limit on a query's complexity.
pub(crate) const QUERY: &str = "query($p:ID!,$i:ID!,$c:String){project(fullPath:$p){pipeline(iid:$i){stages{nodes{name}} \
    jobs(retried:false,first:100,after:$c){pageInfo{endCursor hasNextPage} \
    nodes{name schedulingType stage{name} needs{nodes{name}}}}}}}";

/// What is known of a pipeline's edges, by the names of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    stages: Vec<String>,
    /// none: it waits for the stage before its own.
    needs: HashMap<String, Option<Vec<String>>>,
    /// Of this very pipeline.
    exact: bool,
}

fn name(node: &Value) -> Option<String> {
    Some(node.get("name")?.as_str()?.to_owned())
}

fn nodes(list: &Value) -> impl Iterator<Item = &Value> {
    list["nodes"].as_array().into_iter().flatten()
}

impl Plan {
    /// Takes one page of what [`QUERY`] asks for; answers the cursor of the next. none: there is no such pipeline.
    pub(crate) fn take(&mut self, data: &Value) -> Option<Option<String>> {
        let pipeline = data.pointer("/project/pipeline").filter(|pipeline| pipeline.is_object())?;
        self.exact = true;
        self.stages = nodes(&pipeline["stages"]).filter_map(name).collect();
        for job in nodes(&pipeline["jobs"]) {
            let needs = (job["schedulingType"] == "dag").then(|| nodes(&job["needs"]).filter_map(name).collect());
            self.needs.extend(name(job).map(|name| (name, needs)));
        }
        let page = &pipeline["jobs"]["pageInfo"];
        let more = page["hasNextPage"] == true;
        Some(page["endCursor"].as_str().filter(|_| more).map(str::to_owned))
    }

    /// Of the linter's answer; none where it holds no jobs.
    pub(crate) fn linted(answer: &Value) -> Option<Self> {
        let jobs = answer["jobs"].as_array().filter(|jobs| !jobs.is_empty())?;
        let mut plan = Self::default();
        for job in jobs {
            let stage = job["stage"].as_str()?.to_owned();
            if !plan.stages.contains(&stage) {
                plan.stages.push(stage);
            }
            // `{job: a, artifacts: true}`, `{name: a}` or just `a`.
            let need = |need: &Value| {
                Some(need.as_str().or_else(|| need["name"].as_str().or(need["job"].as_str()))?.to_owned())
            };
            let needs = job["needs"].as_array().map(|needs| needs.iter().filter_map(need).collect());
            plan.needs.insert(name(job)?, needs);
        }
        Some(plan)
    }

    /// In the order in which the jobs were made.
    fn guessed(jobs: &[rows::Job]) -> Self {
        let mut sorted: Vec<_> = jobs.iter().collect();
        sorted.sort_by_key(|job| job.id);
        let mut stages: Vec<String> = Vec::new();
        for stage in sorted.into_iter().filter_map(|job| job.stage.as_ref()) {
            if !stages.contains(stage) {
                stages.push(stage.clone());
            }
        }
        Self { stages, ..Self::default() }
    }
}

/// `test` of `test 1/3` and of `test: [a, b]`: what `parallel` made of one job.
fn base(name: &str) -> &str {
    if let Some((base, _)) = name.split_once(": [") {
        return base;
    }
    match name.rsplit_once(' ') {
        Some((base, part))
            if part.split_once('/').is_some_and(|(a, b)| a.parse::<u32>().is_ok() && b.parse::<u32>().is_ok()) =>
        {
            base
        }
        _ => name,
    }
}

/// The graph of jobs and bridges. `complete`: all of them were read, and there will be no others.
pub(crate) fn graph(rows: &[rows::Job], plan: Option<Plan>, complete: bool) -> Graph {
    let plan = plan.unwrap_or_else(|| Plan::guessed(rows));
    let mut by_name: HashMap<&str, Vec<String>> = HashMap::new();
    let mut by_stage: HashMap<&str, Vec<String>> = HashMap::new();
    for row in rows {
        let mut names = vec![row.name.as_str()];
        names.extend(Some(base(&row.name)).filter(|base| *base != row.name));
        names.into_iter().for_each(|name| by_name.entry(name).or_default().push(row.id.to_string()));
        by_stage.entry(row.stage.as_deref().unwrap_or_default()).or_default().push(row.id.to_string());
    }
    let before = |stage: Option<&str>| {
        let place = plan.stages.iter().position(|known| Some(known.as_str()) == stage).unwrap_or(0);
        plan.stages[..place].iter().rev().find_map(|stage| by_stage.get(stage.as_str())).cloned().unwrap_or_default()
    };
    let needs = |row: &rows::Job| match plan.needs.get(&row.name).or_else(|| plan.needs.get(base(&row.name))) {
        Some(Some(names)) => names.iter().filter_map(|name| by_name.get(name.as_str())).flatten().cloned().collect(),
        _ => before(row.stage.as_deref()),
    };
    let jobs: Vec<Job> = rows.iter().map(|row| job(row, needs(row))).collect();
    let word = if jobs.is_empty() {
        "none"
    } else if plan.exact {
        "exact"
    } else {
        "approximate"
    };
    Graph { jobs, edges: word.into(), complete }
}

/// A job that waits for these.
pub(crate) fn job(row: &rows::Job, needs: Vec<String>) -> Job {
    let times =
        Times { created: row.created_at.0, started: row.started_at.0, finished: row.finished_at.0, updated: None };
    let below = row.downstream_pipeline.as_ref().map(|below| attribute("novacron.downstream", below.id.to_string()));
    Job {
        stage: row.stage.clone(),
        times,
        needs,
        runner: row.runner.as_ref().and_then(|runner| runner.description.clone()),
        url: row.web_url.clone(),
        more: below.into_iter().collect(),
        ..Job::new(row.id.to_string(), row.name.clone(), status::of_job(row))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn rows() -> Vec<rows::Job> {
        let row =
            |id: u64, name: &str, stage: &str| json!({ "id": id, "name": name, "stage": stage, "status": "created" });
        let rows = json!([
            row(5, "deploy", "deploy"),
            row(4, "lint", "test"),
            row(3, "test 2/2", "test"),
            row(2, "test 1/2", "test"),
            row(1, "build", "build"),
        ]);
        serde_json::from_value(rows).unwrap()
    }

    fn told(plan: Option<Plan>) -> (Vec<(String, String)>, String) {
        let graph = graph(&rows(), plan, true);
        (graph.jobs.into_iter().map(|job| (job.name, job.needs.join(","))).collect(), graph.edges)
    }

    fn row(name: &str, needs: &str) -> (String, String) {
        (name.to_owned(), needs.to_owned())
    }

    #[test]
    fn edges_are_those_of_the_pipeline_where_graphql_tells_them() {
        let node = |name: &str, kind: &str, needs: &[&str]| {
            let needs: Vec<_> = needs.iter().map(|name| json!({ "name": name })).collect();
            json!({ "name": name, "schedulingType": kind, "needs": { "nodes": needs } })
        };
        let page = |jobs: Value, more: bool| {
            json!({ "project": { "pipeline": {
                "stages": { "nodes": [{ "name": "build" }, { "name": "empty" }, { "name": "test" }, { "name": "deploy" }] },
                "jobs": { "pageInfo": { "hasNextPage": more, "endCursor": "c" }, "nodes": jobs } } } })
        };
        let mut plan = Plan::default();
        let first = json!([node("deploy", "dag", &["test 1/2", "build"]), node("lint", "dag", &[])]);
        assert_eq!(plan.take(&page(first, true)), Some(Some("c".into())));
        let second =
            json!([node("test 1/2", "stage", &[]), node("test 2/2", "stage", &[]), node("build", "stage", &[])]);
        assert_eq!(plan.take(&page(second, false)), Some(None));
        let expected =
            vec![row("deploy", "2,1"), row("lint", ""), row("test 2/2", "1"), row("test 1/2", "1"), row("build", "")];
        assert_eq!(told(Some(plan.clone())), (expected, "exact".into()));
        assert_eq!(plan.take(&json!({ "project": null })), None, "it was moved, or is not ours to see");
    }

    #[test]
    fn without_it_they_are_the_definitions_or_those_of_stages_and_said_to_be_near() {
        let linted = json!({ "valid": true, "jobs": [
            { "name": "build", "stage": "build" }, { "name": "test", "stage": "test", "needs": [{ "name": "build" }] },
            { "name": "lint", "stage": "test", "needs": [] }, { "name": "deploy", "stage": "deploy", "needs": ["test"] },
        ] });
        let expected =
            vec![row("deploy", "3,2"), row("lint", ""), row("test 2/2", "1"), row("test 1/2", "1"), row("build", "")];
        assert_eq!(told(Plan::linted(&linted)), (expected, "approximate".into()));
        let expected = vec![
            row("deploy", "4,3,2"),
            row("lint", "1"),
            row("test 2/2", "1"),
            row("test 1/2", "1"),
            row("build", ""),
        ];
        assert_eq!(told(None), (expected, "approximate".into()));
        assert_eq!(Plan::linted(&json!({ "valid": false, "jobs": [] })), None);
    }

    #[test]
    fn no_job_yet_is_not_no_job() {
        let graph = graph(&[], None, false);
        assert_eq!((graph.jobs.len(), graph.edges.as_str(), graph.complete), (0, "none", false));
    }

    #[test]
    fn what_parallel_made_of_a_job_is_known_by_its_name() {
        for (name, expected) in
            [("test 1/3", "test"), ("test: [a, b]", "test"), ("test a/b", "test a/b"), ("test", "test")]
        {
            assert_eq!(base(name), expected);
        }
    }
}
