//! Who asks for what, and what becomes of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    CONTEXT, answer, multipart, store, tree,
    world::{BUILT_IN, Build, Item, Left, World, build_json},
};
use crate::server::{Answer, Platform, Seen};

/// Who asks, and how that is known.
struct Caller {
    name: String,
    by_token: bool,
    session: Option<String>,
}

const ANONYMOUS: &str = "anonymous";

impl Platform for World {
    fn answer(&mut self, request: &Seen) -> Answer {
        admit(self, request)
    }
}

fn admit(world: &mut World, seen: &Seen) -> Answer {
    if world.booting {
        return answer::page(503, "Starting Jenkins");
    }
    if world.behind_login {
        return answer::page(200, "Sign in");
    }
    if seen.line() == "POST /j_spring_security_check" {
        return log_in(world, seen);
    }
    let caller = match identify(world, seen) {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    // Only POST is checked, and no request that an API token came with (CrumbFilter, ApiCrumbExclusion).
    if world.crumbs && seen.method == "POST" && !caller.by_token {
        let expected = caller.session.as_deref().map(|session| crumb(&caller.name, session));
        if expected.is_none() || seen.header("jenkins-crumb") != expected.as_deref() {
            return answer::page(403, "Error 403 No valid crumb was included in the request");
        }
    }
    if caller.name == ANONYMOUS && !seen.target.starts_with("/crumbIssuer/") {
        return answer::denied(ANONYMOUS, "hudson.model.Hudson.Read");
    }
    route(world, seen, &caller)
}

fn identify(world: &World, seen: &Seen) -> Result<Caller, Answer> {
    let cookies = seen.header("cookie").unwrap_or_default();
    let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("JSESSIONID.1a2b=")).map(str::to_owned);
    let session = session.filter(|session| world.sessions.contains_key(session));
    if let Some(basic) = seen.header("authorization").and_then(|value| value.strip_prefix("Basic ")) {
        let pair = STANDARD.decode(basic).ok().and_then(|pair| String::from_utf8(pair).ok()).unwrap_or_default();
        let (name, secret) = pair.split_once(':').unwrap_or_default();
        return match world.users.iter().find(|(user, ..)| user == name) {
            Some((_, token, _)) if token == secret => Ok(Caller { name: name.into(), by_token: true, session }),
            Some((.., password)) if password == secret => Ok(Caller { name: name.into(), by_token: false, session }),
            _ => Err(answer::page(401, &format!("Error 401 Invalid password/token for user: {name}"))),
        };
    }
    let name = session.as_ref().and_then(|session| world.sessions[session].clone());
    Ok(Caller { name: name.unwrap_or_else(|| ANONYMOUS.into()), by_token: false, session })
}

/// Good for one user in one session (`DefaultCrumbIssuer.issueCrumb`).
fn crumb(user: &str, session: &str) -> String {
    hex::encode(Sha256::digest(format!("{user};{session};salt")))
}

fn new_session(world: &mut World, user: Option<&str>) -> String {
    world.next_session += 1;
    let session = format!("node0session{:08}", world.next_session);
    world.sessions.insert(session.clone(), user.map(str::to_owned));
    session
}

fn log_in(world: &mut World, seen: &Seen) -> Answer {
    let form = form(&seen.body);
    let given = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    let known = world
        .users
        .iter()
        .any(|(user, _, password)| given("j_username") == Some(user) && given("j_password") == Some(password));
    // It leads to a page either way, in a session of its own.
    let session = new_session(world, given("j_username").filter(|_| known));
    let page = if known { CONTEXT.to_owned() + "/" } else { format!("{CONTEXT}/loginError") };
    Answer::to(302, &page).header("set-cookie", format!("JSESSIONID.1a2b={session}; Path={CONTEXT}; HttpOnly"))
}

