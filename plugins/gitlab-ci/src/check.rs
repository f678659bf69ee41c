//! What a GitLab is, and who we are on it.

use novacron_cicd_sdk::{
    Result,
    http::{Request, Response, send_all},
    plugin::CheckReport,
    time,
    types::{Error, ErrorKind},
};
use serde::Deserialize;

use crate::{
    client::{self, Client},
    rows::{Project, User},
};

/// What came when, in the contract's words.
const FEATURES: [(&str, (u32, u32)); 7] = [
    ("runs.environment", (0, 0)),
    ("run-retry.failed", (0, 0)),
    ("run-retry.job", (0, 0)),
    ("run-force-cancel", (17, 0)),
    ("webhook-recovery", (17, 3)),
    ("x-hidden-variables", (17, 4)),
    ("x-pipeline-inputs", (18, 1)),
];
/// So many of the projects that are set are looked at.
const PROJECTS: usize = 20;
/// Warned of so long before a token ends, in milliseconds.
const SOON: u64 = 14 * 24 * 3_600_000;
/// Developer: who runs pipelines.
const DEVELOPER: u64 = 30;
/// Maintainer: who reads pipeline variables, and changes variables, webhooks and runners.
const MAINTAINER: u64 = 40;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version {
    version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Token {
    scopes: Vec<String>,
    expires_at: Option<String>,
}

/// What is asked: the version, the account, the token's scopes (not of OAuth tokens), and each project that is set.
pub(crate) fn questions(client: &Client) -> Vec<Request> {
    let mut asked =
        vec![client.get(&["version"]), client.get(&["user"]), client.get(&["personal_access_tokens", "self"])];
    asked.extend(named(client).map(|project| client.get(&["projects", project])));
    asked
}

/// Each once.
fn named(client: &Client) -> impl Iterator<Item = &str> {
    let meant = &client.settings.project;
    let projects = meant.iter().chain(client.settings.projects.iter().filter(move |name| meant.as_ref() != Some(name)));
    projects.map(String::as_str).take(PROJECTS)
}

/// Asks, and reads what comes back.
pub(crate) fn check(client: &Client) -> Result<CheckReport> {
    report(client, &send_all(questions(client)), client::now())
}

/// What the answers mean.
pub(crate) fn report(client: &Client, answers: &[Result<Response>], now: u64) -> Result<CheckReport> {
    let [version, user, token, projects @ ..] = answers else { return Err(Error::internal("an answer is missing")) };
    let version: Version = client::taken(version.clone()?)?.json().map_err(|error| {
        error.hint(
            "what answers there is not GitLab's API: check the base URL, with its relative root and without /api/v4",
        )
    })?;
    let user: User = client::taken(user.clone()?)?.json()?;
    let mut report = CheckReport { account: user.username, ..CheckReport::default() };
    let mut parts = version.version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let number = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    report.features =
        FEATURES.iter().filter(|(_, since)| number >= *since).map(|(word, _)| (*word).to_owned()).collect();
    if number < (16, 0) {
        report
            .warnings
            .push(format!("GitLab {} is older than 16.0, which this plugin is written for", version.version));
    }
    report.platform_version = Some(version.version);
    if let Some(token) =
        token.as_ref().ok().filter(|answer| answer.is_success()).and_then(|answer| answer.json::<Token>().ok())
    {
        if !token.scopes.iter().any(|scope| scope == "api") {
            report.missing_permissions.push("api".into());
            report
                .warnings
                .push(format!("the token has only the scopes {}: it can change nothing", token.scopes.join(", ")));
        }
        if !token.scopes.iter().any(|scope| scope == "api" || scope == "create_runner") {
            report.missing_permissions.push("create_runner".into());
        }
        let ends = token.expires_at.as_deref().and_then(|day| time::parse(&format!("{day}T00:00:00Z")));
        if let Some(day) = token.expires_at.filter(|_| ends.is_some_and(|at| at < now.saturating_add(SOON))) {
            report.warnings.push(format!("the token ends on {day}"));
        }
    }
    for (name, answer) in named(client).zip(projects) {
        match client::taken(answer.clone()?).and_then(|answer| answer.json::<Project>()) {
            Ok(project) => judge(&mut report, name, &project),
            Err(error) if error.kind == ErrorKind::NotFound => {
                report.warnings.push(format!("project {name} is not there, or the account may not see it"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

fn judge(report: &mut CheckReport, name: &str, project: &Project) {
    if !project.permissions.is_object() {
        return;
    }
    let level = |of: &str| project.permissions[of]["access_level"].as_u64();
    match level("project_access").max(level("group_access")).unwrap_or(0) {
        ..DEVELOPER => report.missing_permissions.push(format!("Developer in {name}")),
        DEVELOPER..MAINTAINER => {
            report.warnings.push(format!(
                "the account is no Maintainer in {name}: runs whose start was not answered are not known by their token, \
                 and variables, webhooks and runners can't be changed"
            ));
        }
        _ => {}
    }
    if !project.enabled() {
        report.warnings.push(format!("project {name} is archived, or has CI/CD switched off"));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::settings::Settings;

    fn asked(projects: &[&str], bodies: &[(u16, &str)]) -> Result<CheckReport> {
        let projects = projects.iter().map(|&name| name.into()).collect();
        let settings = Settings { projects, ..Settings::default() };
        let client = Client { base_url: "https://git.example".into(), settings, slot: Some("token") };
        let answers: Vec<_> =
            bodies.iter().map(|(status, body)| Ok(Response::fake(*status, &[], body.as_bytes(), true))).collect();
        report(&client, &answers, 1_767_225_600_000)
    }

    const VERSION: (u16, &str) = (200, r#"{"version":"18.2.1-ee","revision":"abc"}"#);
    const USER: (u16, &str) = (200, r#"{"id":1,"username":"ci"}"#);
    const FINE: (u16, &str) = (200, r#"{"scopes":["api"],"expires_at":"2027-01-01"}"#);

    #[test]
    fn a_gitlab_is_told_with_its_account_and_what_it_has() {
        let report = asked(&[], &[VERSION, USER, FINE]).unwrap();
        assert_eq!((report.account.as_deref(), report.platform_version.as_deref()), (Some("ci"), Some("18.2.1-ee")));
        assert_eq!(report.features.len(), 7);
        assert_eq!((report.missing_permissions.len(), report.warnings.len()), (0, 0));
        let old = asked(&[], &[(200, r#"{"version":"15.11.0"}"#), USER, (404, "{}")]).unwrap();
        assert_eq!((old.features.len(), old.warnings.len()), (3, 1), "an OAuth token tells no scopes");
    }

    #[test]
    fn what_is_missing_is_named() {
        let weak = (200, r#"{"scopes":["read_api"],"expires_at":"2026-01-10"}"#);
        let project = |level: u32| {
            format!(
                r#"{{"id":1,"path_with_namespace":"g/a","permissions":{{"project_access":null,"group_access":{{"access_level":{level}}}}}}}"#
            )
        };
        let (reporter, developer) = (project(20), project(30));
        let projects = [(200, reporter.as_str()), (200, developer.as_str()), (404, "{}")];
        let report = asked(&["g/a", "g/b", "g/c"], &[&[VERSION, USER, weak][..], &projects].concat()).unwrap();
        assert_eq!(report.missing_permissions, ["api", "create_runner", "Developer in g/a"]);
        let parts = ["only the scopes read_api", "ends on 2026-01-10", "no Maintainer in g/b", "g/c is not there"];
        assert!(report.warnings.iter().zip(parts).all(|(line, part)| line.contains(part)), "{:?}", report.warnings);
        assert_eq!(report.warnings.len(), 4);
    }

    #[test]
    fn what_is_not_gitlab_or_does_not_know_us_is_an_error() {
        let page = (200, "<html><title>Sign in</title>");
        assert!(asked(&[], &[page, USER, FINE]).unwrap_err().hint.unwrap().contains("base URL"));
        let error = asked(&[], &[(401, r#"{"message":"401 Unauthorized"}"#), USER, FINE]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
    }
}
