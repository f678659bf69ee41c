//! What else is kept on GitHub: gates, secrets, variables, runners, environments, deployments, releases, webhooks, copies.
//!
//! The calls are made outside of the sandbox, and what the host would do is done here: secrets are sealed to the key that was
//! captured.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_box::{PublicKey, aead::OsRng};
use novacron_cicd_fakes::{
    github::{Delivery, Github, Runner},
    server::{Platform as _, Seen},
};
use novacron_cicd_plugin_github_actions::GithubActions;
use novacron_cicd_sdk::{
    ArtifactRetention, ArtifactUploads, Artifacts, Attestations, DeploymentReconciliation, DeploymentRollback,
    DeploymentStatus, Deployments, Environments, PipelineCopies, PipelineState, Pipelines, RunDeletion, RunGates,
    RunnerCreation, RunnerDeletion, RunnerLabels, Runners, Secrets, Variables, WebhookRecovery, WebhookRegistration,
    artifact_uploads::{UploadAnswer, UploadRequest},
    attribute,
    deployments::{Artifact, DeployRequest, Target},
    environments::{EnvironmentChange, Rule},
    http::Response,
    run_gates::Decision,
    runner_creation::RunnerRequest,
    secrets::SecretChange,
    testing::Host,
    types::{
        BodyPart, CaptureSource, DeployTicket, Digest, ErrorKind, Operation, PageRequest, Request, RunRef, State,
        Status,
    },
    variables::Variable,
    webhook_registration::HookRequest,
};
use serde_json::{Value, json};

use super::{CI, PIPELINE, REPO};

/// GitHub with two repositories, called natively.
struct Native(Arc<Github>);

/// The value of every secret.
const VALUE: &[u8] = b"hush hush";

fn seen(request: &Request, captured: &HashMap<String, Vec<u8>>) -> Seen {
    let mut bytes = Vec::new();
    for part in &request.body {
        match part {
            BodyPart::Bytes(text) => bytes.extend_from_slice(text),
            BodyPart::Secret(part) => match &part.seal_to {
                Some(key) => {
                    let key: [u8; 32] = STANDARD.decode(&captured[key]).unwrap().try_into().unwrap();
                    let sealed = PublicKey::from(key).seal(&mut OsRng, VALUE).unwrap();
                    bytes.extend_from_slice(STANDARD.encode(sealed).as_bytes());
                }
                None => bytes.extend_from_slice(VALUE),
            },
        }
    }
    let headers = request.headers.iter().map(|it| (it.name.to_lowercase(), it.value.clone()));
    let own = [
        ("authorization".to_owned(), format!("Bearer {}", novacron_cicd_fakes::house::secret("token"))),
        ("user-agent".to_owned(), "native".to_owned()),
        ("host".to_owned(), "api.example".to_owned()),
    ];
    let target = request.url.strip_prefix("http://api.example").unwrap_or(&request.url).to_owned();
    Seen {
        method: request.method.clone(),
        target,
        headers: headers.chain(own).collect(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
        bytes: bytes.into(),
        answered: 0,
    }
}

impl Native {
    async fn new() -> Self {
        let github = Github::start().await;
        github.world().add_repo(REPO, &[(".github/workflows/ci.yml", CI)]);
        github.world().add_repo("acme/lib", &[("README.md", "# Lib")]);
        Self(Arc::new(github))
    }

    /// Makes a call; answers what it answers, and the requests, a line each.
    fn sent<T>(&self, call: impl FnOnce() -> T) -> (T, Vec<String>) {
        let github = self.0.clone();
        let mut captured = HashMap::new();
        let host = Host::new("http://api.example", move |request| {
            assert_eq!(request.credential.as_deref(), Some("token"), "{}", request.url);
            let answer = github.world().answer(&seen(request, &captured));
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
            for capture in &request.captures {
                if let CaptureSource::Pointer(pointer) = &capture.source {
                    let value = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                    captured.insert(capture.into.clone(), value.as_bytes().to_vec());
                }
            }
            let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            Ok(Response::fake(answer.status, &headers, &answer.body, request.method == "GET"))
        });
        let settings = json!({ "repositories": [REPO, "acme/lib"], "organizations": ["acme"] });
        let (answer, sent) = host.now(1_800_000_000_000).settings(settings).credential("token", "bearer").run(call);
        let line = |request: &Request| format!("{} {}", request.method, request.url.split('?').next().unwrap());
        (answer, sent.iter().map(line).collect())
    }

    fn call<T>(&self, call: impl FnOnce() -> T) -> T {
        self.sent(call).0
    }
}

fn operation() -> Operation {
    Operation { id: "op".into(), attempt: 1, first_sent: None, more: vec![] }
}

fn again() -> Operation {
    Operation { attempt: 2, first_sent: Some(1_799_999_999_000), ..operation() }
}

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 50 }
}

