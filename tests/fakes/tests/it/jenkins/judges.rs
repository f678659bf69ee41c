//! Clients that we did not write take the fake for a Jenkins, and read of it what the plugin reads.

use novacron_cicd_domain::platform::{LogAnswer, LogRequest, PageRequest};
use novacron_cicd_fakes::{
    house::secret,
    jenkins::{BUILT_IN, FOLDER, Item, USER, node},
    judge::{Judge, spoke},
};
use serde_json::{Value, json};

use super::{Setup, tracked};

const CONFIG: &str = "<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition plugin=\"workflow-job@1\"><properties>\
    <hudson.model.ParametersDefinitionProperty><parameterDefinitions><hudson.model.StringParameterDefinition>\
    <name>WHO</name><defaultValue>you</defaultValue></hudson.model.StringParameterDefinition></parameterDefinitions>\
    </hudson.model.ParametersDefinitionProperty></properties></flow-definition>";
const CREDENTIAL: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><scope>GLOBAL</scope>\
    <id>deploy-key</id><description>of a judge</description><secret>hidden</secret>\
    </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

/// All that a client does with a controller, and what it then has in common with the plugin.
async fn story(peer: &str, file: &str) {
    let setup = Setup::new(vec![tracked(), Item::folder("team", FOLDER, vec![Item::job("my job")])]).await;
    let jenkins = &setup.jenkins;
    {
        let mut world = jenkins.world();
        // Most clients are lost where a controller is not where it thinks it is.
        world.root_url = jenkins.url() + "/";
        world.nodes = vec![node(BUILT_IN, "Built-In Node"), node("hudson.slaves.SlaveComputer", "agent-1")];
    }
    let mut judge = Judge::begin(file, &[&jenkins.url(), USER, &secret("token")]);
    let version = judge.ask("version", json!({})).await;
    let version = version.as_str().unwrap();
    assert!(version.ends_with("at Jenkins 2.579"), "{version}");

    // What there is.
    let listed = setup.provider.list_pipelines(&PageRequest { cursor: None, limit: 100 }).await.unwrap();
    let names: Vec<_> = listed.items.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(judge.ask("jobs", json!({})).await, json!(names));
    let declared: Vec<_> =
        setup.provider.parameters("app", None).await.unwrap().into_iter().map(|it| it.name).collect();
    let job = judge.ask("job", json!({ "name": "app" })).await;
    assert_eq!((&job["name"], &job["enabled"]), (&json!("app"), &json!(true)));
    let ours: Vec<_> =
        job["parameters"].as_array().unwrap().iter().filter(|it| **it != super::TOKEN).cloned().collect();
    assert!(ours.iter().all(|it| declared.iter().any(|name| it == name)) && ours.len() == 1, "{job} {declared:?}");
    let nodes: Vec<_> = setup.provider.list_runners(&PageRequest::default()).await.unwrap().items;
    let nodes: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(judge.ask("nodes", json!({})).await, json!(nodes));

    // A build from its beginning to its end.
    let asked = judge.ask("trigger", json!({ "name": "app", "parameters": { "VERSION": "2 & more" } })).await;
    assert_eq!(json!(jenkins.waiting()), json!([asked]));
    assert_eq!(judge.ask("queued", json!({ "id": asked })).await, Value::Null);
    let number = jenkins.begin(jenkins.waiting()[0]);
    assert_eq!(judge.ask("queued", json!({ "id": asked })).await, json!(number));
    let build = json!({ "name": "app", "number": number });
    let told = judge.ask("build", build.clone()).await;
    assert_eq!((&told["building"], &told["result"]), (&json!(true), &Value::Null));
    assert_eq!(told["parameters"]["VERSION"], "2 & more");
    jenkins.build("app", number, |build| build.log = Some("one\nzwei: \u{e4}\n".into()));
    judge.ask("stop", build.clone()).await;
    assert_eq!(jenkins.build("app", number, |build| build.asked.clone()), ["stop"]);
    jenkins.end("app", number, "ABORTED");
    let told = judge.ask("build", build.clone()).await;
    assert_eq!((&told["building"], &told["result"]), (&json!(false), &json!("ABORTED")));
    let run = setup.provider.get_run(&super::runs::run(&number.to_string())).await.unwrap();
    assert_eq!(run.run.status.as_ref().unwrap().platform, told["result"], "{run:?}");
    assert_eq!(run.parameters["VERSION"], told["parameters"]["VERSION"]);
    let log = judge.ask("log", build).await;
    let request =
        LogRequest { run: super::runs::run(&number.to_string()), job: Some("build".into()), cursor: None, limit: 4096 };
    let LogAnswer::Chunk(chunk) = setup.provider.read_log(&request).await.unwrap() else { unreachable!("it is short") };
    assert_eq!(log.as_str().unwrap().replace('\r', "").as_bytes(), chunk.bytes);

    // A job that comes and goes.
    let name = "team/new";
    judge.ask("create", json!({ "name": name, "xml": CONFIG })).await;
    assert!(
        judge.try_ask("create", json!({ "name": name, "xml": CONFIG })).await.is_err(),
        "there is one of that name"
    );
    assert_eq!(judge.ask("read", json!({ "name": name })).await, CONFIG);
    assert_eq!(judge.ask("job", json!({ "name": name })).await["parameters"], json!(["WHO"]));
    let changed = CONFIG.replace("WHO", "WHOM");
    judge.ask("update", json!({ "name": name, "xml": changed })).await;
    assert_eq!(setup.provider.parameters(name, None).await.unwrap()[0].name, "WHOM");
    judge.ask("delete", json!({ "name": name })).await;
    assert!(!jenkins.has(name));
    assert!(judge.try_ask("job", json!({ "name": name })).await.is_err());

    // A credential and a node.
    judge.ask("put_credential", json!({ "folder": "team", "xml": CREDENTIAL })).await;
    assert_eq!(judge.ask("credentials", json!({ "folder": "team" })).await, json!(["deploy-key"]));
    judge.ask("delete_credential", json!({ "folder": "team", "id": "deploy-key" })).await;
    assert_eq!(judge.ask("credentials", json!({ "folder": "team" })).await, json!([]));
    judge.ask("disable", json!({ "node": "agent-1" })).await;
    assert!(setup.provider.get_runner("agent-1").await.unwrap().draining);
    spoke(peer, version);
}

#[tokio::test]
async fn python_jenkins_takes_the_fake_for_a_jenkins_and_reads_what_the_plugin_reads() {
    story("python-jenkins", "jenkins_by_python_jenkins.py").await;
}

#[tokio::test]
async fn api4jenkins_takes_the_fake_for_a_jenkins_and_reads_what_the_plugin_reads() {
    story("api4jenkins", "jenkins_by_api4jenkins.py").await;
}

#[tokio::test]
async fn the_npm_client_takes_the_fake_for_a_jenkins_and_reads_what_the_plugin_reads() {
    story("npm-jenkins", "jenkins_by_npm.cjs").await;
}
