//! What was asked for first: register a Jenkins, create a pipeline in it, trigger it with parameters. By the command line, as the README shows it.

use novacron_cicd_fakes::{
    house::secret,
    jenkins::{Item, Jenkins, USER},
};
use serde_json::{Value, json};

use super::{home, run_over};
use crate::harness::{Host, Setup, eventually};

#[tokio::test]
async fn a_jenkins_is_registered_and_a_pipeline_created_in_it_is_run_with_parameters() {
    let (jenkins, home) = (Jenkins::start(vec![Item::job("other")]).await, home());
    let host = Host::start(&home, Setup::default()).await;
    let (api, cli) = (host.api().await, host.cli());

    cli.run_with_input(&["secret", "set", "jenkins-token"], Some(&secret("token"))).await.expect_code(0);
    let url = jenkins.url();
    let account = format!("token={USER}");
    #[rustfmt::skip]
    let add = [
        "provider", "add", "jenkins-prod", "--plugin", "jenkins", "--base-url", &url,
        "--credential", "token=jenkins-token", "--username", &account, "--grant-network", "127.0.0.1/32",
    ];
    cli.run(&add).await.expect_code(0);
    let checked = cli.run(&["provider", "check", "jenkins-prod"]).await.expect_code(0);
    assert!(checked.stdout.contains("2.579"), "{}", checked.stdout);

    #[rustfmt::skip]
    let create = [
        "pipeline", "create", "backend-build", "--provider", "jenkins-prod", "--repository", "https://git.example.com/backend",
        "--ref", "main", "-e", "BUILD_ENV=production", "--webhook-url", "https://webhook.example.com/pipeline-notifications",
        "--param", "VERSION!", "--param", "RELEASE:bool=false",
    ];
    cli.run(&create).await.expect_code(0);
    eventually("the job in Jenkins", async || {
        let made = api.get("/v1/pipelines/backend-build").await.expect(200).json;
        made["external_ref"].is_string().then_some(())
    })
    .await;
    let run = ["pipeline", "run", "backend-build", "-p", "VERSION=1.2.3", "-p", "RELEASE=true", "-o", "json"];
    let asked: Value = serde_json::from_str(&cli.run(&run).await.expect_code(0).stdout).unwrap();
    let run = run_over(&api, &jenkins, asked["id"].as_str().unwrap_or_else(|| panic!("{asked:#}"))).await;
    assert_eq!(
        (&run["state"], &run["number"], &run["graph"]["jobs"][0]["id"]),
        (&json!("succeeded"), &json!("1"), &json!("build")),
        "{run:#}"
    );
    let made = jenkins.world().items.iter().find(|item| item.name == "backend-build").cloned();
    let config = made.expect("Jenkins has the job").config;
    for part in
        ["<url>https://git.example.com/backend</url>", "<name>*/main</name>", "<defaultValue>production</defaultValue>"]
    {
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