fn run_ref(number: u64) -> RunRef {
    RunRef { pipeline: PIPELINE.into(), run: number.to_string(), attempt: Some(1) }
}

#[tokio::test]
async fn gates_are_listed_and_resolved_and_a_forks_run_is_let_begin() {
    let native = Native::new().await;
    let run = native.0.world().add_run(REPO, "ci.yml", "push", "main", "x", BTreeMap::new());
    native.0.world().wait_for(run, &[(7, "production")]);
    let decide = |gate: &'static str, approve| {
        let decision = Decision { approve, comment: Some("fine".into()), inputs: vec![] };
        native.call(|| GithubActions::resolve_gate(operation(), run_ref(run), gate.into(), decision))
    };
    let gates = native.call(|| GithubActions::list_gates(run_ref(run))).unwrap();
    assert_eq!((gates[0].id.as_str(), gates[0].can_resolve), ("environment:7", Some(true)));
    decide("environment:7", true).unwrap();
    assert_eq!(native.0.world().run(run).attempts[0].status, "queued");
    assert_eq!(decide("environment:7", true).unwrap_err().kind, ErrorKind::Conflict);
    native.0.world().wait_for(run, &[(8, "production")]);
    decide("environment:8", false).unwrap();
    assert_eq!(native.0.world().run(run).attempts[0].conclusion.as_deref(), Some("failure"));
    assert!(native.call(|| GithubActions::list_gates(run_ref(run))).unwrap().is_empty());

    native.0.world().end(run, "action_required");
    assert_eq!(native.call(|| GithubActions::list_gates(run_ref(run))).unwrap()[0].id, "fork");
    assert!(matches!(decide("fork", false).unwrap_err().kind, ErrorKind::Unsupported(_)));
    decide("fork", true).unwrap();
    assert_eq!(native.0.world().run(run).attempts[0].status, "queued");
    decide("fork", true).unwrap();
    native.call(|| GithubActions::delete_run(operation(), run_ref(run))).unwrap();
    native.call(|| GithubActions::delete_run(operation(), run_ref(run))).unwrap();
}

fn change(name: &str, scope: &str) -> SecretChange {
    SecretChange {
        name: name.into(),
        scope: Some(scope.into()),
        kind: "text".into(),
        parts: vec![attribute("value", "secret-1")],
        options: vec![],
    }
}

#[tokio::test]
async fn a_secret_is_sealed_to_its_scopes_key_and_never_read() {
    let native = Native::new().await;
    native.0.world().repo(REPO).environments.insert("prod".into(), json!({}));
    for (scope, place) in [("acme/app", ""), ("acme/app/prod", "prod")] {
        native.call(|| GithubActions::put_secret(operation(), change("deploy_key", scope))).unwrap();
        let kept = native.0.world().repo(REPO).secrets[&(place.to_owned(), "DEPLOY_KEY".to_owned())].clone();
        assert_eq!(kept, VALUE, "{scope}");
    }
    let all = native.call(|| GithubActions::list_secrets(Some("acme/app/prod".into()), page())).unwrap().items;
    assert_eq!((all[0].name.as_str(), all[0].scope.as_deref()), ("DEPLOY_KEY", Some("acme/app/prod")));
    let everywhere = native.call(|| GithubActions::list_secrets(None, page())).unwrap().items;
    assert_eq!(everywhere.len(), 1, "environments are listed where they are named");
    let nowhere = SecretChange { scope: None, ..change("A", "x") };
    let error = native.call(|| GithubActions::put_secret(operation(), nowhere)).unwrap_err();
    assert!(error.message.contains("which of the 2"), "{}", error.message);
    for _ in 0..2 {
        let delete = || GithubActions::delete_secret(operation(), "deploy_key".into(), Some("acme/app".into()));
        native.call(delete).unwrap();
    }
}

