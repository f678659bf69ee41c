//! `docs/webhook-provider.md` says what is sent, and its worker in shell understands it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
};

use novacron_cicd_plugin_webhook::{message::Hook, settings::Settings};
use novacron_cicd_sdk::{
    attribute,
    run_cancel::CancelTarget,
    runs::TriggerRequest,
    types::{BodyPart, Callback, Operation, ParameterValue, Request, RunRef, Value},
};

const DOCUMENT: &str = include_str!("../../../docs/webhook-provider.md");

/// The fenced blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    DOCUMENT.split(begin.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn hook() -> Hook {
    Hook { url: "https://ci.example/".into(), seconds: 1, token: false, settings: Settings::default() }
}

fn operation() -> Operation {
    let more = vec![attribute("novacron.correlation", "nc-7")];
    Operation { id: "op-1".into(), attempt: 1, first_sent: None, more }
}

fn text(name: &str, value: &str) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value: Value::Text(value.into()) }
}

fn trigger(callback: String) -> Request {
    let request = TriggerRequest {
        pipeline: "app".into(),
        reference: Some("main".into()),
        parameters: vec![text("VERSION", "1.4.0"), text("NOTE", r#""callback":{"url":"http://elsewhere.example"}"#)],
        environment: vec![text("GREETING", "hello")],
        correlation: "nc-7".into(),
        callback: Some(Callback { url: callback, token: "reference".into() }),
        more: vec![attribute("novacron.pipeline-name", "app"), attribute("novacron.repository", "https://git.example")],
    };
    hook().trigger(&operation(), &request).unwrap().build().unwrap()
}

/// As the host would send it.
fn filled(request: &Request, secret: &str) -> String {
    let part = |part: &BodyPart| match part {
        BodyPart::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        BodyPart::Secret(_) => secret.to_owned(),
    };
    request.body.iter().map(part).collect()
}

/// The names of a JSON object's fields, and of the objects in it; what a pipeline's author named is left out.
fn shape(json: &serde_json::Value) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, value) in json.as_object().unwrap() {
        names.push(name.clone());
        if value.is_object() && !["parameters", "environment"].contains(&name.as_str()) {
            names.extend(shape(value).into_iter().map(|inner| format!("{name}.{inner}")));
        }
    }
    names.sort_unstable();
    names
}

#[test]
fn the_documented_messages_have_the_fields_that_are_sent() {
    let target = CancelTarget::Run(RunRef { pipeline: "app".into(), run: "1234".into(), attempt: None });
    let sent = [
        filled(&trigger("https://nova.example/v1/callbacks/runs/7".into()), "ncr_x"),
        filled(&hook().cancel(&operation(), &target).unwrap().build().unwrap(), ""),
    ];
    let documented: Vec<serde_json::Value> =
        blocks("json").iter().map(|block| serde_json::from_str(block).unwrap()).collect();
    for message in sent {
        let message: serde_json::Value = serde_json::from_str(&message).unwrap();
        let sample = documented.iter().find(|sample| sample["type"] == message["type"]).unwrap();
        assert_eq!(shape(sample), shape(&message));
    }
}

/// One request: its first line, its bearer, its body.
fn receive(stream: &mut TcpStream) -> (String, String, Vec<u8>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let found =
            lines.iter().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
        found.map_or_else(String::new, |(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
    if header("expect").eq_ignore_ascii_case("100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
    }
    reader.read_exact(&mut body).unwrap();
    (lines[0].clone(), header("authorization"), body)
}

/// Takes one run's callbacks until its last word, and answers what they said: first lines with their bodies.
fn host(listener: TcpListener) -> Vec<(String, String)> {
    let mut said = Vec::new();
    let mut log = 0;
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let (line, bearer, body) = receive(&mut stream);
        assert_eq!(bearer, "Bearer ncr_x");
        let mut answer = "{}".to_owned();
        if let Some(offset) = line.split_once("/logs?offset=") {
            assert!(offset.1.starts_with(&format!("{log} ")), "{line}");
            log += body.len();
            answer = format!("{{\"offset\":{log}}}");
        }
        write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())
            .unwrap();
        let body = String::from_utf8(body).unwrap();
        let last = line.contains("/status") && !body.contains("running");
        said.push((line, body));
        if last {
            break;
        }
    }
    said
}

#[test]
fn the_worker_in_shell_reports_a_whole_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let host = thread::spawn(move || host(listener));

    let place = tempfile::tempdir().unwrap();
    let (script, body) = (place.path().join("worker.sh"), place.path().join("body.json"));
    std::fs::write(&script, blocks("sh")[0]).unwrap();
    let message = filled(&trigger(format!("http://{address}/v1/callbacks/runs/7")), "ncr_x");
    std::fs::write(&body, message).unwrap();
    let done = Command::new("sh").arg(&script).arg(&body).env("TMPDIR", place.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let said = host.join().unwrap();
    let said: Vec<_> = said.iter().map(|(line, body)| (line.rsplit_once(' ').unwrap().0, body.as_str())).collect();
    let url = |way: &str, path: &str| format!("{way} /v1/callbacks/runs/7{path}");
    let expected = [
        (url("PUT", "/status"), r#"{"state":"running"}"#),
        (url("POST", "/logs?offset=0"), "building version 1.4.0\n"),
        (url("POST", "/logs?offset=23"), "uploading app.txt\n"),
        (url("PUT", "/artifacts/app.txt?kind=binary&version=1.4.0"), "built 1.4.0\n"),
        (url("POST", "/logs?offset=41"), "done\n"),
        (url("PUT", "/status"), r#"{"state":"succeeded"}"#),
    ];
    let expected: Vec<_> = expected.iter().map(|(line, body)| (line.as_str(), *body)).collect();
    assert_eq!(said, expected);
    // It cleans up: only the two files of this test are left.
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
}
