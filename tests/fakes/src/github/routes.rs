//! Who asks, and for what: what GitHub checks before it looks at the thing itself.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{actions, contents, deploy, hooks, releases, show, stores, world::World};
use crate::server::{Answer, Platform, Seen};

/// A request that was let in, taken apart.
pub(super) struct Ask<'a> {
    pub(super) method: &'a str,
    pub(super) seen: &'a Seen,
    pub(super) body: Value,
    /// The repository's place in the world.
    pub(super) repo: usize,
}

impl Ask<'_> {
    pub(super) fn query(&self, name: &str) -> Option<String> {
        self.seen.query(name)
    }

    /// A page of `items`, under `envelope` with their count, or bare; with links to the next and the last page.
    pub(super) fn page(&self, base: &str, envelope: Option<&str>, items: Vec<Value>) -> Answer {
        let number = |name: &str, default: usize| self.query(name).and_then(|it| it.parse().ok()).unwrap_or(default);
        let (size, page) = (number("per_page", 30).clamp(1, 100), number("page", 1).max(1));
        let count = items.len();
        let shown: Vec<Value> = items.into_iter().skip((page - 1) * size).take(size).collect();
        let body = match envelope {
            Some(name) => json!({ "total_count": count, name: shown }),
            None => json!(shown),
        };
        let answer = Answer::json(200, &body);
        if page * size >= count {
            return answer;
        }
        let link = |to: usize, relation: &str| {
            let query = self.seen.target.split_once('?').map_or("", |(_, query)| query);
            let kept: String = query
                .split('&')
                .filter(|it| !it.is_empty() && !it.starts_with("page="))
                .map(|it| format!("{it}&"))
                .collect();
            format!("<{base}{}?{kept}page={to}>; rel=\"{relation}\"", self.seen.path())
        };
        answer.header("link", format!("{}, {}", link(page + 1, "next"), link(count.div_ceil(size), "last")))
    }
}

/// GitHub's errors: newer ones say their status in the body too.
pub(super) fn error(status: u16, message: &str) -> Answer {
    let url = "https://docs.github.com/rest";
    Answer::json(status, &json!({ "message": message, "documentation_url": url, "status": status.to_string() }))
}

pub(super) fn not_found() -> Answer {
    error(404, "Not Found")
}

pub(super) fn empty(status: u16) -> Answer {
    if status == 204 { Answer::new(204) } else { Answer::json(status, &json!({})) }
}

impl Platform for World {
    fn answer(&mut self, request: &Seen) -> Answer {
        self.base = format!("http://{}", request.header("host").unwrap_or("localhost"));
        let mut answer = admit(self, request)
            .header("x-github-request-id", "ABCD:1234")
            .header("x-github-api-version-selected", version(request))
            .header("x-ratelimit-limit", 5000)
            .header("x-ratelimit-remaining", 4999)
            .header("x-ratelimit-reset", self.now / 1000 + 3600);
        if let Some(scopes) = &self.scopes {
            answer = answer.header("x-oauth-scopes", scopes);
        }
        if request.method == "GET" && answer.status == 200 {
            let tag = format!("W/\"{}\"", super::world::sha(&answer.body));
            if request.header("if-none-match") == Some(&tag) {
                answer.status = 304;
                answer.body.clear();
                answer.headers.retain(|(name, _)| name != "content-type");
            }
            answer = answer.header("etag", tag);
        }
        answer
    }
}

fn version(request: &Seen) -> &str {
    request.header("x-github-api-version").unwrap_or("2022-11-28")
}

pub(super) fn is_new(request: &Seen) -> bool {
    version(request) == "2026-03-10"
}

fn admit(world: &mut World, seen: &Seen) -> Answer {
    if seen.header("user-agent").is_none_or(str::is_empty) {
        let message =
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Answer::new(403).body("text/plain", message);
    }
    if !matches!(version(seen), "2022-11-28" | "2026-03-10") {
        return error(400, &format!("\"{}\" is not a supported version of GitHub API", version(seen)));
    }
    let path = seen.path().strip_prefix("/api/v3").unwrap_or(seen.path());
    let segments: Vec<String> =
        path.split('/').skip(1).map(|it| percent_decode_str(it).decode_utf8_lossy().into_owned()).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let token =
        seen.header("authorization").and_then(|it| it.strip_prefix("Bearer ").or_else(|| it.strip_prefix("token ")));
    let Some(token) = token else {
        return match segments[..] {
            ["meta"] => Answer::json(200, &json!({ "verifiable_password_authentication": true })),
            _ => not_found(),
        };
    };
    let body = serde_json::from_slice(&seen.bytes).unwrap_or(Value::Null);
    if segments[0] == "app" {
        return app(world, seen, &segments, token, &body);
    }
    let minted = world.minted.iter().any(|(there, ends)| there == token && world.now < *ends);
    if token != world.token && !minted {
        return error(401, "Bad credentials");
    }
    if !seen.bytes.is_empty() && body.is_null() && !path.starts_with("/api/uploads") {
        return error(400, "Problems parsing JSON");
    }
    route(world, seen, &segments, body)
}