#[tokio::test]
async fn a_key_that_was_exchanged_is_read_once_more() {
    let native = Native::new().await;
    let github = native.0.clone();
    let mut refused = false;
    let host = Host::new("http://api.example", move |request| {
        if request.method == "PUT" && !refused {
            refused = true;
            let said = br#"{"message":"The specified key_id is not the current public key"}"#;
            return Ok(Response::fake(422, &[], said, false));
        }
        let captured = HashMap::from([("public-key".to_owned(), STANDARD.encode([9; 32]).into_bytes())]);
        let answer = github.world().answer(&seen(request, &captured));
        // The fake opens with its own key; that the request came again is what matters here.
        let status = if request.method == "PUT" { 201 } else { answer.status };
        Ok(Response::fake(status, &[], &answer.body, request.method == "GET"))
    });
    let settings = json!({ "repositories": [REPO] });
    let (put, sent) = host
        .settings(settings)
        .credential("token", "bearer")
        .run(|| GithubActions::put_secret(operation(), change("A", REPO)));
    assert_eq!((put, sent.len()), (Ok(()), 4));
}

#[tokio::test]
async fn variables_are_made_changed_listed_and_deleted() {
    let native = Native::new().await;
    let variable =
        |value: &str| Variable { name: "level".into(), scope: Some(REPO.into()), value: value.into(), more: vec![] };
    for value in ["low", "high"] {
        native.call(|| GithubActions::put_variable(operation(), variable(value))).unwrap();
        let all = native.call(|| GithubActions::list_variables(None, page())).unwrap().items;
        assert_eq!((all[0].name.as_str(), all[0].value.as_str()), ("LEVEL", value));
    }
    let delete = || GithubActions::delete_variable(operation(), "level".into(), Some(REPO.into()));
    native.call(delete).unwrap();
    native.call(delete).unwrap();
    assert!(native.call(|| GithubActions::list_variables(None, page())).unwrap().items.is_empty());
}

#[tokio::test]
async fn runners_are_listed_labeled_made_and_removed() {
    let native = Native::new().await;
    let runner = Runner { id: 7, name: "r".into(), status: "online".into(), busy: true, labels: vec!["gpu".into()] };
    native.0.world().repo("acme/lib").runners.push(runner);
    let get = || native.call(|| <GithubActions as Runners>::get("acme/lib/7".into()));
    assert_eq!((get().unwrap().busy, get().unwrap().labels.last().cloned()), (Some(true), Some("gpu".into())));
    let labels = vec!["self-hosted".to_owned(), "large".to_owned()];
    native.call(|| GithubActions::set_labels(operation(), "acme/lib/7".into(), labels)).unwrap();
    assert_eq!(native.0.world().repo("acme/lib").runners[0].labels, ["large"]);
    let delete = || native.call(|| GithubActions::delete_runner(operation(), "acme/lib/7".into()));
    assert_eq!(delete().unwrap_err().kind, ErrorKind::Conflict);
    native.0.world().repo("acme/lib").runners[0].busy = false;
    delete().unwrap();
    delete().unwrap();

    let ask = |kind: &str, owner: &str| RunnerRequest {
        name: "new".into(),
        labels: vec!["x".into()],
        kind: kind.into(),
        more: vec![attribute("x-owner", owner)],
    };
    let token = native.call(|| GithubActions::create_runner(operation(), ask("token", "acme"))).unwrap();
    assert_eq!((token.runner, token.slot.as_str(), token.expires.is_some()), (None, "runner-new", true));
    let made = native.call(|| GithubActions::create_runner(operation(), ask("just-in-time", REPO))).unwrap();
    assert!(made.runner.unwrap().starts_with("acme/app/"));
    let taken = native.call(|| GithubActions::create_runner(operation(), ask("just-in-time", REPO)));
    assert_eq!(taken.unwrap_err().kind, ErrorKind::Conflict);
    let all = native.call(|| GithubActions::list_runners(page())).unwrap().items;
    assert!(all.iter().any(|it| it.name == "new" && it.state == "offline"));
}

