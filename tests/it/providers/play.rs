//! A host with one provider at the fake of its platform, and the rows of its table played on both.
//!
//! That a row led to its function is not believed because of what came out: the host counts the calls of each function that its plugin
//! answered, and the count has to grow.

use std::{collections::BTreeSet, sync::Arc};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    package,
    refused::{Has, Refused, refused},
    row::{Call, Names, Row, Step, Way, api, at, cli, filled, filled_in, words},
};
use crate::harness::{
    Answer, Api, Cli, Ended, Function, Home, Host, Served, Setup, component, component_functions, contract_functions,
    contract_table, until,
};

/// The code of what a plugin does not have.
const UNSUPPORTED: &str = "provider.unsupported";
/// The code of what a plugin says itself that it can't.
const DECLINED: &str = "call.unsupported";

/// What the host calls by itself and shows afterwards: a row of one of these waits for what the last call told, not for another call.
const BY_ITSELF: [&str; 8] = [
    "artifacts.list-artifacts",
    "logs.read",
    "run-changes.list-changed",
    "run-listing.list-runs",
    "run-search.find-by-correlation",
    "runs.get",
    "runs.resolve-ticket",
    "webhooks.decode",
];

/// A host with the provider `ci`.
pub(super) struct Play<F> {
    platform: F,
    plugin: &'static str,
    home: Arc<Home>,
    host: Option<Host>,
    api: Api,
    cli: Cli,
    names: Names,
    served: Vec<Served>,
    shown: BTreeSet<(String, Way)>,
}

impl<F> Play<F> {
    /// With the plugin of that id and these secrets, and the provider `ci`. The host looks at the platform once, and then only when it
    /// is told to, so that nothing is found before it is searched for.
    pub(super) async fn new(platform: F, plugin: &'static str, secrets: &[(&str, &str)], provider: Value) -> Self {
        let home = Arc::new(Home::with(&package(plugin)));
        let host = Host::start(&home, looking_every("86400")).await;
        let (api, cli) = (host.api().await, host.cli());
        for (name, value) in secrets {
            api.post("/v1/secrets", &json!({ "name": name, "value": value })).await.expect(201);
        }
        let grants = json!({ "private_networks": ["127.0.0.1/32"], "redirect_hosts": ["*"] });
        let mut body = json!({ "name": "ci", "plugin": plugin, "grants": grants });
        body.as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
        api.post("/v1/providers", &body).await.expect(201);
        let served = contract_table().into_iter().filter_map(|function| match function {
            Function::Served(served) => Some(served),
            Function::Planned(_) => None,
        });
        let names = Names::from([("work", home.work().display().to_string())]);
        let (served, shown) = (served.collect(), BTreeSet::new());
        Self { platform, plugin, home, host: Some(host), api, cli, names, served, shown }
    }

    /// From now on the host looks at the platform every second.
    pub(super) async fn looks_often(&mut self) {
        self.host.take().unwrap().kill();
        let host = self.host.insert(Host::start(&self.home, looking_every("1")).await);
        (self.api, self.cli) = (host.api().await, host.cli());
    }

    /// Plays rows, in their order.
    pub(super) async fn play(&mut self, steps: Vec<Step<F>>) {
        for step in steps {
            match step {
                Step::Drive(work) => work(&self.platform, &mut self.names),
                Step::Row(row) => self.row(*row).await,
            }
        }
    }

    /// Every function that works was shown by both ways, and every other one is answered as it has to be by both.
    pub(super) async fn ends(self) {
        let (functions, exported) = (contract_functions(), component_functions(&component(&package(self.plugin))));
        let mut faults: Vec<_> =
            exported.difference(&functions).map(|name| format!("{name}: it is not of this contract")).collect();
        let refused = refused();
        for Served { name, .. } in &self.served {
            let has = Has::of(self.plugin, &exported, name);
            if has == Has::Works {
                let open = [Way::Api, Way::Cli].into_iter().filter(|way| !self.shown.contains(&(name.clone(), *way)));
                faults.extend(open.map(|way| format!("{name}: no row shows it by {way:?}")));
                continue;
            }
            match refused.iter().find(|row| row.function == name) {
                Some(row) => faults.extend(self.answers(row, has).await.err().map(|why| format!("{name}: {why}"))),
                None => faults.push(format!("{name}: {has:?}, and no row asks for it")),
            }
        }
        assert_eq!(faults, Vec::<String>::new(), "{}", self.plugin);
    }

