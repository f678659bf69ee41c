//! Who asks for what.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::server::{Answer, Seen};

use super::{
    USER, content, graphql, objects,
    page::{base, forbidden, form, keyset, missing, paged, said},
    pipelines, platform, variables,
    world::World,
};

/// A request, read.
pub(super) struct Ask<'a> {
    pub(super) seen: &'a Seen,
    /// `GET`, `POST`, ...
    pub(super) method: &'a str,
    /// Query and body together.
    pub(super) fields: Value,
    /// What stands before every path.
    pub(super) base: String,
}

impl Ask<'_> {
    /// A field that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.fields[name].as_str()
    }

    /// A field that is true, however it is written.
    pub(super) fn is(&self, name: &str) -> bool {
        self.fields[name] == true || matches!(self.text(name), Some("true" | "1"))
    }

    /// These fields, where they are given.
    pub(super) fn take(&self, names: &[&str]) -> serde_json::Map<String, Value> {
        let given = |name: &&&str| !self.fields[**name].is_null();
        names.iter().filter(given).map(|name| ((*name).to_owned(), self.fields[*name].clone())).collect()
    }
}

pub(super) fn serve(world: &mut World, seen: &Seen) -> Answer {
    let segments: Vec<String> = seen
        .path()
        .trim_matches('/')
        .split('/')
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let Some(refused) = admit(world, seen) {
        return refused;
    }
    let mut fields = serde_json::Map::new();
    let body = serde_json::from_slice::<Value>(&seen.bytes).ok().and_then(|body| body.as_object().cloned());
    let mut pairs = form(seen);
    if seen.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        pairs.extend(form_urlencoded::parse(&seen.bytes).into_owned());
    }
    for (name, value) in pairs {
        match name.strip_suffix("[]") {
            Some(list) => fields.entry(list).or_insert_with(|| json!([])).as_array_mut().unwrap().push(json!(value)),
            None => drop(fields.insert(name, json!(value))),
        }
    }
    fields.extend(body.unwrap_or_default());
    let ask = Ask {
        seen,
        method: if seen.method == "HEAD" { "GET" } else { &seen.method },
        fields: Value::Object(fields),
        base: base(world, seen),
    };
    if parts == ["api", "graphql"] && world.graphql {
        return graphql::serve(world, &ask);
    }
    let ["api", "v4", rest @ ..] = parts.as_slice() else { return said(404, "404 Not Found") };
    if ask.method != "GET" && !world.scopes.iter().any(|scope| scope == "api") {
        let body = json!({ "error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api" });
        return Answer::json(403, &body);
    }
    route(world, &ask, rest)
}

fn admit(world: &World, seen: &Seen) -> Option<Answer> {
    let bearer = seen.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let given = seen.header("private-token").or(bearer);
    (given != Some(world.token.as_str())).then(|| said(401, "401 Unauthorized"))
}

fn route(world: &mut World, ask: &Ask<'_>, parts: &[&str]) -> Answer {
    match (ask.method, parts) {
        ("GET", ["version"]) => Answer::json(200, &json!({ "version": world.version, "revision": "0123abcd" })),
        ("GET", ["metadata"]) => Answer::json(
            200,
            &json!({ "version": world.version, "revision": "0123abcd", "enterprise": false,
                "kas": { "enabled": false, "externalUrl": null, "version": null } }),
        ),
        ("GET", ["user"]) => {
            let mut user = objects::user();
            user["email"] = json!("ci@gitlab.example");
            user["is_admin"] = json!(false);
            Answer::json(200, &user)
        }
        ("GET", ["personal_access_tokens", "self"]) => Answer::json(
            200,
            &json!({ "id": 7, "name": USER, "revoked": false, "active": true,
            "created_at": World::iso(0), "scopes": world.scopes, "user_id": 1, "last_used_at": null, "expires_at": "2099-01-01" }),
        ),
        ("GET", ["projects"]) => list(world, ask, |_| true),
        ("GET", ["groups", group, "projects"]) => {
            let below = format!("{group}/");
            let deep = ask.is("include_subgroups");
            list(world, ask, |path| path.strip_prefix(&below).is_some_and(|rest| deep || !rest.contains('/')))
        }
        (_, ["runners" | "user", ..]) => platform::runners(world, ask, parts),
        (_, ["projects", project, rest @ ..]) => of_project(world, ask, project, rest),
        _ => said(404, "404 Not Found"),
    }
}

fn list(world: &World, ask: &Ask<'_>, wanted: impl Fn(&str) -> bool) -> Answer {
    let archived = ask.fields["archived"].as_str().map(|text| text == "true");
    let found =
        world.projects.iter().filter(|it| wanted(&it.path) && archived.is_none_or(|archived| archived == it.archived));
    let rows: Vec<Value> = found.map(|it| objects::project(world, &ask.base, it)).collect();
    if ask.text("pagination") == Some("keyset") {
        return keyset(world, ask.seen, rows);
    }
    paged(world, ask.seen, rows)
}

fn of_project(world: &mut World, ask: &Ask<'_>, name: &str, rest: &[&str]) -> Answer {
    let place = world.projects.iter().position(|there| there.path == name || there.id.to_string() == name);
    let Some(place) = place else {
        // Led on to where it is now, where the request only reads (since 16.7).
        return match world.moved.get(name) {
            Some(id) if ask.method == "GET" => {
                let (_, after) = ask
                    .seen
                    .target
                    .split_once(&ask.seen.path().split('/').nth(4).unwrap_or_default().to_owned())
                    .unwrap_or_default();
                Answer::to(301, &format!("{}/api/v4/projects/{id}{after}", ask.base))
            }
            _ => missing("Project"),
        };
    };
    match (ask.method, rest) {
        ("GET", []) => Answer::json(200, &objects::project(world, &ask.base, &world.projects[place])),
        ("PUT", []) if world.level < 40 => forbidden(),
        ("PUT", []) => {
            let project = &mut world.projects[place];
            if let Some(level) = ask.text("builds_access_level") {
                project.builds_access_level = level.into();
            }
            if let Some(path) = ask.text("ci_config_path") {
                project.ci_config_path = Some(path.into());
            }
            Answer::json(200, &objects::project(world, &ask.base, &world.projects[place]))
        }
        (_, ["pipeline" | "pipelines" | "jobs" | "trigger", ..]) => pipelines::serve(world, ask, place, rest),
        (_, ["variables", ..]) => variables::serve(world, ask, place, &rest[1..]),
        (_, ["repository" | "ci" | "pipeline_schedules" | "triggers", ..]) => content::serve(world, ask, place, rest),
        _ => platform::serve(world, ask, place, rest),
    }
}
