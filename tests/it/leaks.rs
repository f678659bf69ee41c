//! No secret shows: a marked one is planted wherever a secret can be, everything is done that can be done with it, and then all that the
//! host wrote, said or keeps is searched for it, in every form in which a secret hides.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD, engine::general_purpose::URL_SAFE_NO_PAD};
use novacron_cicd_smallci::{Config, Manner, SmallCi};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::harness::{Home, Host, PATIENCE, Repository, Setup, World};

/// Signs the triggers; never goes anywhere.
const SIGNING: &str = "planted signing key: z9/Kq+77 \"quoted\" & 100%";
/// Goes to the build as a parameter, and the build prints it in every way it can.
const TOKEN: &str = "planted/tok+en: q7\"Xw&31%";

/// Everything, but for the compiler, which writes gigabytes and sees no secret.
const LOUD: &str = "trace,cranelift_codegen=warn,cranelift_frontend=warn,regalloc2=warn,wasmtime=info,wasmtime_internal_cranelift=warn";

/// Prints it whole, encoded, and in two writes that are cut at every byte.
const SCRIPT: &str = r#"printf 'whole: %s\n' "$DEPLOY_TOKEN"
printf 'twice: %s%s\n' "$DEPLOY_TOKEN" "$DEPLOY_TOKEN"
printf 'base64: %s\n' "$(printf %s "$DEPLOY_TOKEN" | base64)"
printf 'shifted: %s\n' "$(printf 'x%s' "$DEPLOY_TOKEN" | base64)"
printf 'shifted twice: %s\n' "$(printf 'xy%s' "$DEPLOY_TOKEN" | base64)"
printf 'hex: %s\n' "$(printf %s "$DEPLOY_TOKEN" | od -An -v -tx1 | tr -d ' \n')"
cut=1
while [ $cut -lt ${#DEPLOY_TOKEN} ]; do
  printf 'cut at %s: ' $cut
  printf %s "$DEPLOY_TOKEN" | head -c $cut
  sleep 0.03
  printf %s "$DEPLOY_TOKEN" | tail -c +$((cut + 1))
  echo
  cut=$((cut + 1))
done
echo "all said"
mkdir -p dist && echo harmless > dist/app.bin
"#;

/// The forms in which a secret hides, each long enough to mean it.
fn forms(secret: &str) -> Vec<(String, Vec<u8>)> {
    let mut forms = vec![
        ("as it is".to_owned(), secret.as_bytes().to_vec()),
        ("in a URL".to_owned(), utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string().into_bytes()),
        (
            "in a form".to_owned(),
            url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>().into_bytes(),
        ),
        ("in JSON".to_owned(), serde_json::to_string(secret).unwrap().trim_matches('"').as_bytes().to_vec()),
        ("in hexadecimal".to_owned(), hex::encode(secret).into_bytes()),
    ];
    for shift in 0..3 {
        let padded = [&vec![b'x'; shift][..], secret.as_bytes()].concat();
        for (name, text) in
            [("base64", STANDARD_NO_PAD.encode(&padded)), ("URL base64", URL_SAFE_NO_PAD.encode(&padded))]
        {
            // Characters at the edges also depend on what stands beside the secret.
            let inner = text.as_bytes()[(shift * 8).div_ceil(6)..text.len() - 1].to_vec();
            forms.push((format!("in {name}, {shift} bytes in"), inner));
        }
    }
    forms
}

fn search(place: &str, bytes: &[u8], secrets: &[(&str, &str)], found: &mut Vec<String>) {
    for (name, secret) in secrets {
        for (form, needle) in forms(secret) {
            if let Some(at) = bytes.windows(needle.len()).position(|window| window == needle) {
                let around = String::from_utf8_lossy(&bytes[at.saturating_sub(60)..at]).into_owned();
                found.push(format!("{place}: the {name} {form}, at {at}, behind {around:?}"));
            }
        }
    }
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), into);
        } else {
            into.push(entry.path());
        }
    }
}

#[test]
fn the_search_finds_a_secret_in_each_form() {
    for (form, needle) in forms(TOKEN) {
        let mut found = Vec::new();
        search("here", &[b"before ", &needle[..], b" after"].concat(), &[("token", TOKEN)], &mut found);
        assert!(!found.is_empty(), "{form}");
    }
    let mut found = Vec::new();
    let text = STANDARD_NO_PAD.encode(format!("user:{TOKEN} and more"));
    search("here", text.as_bytes(), &[("token", TOKEN)], &mut found);
    assert!(!found.is_empty(), "in the middle of something encoded");
}