#[tokio::test]
async fn an_environment_is_changed_and_keeps_what_is_not_named() {
    let native = Native::new().await;
    let rule = |kind: &str, value: &str| Rule { kind: kind.into(), value: value.into() };
    let put = |protection| {
        let change =
            EnvironmentChange { name: "acme/app/prod".into(), tier: None, url: None, protection, more: vec![] };
        native.call(|| GithubActions::put_environment(operation(), change)).unwrap()
    };
    let rules = vec![rule("wait", "5"), rule("reviewers", "User:583231"), rule("branches", "protected")];
    assert_eq!(put(Some(rules.clone())).protection, rules);
    assert_eq!(put(None).protection, rules, "what is not named stays");
    assert_eq!(put(Some(vec![])).protection, []);
    let all = native.call(|| GithubActions::list_environments(page())).unwrap().items;
    assert_eq!((all[0].id.as_str(), all[0].name.as_str()), ("acme/app/prod", "prod"));
    native.call(|| GithubActions::delete_environment(operation(), "acme/app/prod".into())).unwrap();
    assert!(native.call(|| GithubActions::list_environments(page())).unwrap().items.is_empty());
}

fn deploy(version: &str, correlation: &str) -> DeployRequest {
    DeployRequest {
        environment: "prod".into(),
        target: Target {
            name: "web".into(),
            hosts: vec![],
            configuration: r#"{"repository":"acme/app"}"#.into(),
            credentials: vec![],
            more: vec![],
        },
        artifact: Artifact {
            name: "app".into(),
            version: version.into(),
            sha256: Some("ab".into()),
            size: None,
            media_type: None,
            url: None,
            more: vec![],
        },
        reference: None,
        parameters: vec![],
        correlation: correlation.into(),
        rollback_of: None,
        callback: None,
        more: vec![],
    }
}

#[tokio::test]
async fn a_deployment_is_started_once_told_and_gone_back_from() {
    let native = Native::new().await;
    let id_of = |ticket| match ticket {
        DeployTicket::Deployment(deployment) => deployment.id,
        other => unreachable!("{other:?}"),
    };
    let start = |operation, version, token| {
        id_of(native.call(|| GithubActions::start(operation, deploy(version, token))).unwrap())
    };
    let set = |id: &str, state| {
        let status = Status::of(state, "told");
        native.call(|| GithubActions::set_status(operation(), id.into(), status, Some("https://log".into()))).unwrap();
    };
    let first = start(operation(), "1.0", "t1");
    assert_eq!(start(again(), "1.0", "t1"), first, "a lost answer makes no second deployment");
    set(&first, State::Succeeded);
    set(&first, State::Succeeded);
    assert_eq!(native.0.world().repo(REPO).deployments[0].statuses.len(), 1);
    let second = start(operation(), "2.0", "t2");
    set(&second, State::Succeeded);
    let seen = native.call(|| GithubActions::observe("prod".into(), "web".into())).unwrap();
    assert_eq!((seen.version.as_deref(), seen.sha256.as_deref()), (Some("2.0"), Some("ab")));
    assert_eq!(native.call(|| GithubActions::observe("prod".into(), "db".into())).unwrap().version, None);

    let back =
        |operation| native.call(|| GithubActions::rollback(operation, first.clone(), "t3".into())).map(id_of).unwrap();
    let third = back(operation());
    assert_eq!(back(again()), third);
    set(&third, State::Succeeded);
    let seen = native.call(|| GithubActions::observe("prod".into(), "web".into())).unwrap();
    assert_eq!((seen.version.as_deref(), seen.deployment.unwrap().id), (Some("1.0"), third.clone()));
    let found =
        native.call(|| <GithubActions as DeploymentReconciliation>::find_by_correlation("t2".into(), 0)).unwrap();
    assert_eq!((found.len(), &found[0].id), (1, &second));
    let all = native.call(|| GithubActions::list_deployments(Some("prod".into()), page())).unwrap().items;
    assert_eq!(all.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [&third, &second, &first]);
    assert_eq!(all[1].status.conditions, ["inactive"], "a later one took its place");
}

