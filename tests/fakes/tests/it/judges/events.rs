//! Deliveries that GitHub really made, as octokit keeps them.

use std::collections::BTreeMap;

use novacron_cicd_domain::platform::Delivery;
use novacron_cicd_fakes::{
    house::House,
    judge::{spoke, tool},
};
use serde_json::{Value, json};

#[tokio::test]
async fn every_event_of_githubs_examples_is_read_or_ignored_on_purpose() {
    let package = tool("judges-node/node_modules/@octokit/webhooks-examples");
    let read = |file: &str| -> Value { serde_json::from_slice(&std::fs::read(package.join(file)).unwrap()).unwrap() };
    let house = House::new("github-actions").await;
    let (mut observed, mut ignored) = (BTreeMap::new(), 0);
    let events = read("api.github.com/index.json");
    for event in events.as_array().unwrap() {
        let name = event["name"].as_str().unwrap();
        for example in event["examples"].as_array().unwrap() {
            // Each is of another repository; a provider reads only those of its own.
            let repository = example["repository"]["full_name"].as_str().unwrap_or("Codertocat/Hello-World");
            let it = house.provider("https://api.github.com", json!({ "repositories": [repository] }), None);
            let headers = vec![("x-github-event".to_owned(), name.to_owned())];
            let decoded = it.decode_webhook(Delivery { headers, body: example.to_string().into() }).await;
            let decoded = decoded.unwrap_or_else(|error| panic!("{name}: {error:?}\n{example:#}"));
            match decoded.observations.len() {
                0 => {
                    assert!(decoded.ignored.is_some_and(|why| !why.is_empty()), "{name}: it does not say why");
                    ignored += 1;
                }
                seen => *observed.entry(name).or_insert(0) += seen,
            }
        }
    }
    let expected = [("deployment", 4), ("deployment_status", 4), ("workflow_job", 8), ("workflow_run", 5)];
    assert_eq!((observed, ignored), (BTreeMap::from(expected), 329 - 21));
    spoke(
        "octokit-examples",
        &format!("@octokit/webhooks-examples {}", read("package.json")["version"].as_str().unwrap()),
    );
}