#[tokio::test]
async fn no_secret_shows_anywhere() {
    let home = Arc::new(Home::new());
    let loud = vec![("NOVACRON_CICD_LOG_LEVEL", LOUD.to_owned())];
    let ci = SmallCi::start(Config::new(SIGNING)).await.unwrap();
    let host = Host::start(&home, Setup { variables: loud, ..Setup::default() }).await;
    let (api, cli) = (host.api().await, host.cli());
    let world = World { ci, host, api, cli };
    let mut said: Vec<(String, Vec<u8>)> = Vec::new();

    world.api.post("/v1/secrets", &json!({ "name": "ci-signing", "value": SIGNING })).await.expect(201);
    let set = world.cli.run_with_input(&["--debug", "secret", "set", "deploy-token"], Some(TOKEN)).await;
    said.push(("secret set --debug".into(), set.to_string().into_bytes()));
    set.expect_code(0);
    world.api.post("/v1/providers", &world.provider_body("ci")).await.expect(201);
    let repository = Repository::new(SCRIPT);
    let pipeline = json!({
        "name": "backend",
        "provider": "ci",
        "repository": repository.url(),
        "reference": "main",
        "parameters": [{ "name": "DEPLOY_TOKEN", "kind": "secret", "required": true }],
    });
    world.api.post("/v1/pipelines", &pipeline).await.expect(201);

    // Once well, once refused by a server that sends everything back, once refused here.
    let wish = json!({ "parameters": { "DEPLOY_TOKEN": "deploy-token" } });
    let accepted = world.api.post("/v1/pipelines/backend/runs", &wish).await.expect(202);
    let id = accepted.text("/run/id").to_owned();
    let run = world.run_over(&id).await;
    assert_eq!(run["state"], "succeeded", "{run:#}");
    assert_eq!(world.ci.tally().runs[0].parameters["DEPLOY_TOKEN"], TOKEN, "the build has it");
    world.ci.answer_by(Manner::Refuse(422));
    let refused = world.api.post("/v1/pipelines/backend/runs", &wish).await.expect(202);
    let failed = world.run_over(refused.text("/run/id")).await;
    assert_eq!(failed["state"], "failed", "{failed:#}");
    world.ci.answer_by(Manner::Properly);
    let wrong = json!({ "parameters": { "DEPLOY_TOKEN": TOKEN } });
    said.push((
        "a value instead of a name".into(),
        world.api.post("/v1/pipelines/backend/runs", &wrong).await.bytes.to_vec(),
    ));

    let log = world.log(&id).await;
    assert!(log.contains("whole: ") && log.contains("all said"), "{log}");
    assert_eq!(log.matches("cut at ").count(), TOKEN.len() - 1, "{log}");
    for path in [
        "/v1/secrets",
        "/v1/providers",
        "/v1/pipelines",
        "/v1/runs",
        "/v1/operations",
        "/v1/events?limit=500",
        "/v1/tokens",
        "/v1/providers/ci",
        "/v1/pipelines/backend",
        "/v1/artifacts",
        "/v1/plugins/webhook",
    ] {
        said.push((path.into(), world.api.get(path).await.expect(200).bytes.to_vec()));
    }
    said.push(("the run".into(), run.to_string().into_bytes()));
    said.push(("the failed run".into(), failed.to_string().into_bytes()));
    said.push(("the run's log".into(), log.into_bytes()));
    let run_path = failed["id"].as_str().unwrap().to_owned();
    for words in [
        vec!["--debug", "run", "show", &run_path],
        vec!["--debug", "run", "logs", &id],
        vec!["--debug", "provider", "check", "ci"],
        vec!["--debug", "operation", "list"],
        vec!["--debug", "secret", "list"],
    ] {
        said.push((words.join(" "), world.cli.run(&words).await.to_string().into_bytes()));
    }
    world.api.put("/v1/secrets/deploy-token", &json!({ "value": "another value of it" })).await.expect(200);
    world
        .ci
        .wait_for("quiet", PATIENCE, |tally| tally.runs.iter().all(|run| run.end_told).then_some(()))
        .await
        .unwrap();

    let token = world.host.token().to_owned();
    let secrets = [("signing key", SIGNING), ("deploy token", TOKEN)];
    let mut found = Vec::new();
    for (place, bytes) in &said {
        search(place, bytes, &[("signing key", SIGNING), ("deploy token", TOKEN), ("admin token", &token)], &mut found);
    }
    search_state(&home, &secrets, &token, &mut found);
    // A host that stops writes what it still holds; nothing may come out then, either.
    let state = world.host.home().state();
    assert!(world.host.stop().success());
    search_state(&home, &secrets, &token, &mut found);
    assert!(state.join("novacron-cicd.db").exists());
    assert_eq!(found, Vec::<String>::new());
}

/// Every file of the state, the write-ahead log among them, and all that the host wrote to its outputs.
fn search_state(home: &Home, secrets: &[(&str, &str)], token: &str, found: &mut Vec<String>) {
    let mut paths = vec![];
    files(&home.state(), &mut paths);
    assert!(paths.iter().any(|path| path.extension().is_some_and(|end| end == "db")), "{paths:?}");
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let place = path.display().to_string();
        search(&place, &bytes, secrets, found);
        // The first token has a file of its own, and is printed once, for the person who starts the host.
        if path.file_name().is_some_and(|name| name != "admin.token") {
            search(&place, &bytes, &[("admin token", token)], found);
        }
    }
    let log = std::fs::read(home.log()).unwrap();
    assert!(log.windows(5).any(|window| window == b"TRACE"), "the host was to log everything");
    search("the host's output", &log, secrets, found);
}