#[tokio::test]
async fn files_go_to_a_release_and_come_from_there() {
    let native = Native::new().await;
    let ask = |sha256: &str| UploadRequest {
        run: None,
        name: "my app.zip".into(),
        version: Some("v1".into()),
        size: 3,
        sha256: sha256.into(),
        media_type: None,
        more: vec![attribute("x-repository", REPO)],
    };
    let upload = |sha256: &str, bytes: &[u8]| {
        let plan = native.call(|| GithubActions::plan_upload(operation(), ask(sha256))).unwrap();
        let mut request = plan.request;
        request.body = vec![BodyPart::Bytes(bytes.to_vec())];
        let answer = native.0.world().answer(&seen(&request, &HashMap::new()));
        let answer = UploadAnswer { status: answer.status, headers: vec![], body: answer.body };
        native.call(|| GithubActions::finish_upload(operation(), plan.state, answer))
    };
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let first = upload(digest, b"abc").unwrap();
    assert_eq!(first.digests[0].hex, digest);
    assert_eq!(upload(digest, b"abc").unwrap().id, first.id, "the same again is the same file");
    assert_eq!(upload("00", b"other").unwrap_err().kind, ErrorKind::Conflict);
    // What broke off is taken away first.
    native.0.world().repo(REPO).releases[0].assets[0].4 = "starter".into();
    assert_ne!(upload(digest, b"abc").unwrap().id, first.id);

    let all = native.call(|| GithubActions::list_artifacts(None, page())).unwrap().items;
    assert_eq!((all.len(), all[0].name.as_str()), (1, "my.app.zip"));
    let plan = native.call(|| GithubActions::plan_download(None, all[0].id.clone(), None)).unwrap();
    assert_eq!((plan.encoding.as_str(), plan.size), ("raw", Some(3)));
    assert!(plan.request.headers.iter().any(|it| it.value == "application/octet-stream"));
    native.call(|| GithubActions::delete_artifact(operation(), None, all[0].id.clone())).unwrap();
    let of_run = UploadRequest { run: Some(run_ref(1)), ..ask(digest) };
    let refused = native.call(|| GithubActions::plan_upload(operation(), of_run)).unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::Unsupported(_)));
    let keep = native.call(|| GithubActions::keep_artifact(operation(), None, "x".into()));
    assert!(matches!(keep.unwrap_err().kind, ErrorKind::Unsupported(_)));
}