    /// What does not work is answered so by both ways, and the plugin is called where it is to say it itself, and else never.
    async fn answers(&self, row: &Refused, has: Has) -> Result<(), String> {
        let (request, body) = &row.api;
        let (read, what) = (request.starts_with("GET "), self.what(&api(row.function, request, Value::Null)));
        self.what(&cli(row.function, row.cli));
        let answer = self.ask(request, body).await;
        let command = if has == Has::Declines && !read { format!("{} --wait", row.cli) } else { row.cli.to_owned() };
        let ended = self.command(&command).await;
        let all = format!("{} {:#}, {ended}", answer.status, answer.json);
        let refuses = |code: &str| {
            (answer.status, &answer.json["code"], ended.code) == (422, &json!(code), 2) && ended.stderr.contains(code)
        };
        let (right, called) = match has {
            Has::Works | Has::DoneWithout => (answer.status == 200 && ended.code == 0, false),
            Has::Not => (refuses(UNSUPPORTED), false),
            Has::Declines if read => (refuses(DECLINED), true),
            Has::Declines if answer.status != 202 => (false, true),
            Has::Declines => {
                let operation = self.settled(&what, answer.text("/id")).await;
                let codes =
                    [&operation["error"]["code"], &read_output(&ended.stdout)["error"]["code"]].map(Clone::clone);
                (codes == [json!(DECLINED), json!(DECLINED)] && ended.code == 1, true)
            }
        };
        match (right, self.calls(row.function, None).await) {
            (false, _) => Err(all),
            (true, calls) if (calls > 0) == called => Ok(()),
            (true, calls) => Err(format!("the plugin was called {calls} times")),
        }
    }

    async fn row(&mut self, row: Row<F>) {
        let what = self.what(&row);
        let calls = match row.function {
            Some(function) => self.calls(function, Some("ok")).await,
            None => 0,
        };
        let found = if row.soon {
            until(&what, async || {
                let found = self.call(&what, &row.call).await;
                self.fits(&row, &found).map(|()| found)
            })
            .await
        } else {
            let found = self.call(&what, &row.call).await;
            self.fits(&row, &found).unwrap_or_else(|why| panic!("{what} {why}"));
            found
        };
        for (name, place) in &row.keeps {
            let kept = self.at(&found, place).unwrap_or_else(|| panic!("{what}: nothing is at {place}: {found:#}"));
            self.names.insert(name, kept.as_str().map_or_else(|| kept.to_string(), str::to_owned));
        }
        if let Some(function) = row.function {
            let least = if BY_ITSELF.contains(&function) { 1 } else { calls + 1 };
            until(&what, async || {
                let calls = self.calls(function, Some("ok")).await;
                if calls >= least { Ok(()) } else { Err(format!("{function} was answered {calls} times, not {least}")) }
            })
            .await;
            self.shown.insert((function.to_owned(), row.way()));
        }
        if row.soon {
            until(&what, async || self.there(&row)).await;
        } else {
            self.there(&row).unwrap_or_else(|why| panic!("{what} {why}"));
        }
    }

    fn there(&self, row: &Row<F>) -> Result<(), String> {
        for (look, expected) in &row.there {
            let (there, expected) = (look(&self.platform, &self.names), filled_in(expected, &self.names));
            if there != expected {
                return Err(format!("the platform has {there}, not {expected}"));
            }
        }
        Ok(())
    }

    /// The row as people read it; fails where it does not go the way that the contract's table has for its function.
    fn what(&self, row: &Row<F>) -> String {
        let plugin = self.plugin;
        let (what, way) = match &row.call {
            Call::Api(request, _) => (format!("{plugin}: {request}"), self.operation(request)),
            // Its address may end in a token.
            Call::Hook(path, _) => (format!("{plugin}: POST {path}"), "POST /v1/hooks/{provider}".into()),
            Call::Cli(command) => (format!("{plugin}: novacron-cicd {command}"), command.clone()),
        };
        let Some(function) = row.function else { return what };
        let served = self.served.iter().find(|served| served.name == function);
        let served = served.unwrap_or_else(|| panic!("{what}: tests/contract.toml serves no {function}"));
        let right = match row.way() {
            Way::Api => served.operation == way,
            Way::Cli => format!("{way} ").starts_with(&format!("{} ", served.cli)),
        };
        assert!(right, "{what}: {function} is {} and {:?}", served.operation, served.cli);
        format!("{what} ({function})")
    }

    /// The document's operation that a request is one of.
    fn operation(&self, request: &str) -> String {
        let (method, path) = request.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        format!("{method} {}", self.api.contract().template(path).unwrap())
    }

