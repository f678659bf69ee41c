//! The plugin run natively, asking the fake without a server between them: for what else a project has, much of it at once.

use std::sync::{Arc, Mutex};

use novacron_cicd_fakes::{
    gitlab::{Project, World},
    server::{Platform, Seen},
};
use novacron_cicd_sdk::{
    http::Response,
    testing::Host,
    types::{BodyPart, CaptureSource, Operation, PageRequest, ParameterValue, Request, Value},
};
use serde_json::json;

use super::{APP, SMALL};

pub(super) const BASE: &str = "http://gitlab.example/gitlab";

/// A plugin that asks a world.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) world: Arc<Mutex<World>>,
    lines: Arc<Mutex<Vec<String>>>,
}

/// The request as it would arrive: secrets filled in, captured values taken out of the answer.
pub(super) fn seen(request: &Request) -> Seen {
    let part = |part: &BodyPart| match part {
        BodyPart::Bytes(bytes) => bytes.clone(),
        BodyPart::Secret(part) => format!("secret-of-{}", part.secret).into_bytes(),
    };
    let bytes: Vec<u8> = request.body.iter().flat_map(part).collect();
    let mut headers = vec![("private-token".to_owned(), novacron_cicd_fakes::house::secret("token"))];
    headers.push(("host".into(), "gitlab.example".into()));
    headers.extend(request.headers.iter().map(|header| (header.name.to_lowercase(), header.value.clone())));
    let target = request.url.strip_prefix(BASE).unwrap_or(&request.url).to_owned();
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Seen { method: request.method.clone(), target, headers, body, bytes: bytes.into(), answered: 0 }
}

fn answer(world: &mut World, request: &Request) -> Response {
    let mut asked = seen(request);
    let mut answer = world.answer(&asked);
    if answer.status == 301 {
        let to = answer.headers.iter().find(|(name, _)| name == "location").unwrap().1.clone();
        asked.target = to.strip_prefix(BASE).unwrap().to_owned();
        answer = world.answer(&asked);
    }
    let mut body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    for capture in &request.captures {
        let CaptureSource::Pointer(pointer) = &capture.source else { unreachable!("{capture:?}") };
        if let Some(value) = body.pointer_mut(pointer) {
            *value = json!("[captured]");
            answer.body = body.to_string().into();
        }
    }
    let text = String::from_utf8_lossy(&answer.body);
    assert!(!text.contains("glrt-") && !text.contains("glptt-"), "the plugin sees a token: {text}");
    let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Response::fake(answer.status, &headers, &answer.body, request.method == "GET")
}

impl Bench {
    pub(super) fn new(definition: &str) -> Self {
        let world = World::new(vec![Project::new(APP, definition), Project::new("g/other", SMALL)]);
        Self { world: Arc::new(Mutex::new(world)), lines: Arc::default() }
    }

    pub(super) fn call<T>(&self, call: impl FnOnce() -> T) -> T {
        let (world, lines) = (self.world.clone(), self.lines.clone());
        let now = world.lock().unwrap().now;
        let host = Host::new(BASE, move |request| {
            lines.lock().unwrap().push(format!("{} {}", request.method, request.url.split('?').next().unwrap()));
            Ok(answer(&mut world.lock().unwrap(), request))
        });
        let host = host.settings(json!({ "project": APP })).credential("token", "header").now(now);
        host.run(call).0
    }

    pub(super) fn project<T>(&self, look: impl FnOnce(&mut Project) -> T) -> T {
        look(&mut self.world.lock().unwrap().projects[0])
    }

    /// The changing requests of a call.
    pub(super) fn changes<T>(&self, call: impl FnOnce() -> T) -> (T, Vec<String>) {
        self.lines.lock().unwrap().clear();
        let answer = self.call(call);
        let lines = self.lines.lock().unwrap().clone();
        (answer, lines.into_iter().filter(|line| !line.starts_with("GET") && !line.ends_with("/graphql")).collect())
    }
}

pub(super) fn operation(attempt: u32) -> Operation {
    Operation { id: "op-1".into(), attempt, first_sent: (attempt > 1).then_some(1), more: vec![] }
}

pub(super) fn page(limit: u32) -> PageRequest {
    PageRequest { cursor: None, limit }
}

pub(super) fn text(name: &str, value: &str) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value: Value::Text(value.into()) }
}
