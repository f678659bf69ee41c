//! Requests to a GitLab, and what its refusals mean.
//!
//! An error is `{"message": ...}` with a text, a list or a map of fields, `{"error": ...}`, plain text, or a page
//! (`lib/api/helpers.rb`, `lib/gitlab/rack_attack.rb`). What a person would want of each is a list of sentences.

use novacron_cicd_sdk::{
    Result, clock, context,
    http::{Request, Response, Target},
    types::{Error, ErrorKind, PageRequest, Redirects, RunRef},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::settings::{OAUTH, Settings, TOKEN};

/// Rows of a page: GitLab gives 20 where none is asked for, and 100 at most.
pub(crate) const PAGE: u32 = 100;

const API: &str = "/api/v4/";

/// The GitLab of this call.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// What the operator wrote, relative root and all.
    pub(crate) base_url: String,
    /// What the operator set.
    pub(crate) settings: Settings,
    /// What requests authenticate with; none: as anonymous.
    pub(crate) slot: Option<&'static str>,
}

impl Client {
    /// Of the provider that this call is for.
    pub(crate) fn here() -> Result<Self> {
        let slot = [TOKEN, OAUTH].into_iter().find(|slot| context::has_credential(slot));
        Ok(Self { base_url: context::base_url(), settings: context::settings()?, slot })
    }

    /// The same, for a call about what GitLab has under this number.
    pub(crate) fn about(what: &str, id: &str) -> Result<Self> {
        numbered(what, id)?;
        Self::here()
    }

    /// A request that reads. A project that was moved is answered with its new address.
    pub(crate) fn get(&self, segments: &[&str]) -> Request {
        self.authenticated(Request::get(api(segments)))
    }

    /// A request that makes or starts something.
    pub(crate) fn post(&self, segments: &[&str]) -> Request {
        self.authenticated(Request::post(api(segments)).redirects(Redirects::SameMethod))
    }

    /// A request that changes something.
    pub(crate) fn put(&self, segments: &[&str]) -> Request {
        self.authenticated(Request::put(api(segments)).redirects(Redirects::SameMethod))
    }

    /// A request that removes something.
    pub(crate) fn delete(&self, segments: &[&str]) -> Request {
        self.authenticated(Request::delete(api(segments)).redirects(Redirects::SameMethod))
    }

    /// A query of GraphQL, which reads.
    pub(crate) fn query(&self, query: &str, variables: &Value) -> Request {
        let body = serde_json::json!({ "query": query, "variables": variables });
        self.authenticated(Request::post("/api/graphql").reads().json(&body))
    }

