//! What waits for a person.

use novacron_cicd_plugin_gitlab_ci::GitLab;
use novacron_cicd_sdk::{
    RunDeletion, RunGates, RunPlay,
    run_gates::Decision,
    types::{ErrorKind, RunRef},
};

use super::{
    APP,
    native::{Bench, operation, text},
};

#[test]
fn gates_are_played_with_variables_or_turned_down() {
    let bench = Bench::new(
        "one: { when: manual, script: [make] }\ntwo: { when: manual, allow_failure: false, script: [make] }\n",
    );
    let id = bench.world.lock().unwrap().start_by(APP, "push");
    let run = RunRef { pipeline: APP.into(), run: id.to_string(), attempt: None };
    let mut gates = bench.call(|| GitLab::list_gates(run.clone())).unwrap();
    gates.sort_by(|a, b| a.message.cmp(&b.message));
    let told: Vec<_> = gates.iter().map(|gate| (gate.kind.as_str(), gate.message.as_deref().unwrap())).collect();
    assert_eq!(told, [("manual", "one"), ("manual", "two")]);
    let decide = |approve, attempt, gate: &str| {
        let decision = Decision { approve, comment: None, inputs: vec![text("WHO", "nova")] };
        bench.changes(|| GitLab::resolve_gate(operation(attempt), run.clone(), gate.into(), decision))
    };
    assert_eq!(decide(true, 1, &gates[0].id).0, Ok(()));
    let job = bench.project(|project| project.pipelines[0].jobs.iter().find(|job| job.name == "one").unwrap().clone());
    assert_eq!((job.status.as_str(), job.variables[0]["value"].as_str()), ("pending", Some("nova")));
    assert_eq!(decide(true, 2, &gates[0].id), (Ok(()), vec![]), "the attempt before came through");
    assert_eq!(decide(true, 1, &gates[0].id).0.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!((decide(false, 1, &gates[1].id).0, decide(false, 2, &gates[1].id).1.len()), (Ok(()), 0));
    let play = |job: &str| bench.call(|| GitLab::play(operation(1), run.clone(), job.into(), vec![]));
    assert_eq!(play(&gates[1].id).unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(play("1").unwrap_err().kind, ErrorKind::NotFound);
    let delete = || bench.call(|| GitLab::delete_run(operation(1), run.clone()));
    assert_eq!((delete(), delete(), bench.project(|project| project.pipelines.len())), (Ok(()), Ok(()), 0));
}