/// What the application itself may ask, with a JWT of its own.
fn app(world: &mut World, seen: &Seen, segments: &[&str], token: &str, asked: &Value) -> Answer {
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = claims.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
    let Some((app, installation)) = world.app.clone() else { return error(401, "Integration not found") };
    if claims["iss"] != json!(app) {
        return error(401, "A JSON web token could not be decoded");
    }
    let (now, number) = (world.now / 1000, |name: &str| claims[name].as_u64().unwrap_or(u64::MAX));
    if number("iat") > now || number("exp") < now {
        return error(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        );
    }
    if number("exp") - number("iat") > 660 {
        return error(401, "'Expiration time' claim ('exp') is too far in the future");
    }
    match (seen.method.as_str(), &segments[1..]) {
        ("POST", ["installations", id, "access_tokens"]) if *id == installation.to_string() => {
            let known =
                |name: &Value| world.repos.iter().any(|repo| name.as_str() == repo.name.split_once('/').map(|it| it.1));
            if asked["repositories"].as_array().is_some_and(|names| !names.iter().all(known)) {
                return error(
                    422,
                    "There is at least one repository that does not exist or is not accessible to the parent installation.",
                );
            }
            // As they are since 2026: far longer than the forty characters that many expect.
            let token = format!("ghs_{app}_{}", "x".repeat(300 + world.minted.len()));
            let ends = world.now + 3_600_000;
            world.minted.push((token.clone(), ends));
            let permissions = json!({ "actions": "write", "contents": "write" });
            Answer::json(
                201,
                &json!({ "token": token, "expires_at": show::time(ends), "permissions": permissions, "repository_selection": "selected" }),
            )
        }
        _ => not_found(),
    }
}

fn route(world: &mut World, seen: &Seen, segments: &[&str], body: Value) -> Answer {
    let base = world.base.clone();
    let (place, rest) = match segments {
        ["user"] => return Answer::json(200, &show::own_user(&base, "octocat", world.now)),
        ["meta"] => return Answer::json(200, &json!({ "verifiable_password_authentication": true })),
        ["rate_limit"] => {
            let core = json!({ "limit": 5000, "used": 1, "remaining": 4999, "reset": world.now / 1000 + 3600 });
            return Answer::json(200, &json!({ "resources": { "core": core, "search": core }, "rate": core }));
        }
        ["repositories", id, rest @ ..] => (world.repos.iter().position(|repo| repo.id.to_string() == *id), rest),
        ["api", "uploads", "repos", owner, name, rest @ ..] | ["repos", owner, name, rest @ ..] => {
            let full = format!("{owner}/{name}");
            let former = world.repos.iter().find(|repo| repo.former.iter().any(|it| it.eq_ignore_ascii_case(&full)));
            if let Some(repo) = former {
                let at = seen.path().find(name).unwrap() + name.len();
                let to = format!("{base}/repositories/{}{}", repo.id, &seen.target[at..]);
                let status = if seen.method == "GET" { 301 } else { 307 };
                let said = json!({ "message": "Moved Permanently", "url": to, "documentation_url": "https://docs.github.com/rest" });
                return Answer::json(status, &said).header("location", to);
            }
            (world.repos.iter().position(|repo| repo.name.eq_ignore_ascii_case(&full)), rest)
        }
        ["orgs", org, rest @ ..] => {
            (world.repos.iter().position(|repo| repo.name.starts_with(&format!("{org}/"))), rest)
        }
        _ => return not_found(),
    };
    let Some(repo) = place else { return not_found() };
    let ask = Ask { method: &seen.method, seen, body, repo };
    match rest {
        [] => Answer::json(200, &show::full_repository(&base, &world.repos[repo], world.now)),
        ["installation"] => match &world.app {
            Some((app, id)) => Answer::json(200, &json!({ "id": id, "app_id": app })),
            None => not_found(),
        },
        ["actions", "secrets" | "variables", ..] => stores::serve(world, &ask, "", rest[1], &rest[2..]),
        ["actions", "runners", rest @ ..] => stores::runners(world, &ask, rest),
        ["actions", rest @ ..] => actions::serve(world, &ask, rest),
        ["contents", path @ ..] => contents::serve(world, &ask, &path.join("/")),
        ["environments", name, kind @ ("secrets" | "variables"), rest @ ..] => {
            stores::serve(world, &ask, name, kind, rest)
        }
        ["environments", rest @ ..] => stores::environments(world, &ask, rest),
        ["deployments", rest @ ..] => deploy::serve(world, &ask, rest),
        ["hooks", rest @ ..] => hooks::serve(world, &ask, rest),
        ["releases", rest @ ..] => releases::serve(world, &ask, rest),
        ["attestations", digest] => match world.repos[repo].attestations.get(*digest) {
            Some(all) => {
                let all: Vec<_> = all.iter().map(|it| json!({ "repository_id": repo, "bundle": it })).collect();
                Answer::json(200, &json!({ "attestations": all }))
            }
            None => not_found(),
        },
        _ => not_found(),
    }
}