    fn at<'a>(&self, found: &'a Value, place: &str) -> Option<&'a Value> {
        at(found, &filled(place, &self.names, |value| value.replace('/', "~1")))
    }

    fn fits(&self, row: &Row<F>, found: &Value) -> Result<(), String> {
        for (place, expected) in &row.gives {
            let expected = filled_in(expected, &self.names);
            if self.at(found, place) != Some(&expected) {
                return Err(format!("{place} is not {expected}: {found:#}"));
            }
        }
        Ok(())
    }

    /// How often a function of the plugin has come to this outcome so far, or to any.
    async fn calls(&self, function: &str, outcome: Option<&str>) -> u64 {
        let metrics = self.api.get("/metrics").await.expect(200).bytes;
        let text = String::from_utf8_lossy(&metrics).into_owned();
        let mut wanted = vec![format!("plugin=\"{}\"", self.plugin), format!("function=\"{function}\"")];
        wanted.extend(outcome.map(|outcome| format!("outcome=\"{outcome}\"")));
        let counts = text.lines().filter(|line| line.starts_with("novacron_cicd_plugin_call_duration_seconds_count{"));
        let counts = counts.filter(|line| wanted.iter().all(|label| line.contains(label.as_str())));
        counts.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    }

    /// What comes out: JSON, or `{ "text": ... }`. What was accepted is waited for, and has to be done.
    async fn call(&self, what: &str, call: &Call<F>) -> Value {
        match call {
            Call::Api(request, body) => {
                let answer = self.ask(request, body).await;
                assert!(answer.status < 300, "{what}: {} {:#}", answer.status, answer.json);
                self.done(what, answer).await
            }
            Call::Hook(path, delivery) => {
                let (headers, body) = delivery(&self.platform, &self.names);
                let path = filled(path, &self.names, escaped);
                let request = self.api.with_token(None).request(reqwest::Method::POST, &path).body(body);
                let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
                self.api.send(request).await.expect(202).json
            }
            Call::Cli(command) => {
                let ended = self.command(command).await;
                assert!(ended.code == 0, "{what}: {ended}");
                read_output(&ended.stdout)
            }
        }
    }

    async fn ask(&self, request: &str, body: &Value) -> Answer {
        let (method, path) = request.split_once(' ').unwrap();
        let request = self.api.request(method.parse().unwrap(), &filled(path, &self.names, escaped));
        self.api.send(if body.is_null() { request } else { request.json(&filled_in(body, &self.names)) }).await
    }

    async fn command(&self, command: &str) -> Ended {
        let words: Vec<_> = words(command)
            .iter()
            .map(|word| filled(word, &self.names, str::to_owned))
            .chain(["-o".into(), "json".into()])
            .collect();
        self.cli.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    async fn done(&self, what: &str, answer: Answer) -> Value {
        let mut found =
            if answer.json.is_null() { json!({ "text": String::from_utf8_lossy(&answer.bytes) }) } else { answer.json };
        if answer.status != 202 {
            return found;
        }
        // An operation, or what it is about with the operation beside it.
        let alone = found.get("operation").is_none();
        let operation = if alone { &mut found } else { &mut found["operation"] };
        let Some(id) = operation["id"].as_str().map(str::to_owned) else { return found };
        *operation = self.settled(what, &id).await;
        assert_eq!(operation["state"], "done", "{what}: {operation:#}");
        found
    }

    /// The operation as it came to its end.
    async fn settled(&self, what: &str, id: &str) -> Value {
        until(what, async || {
            let operation = self.api.get(&format!("/v1/operations/{id}")).await.expect(200).json;
            let settled = ["done", "failed", "canceled", "ambiguous"].contains(&operation["state"].as_str().unwrap());
            if settled { Ok(operation) } else { Err(format!("{operation:#}")) }
        })
        .await
    }
}

fn looking_every(seconds: &str) -> Setup {
    let names = ["NOVACRON_CICD_LIMITS_POLL_SHORTEST_SECONDS", "NOVACRON_CICD_LIMITS_POLL_LONGEST_SECONDS"];
    Setup { variables: names.map(|name| (name, seconds.to_owned())).to_vec(), ..Setup::default() }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What a command printed: JSON, or a line of it each, or text.
fn read_output(stdout: &str) -> Value {
    let lines = || stdout.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>().map(Value::from);
    serde_json::from_str(stdout).or_else(|_| lines()).unwrap_or_else(|_| json!({ "text": stdout }))
}
