//! GitHub's own store: secrets, sealed by the host, and variables, which can be read.
//!
//! A scope is `owner/name`, or `owner/name/ENVIRONMENT`. Without one it is the only repository that there is; lists are then of all.

use novacron_cicd_sdk::{
    Secrets, Variables,
    http::{Capture, Json},
    secrets::{SecretChange, SecretInfo, SecretPage},
    variables::{Variable, VariablePage},
};

use crate::prelude::*;

/// The name of the captured public key.
const KEY: &str = "public-key";

/// Where something is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    repo: Repo,
    environment: Option<String>,
}

impl Scope {
    fn read(client: &Client, text: Option<&str>) -> Result<Self> {
        match text {
            Some(text) if text.matches('/').count() > 1 => {
                let id: Id = client.id("scope", text)?;
                Ok(Self { repo: id.repo, environment: Some(id.rest) })
            }
            other => Ok(Self { repo: client.choose("scope", other)?, environment: None }),
        }
    }

    /// All repositories where none is named.
    fn read_all(client: &Client, text: Option<&str>) -> Result<Vec<Self>> {
        match text {
            Some(text) => Ok(vec![Self::read(client, Some(text))?]),
            None => Ok(client.repositories()?.into_iter().map(|repo| Self { repo, environment: None }).collect()),
        }
    }

    fn at(&self, kind: &str, rest: &[&str]) -> Vec<String> {
        let own = match &self.environment {
            Some(environment) => vec!["environments", environment, kind],
            None => vec!["actions", kind],
        };
        at(&self.repo, &[own, rest.to_vec()].concat())
    }

    fn text(&self) -> String {
        match &self.environment {
            Some(environment) => Id::new(&self.repo, environment).to_string(),
            None => self.repo.to_string(),
        }
    }
}

/// GitHub takes no notice of case, and shows capitals.
/// Errors: `invalid-input` where GitHub would not take it (docs: "Naming your secrets").
fn name(text: &str) -> Result<String> {
    let name = text.to_ascii_uppercase();
    let plain = name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    let begins_well = !name.is_empty() && !name.starts_with("GITHUB_") && !name.as_bytes()[0].is_ascii_digit();
    if !plain || !begins_well {
        let reason = "a name has letters, digits and `_`, begins with no digit and not with GITHUB_";
        return Err(Error::invalid_input("name", reason));
    }
    Ok(name)
}

told! {
    Told { name: String, value: String, key_id: String, updated_at: Time }
}

/// The scope's key, which is not that of another scope.
fn public_key(client: &Client, scope: &Scope) -> Result<String> {
    let request = client
        .plain(Request::get(scope.at("secrets", &["public-key"])))
        .header("accept", "application/vnd.github+json");
    Ok(client::fetch::<Told>(request.capture(Capture::pointer("/key", KEY).public()))?.key_id)
}

impl Secrets for GithubActions {
    fn list_secrets(scope: Option<String>, page: PageRequest) -> Result<SecretPage> {
        let client = Client::here()?;
        let scopes = Scope::read_all(&client, scope.as_deref())?;
        let ask = |scope: &Scope| client.get(scope.at("secrets", &[]));
        let (items, next) = paging::across(&scopes, &page, ask, |scope, page: List<Told>| {
            Ok(page.map(|told| SecretInfo {
                name: told.name,
                scope: Some(scope.text()),
                kind: "text".into(),
                updated: told.updated_at.0,
                more: Vec::new(),
            }))
        })?;
        Ok(SecretPage { items, next })
    }

    /// The key may be exchanged between our reading it and the sealing: then it is read once more.
    fn put_secret(_operation: Operation, change: SecretChange) -> Result<()> {
        let client = Client::here()?;
        let scope = Scope::read(&client, change.scope.as_deref())?;
        let name = name(&change.name)?;
        if change.kind != "text" {
            return Err(Error::unsupported(format!("secrets.{}", change.kind)).hint("GitHub's secrets are texts"));
        }
        let reference =
            lookup(&change.parts, "value").ok_or_else(|| Error::invalid_input("parts", "a value is missing"))?;
        let put = || {
            let body = Json::object().sealed("encrypted_value", reference, KEY);
            let body = body.field("key_id", public_key(&client, &scope)?);
            client::done(client.put(scope.at("secrets", &[&name])).json_with_secrets(body)).map(drop)
        };
        let is_of_key = |it: &Error| matches!(it.kind, ErrorKind::InvalidInput(_)) && it.message.contains("key");
        put().or_else(|error| if is_of_key(&error) { put() } else { Err(error) })
    }

    fn delete_secret(_operation: Operation, name: String, scope: Option<String>) -> Result<()> {
        let client = Client::here()?;
        let scope = Scope::read(&client, scope.as_deref())?;
        client::removed(client.delete(scope.at("secrets", &[&self::name(&name)?])))
    }
}

impl Variables for GithubActions {
    fn list_variables(scope: Option<String>, page: PageRequest) -> Result<VariablePage> {
        let client = Client::here()?;
        let scopes = Scope::read_all(&client, scope.as_deref())?;
        // GitHub gives at most thirty of these at once.
        let page = PageRequest { limit: page.limit.min(30), ..page };
        let ask = |scope: &Scope| client.get(scope.at("variables", &[]));
        let (items, next) = paging::across(&scopes, &page, ask, |scope, page: List<Told>| {
            let scope = scope.text();
            Ok(page.map(|told| Variable {
                name: told.name,
                scope: Some(scope.clone()),
                value: told.value,
                more: Vec::new(),
            }))
        })?;
        Ok(VariablePage { items, next })
    }

    /// Changed where it is, else made.
    fn put_variable(_operation: Operation, variable: Variable) -> Result<()> {
        let client = Client::here()?;
        let scope = Scope::read(&client, variable.scope.as_deref())?;
        let name = name(&variable.name)?;
        let body = json!({ "name": name, "value": variable.value });
        let answer = client.patch(scope.at("variables", &[&name])).json(&body).send()?;
        if answer.status() != 404 {
            return client::taken(answer).map(drop);
        }
        client::done(client.post(scope.at("variables", &[])).json(&body)).map(drop)
    }

    fn delete_variable(_operation: Operation, name: String, scope: Option<String>) -> Result<()> {
        let client = Client::here()?;
        let scope = Scope::read(&client, scope.as_deref())?;
        client::removed(client.delete(scope.at("variables", &[&self::name(&name)?])))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_scope_is_a_repository_or_an_environment_of_one() {
        let settings = Settings { repositories: vec!["acme/app".into()], ..Settings::default() };
        let client = Client { settings, slot: None };
        let path = |text: Option<&str>| Scope::read(&client, text).map(|scope| scope.at("secrets", &["A"]).join("/"));
        assert_eq!(path(None).unwrap(), "repos/acme/app/actions/secrets/A");
        assert_eq!(path(Some("acme/app")).unwrap(), "repos/acme/app/actions/secrets/A");
        assert_eq!(path(Some("acme/app/pr/7")).unwrap(), "repos/acme/app/environments/pr/7/secrets/A");
        assert!(path(Some("eve/app")).is_err() && path(Some("eve/app/prod")).is_err());
        assert_eq!(Scope::read(&client, Some("acme/app/pr/7")).unwrap().text(), "acme/app/pr/7");
    }

    #[test]
    fn a_name_that_github_would_not_take_is_refused() {
        assert_eq!(name("deploy_key").unwrap(), "DEPLOY_KEY");
        for text in ["", "1A", "GITHUB_TOKEN", "github_x", "A-B", "A B"] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