#[tokio::test]
async fn statements_about_an_artifact_are_found_by_its_digest() {
    let native = Native::new().await;
    let payload = STANDARD.encode(r#"{"predicateType":"https://slsa.dev/provenance/v1"}"#);
    let bundle = json!({ "mediaType": "application/x-bundle", "dsseEnvelope": { "payload": payload } });
    native.0.world().repo(REPO).attestations.insert("sha256:ab".into(), vec![bundle]);
    let digest = |hex: &str| Digest { algorithm: "sha256".into(), hex: hex.into() };
    let found = native.call(|| GithubActions::list_attestations(digest("ab"), None, page())).unwrap().items;
    assert_eq!((found.len(), found[0].predicate.as_str()), (1, "https://slsa.dev/provenance/v1"));
    assert!(native.call(|| GithubActions::list_attestations(digest("cd"), None, page())).unwrap().items.is_empty());
}

#[tokio::test]
async fn a_webhook_is_one_for_all_repositories_and_tells_what_it_missed() {
    let native = Native::new().await;
    let ask = || HookRequest {
        url: "https://nova/hook".into(),
        events: vec![],
        secret: Some("secret-1".into()),
        more: vec![],
    };
    let hook = native.call(|| GithubActions::register(operation(), ask())).unwrap();
    assert_eq!((hook.id.as_str(), hook.active, hook.more.len()), ("https://nova/hook", true, 2));
    native.call(|| GithubActions::register(operation(), ask())).unwrap();
    for repo in [REPO, "acme/lib"] {
        let mut world = native.0.world();
        let hooks = &mut world.repo(repo).hooks;
        assert_eq!((hooks.len(), hooks[0].asked["config"]["secret"].as_str()), (1, Some("hush hush")), "{repo}");
        let delivery = |id: u64, guid: &str, status_code| Delivery {
            id,
            guid: format!("{repo} {guid}"),
            event: "workflow_run".into(),
            status_code,
            at: 1_800_000_000_000,
            redelivery: false,
        };
        // Numbers grow with time: the first was missed and came later, the second did not come.
        hooks[0].deliveries.extend([
            delivery(20_000_000_001, "a", 502),
            delivery(20_000_000_002, "b", 502),
            delivery(20_000_000_003, "a", 200),
        ]);
    }
    let missed = |page| native.call(|| GithubActions::list_missed(0, page)).unwrap();
    let all = missed(page()).items;
    assert_eq!((all.len(), all[0].event.as_str(), all[0].hook.as_str()), (2, "workflow_run", "https://nova/hook"));
    let (mut one_by_one, mut cursor) = (Vec::new(), None);
    loop {
        let page = missed(PageRequest { cursor, limit: 1 });
        one_by_one.extend(page.items.into_iter().map(|it| it.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert!(all.iter().all(|it| one_by_one.contains(&it.id)), "{one_by_one:?}");
    native.call(|| GithubActions::redeliver(operation(), all[0].hook.clone(), all[0].id.clone())).unwrap();
    assert_eq!(native.0.world().repo(REPO).hooks[0].deliveries.last().unwrap().guid, "acme/app b");
    native.call(|| GithubActions::unregister(operation(), hook.id)).unwrap();
    assert!(native.call(GithubActions::list_hooks).unwrap().is_empty());
}

#[tokio::test]
async fn a_workflow_is_copied_moved_and_switched() {
    let native = Native::new().await;
    let copy = || native.call(|| GithubActions::copy(operation(), PIPELINE.into(), "Second CI".into(), None));
    let made = copy().unwrap();
    assert_eq!((made.id.as_str(), made.name.as_str()), ("acme/app/second-ci.yml", "Second CI"));
    assert_eq!(copy().unwrap(), made, "a lost answer makes no second copy");
    let moved =
        native.call(|| GithubActions::relocate(operation(), made.id.clone(), None, Some("third.yml".into()))).unwrap();
    assert_eq!((moved.id.as_str(), moved.name.as_str()), ("acme/app/third.yml", "Second CI"));
    let files: Vec<String> = native.0.world().repo(REPO).branches["main"].keys().cloned().collect();
    assert_eq!(files, [".github/workflows/ci.yml", ".github/workflows/third.yml"]);

    let (switched, sent) = native.sent(|| GithubActions::set_enabled(operation(), PIPELINE.into(), false));
    assert_eq!((switched.unwrap().enabled, sent.len()), (false, 2));
    let (_, sent) = native.sent(|| GithubActions::set_enabled(operation(), PIPELINE.into(), false));
    assert_eq!(sent.len(), 1, "what stands so already is left alone");
    let listed = native.call(|| GithubActions::list_pipelines(page())).unwrap().items;
    assert_eq!(listed.iter().find(|it| it.id == PIPELINE).map(|it| it.enabled), Some(false));
}