    /// What is below a run's pipeline.
    pub(crate) fn of_run<'a>(run: &'a RunRef, below: &[&'a str]) -> Result<Vec<&'a str>> {
        numbered("run", &run.run)?;
        Ok([&["projects", run.pipeline.as_str(), "pipelines", run.run.as_str()], below].concat())
    }

    /// A page of a listing, by its first request or the cursor of the page before. A cursor is what `Link` said, below the API:
    /// what GitLab takes for its own address need not be ours.
    pub(crate) fn page(&self, first: Request, cursor: Option<&str>) -> Result<Request> {
        match cursor {
            None => Ok(first),
            Some(cursor) if cursor.starts_with(API) && !cursor.contains("/../") => {
                Ok(self.authenticated(Request::get(cursor)))
            }
            Some(_) => Err(foreign("cursor")),
        }
    }

    /// The rows of a page, at most `most`, and the cursor of the next one.
    pub(crate) fn rows<T: DeserializeOwned>(
        &self,
        first: Request,
        page: &PageRequest,
        most: u32,
    ) -> Result<(Vec<T>, Option<String>)> {
        let first = first.query("per_page", page.limit.clamp(1, most));
        let answer = taken(self.page(first, page.cursor.as_deref())?.send()?)?;
        Ok((answer.json()?, next(&answer)))
    }

    /// All rows of a listing of at most ten pages.
    pub(crate) fn whole<T: DeserializeOwned>(&self, first: Request) -> Result<Vec<T>> {
        Ok(self.all(taken(first.query("per_page", PAGE).send()?)?, 10)?.0)
    }

    /// All rows of a listing of at most `pages` pages, and whether they are all. Of a first answer that is there already.
    pub(crate) fn all<T: DeserializeOwned>(&self, first: Response, pages: usize) -> Result<(Vec<T>, bool)> {
        let (mut rows, mut next): (Vec<T>, _) = (first.json()?, next(&first));
        for _ in 1..pages {
            let Some(cursor) = next else { return Ok((rows, true)) };
            let answer = taken(self.page(self.get(&[]), Some(&cursor))?.send()?)?;
            rows.extend(answer.json::<Vec<T>>()?);
            next = self::next(&answer);
        }
        Ok((rows, next.is_none()))
    }

    fn authenticated(&self, request: Request) -> Request {
        match self.slot {
            Some(slot) => request.credential(slot),
            None => request,
        }
    }
}

fn api(segments: &[&str]) -> Target {
    Target::from([&["api", "v4"], segments].concat())
}

/// Where a listing goes on, below the API.
pub(crate) fn next(answer: &Response) -> Option<String> {
    let links = answer.headers("link").flat_map(|header| header.split(','));
    links.filter(|link| link.contains("rel=\"next\"")).find_map(|link| {
        let (_, rest) = link.split_once('<')?;
        let (url, _) = rest.split_once('>')?;
        Some(url[url.find(API)?..].to_owned())
    })
}

/// A cursor, a ticket, a position that this plugin did not make.
pub(crate) fn foreign(what: &str) -> Error {
    Error::invalid_input(what, "it is not one of this plugin's")
}

/// An id of GitLab's, which is a number.
pub(crate) fn numbered(what: &str, id: &str) -> Result<u64> {
    id.parse().map_err(|_| Error::invalid_input(what, format!("{id:?} is no id of GitLab's")))
}

/// Sends, takes only success, and reads JSON.
pub(crate) fn fetch<T: DeserializeOwned>(request: Request) -> Result<T> {
    taken(request.send()?)?.json()
}

/// As [`fetch`]; none where GitLab answers 404, which it also does for what the account may not see.
pub(crate) fn fetch_maybe<T: DeserializeOwned>(request: Request) -> Result<Option<T>> {
    let answer = request.send()?;
    if answer.status() == 404 { Ok(None) } else { taken(answer)?.json().map(Some) }
}

/// Sends, and takes only success.
pub(crate) fn done(request: Request) -> Result<()> {
    taken(request.send()?).map(drop)
}

/// As [`done`]; what is not there any more is gone.
pub(crate) fn gone(request: Request) -> Result<()> {
    let answer = request.send()?;
    if answer.status() == 404 { Ok(()) } else { taken(answer).map(drop) }
}

/// The answer, if it is a yes.
pub(crate) fn taken(answer: Response) -> Result<Response> {
    if answer.is_success() { Ok(answer) } else { Err(refusal(&answer)) }
}

/// What an answer of GraphQL holds; an error of it is an error, though its status is 200.
pub(crate) fn data(answer: Response) -> Result<Value> {
    let mut answered: Value = taken(answer.clone())?.json()?;
    if let Some(said) = answered.pointer("/errors/0/message").and_then(Value::as_str) {
        return Err(Error::upstream(format!("GitLab's GraphQL: {said}"), answer.status(), answer.text()));
    }
    Ok(answered.get_mut("data").map(Value::take).unwrap_or_default())
}

/// Sentences that make a refusal another than its status says.
const CONFLICTS: [&str; 9] = [
    "already been taken",
    "already exists",
    "file that has changed",
    "unplayable job",
    "not retryable",
    "not cancelable",
    "multiple variables with provided",
    "cannot destroy running",
    "currently deployed to environment",
];

/// What a refusal means.
pub(crate) fn refusal(answer: &Response) -> Error {
    let (field, said) = sentences(answer);
    let lower = said.to_lowercase();
    let error = answer.error();
    if !(400..500).contains(&answer.status()) {
        return error;
    }
    if lower.contains("insufficient permissions to set pipeline variables") {
        return Error::forbidden(said, Some("ci_pipeline_variables_minimum_override_role".into())).hint(
            "the project lets this role set no pipeline variables: change that in its CI/CD settings, or declare \
             spec:inputs and set the provider's setting `correlation` to input or none",
        );
    }
    if matches!(answer.status(), 400 | 403 | 409 | 422) && CONFLICTS.iter().any(|part| lower.contains(part)) {
        return Error::conflict(said);
    }
    match answer.status() {
        400 | 422 if !said.is_empty() => Error::invalid_input(field, said),
        401 => error.hint("the token is wrong, revoked or has ended: fill the slot with another"),
        403 if answer.text().contains("insufficient_scope") => {
            Error::forbidden(said, Some("api".into())).hint("give the provider a token with the scope `api`")
        }
        403 if matches!(error.kind, ErrorKind::Forbidden(_)) => {
            Error::forbidden(if said.is_empty() { error.message } else { said }, None)
                .hint("the account's role in the project does not allow it")
        }
        404 => error.hint("it is not there under that name, or this provider's account may not see it"),
        // The application's own limits say JSON, and their RateLimit-Reset is of another limit (gitlab#365728).
        429 if answer.header("retry-after").is_none() && answer.json::<Value>().is_ok() => {
            Error::rate_limited(if said.is_empty() { error.message } else { said }, None)
        }
        // A wait that is over says nothing.
        429 if error.kind == ErrorKind::RateLimited(Some(0)) => Error::rate_limited(error.message, None),
        _ => error,
    }
}

/// The field that a refusal names, and all that it says.
fn sentences(answer: &Response) -> (String, String) {
    let Ok(body) = answer.json::<Value>() else {
        let text = answer.text();
        let plain = !text.trim_start().starts_with('<') && text.len() < 300;
        return ("request".into(), if plain { text.trim().to_owned() } else { String::new() });
    };
    let mut field = "request".to_owned();
    let mut said = Vec::new();
    for name in ["message", "error_description", "error", "errors"] {
        flatten(&body[name], "", &mut field, &mut said);
    }
    said.dedup();
    (field, said.join("; "))
}

fn flatten(value: &Value, name: &str, field: &mut String, said: &mut Vec<String>) {
    match value {
        Value::String(text) if name.is_empty() => said.push(text.clone()),
        Value::String(text) => said.push(format!("{name} {text}")),
        Value::Array(list) => list.iter().for_each(|one| flatten(one, name, field, said)),
        Value::Object(map) => {
            for (key, one) in map {
                // Of the record as a whole, not of one of its fields.
                let name = if key == "base" || key == "error" { "" } else { key.as_str() };
                if !name.is_empty() {
                    *field = name.to_owned();
                }
                flatten(one, name, field, said);
            }
        }
        _ => {}
    }
}

/// Now, by the host's clock.
pub(crate) fn now() -> u64 {
    clock::now()
}

#[cfg(test)]
mod tests {
    use novacron_cicd_sdk::testing::Host;

