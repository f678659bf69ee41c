//! The fake GitLab on its own, with a world that is always the same, for clients and engines of other makes.
//!
//! `cargo run -p novacron-cicd-fakes --example gitlab` writes one line, `{"url": ..., "token": ..., "project": ...}`, and serves until its
//! input ends. Jobs do nothing by themselves: whoever drives it says so in lines of JSON, and has a line of JSON back for each.
//!
//! | line | answer |
//! |---|---|
//! | `{"do": "pending"}` | `[{"job", "name", "pipeline", "project", "sha", "ref", "script", "variables"}]`: what a runner would take next |
//! | `{"do": "begin", "job": 7}`, `{"do": "end", "job": 7, "status": "success"}` | `{}` |
//! | `{"do": "write", "job": 7, "text": "..."}` | `{}`: the job's log grows |
//! | `{"do": "artifacts", "job": 7, "base64": "..."}` | `{}`: the job's archive |
//! | `{"do": "file", "project": "g/sub/app", "path": ".gitlab-ci.yml", "text": "..."}` | `{}`: a file on the default branch |
//! | `{"do": "all"}` | `{}`: every job that is ready runs and succeeds, until none is |

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for tests, which end with it")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_fakes::{
    gitlab::{File, GitLab, Project},
    house::secret,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const PROJECT: &str = "g/sub/app";
const DEFINITION: &str = "\
stages: [build, test, deploy]
variables:
  WHO: { value: world, description: Whom to greet }
build:
  stage: build
  script: ['echo \"hello $WHO\"', 'mkdir -p out', 'echo bytes > out/app']
  artifacts: { paths: [out/] }
test:
  stage: test
  parallel: 2
  needs: [build]
  script: ['test -f out/app']
lint: { stage: test, needs: [], allow_failure: true, script: ['exit 1'] }
deploy: { stage: deploy, when: manual, script: ['echo deployed'], environment: production }
";

#[tokio::main]
async fn main() {
    let small = "build: { script: ['echo small'] }\n";
    let gitlab = GitLab::start(vec![Project::new(PROJECT, DEFINITION), Project::new("g/other", small)]).await;
    println!("{}", json!({ "url": gitlab.url(), "token": secret("token"), "project": PROJECT }));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        println!("{}", act(&gitlab, &serde_json::from_str(&line).unwrap()));
    }
}

fn act(gitlab: &GitLab, asked: &Value) -> Value {
    let job = asked["job"].as_u64().unwrap_or_default();
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    match asked["do"].as_str() {
        Some("pending") => return gitlab.pending().into_iter().map(|job| shown(gitlab, job)).collect(),
        Some("begin") => gitlab.begin(job),
        Some("end") => gitlab.end(job, &text("status")),
        Some("write") => gitlab.write(job, text("text").as_bytes()),
        Some("artifacts") => gitlab.job(job, |job| job.artifacts = Some(STANDARD.decode(text("base64")).unwrap())),
        Some("file") => {
            let mut world = gitlab.world();
            let project = world.projects.iter_mut().find(|there| there.path == text("project")).unwrap();
            let place = (project.branch.clone(), text("path"));
            project.files.insert(place, File { content: text("text").into(), commit: "2".repeat(40) });
        }
        Some("all") => {
            while let Some(job) = gitlab.pending().first().copied() {
                gitlab.begin(job);
                gitlab.end(job, "success");
            }
        }
        other => return json!({ "error": format!("{other:?} is nothing that can be done") }),
    }
    json!({})
}

fn shown(gitlab: &GitLab, id: u64) -> Value {
    let world = gitlab.world();
    let all =
        world.projects.iter().flat_map(|project| project.pipelines.iter().map(move |pipeline| (project, pipeline)));
    let found = all
        .into_iter()
        .find_map(|(project, pipeline)| Some((project, pipeline, pipeline.jobs.iter().find(|job| job.id == id)?)));
    let (project, pipeline, job) = found.unwrap();
    json!({ "job": id, "name": job.name, "pipeline": pipeline.id, "project": project.path, "sha": pipeline.sha, "ref": pipeline.reference,
            "script": job.spec.script, "variables": pipeline.variables })
}
