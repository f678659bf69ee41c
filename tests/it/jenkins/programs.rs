//! What was asked for first: register a Jenkins, create a pipeline in it, trigger it with parameters. By the command line, as the README shows it.

use novacron_cicd_fakes::{
    house::secret,
    jenkins::{Item, Jenkins, USER},
};
use serde_json::{Value, json};

use super::{home, run_over};
use crate::{
    documents::readme_commands,
    harness::{Host, Setup},
};

#[tokio::test]
async fn a_jenkins_is_registered_and_a_pipeline_created_in_it_is_run_with_parameters() {
    let (jenkins, home) = (Jenkins::start(vec![Item::job("other")]).await, home());
    let host = Host::start(&home, Setup::default()).await;
    let (api, cli) = (host.api().await, host.cli());

    let mut asked = Value::Null;
    for command in readme_commands("With a Jenkins") {
        // What the README leaves to its reader: where the Jenkins is, who he is there. What is watched has to be built here first.
        let command = command
            .replace("https://jenkins.example.com", &format!("{} --grant-network 127.0.0.1/32", jenkins.url()))
            .replace("token=admin", &format!("token={USER}"))
            .replace("--watch", "-o json");
        let (words, input) =
            command.split_once(" < ").map_or((&*command, None), |(words, _)| (words, Some(secret("token"))));
        let words: Vec<_> = words.split_whitespace().collect();
        let said = cli.run_with_input(&words, input.as_deref()).await.expect_code(0).stdout;
        match words[..2] {
            ["provider", "add"] => {
                let checked = cli.run(&["provider", "check", "jenkins-prod"]).await.expect_code(0);
                assert!(checked.stdout.contains("2.579"), "{}", checked.stdout);
            }
            // Right after the pipeline: it is started as soon as it is made.
            ["pipeline", "run"] => asked = serde_json::from_str(&said).unwrap(),
            _ => {}
        }
    }
    let run = run_over(&api, &jenkins, asked["id"].as_str().unwrap_or_else(|| panic!("{asked:#}"))).await;
    assert_eq!(
        (&run["state"], &run["number"], &run["graph"]["jobs"][0]["id"]),
        (&json!("succeeded"), &json!("1"), &json!("build")),
        "{run:#}"
    );
    let made = jenkins.world().items.iter().find(|item| item.name == "backend-build").cloned();
    let config = made.expect("Jenkins has the job").config;
    for part in [
        "<url>https://github.com/example/backend</url>",
        "<name>*/main</name>",
        "<defaultValue>production</defaultValue>",
    ] {
        assert!(config.contains(part), "{part}: {config}");
    }
    let given = jenkins.build("backend-build", 1, |build| build.actions[0]["parameters"].clone());
    let given = |name: &str| {
        let all = given.as_array().into_iter().flatten();
        all.clone().find(|parameter| parameter["name"] == name).map(|parameter| parameter["value"].clone())
    };
    for (name, value) in [("VERSION", "1.2.3"), ("RELEASE", "true"), ("BUILD_ENV", "production")] {
        assert_eq!(given(name), Some(value.into()), "{name}");
    }
    let shown = cli.run(&["run", "list"]).await.expect_code(0);
    assert!(shown.stdout.contains("backend-build") && shown.stdout.contains("succeeded"), "{}", shown.stdout);
}
