//! The OpenAPI document: what the handlers say of themselves, and what is the same for all of them.

use std::sync::LazyLock;

use utoipa::openapi::{
    Components, Content, Info, License, OpenApi, Ref, RefOr, Response,
    path::Operation,
    security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    tag::Tag,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::{Problem, problem};

/// The document as it is served.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| super::openapi().to_pretty_json().unwrap_or_default());
    &TEXT
}

const TAGS: [(&str, &str); 17] = [
    ("providers", "Configured connections to CI/CD platforms"),
    ("pipelines", "Definitions, ours and their counterparts on a platform"),
    ("runs", "Executions, their graphs and logs"),
    ("runners", "The machines that do a platform's work"),
    ("remote", "What only a platform has: its own secrets, variables, webhooks, environments and deployments"),
    ("artifacts", "Bytes with a digest"),
    ("operations", "Durable intents to change something outside"),
    ("secrets", "Values that only the vault holds"),
    ("tokens", "Who may talk to this API"),
    ("plugins", "What is installed"),
    ("events", "What happened"),
    ("audit", "Who did what"),
    ("callbacks", "What runs say of themselves"),
    ("webhooks", "What platforms tell of their own accord, and what became of it"),
    ("notifications", "Who is told of what happens, and what became of each message"),
    ("health", "What machines ask before they have a token"),
    ("problems", "Errors: application/problem+json (RFC 9457), codes in docs/errors.md"),
];

/// Adds what no handler has to say: who we are, how to authenticate, what an error looks like.
pub(crate) fn finish(document: &mut OpenApi) {
    let mut info = Info::new("NovaCron CI/CD", env!("CARGO_PKG_VERSION"));
    info.description = Some("One model over every CI/CD platform.".into());
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".into());
    info.license = Some(license);
    document.info = info;
    document.tags = Some(TAGS.map(|(name, what)| described(name, what)).to_vec());
    let components = document.components.get_or_insert_with(Components::new);
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.add_security_scheme("run-token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    for (path, item) in &mut document.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
            &mut item.head,
            &mut item.options,
            &mut item.trace,
        ];
        for operation in operations.into_iter().flatten() {
            secure(path, operation);
            refuse(operation);
            describe(operation);
        }
    }
}

fn described(name: &str, what: &str) -> Tag {
    let mut tag = Tag::new(name);
    tag.description = Some(what.to_owned());
    tag
}

fn secure(path: &str, operation: &mut Operation) {
    // Who sends a webhook proves it by the scheme of its platform.
    let open = path.starts_with("/v1/hooks/")
        || operation.tags.as_deref().is_some_and(|tags| tags.iter().any(|tag| tag == "health"));
    let scheme = if path.starts_with("/v1/callbacks/") { "run-token" } else { "token" };
    let requirement = SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []);
    operation.security = Some(if open { Vec::new() } else { vec![requirement] });
}

fn refuse(operation: &mut Operation) {
    let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
    let mut response = Response::new("what went wrong, and what can be done about it");
    response.content.insert(problem::MEDIA_TYPE.to_owned(), Content::new(Some(schema)).into());
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
}

/// Every response has to have a description; where the handler has nothing to add it is the status's own words.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status.parse::<u16>().ok().and_then(|status| http::StatusCode::from_u16(status).ok());
            response.description = status.and_then(|status| status.canonical_reason()).unwrap_or("OK").to_lowercase();
        }
    }
}
