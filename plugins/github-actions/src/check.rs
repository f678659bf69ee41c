//! Who we are on GitHub, what the server is, and what may be missing.

use novacron_cicd_sdk::{Plugin, http::send_all, plugin::CheckReport};

use crate::{client::APP, prelude::*, reading::Repository};

told! {
    /// What the smaller questions are answered with.
    Facts {
        login: Option<String>,
        /// Only an Enterprise server says it.
        installed_version: Option<String>,
        /// Whether there are Actions.
        enabled: Option<bool>,
    }
}

/// Repositories that one check looks at: two questions each, and the host allows 64 requests in a call.
const MOST: usize = 30;

fn questions(client: &Client, repos: &[Repo]) -> Vec<Request> {
    // An installation has no user: what it may is told by the repositories.
    let who = match client.slot {
        Some(APP) | None => client.get("/rate_limit"),
        Some(_) => client.get("/user"),
    };
    let mut questions = vec![client.get("/meta"), who];
    for repo in repos {
        questions.push(client.get(at(repo, &[])));
        questions.push(client.get(at(repo, &["actions", "permissions"])));
    }
    questions
}

/// What the answers mean; they come in the order of [`questions`].
fn report(client: &Client, repos: &[Repo], answers: Vec<Result<Response>>) -> Result<CheckReport> {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err(Error::internal("an answer is missing")));
    let (meta, who) = (client::taken(next()?)?, client::taken(next()?)?);
    let mut report = CheckReport {
        account: who.json::<Facts>()?.login,
        platform_version: meta.json::<Facts>()?.installed_version,
        ..CheckReport::default()
    };
    match client.slot {
        None => {
            report.warnings.push("no credential is filled: public repositories can be read, and nothing else".into())
        }
        Some(APP) => report.account = client.settings.app.as_ref().map(|app| format!("app {app}")),
        // A classic token tells its scopes; a fine-grained one has none.
        Some(_) => {
            let scopes = who.header("x-oauth-scopes").filter(|scopes| !scopes.is_empty());
            let missing = |scope: &&&str| scopes.is_some_and(|all| all.split(',').all(|one| one.trim() != **scope));
            report
                .missing_permissions
                .extend(["repo", "workflow"].iter().filter(missing).map(|scope| format!("scope {scope}")));
        }
    }
    for repo in repos {
        let (told, actions) = (next()?, next()?);
        if !told.is_success() {
            let error = client::refusal(&told);
            report.warnings.push(format!("{repo} can't be read: {}", error.message));
            continue;
        }
        let told: Repository = told.json()?;
        if !told.full_name.eq_ignore_ascii_case(&repo.to_string()) {
            report.warnings.push(format!("{repo} is called {} now: change the setting `repositories`", told.full_name));
        }
        if told.archived || told.disabled {
            report.warnings.push(format!("{repo} is archived: nothing runs there"));
        }
        if let Some(may) = told.permissions {
            let lacks = [("push", may.push), ("admin", may.admin)].into_iter().filter(|(_, has)| !has);
            report.missing_permissions.extend(lacks.map(|(what, _)| format!("{what} on {repo}")));
        }
        // Only administrators are told.
        if actions.is_success() && actions.json::<Facts>()?.enabled == Some(false) {
            report.warnings.push(format!("Actions are switched off in {repo}"));
        }
    }
    if repos.len() < client.settings.repositories.len() {
        report.warnings.push(format!("only the first {MOST} repositories were looked at"));
    }
    Ok(report)
}

impl Plugin for GithubActions {
    fn check() -> Result<CheckReport> {
        let client = Client::here()?;
        let mut repos = client.repositories()?;
        repos.truncate(MOST);
        let answers = send_all(questions(&client, &repos));
        report(&client, &repos, answers)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{client::TOKEN, settings::Settings};

    /// Status, headers, body.
    type Answer = (u16, &'static [(&'static str, &'static str)], &'static str);

    fn ask(slot: Option<&'static str>, answers: &[Answer]) -> Result<CheckReport> {
        let settings =
            Settings { repositories: vec!["acme/app".into()], app: Some("42".into()), ..Settings::default() };
        let client = Client { settings, slot };
        let repos = client.repositories().unwrap();
        assert_eq!(questions(&client, &repos).len(), 4);
        let answers =
            answers.iter().map(|(status, headers, body)| Ok(Response::fake(*status, headers, body.as_bytes(), true)));
        report(&client, &repos, answers.collect())
    }

    const META: Answer = (200, &[], r#"{"installed_version":"3.19.0"}"#);
    const FINE: Answer = (200, &[], r#"{"full_name":"acme/app","permissions":{"push":true,"admin":true}}"#);

    #[test]
    fn an_account_is_told_with_what_it_lacks() {
        let user = (200, &[("X-OAuth-Scopes", "repo, gist")][..], r#"{"login":"octocat"}"#);
        let report = ask(Some(TOKEN), &[META, user, FINE, (403, &[], "")]).unwrap();
        assert_eq!((report.account.as_deref(), report.platform_version.as_deref()), (Some("octocat"), Some("3.19.0")));
        assert_eq!((report.missing_permissions, report.warnings), (vec!["scope workflow".to_owned()], vec![]));
        let fine_grained = (200, &[][..], r#"{"login":"octocat"}"#);
        let poor = (200, &[][..], r#"{"full_name":"acme/app","permissions":{"push":false,"admin":false}}"#);
        let report = ask(Some(TOKEN), &[META, fine_grained, poor, (200, &[], r#"{"enabled":true}"#)]).unwrap();
        assert_eq!(report.missing_permissions, ["push on acme/app", "admin on acme/app"]);
    }

    #[test]
    fn what_should_be_looked_at_is_a_warning() {
        let renamed = (200, &[][..], r#"{"full_name":"acme/new","archived":true}"#);
        let report =
            ask(None, &[(200, &[], "{}"), (200, &[], "{}"), renamed, (200, &[], r#"{"enabled":false}"#)]).unwrap();
        let parts = ["no credential", "called acme/new", "archived", "switched off"];
        assert!(
            report.warnings.len() == 4 && report.warnings.iter().zip(parts).all(|(line, part)| line.contains(part))
        );
        let hidden = (404, &[][..], r#"{"message":"Not Found"}"#);
        let report = ask(Some(APP), &[META, (200, &[], "{}"), hidden, hidden]).unwrap();
        assert!(report.warnings[0].contains("acme/app can't be read") && report.account.as_deref() == Some("app 42"));
    }

    #[test]
    fn a_credential_that_is_not_taken_is_an_error() {
        let refused = (401, &[][..], r#"{"message":"Bad credentials"}"#);
        assert_eq!(ask(Some(TOKEN), &[refused, refused, FINE, FINE]).unwrap_err().kind, ErrorKind::Unauthorized);
    }
}