fn form(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// What came in the query and in a form, alike (servlet's `getParameter`).
fn came(seen: &Seen) -> Vec<(String, String)> {
    let query = seen.target.split_once('?').map_or("", |(_, query)| query);
    let parts = multipart::parts(seen);
    if parts.is_empty() {
        return [form(query), form(&seen.body)].concat();
    }
    let fields = parts.iter().filter(|part| part.file.is_none()).map(|part| (part.name.clone(), part.text()));
    form(query).into_iter().chain(fields).collect()
}

fn route(world: &mut World, seen: &Seen, caller: &Caller) -> Answer {
    let path = seen.target.split('?').next().unwrap_or_default();
    let segments: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = if seen.method == "HEAD" { "GET" } else { seen.method.as_str() };
    match (method, parts.as_slice()) {
        ("GET", ["crumbIssuer", "api", "json"]) if !world.crumbs => answer::page(404, "Not Found"),
        ("GET", ["crumbIssuer", "api", "json"]) => {
            let session = caller.session.clone().unwrap_or_else(|| new_session(world, None));
            let crumb = json!({ "_class": "hudson.security.csrf.DefaultCrumbIssuer", "crumb": crumb(&caller.name, &session),
                                "crumbRequestField": "Jenkins-Crumb" });
            answer::json(&crumb).header("set-cookie", format!("JSESSIONID.1a2b={session}; Path={CONTEXT}; HttpOnly"))
        }
        ("GET", ["me", "api", "json"]) => read(seen, &json!({ "_class": "hudson.model.User", "id": caller.name })),
        ("GET", ["pluginManager", "api", "json"]) if world.lacking.contains("hudson.model.Hudson.Administer") => {
            answer::denied(&caller.name, "hudson.model.Hudson.Administer")
        }
        ("GET", ["pluginManager", "api", "json"]) => {
            let plugin = |name: &String| json!({ "shortName": name, "active": true });
            read(seen, &json!({ "plugins": world.plugins.iter().map(plugin).collect::<Vec<_>>() }))
        }
        ("POST", ["pipeline-model-converter", "validateJenkinsfile"]) => {
            let errors = if seen.body.contains("pipeline") {
                json!([])
            } else {
                json!([{ "error": "Missing pipeline @ line 1, column 1." }])
            };
            let result = if errors == json!([]) { "success" } else { "failure" };
            answer::json(&json!({ "status": "ok", "data": { "result": result, "errors": errors } }))
        }
        ("GET", ["computer", "api", "json"]) => read(seen, &json!({ "computer": world.nodes })),
        (method, ["credentials", "store", "system", rest @ ..]) => store::serve(world, seen, "", (method, rest)),
        (method, ["computer", name, rest @ ..]) => {
            // Nobody's display name, and its own in addresses (`Hudson.MasterComputer.getUrl`).
            let built_in = |node: &Value| node["_class"] == BUILT_IN;
            let named =
                |node: &&mut Value| if built_in(node) { *name == "(built-in)" } else { node["displayName"] == *name };
            match world.nodes.iter_mut().find(named) {
                Some(node) if matches!(rest, ["api", "json"]) => read(seen, node),
                Some(node) if method == "POST" && *rest == ["toggleOffline"] => {
                    let out = node["temporarilyOffline"] != true;
                    (node["temporarilyOffline"], node["offline"]) = (out.into(), out.into());
                    Answer::to(302, ".")
                }
                Some(_) if method == "POST" && *rest == ["doDelete"] => {
                    world.nodes.retain(|node| node["displayName"] != *name);
                    Answer::to(302, "..")
                }
                Some(_) if method == "GET" && rest.is_empty() => answer::page(200, name),
                _ => missing(),
            }
        }
        ("GET", ["blue", "rest", "organizations", "jenkins", "pipelines", name, "runs", number, "nodes"]) => {
            let build = number.parse().ok().and_then(|number| world.build(name, number).cloned());
            build.map_or_else(missing, |build| stages(&world.plugins, &build, "blueocean-rest"))
        }
        (
            "GET",
            ["blue", "rest", "organizations", "jenkins", "pipelines", name, "runs", number, "nodes", stage, "log"],
        ) if world.plugins.iter().any(|name| name == "blueocean-rest") => {
            let start = seen.query("start").and_then(|start| start.parse().ok()).unwrap_or(0);
            let build = number.parse().ok().and_then(|number| world.build(name, number));
            build.map_or_else(missing, |build| match build.stage_logs.iter().find(|(id, _)| id == stage) {
                Some((_, log)) => progressive(Some(log), build.building || build.in_progress, start),
                None => missing(),
            })
        }
        ("GET", [""]) => answer::page(200, "Dashboard").header("x-jenkins", "2.579"),
        ("GET", ["api", "json"]) => {
            let jobs: Vec<Value> = world.items.iter().map(|item| world.item_json(item, &item.name)).collect();
            let root =
                json!({ "_class": "hudson.model.Hudson", "url": world.root_url, "quietingDown": false, "jobs": jobs });
            read(seen, &root)
        }
        ("GET", ["queue", "api", "json"]) => {
            let items: Vec<Value> =
                world.queue.iter().filter(|place| place.left.is_none()).map(|place| world.place_json(place)).collect();
            read(seen, &json!({ "_class": "hudson.model.Queue", "items": items }))
        }
        ("GET", ["queue", "item", id, "api", "json"]) => {
            let place = world.queue.iter().find(|place| place.id.to_string() == *id);
            place.map_or_else(missing, |place| read(seen, &world.place_json(place)))
        }
        ("POST", ["queue", "cancelItem"]) => {
            let id = seen.query("id").unwrap_or_default();
            match world.queue.iter_mut().find(|place| place.id.to_string() == id) {
                Some(place) if place.left.is_none() => {
                    place.left = Some(Left::Cancelled);
                    Answer::new(204)
                }
                Some(_) => Answer::new(422),
                None => Answer::new(404),
            }
        }
        (method, parts) => {
            let named = parts.chunks(2).take_while(|pair| matches!(pair, ["job", _])).count();
            let name = parts[..2 * named].iter().skip(1).step_by(2).copied().collect::<Vec<_>>().join("/");
            item(world, seen, caller, (method, &name, &parts[2 * named..]))
        }
    }
}

pub(super) fn missing() -> Answer {
    answer::page(404, "Not Found")
}

pub(super) fn read(seen: &Seen, value: &Value) -> Answer {
    match seen.query("tree").map(|wanted| tree::prune(value, &wanted)) {
        None => answer::json(value),
        Some(Ok(value)) => answer::json(&value),
        Some(Err(error)) => answer::page(500, &error),
    }
}

fn item(world: &mut World, seen: &Seen, caller: &Caller, (method, name, rest): (&str, &str, &[&str])) -> Answer {
    if (method, rest) == ("POST", &["createItem"]) {
        return create(world, seen, name);
    }
    let Some(item) = world.item(name).map(|item| item.clone()) else { return missing() };
    match (method, rest) {
        (method, ["credentials", "store", "folder", rest @ ..]) if item.items.is_some() => {
            store::serve(world, seen, name, (method, rest))
        }
        ("GET", ["api", "json"]) => read(seen, &world.item_json(&item, name)),
        ("POST", [action @ ("build" | "buildWithParameters")]) => {
            if world.lacking.contains("hudson.model.Item.Build") {
                return answer::denied(&caller.name, "hudson.model.Item.Build");
            }
            if item.disabled {
                return answer::page(409, &format!("{name} is not buildable"));
            }
            schedule(world, seen, caller, name, item.parameters.as_deref(), *action == "build")
        }
        ("GET", []) => answer::page(200, &item.name),
        ("GET", ["config.xml"]) => {
            let mut answer = Answer::new(200).header("content-type", "application/xml");
            answer.body = item.config.into();
            answer
        }
        ("POST", [switch @ ("enable" | "disable")]) => {
            if let Some(there) = world.item(name) {
                there.disabled = *switch == "disable";
            }
            Answer::to(302, ".")
        }
        ("POST", ["confirmRename"]) => relocate(world, name, None, seen.query("newName").as_deref()),
        ("POST", ["move", "move"]) => {
            let to = came(seen).into_iter().find(|(name, _)| name == "destination").map(|(_, to)| to);
            relocate(world, name, to.as_deref(), None)
        }
        ("POST", ["config.xml"]) => match Item::of_config(&item.name, &seen.body) {
            Some(new) if new.class == item.class => {
                if let Some(there) = world.item(name) {
                    (there.config, there.parameters) = (new.config, new.parameters);
                }
                Answer::new(200)
            }
            new => answer::page(500, &format!("Expecting class {} but got {:?}", item.class, new.map(|new| new.class))),
        },
        ("DELETE", []) | ("POST", ["doDelete"]) => {
            let (folder, name) = name.rsplit_once('/').unwrap_or(("", name));
            if let Some(items) = world.items_of(folder) {
                items.retain(|item| item.name != name);
            }
            if method == "DELETE" { Answer::new(204) } else { Answer::to(302, &format!("{CONTEXT}/")) }
        }
        // `Run.doDoDelete`
        ("POST", [number, "doDelete"]) => match number.parse().ok().and_then(|number| world.build(name, number)) {
            Some(build) if build.kept => answer::failure(&format!("{name} #{number} is kept for ever")),
            Some(build) => {
                let number = build.number;
                world.item(name).unwrap().builds.retain(|build| build.number != number);
                Answer::to(302, "..")
            }
            None => missing(),
        },
        ("GET", [cell, number, "logText", "progressiveText"]) if cell.contains('=') => {
            let start = seen.query("start").and_then(|start| start.parse().ok()).unwrap_or(0);
            let build = number.parse().ok().and_then(|number| world.build(name, number));
            let cell = build.and_then(|build| build.cells.iter().find(|there| there.name == *cell));
            cell.map_or_else(missing, |cell| progressive(Some(&cell.log), cell.result.is_none(), start))
        }
        (method, [number, rest @ ..]) => {
            let (now, plugins, files, job) = (world.now, world.plugins.clone(), world.files.clone(), world.url(name));
            let build = number.parse().ok().and_then(|number| world.build(name, number));
            build.map_or_else(missing, |build| match (method, rest) {
                ("GET", ["api", "json"]) => read(seen, &build_json(build, &job, now)),
                ("GET", ["stages", "tree"]) => stages(&plugins, build, "pipeline-graph-view"),
                ("GET", ["wfapi", "describe"]) => stages(&plugins, build, "pipeline-rest-api"),
                ("GET", ["wfapi", "pendingInputActions"]) if plugins.iter().any(|name| name == "pipeline-rest-api") => {
                    let waits =
                        |id: &String| json!({ "id": id, "message": "Go on?", "proceedUrl": "", "abortUrl": "" });
                    answer::json(&build.inputs.iter().map(waits).collect())
                }
                ("GET", ["artifact", path @ ..]) => artifact(build, &path.join("/"), files.as_deref()),
                _ => of_build(build, seen, method, rest),
            })
        }
        _ => missing(),
    }
}

/// `ItemGroupMixIn.createTopLevelItem`: an empty yes, and refusals in a header.
fn create(world: &mut World, seen: &Seen, folder: &str) -> Answer {
    let name = seen.query("name").unwrap_or_default();
    let Some(items) = world.items_of(folder) else { return missing() };
    if items.iter().any(|item| item.name == name) {
        return answer::failure(&format!("A job already exists with the name \u{2018}{name}\u{2019}"));
    }
    if let Some(from) = seen.query("from") {
        let Some(from) = world.item(from.trim_start_matches('/')).map(|item| item.clone()) else { return missing() };
        let copy = Item { name, builds: vec![], ..from };
        world.items_of(folder).unwrap().push(copy);
        return Answer::to(302, ".");
    }
    match seen.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default() {
        "application/xml" | "text/xml" => {}
        "" => return answer::failure("No Content-Type header set"),
        _ => return answer::failure("Only XML is taken here"),
    }
    match Item::of_config(&name, &seen.body) {
        Some(item) => {
            items.push(item);
            Answer::new(200)
        }
        None => answer::page(500, "CannotResolveClassException"),
    }
}

/// Another name, or another folder: the old address leads nowhere from then on.
fn relocate(world: &mut World, full_name: &str, folder: Option<&str>, name: Option<&str>) -> Answer {
    let (old_folder, old_name) = full_name.rsplit_once('/').unwrap_or(("", full_name));
    let (folder, name) = (folder.map_or(old_folder, |to| to.trim_matches('/')), name.unwrap_or(old_name));
    if world.items_of(folder).is_none_or(|items| items.iter().any(|item| item.name == name)) {
        return answer::failure("it can not be there");
    }
    let items = world.items_of(old_folder).unwrap();
    let at = items.iter().position(|item| item.name == old_name).unwrap();
    let item = Item { name: name.to_owned(), ..items.remove(at) };
    world.items_of(folder).unwrap().push(item);
    Answer::to(302, &world.url(&format!("{folder}/{name}")))
}

fn schedule(
    world: &mut World,
    seen: &Seen,
    caller: &Caller,
    name: &str,
    declared: Option<&[Value]>,
    plain: bool,
) -> Answer {
    let (mut given, mut files, uploads) = (Vec::new(), Vec::new(), multipart::parts(seen));
    match (declared, plain) {
        (None, false) => return answer::page(400, &format!("{name} is not parameterized")),
        (Some(_), true) => return answer::page(400, "This page expects a form submission"),
        (None, true) => {}
        (Some(declared), false) => {
            // What is declared is looked for among what came, and nothing else is looked at.
            let fields = came(seen);
            for definition in declared {
                let name = definition["name"].as_str().unwrap_or_default();
                if definition["type"] == "FileParameterDefinition" {
                    // One that did not come is no parameter of the build (`FileParameterDefinition.createValue`).
                    if let Some(part) = uploads.iter().find(|part| part.name == name && part.file.is_some()) {
                        given.push(json!({ "_class": "hudson.model.FileParameterValue", "name": name }));
                        files.push((name.to_owned(), part.bytes.clone()));
                    }
                    continue;
                }
                let sent = fields.iter().find(|(field, _)| field == name).map(|(_, value)| Value::from(value.clone()));
                let value = sent.unwrap_or_else(|| definition["defaultParameterValue"]["value"].clone());
                if definition["choices"].as_array().is_some_and(|choices| !choices.contains(&value)) {
                    return answer::page(
                        500,
                        &format!("IllegalArgumentException: Illegal choice for parameter {name}"),
                    );
                }
                let hidden = definition["type"] == "PasswordParameterDefinition";
                let class = definition["type"].as_str().unwrap_or_default().replace("Definition", "Value");
                let mut shown = json!({ "_class": format!("hudson.model.{class}"), "name": name });
                if !hidden {
                    shown["value"] = value;
                }
                given.push(shown);
            }
        }
    }
    let (id, created) = world.enqueue(name, given, &caller.name);
    if let Some(place) = world.queue.iter_mut().find(|place| created && place.id == id) {
        place.files = files;
    }
    let place = format!("{}queue/item/{id}/", world.root_url);
    // Only `buildWithParameters` tells that a request was folded into another.
    Answer::to(if created || plain { 201 } else { 303 }, &place)
}

/// What a plugin shows of a build's stages; nobody has a page for it where the plugin is not installed.
fn stages(plugins: &[String], build: &Build, plugin: &str) -> Answer {
    let there = plugins.iter().any(|name| name == plugin);
    let shown = build.stages.iter().find(|(name, _)| name == plugin);
    shown.filter(|_| there).map_or_else(missing, |(_, value)| answer::json(value))
}

/// From the controller, or from where its files are, by a token in the address (`ResourceDomainRootAction`).
fn artifact(build: &Build, path: &str, files: Option<&str>) -> Answer {
    let Some((_, bytes)) = build.artifacts.iter().find(|(there, _)| there == path) else { return missing() };
    match files {
        Some(origin) => Answer::to(302, &format!("{origin}/static-files/token/{path}")),
        None => {
            let mut answer = Answer::new(200).header("content-type", "application/octet-stream");
            answer.body = bytes.clone().into();
            answer
        }
    }
}

fn of_build(build: &mut Build, seen: &Seen, method: &str, rest: &[&str]) -> Answer {
    match (method, rest) {
        ("GET", []) => answer::page(200, "a build"),
        ("POST", ["input", id, decision]) => match build.inputs.iter().position(|there| there == id) {
            Some(at) => {
                build.inputs.remove(at);
                build.asked.push(format!("{decision} {id} {}", seen.body).trim_end().to_owned());
                Answer::new(200)
            }
            None => missing(),
        },
        // Only a pipeline's build has the harder ways (`WorkflowRun.java`).
        ("POST", ["term" | "kill"]) if !build.is_pipeline => missing(),
        ("POST", [word @ ("stop" | "term" | "kill")]) => {
            build.asked.push((*word).to_owned());
            if *word == "stop" { Answer::to(302, "../") } else { Answer::new(200) }
        }
        ("GET" | "POST", ["logText", "progressiveText"]) => {
            let start = came(seen).into_iter().find(|(name, _)| name == "start");
            let start = start.and_then(|(_, start)| start.parse().ok()).unwrap_or(0);
            progressive(build.log.as_deref(), build.building || build.in_progress, start)
        }
        ("GET", ["consoleText"]) => {
            Answer::new(200).body("text/plain;charset=utf-8", build.log.clone().unwrap_or_default())
        }
        _ => missing(),
    }
}

/// Stapler's `LargeText.doProgressText`.
fn progressive(log: Option<&[u8]>, grows: bool, start: usize) -> Answer {
    let log_so_far = log.unwrap_or_default();
    // The text rolled over: it begins again.
    let start = if start > log_so_far.len() { 0 } else { start };
    let mut answer =
        Answer::new(200).header("content-type", "text/plain;charset=utf-8").header("x-text-size", log_so_far.len());
    if grows {
        answer = answer.header("x-more-data", true);
    }
    let mut last = 0;
    for byte in &log_so_far[start..] {
        if *byte == b'\n' && last != b'\r' {
            answer.body.push(b'\r');
        }
        answer.body.push(*byte);
        last = *byte;
    }
    answer
}
