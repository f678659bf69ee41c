//! What a plugin asks of its platform, to the last byte, function by function of the contract: method, path, query, names of headers, body.
//!
//! A snapshot a plugin. It is a contract with the platform: look at a difference before you accept it.

pub(crate) mod buildbot;
mod github;
mod gitlab;
mod jenkins;
pub(crate) mod webhook;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use novacron_cicd_domain::platform::{Change, Outcome, UploadRequest};
use novacron_cicd_fakes::house::{House, operation};
use novacron_cicd_fakes::server::{Platform, Seen, Server};
use novacron_cicd_runtime::{CallError, Provider, plugin::interfaces::INTERFACES};

/// Nobody calls it yet.
const WITHOUT_CALLS: &str = "infrastructure";

/// The requests of one plugin, as its calls are made.
struct Requests<'a, P> {
    server: &'a Server<P>,
    called: BTreeSet<&'static str>,
    text: String,
}

impl<'a, P: Platform> Requests<'a, P> {
    fn of(server: &'a Server<P>) -> Self {
        Self { server, called: BTreeSet::new(), text: String::new() }
    }

    /// Writes down what a call makes the plugin ask.
    async fn call<T>(
        &mut self,
        function: &'static str,
        when: &str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> T {
        self.write(function, when, call, |_| {}).await
    }

    /// The same of a call that reads side by side: what comes first there is chance, so they stand in the order of their targets.
    async fn call_beside<T>(
        &mut self,
        function: &'static str,
        when: &str,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> T {
        self.write(function, when, call, |seen| seen.sort_by(|one, other| one.target.cmp(&other.target))).await
    }

    async fn write<T>(
        &mut self,
        function: &'static str,
        when: &str,
        call: impl Future<Output = Result<T, CallError>>,
        order: impl FnOnce(&mut Vec<Seen>),
    ) -> T {
        self.server.forget_seen();
        let answer = call.await.unwrap_or_else(|error| panic!("{function} {when}: {error:?}"));
        let when = if when.is_empty() { String::new() } else { format!(", {when}") };
        writeln!(self.text, "== {function}{when}").unwrap();
        let mut seen = self.server.seen();
        order(&mut seen);
        if seen.is_empty() {
            self.text.push_str("nothing is asked\n");
        }
        for seen in &seen {
            self.text.push_str(&shown(seen, &self.server.url()));
        }
        self.text.push('\n');
        self.called.insert(function);
        answer
    }

    /// The same of a change.
    async fn change(&mut self, provider: &Provider, when: &str, change: Change) -> Outcome {
        let function = change.kind().function();
        self.call(function, when, provider.change(&operation(), change)).await.outcome
    }

    /// A file of the host's, put on the platform.
    async fn upload(&mut self, provider: &Provider, house: &House) {
        let bytes = b"a tool of the host's";
        let request = UploadRequest {
            run: None,
            name: "tool".into(),
            version: Some("v1.0".into()),
            size: bytes.len() as u64,
            sha256: house.keep(bytes),
            media_type: None,
            options: BTreeMap::new(),
        };
        self.change(provider, "", Change::ArtifactUpload { request }).await;
        self.without("artifact-uploads.finish-upload", "it reads the answer to the bytes, in the call before");
    }

    /// A function that is not called, and why.
    fn without(&mut self, function: &'static str, why: &str) {
        writeln!(self.text, "== {function}\nnot called: {why}\n").unwrap();
        self.called.insert(function);
    }

    /// All of it. Whatever the plugin exports was called, where the host can call it.
    fn whole(self, provider: &Provider) -> String {
        let exported = INTERFACES.iter().filter(|interface| provider.supports(interface.name));
        let exported = exported.filter(|interface| interface.name != WITHOUT_CALLS);
        let functions = exported.flat_map(|interface| interface.functions).map(|function| function.name);
        let missing: Vec<_> = functions.filter(|name| !self.called.contains(name)).collect();
        assert!(missing.is_empty(), "not called: {missing:?}");
        self.text
    }
}

fn shown(seen: &Seen, own: &str) -> String {
    let mut text = format!("{} {}\n", seen.method, seen.path());
    for pair in seen.target.split_once('?').map_or("", |(_, query)| query).split('&').filter(|pair| !pair.is_empty()) {
        let pair = percent_encoding::percent_decode_str(pair).decode_utf8_lossy();
        writeln!(text, "  ? {pair}").unwrap();
    }
    let mut headers: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    headers.sort_unstable();
    writeln!(text, "  # {}", headers.join(" ")).unwrap();
    for line in seen.body.lines() {
        let mut line = line.replace(own, "BASE");
        // What is sealed is other bytes each time.
        if let Some((before, after)) = line.split_once("\"encrypted_value\":\"") {
            let rest = after.split_once('"').map_or("", |(_, rest)| rest);
            line = format!("{before}\"encrypted_value\":\"SEALED\"{rest}");
        }
        writeln!(text, "  | {line}").unwrap();
    }
    text
}
