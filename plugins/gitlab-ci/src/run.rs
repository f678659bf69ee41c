//! A pipeline of GitLab as a run.
//!
//! Pure. A retry makes new jobs and leaves the pipeline its id, so attempts are not counted here. A run's pipeline is its
//! project by path.

use novacron_cicd_sdk::{
    attribute,
    types::{Run, RunRef, Times},
};

use crate::{
    client::Client,
    rows::{Job, Pipeline, Variable},
    settings::Correlation,
    status,
};

/// Whether a request of ours may have started it.
pub(crate) fn by_request(row: &Pipeline) -> bool {
    matches!(row.source.as_deref(), Some("api" | "trigger"))
}

/// Whether nothing more happens in it by itself, as far as its word is known.
pub(crate) fn has_ended(status: &str) -> bool {
    matches!(status, "success" | "failed" | "canceled" | "skipped")
}

/// Our token of it: the variable that carries it, or the name that shows it.
pub(crate) fn correlation(client: &Client, row: &Pipeline, variables: Option<&[Variable]>) -> Option<String> {
    let name = &client.settings.correlation_name;
    let carried = variables.into_iter().flatten().find(|variable| variable.key == *name);
    if let Some(value) = carried.and_then(|variable| variable.value.clone()).filter(|value| !value.is_empty()) {
        return Some(value);
    }
    // A token is 32 hex digits; `workflow:name` shows it among other words.
    let token = |word: &&str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let shown = client.settings.correlation == Correlation::Input && by_request(row);
    row.name.as_deref().filter(|_| shown)?.split(|at: char| !at.is_ascii_alphanumeric()).find(token).map(str::to_owned)
}

/// The run, without its graph.
pub(crate) fn run(client: &Client, pipeline: &str, row: &Pipeline, variables: Option<&[Variable]>) -> Run {
    let correlation = correlation(client, row, variables);
    let ours = &client.settings.correlation_name;
    let given = variables.into_iter().flatten().filter(|variable| variable.key != *ours);
    Run {
        number: Some(row.iid.to_string()),
        name: row.name.clone(),
        times: Times {
            created: row.created_at.0,
            started: row.started_at.0,
            finished: row.finished_at.0,
            updated: row.updated_at.0,
        },
        reference: row.reference.clone(),
        commit: row.sha.clone(),
        actor: row.user.as_ref().and_then(|user| user.username.clone()),
        origin: status::origin(row.source.as_deref()),
        url: row.web_url.clone(),
        correlation,
        parameters: given
            .map(|variable| attribute(&variable.key, variable.value.clone().unwrap_or_default()))
            .collect(),
        more: [("x-gitlab-source", &row.source), ("x-gitlab-yaml-errors", &row.yaml_errors)]
            .into_iter()
            .filter_map(|(key, value)| value.as_ref().map(|value| attribute(key, value)))
            .collect(),
        ..Run::new(reference(pipeline, row), status::of_pipeline(row))
    }
}

/// What a run is called.
pub(crate) fn reference(pipeline: &str, row: &Pipeline) -> RunRef {
    RunRef { pipeline: pipeline.to_owned(), run: row.id.to_string(), attempt: None }
}

/// The project of a downstream pipeline: its own address says the path.
pub(crate) fn project_of(client: &Client, row: &Pipeline) -> String {
    row.project_path(&client.base_url).unwrap_or_else(|| row.project_id.to_string())
}

/// The runs that these bridges started.
pub(crate) fn downstream(client: &Client, bridges: &[Job]) -> Vec<RunRef> {
    let started = bridges.iter().filter_map(|bridge| bridge.downstream_pipeline.as_ref());
    started.map(|row| reference(&project_of(client, row), row)).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::State;

    use super::*;
    use crate::settings::Settings;

    /// From GitLab's documentation (`doc/api/pipelines.md`).
    const SAMPLE: &str = r#"{"id":61,"iid":21,"project_id":1,"sha":"384c444e840a515b23f21915ee5766b87068a70d","ref":"main",
        "status":"pending","source":"api","before_sha":"0000000000000000000000000000000000000000","tag":false,
        "yaml_errors":null,"user":{"id":1,"name":"Administrator","username":"root","state":"active"},
        "created_at":"2016-11-04T09:36:13.747Z","updated_at":"2016-11-04T09:36:13.977Z","started_at":null,"finished_at":null,
        "committed_at":null,"duration":null,"queued_duration":0.010,"coverage":null,
        "web_url":"https://example.com/foo/bar/-/pipelines/61"}"#;

    fn client(correlation: Correlation) -> Client {
        let settings = Settings { correlation, ..Settings::default() };
        Client { base_url: "https://git.example/root".into(), settings, slot: None }
    }

    #[test]
    fn a_pipeline_is_told_with_what_it_was_given() {
        let row: Pipeline = serde_json::from_str(SAMPLE).unwrap();
        let variable =
            |key: &str, value: &str| Variable { key: key.into(), value: Some(value.into()), ..Variable::default() };
        let variables = [variable("A", "1"), variable("NOVACRON_CORRELATION", "nc-7")];
        let run = run(&client(Correlation::Variable), "foo/bar", &row, Some(&variables));
        assert_eq!((run.identity.run.as_str(), run.number.as_deref()), ("61", Some("21")));
        assert_eq!(
            (run.status.state, run.origin.as_str(), run.actor.as_deref()),
            (State::Pending, "api", Some("root"))
        );
        assert_eq!((run.reference.as_deref(), run.correlation.as_deref()), (Some("main"), Some("nc-7")));
        assert_eq!(run.parameters, [attribute("A", "1")]);
        assert_eq!((run.times.created, run.graph), (Some(1_478_252_173_747), None));
    }

    #[test]
    fn a_token_is_read_from_the_name_only_where_that_was_agreed() {
        let token = "0123456789abcdef0123456789abcdef";
        let mut row: Pipeline = serde_json::from_str(SAMPLE).unwrap();
        row.name = Some(format!("Release ({token})"));
        assert_eq!(correlation(&client(Correlation::Input), &row, None).as_deref(), Some(token));
        assert_eq!(correlation(&client(Correlation::Variable), &row, None), None);
        row.source = Some("push".into());
        assert_eq!(correlation(&client(Correlation::Input), &row, None), None, "a commit's message can hold anything");
    }

    #[test]
    fn the_project_of_a_pipeline_is_in_its_address_below_the_relative_root() {
        let rows = [
            ("https://other:8443/root/g/s/app/-/pipelines/61", "https://git.example/root", Some("g/s/app")),
            ("https://git.example/g/app/-/pipelines/61", "https://git.example", Some("g/app")),
            ("https://git.example/g/app/-/pipelines/61", "https://git.example/", Some("g/app")),
            ("https://git.example/rootling/app/-/pipelines/61", "https://git.example/root", Some("rootling/app")),
            ("https://git.example/foo/bar/pipelines/61", "https://git.example", None),
        ];
        for (url, base, expected) in rows {
            let row = Pipeline { web_url: Some(url.into()), ..Pipeline::default() };
            assert_eq!(row.project_path(base).as_deref(), expected, "{url}");
        }
    }
}