    use super::*;

    /// Status, headers, body, and what begins that which is told.
    type Row<'a> = (u16, &'a [(&'a str, &'a str)], &'a str, &'a str);

    #[test]
    fn a_refusal_of_any_shape_is_told_in_sentences() {
        let later = "RateLimited(None) This endpoint has been requested too many times.";
        let role = r#"Forbidden(Some("ci_pipeline_variables_minimum_override_role")) Insufficient"#;
        let limit = r#"{"message":{"error":"This endpoint has been requested too many times."}}"#;
        let variables = r#"{"message":{"base":["Insufficient permissions to set pipeline variables"]}}"#;
        let spent: &[_] = &[("ratelimit-remaining", "0"), ("ratelimit-reset", "1")];
        let rows: [Row<'_>; 17] = [
            (400, &[], r#"{"message":{"base":["Reference not found"]}}"#, "request: Reference not found"),
            (400, &[], r#"{"message":{"a":["is long"],"x":["y","z"]}}"#, "x: a is long; x y; x z"),
            (400, &[], r#"{"error":"ref is missing"}"#, "request: ref is missing"),
            (400, &[], r#"{"message":["one","two"]}"#, "request: one; two"),
            (400, &[], r#"{"message":{"key":["(X) has already been taken"]}}"#, "Conflict key (X) has"),
            (400, &[], r#"{"message":"update a file that has changed"}"#, "Conflict update"),
            (400, &[], variables, role),
            (403, &[], r#"{"error":"insufficient_scope","scope":"api"}"#, r#"Forbidden(Some("api")) insuff"#),
            (403, &[], r#"{"message":"403 Forbidden"}"#, "Forbidden(None) 403 Forbidden"),
            (403, &[], r#"{"message":"403 Forbidden - Job is not retryable"}"#, "Conflict 403"),
            (401, &[], r#"{"message":"401 Unauthorized"}"#, "Unauthorized GET / answered 401"),
            (404, &[], r#"{"message":"404 Project Not Found"}"#, "NotFound GET / answered 404"),
            (409, &[], r#"{"message":"There are multiple variables with provided"}"#, "Conflict There"),
            (429, &[("retry-after", "30")], "Retry later\n", "RateLimited(Some(30000)) GET"),
            (429, spent, limit, later),
            (429, spent, "Retry later", "RateLimited(None) GET"),
            (502, &[], "<html><title>Bad gateway</title>", "Transient GET / answered 502: Bad gateway"),
        ];
        let check = move || {
            for (status, headers, body, expected) in rows {
                let error = refusal(&Response::fake(status, headers, body.as_bytes(), true));
                let told = match error.kind {
                    ErrorKind::InvalidInput(invalid) => format!("{}: {}", invalid.field, invalid.reason),
                    kind => format!("{} {}", format!("{kind:?}").replace("ErrorKind::", ""), error.message),
                };
                assert!(told.starts_with(expected), "{status} {body}: {told}");
            }
        };
        Host::new("https://git.example", |_| unreachable!("nothing is sent")).run(check);
    }

    #[test]
    fn a_page_is_found_below_whatever_gitlab_takes_for_its_address() {
        let link = r#"<https://internal:8443/root/api/v4/projects?id_after=9&per_page=2>; rel="next", <https://internal/api/v4/projects>; rel="first""#;
        let answer = Response::fake(200, &[("Link", link)], b"[]", true);
        assert_eq!(next(&answer).as_deref(), Some("/api/v4/projects?id_after=9&per_page=2"));
        assert_eq!(next(&Response::fake(200, &[("link", "<https://x/api/v4/y>; rel=\"prev\"")], b"", true)), None);
        let client = Client { base_url: "https://git.example".into(), settings: Settings::default(), slot: None };
        let page = |cursor| client.page(client.get(&["projects"]), cursor).and_then(Request::build);
        assert_eq!(page(None).map(|request| request.url).as_deref(), Ok("/api/v4/projects"));
        assert!(page(Some("/api/v4/projects?id_after=9")).is_ok());
        assert!(page(Some("https://evil.example/api/v4/")).is_err() && page(Some("/api/v4/../../admin")).is_err());
    }
}
