#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::types::InvalidInput;

use super::*;

type Row = (u16, &'static [(&'static str, &'static str)], &'static str, ErrorKind, &'static str);

#[test]
fn a_refusal_is_told_by_its_headers_and_words() {
    let refused =
        |reason: &str| ErrorKind::InvalidInput(InvalidInput { field: "request".into(), reason: reason.into() });
    let rows: [Row; 12] = [
        (401, &[], r#"{"message":"Bad credentials","status":"401"}"#, ErrorKind::Unauthorized, "Bad credentials"),
        (
            403,
            &[("X-Accepted-GitHub-Permissions", "actions=write")],
            r#"{"message":"Resource not accessible by personal access token"}"#,
            ErrorKind::Forbidden(Some("actions=write".into())),
            "not accessible",
        ),
        (
            403,
            &[("X-Accepted-OAuth-Scopes", "admin:org"), ("X-OAuth-Scopes", "repo")],
            r#"{"message":"Must have admin rights to Repository."}"#,
            ErrorKind::Forbidden(Some("scope admin:org".into())),
            "admin rights",
        ),
        (403, &[("X-GitHub-SSO", "required; url=x")], r#"{"message":"SAML"}"#, ErrorKind::Forbidden(None), "SAML"),
        (
            403,
            &[("x-ratelimit-remaining", "0"), ("retry-after", "7")],
            r#"{"message":"API rate limit exceeded"}"#,
            ErrorKind::RateLimited(Some(7_000)),
            "API rate limit",
        ),
        (
            403,
            &[("x-ratelimit-remaining", "17")],
            r#"{"message":"You have exceeded a secondary rate limit","documentation_url":"https://docs.github.com/x#about-secondary-rate-limits"}"#,
            ErrorKind::RateLimited(Some(60_000)),
            "secondary",
        ),
        (429, &[], r#"{"message":"slow down"}"#, ErrorKind::RateLimited(Some(60_000)), "slow down"),
        (404, &[], r#"{"message":"Not Found"}"#, ErrorKind::NotFound, "Not Found"),
        (410, &[], "", ErrorKind::NotFound, "410"),
        (
            422,
            &[],
            r#"{"message":"Validation Failed","errors":[{"resource":"ReleaseAsset","code":"already_exists","field":"name"}]}"#,
            ErrorKind::Conflict,
            "name already_exists",
        ),
        (
            422,
            &[],
            r#"{"message":"Workflow does not have 'workflow_dispatch' trigger"}"#,
            refused("Workflow does not have 'workflow_dispatch' trigger"),
            "workflow_dispatch",
        ),
        (422, &[], r#"{"message":"No","errors":["a","b"]}"#, refused("No: a; b"), "a; b"),
    ];
    for (status, headers, body, kind, part) in rows {
        let error = refusal(&Response::fake(status, headers, body.as_bytes(), false));
        assert_eq!(error.kind, kind, "{status} {headers:?}");
        assert!(error.message.contains(part), "{} does not say {part}", error.message);
    }
}

#[test]
fn the_request_id_is_kept_for_githubs_support() {
    let error = refusal(&Response::fake(500, &[("X-GitHub-Request-Id", "A:1")], b"<html>", true));
    assert_eq!(novacron_cicd_sdk::lookup(&error.more, "x-github-request-id"), Some("A:1"));
}

fn client(repositories: &[&str]) -> Client {
    let repositories = repositories.iter().map(|&name| name.to_owned()).collect();
    Client { settings: Settings { repositories, ..Settings::default() }, slot: Some(TOKEN) }
}

#[test]
fn only_what_is_served_is_asked_for_and_as_the_settings_spell_it() {
    let two = client(&["acme/app", "acme/lib"]);
    assert_eq!(two.id("pipeline", "Acme/App/ci.yml").unwrap().to_string(), "acme/app/ci.yml");
    assert_eq!(two.id("pipeline", "evil/app/ci.yml").unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(two.choose("repository", Some("https://github.com/acme/lib.git")).unwrap().name, "lib");
    assert!(two.choose("repository", None).unwrap_err().message.contains("which of the 2"));
    assert_eq!(client(&["acme/app"]).choose("repository", None).unwrap().name, "app");
}

#[test]
fn a_request_names_the_version_and_follows_a_renamed_repository() {
    let request = client(&[]).put(at(&Repo::parse("acme/app").unwrap(), &["environments", "a/b"])).build().unwrap();
    assert_eq!(request.url, "/repos/acme/app/environments/a%2Fb");
    assert_eq!((request.redirects, request.credential.as_deref()), (Redirects::SameMethod, Some(TOKEN)));
    let header = |name: &str| request.headers.iter().find(|it| it.name == name).map(|it| it.value.as_str());
    assert_eq!(header("accept"), Some("application/vnd.github+json"));
    assert_eq!(header("x-github-api-version"), Some("2022-11-28"));
}
