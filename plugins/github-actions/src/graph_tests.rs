#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::types::State;

use super::*;

fn shown(names: &[&str]) -> Vec<Shown> {
    let one = |(index, name): (usize, &&str)| Shown {
        id: 10 + u64::try_from(index).unwrap(),
        name: (*name).to_owned(),
        status: Some("queued".into()),
        ..Shown::default()
    };
    names.iter().enumerate().map(one).collect()
}

/// `id<-needed,needed` of each job, and what is said of the edges.
fn edges(file: &str, names: &[&str]) -> (Vec<String>, String) {
    let workflow = Workflow::parse(file).unwrap();
    let graph = graph(&shown(names), Some(&workflow));
    let line = |job: &Job| format!("{}<-{}", job.id, job.needs.join(","));
    (graph.jobs.iter().map(line).collect(), graph.edges)
}

#[test]
fn needs_come_from_the_file_and_are_mapped_to_what_is_shown() {
    let file = "jobs:
  build: {}
  test: {needs: build, strategy: {matrix: {os: [a, b]}}}
  unit: {name: Unit tests, needs: [build]}
  deploy: {needs: [test, unit]}
";
    let names = ["build", "test (a, 1)", "test (b, 2)", "Unit tests", "deploy"];
    let (lines, said) = edges(file, &names);
    assert_eq!(lines, ["10<-", "11<-10", "12<-10", "13<-10", "14<-11,12,13"]);
    assert_eq!(said, "exact");
    let (lines, said) = edges(file, &["build", "deploy"]);
    assert_eq!((lines, said.as_str()), (vec!["10<-".into(), "11<-".into()], "exact"), "a job may not be there yet");
}

#[test]
fn called_workflows_and_names_with_expressions_are_approximate() {
    let file = "jobs:
  call: {uses: ./.github/workflows/x.yml}
  shards: {name: 'Shard ${{ matrix.n }} of ${{ matrix.of }}', needs: call, strategy: {matrix: {n: [1]}}}
";
    let (lines, said) = edges(file, &["call / lint", "call / build (a)", "Shard 1 of 2", "Shard 2 of 2"]);
    assert_eq!(lines, ["10<-", "11<-", "12<-10,11", "13<-10,11"]);
    assert_eq!(said, "approximate");
    let (lines, said) = edges("jobs: {a: {}, b: {needs: a}}", &["a", "c"]);
    assert_eq!((lines, said.as_str()), (vec!["10<-".into(), "11<-".into()], "approximate"));
    assert_eq!(edges("jobs: {a: {}}", &["c"]).1, "none");
}

#[test]
fn two_jobs_of_one_name_are_not_guessed_between() {
    let file = "jobs: {a: {name: X}, b: {name: X, needs: a}, c: {needs: b}}";
    let (lines, said) = edges(file, &["X", "X", "c"]);
    assert_eq!((lines, said.as_str()), (vec!["10<-".into(), "11<-".into(), "12<-".into()], "approximate"));
}

#[test]
fn a_pattern_is_the_text_between_expressions() {
    let rows = [
        ("Build ${{ matrix.os }}", "Build linux", true),
        ("Build ${{ matrix.os }}", "Test linux", false),
        ("${{ a }}-${{ b }}!", "x-y!", true),
        ("${{ a }}-${{ b }}!", "x-y", false),
        ("${{ a }}", "", true),
    ];
    for (name, shown, expected) in rows {
        assert_eq!(matches_pattern(name, shown), expected, "{name} {shown}");
    }
}

#[test]
fn a_job_is_told_with_its_steps_and_begins_only_when_it_does() {
    let text = r#"{"id":10545727758,"run_id":3881497935,"status":"queued","created_at":"2026-01-01T00:00:00Z",
        "started_at":"2026-01-01T00:00:00Z","name":"test (Python 3.7)","labels":["ubuntu-latest"],"runner_name":"","steps":[]}"#;
    let waiting = serde_json::from_str::<Shown>(text).unwrap().job();
    assert_eq!((waiting.times.started, waiting.runner), (None, None));
    let text = r#"{"id":1,"name":"b","status":"completed","conclusion":"cancelled","started_at":"2026-01-01T00:00:07Z",
        "completed_at":"2026-01-01T00:00:09Z","runner_name":"Hosted Agent","steps":[{"name":"Set up job","status":"completed",
        "conclusion":"success","number":1,"started_at":"2026-01-01T00:00:06.000Z"},{"name":"Run","status":"queued","number":2}]}"#;
    let job = serde_json::from_str::<Shown>(text).unwrap().job();
    assert_eq!(
        (job.status.state, job.runner.as_deref(), job.id.as_str()),
        (State::Canceled, Some("Hosted Agent"), "1")
    );
    assert_eq!((job.times.started, job.times.finished), (Some(1_767_225_607_000), Some(1_767_225_609_000)));
    let steps: Vec<_> = job.steps.iter().map(|step| (step.number, step.status.state)).collect();
    assert_eq!(steps, [(1, State::Succeeded), (2, State::Pending)]);
}

#[test]
fn without_the_file_nothing_is_said_of_edges() {
    let graph = graph(&shown(&["a"]), None);
    assert_eq!((graph.edges.as_str(), graph.complete, graph.jobs.len()), ("none", true, 1));
}
