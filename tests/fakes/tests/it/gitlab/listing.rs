//! Pipelines that are there, their parameters, runs of others, and what changed.

use novacron_cicd_domain::{
    parameter::ParameterKind,
    platform::{PageRequest, RunFilter},
    status::State,
};
use novacron_cicd_fakes::{gitlab::Project, server::Fault};
use serde_json::json;

use super::{APP, SMALL, Setup, TOKEN};

fn page(cursor: Option<String>, limit: u32) -> PageRequest {
    PageRequest { cursor, limit }
}

#[tokio::test]
async fn projects_are_listed_by_membership_by_group_or_by_name_and_none_is_missed() {
    let mut projects: Vec<_> = (0..45).map(|number| Project::new(&format!("g/p{number}"), SMALL)).collect();
    projects.push(Project::new(APP, SMALL));
    projects.push(Project { archived: true, ..Project::new("g/old", SMALL) });
    let setup = Setup::of(projects).await;
    // Links lead to where GitLab takes itself to be, which is not where we reach it.
    setup.gitlab.world().external_url = Some("https://gitlab.internal.example:8443/gitlab".into());
    let all = async |settings: serde_json::Value| {
        let (provider, mut found, mut cursor) = (setup.set(settings), Vec::new(), None);
        loop {
            let listed = provider.list_pipelines(&page(cursor, 20)).await.unwrap();
            found.extend(listed.items.into_iter().map(|pipeline| pipeline.id));
            cursor = listed.next;
            if cursor.is_none() {
                return found;
            }
        }
    };
    assert_eq!(all(json!({})).await.len(), 46);
    assert!(
        setup
            .gitlab
            .seen()
            .iter()
            .filter(|seen| seen.line().ends_with("/projects"))
            .all(|seen| seen.query("page").is_none())
    );
    let group = all(json!({ "group": "g" })).await;
    assert_eq!((group.len(), group.contains(&APP.to_owned()), group.contains(&"g/old".to_owned())), (46, true, false));
    assert_eq!(all(json!({ "projects": [APP, "g/p7", "g/gone"] })).await, [APP, "g/p7"]);
    let one = setup.provider.get_pipeline(APP).await.unwrap();
    assert_eq!(
        (one.reference.as_deref(), one.revision.as_deref(), one.enabled),
        (Some("main"), Some("1".repeat(40).as_str()), true)
    );
}

#[tokio::test]
async fn inputs_and_variables_are_parameters() {
    let definition = "spec:\n  inputs:\n    target: { options: [staging, production], description: Where to }\n    fast: { type: boolean, default: false }\n---\n\
        variables:\n  LEVEL: { value: a, options: [a, b], description: How much }\n  PLAIN: text\n  NOVACRON_CORRELATION: { value: \"\", description: ours }\n\
        build: { script: [make] }\n";
    let setup = Setup::new(definition).await;
    let found = setup.provider.parameters(APP, None).await.unwrap();
    let told: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.kind, it.required)).collect();
    assert_eq!(
        told,
        [
            ("target", ParameterKind::Choice, true),
            ("fast", ParameterKind::Bool, false),
            ("LEVEL", ParameterKind::Choice, false)
        ]
    );
    assert_eq!(found[2].default.as_deref(), Some("a"));
}

#[tokio::test]
async fn runs_of_every_source_are_listed_newest_first_with_our_token_on_ours() {
    let setup = Setup::new(SMALL).await;
    for source in ["push", "schedule", "web"] {
        let _ = setup.gitlab.start_by(APP, source);
    }
    let ours = setup.trigger().await;
    let filter = RunFilter { pipeline: Some(APP.into()), reference: Some("main".into()) };
    let first = setup.provider.list_runs(filter.clone(), &page(None, 3)).await.unwrap();
    let told: Vec<_> = first.items.iter().map(|run| (run.origin.as_str(), run.correlation.as_deref())).collect();
    assert_eq!(told, [("api", Some(TOKEN)), ("manual", None), ("schedule", None)]);
    assert_eq!((first.items[0].run.external_id.clone(), &first.items[0].run.graph), (Some(ours.to_string()), &None));
    let rest = setup.provider.list_runs(filter, &page(first.next, 3)).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
}

#[tokio::test]
async fn changes_are_what_is_active_at_first_and_then_whatever_moved() {
    let projects: Vec<_> = (0..30).map(|number| Project::new(&format!("g/p{number}"), SMALL)).collect();
    let names: Vec<String> = projects.iter().map(|project| project.path.clone()).collect();
    let setup = Setup::of(projects).await;
    let round = async |mut position: Option<String>| {
        let mut runs = Vec::new();
        loop {
            let changes = setup.provider.list_changed(&names, position.as_deref()).await.unwrap();
            runs.extend(changes.runs.into_iter().map(|run| (run.pipeline, run.run.status.unwrap().state)));
            position = Some(changes.position);
            if !changes.more_now {
                return (runs, position);
            }
        }
    };
    let old = setup.gitlab.start_by("g/p0", "push");
    let job = setup.gitlab.job_named(old, "build");
    setup.gitlab.begin(job);
    setup.gitlab.end(job, "success");
    setup.gitlab.world().now += 60_000;
    let _ = setup.gitlab.start_by("g/p29", "push");
    let (runs, position) = round(None).await;
    assert_eq!(runs, [("g/p29".to_owned(), State::Pending)], "history is no news");
    setup.gitlab.world().now += 60_000;
    let (runs, position) = round(position).await;
    assert_eq!(runs.len(), 1, "committed late, it would have been missed");
    let (runs, position) = round(position).await;
    assert_eq!(runs, []);
    let job = setup.gitlab.pending()[0];
    setup.gitlab.begin(job);
    setup.gitlab.end(job, "failed");
    // One that has CI/CD switched off says forbidden, and is no reason to say nothing of the others.
    let forbidden = Fault::Refuse(403, Vec::new(), r#"{"message":"403 Forbidden"}"#.into());
    setup.gitlab.fail("projects/g%2Fp3/pipelines", forbidden);
    let (runs, _) = round(position).await;
    assert_eq!(runs, [("g/p29".to_owned(), State::Failed)]);
}
