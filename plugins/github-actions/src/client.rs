//! Requests to GitHub, and what its refusals mean.
//!
//! A repository that was renamed answers 301 or 307 to its number: such redirects are followed with method and body, on the same
//! origin only.

use novacron_cicd_sdk::{
    Result, context,
    http::{Request, Response, Target},
    types::{Error, ErrorKind, Redirects, RunRef},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

use crate::{
    names::{Id, Repo, run_number},
    settings::Settings,
    told::told,
};

/// A personal access token, classic or fine-grained.
pub const TOKEN: &str = "token";
/// The private key of a GitHub App, which the host exchanges for an installation's token.
pub const APP: &str = "app";
/// What webhooks are signed with.
pub const WEBHOOK: &str = "webhook";

/// GitHub asks for a minute where it does not say how long (docs: "Best practices for using the REST API").
const SECONDARY: Duration = Duration::from_secs(60);

macro_rules! requests {
    ($($method:ident)*) => {$(
        pub(crate) fn $method(&self, target: impl Into<Target>) -> Request {
            self.dress(Request::$method(target))
        }
    )*};
}

/// GitHub, for this call.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) settings: Settings,
    /// What requests authenticate with; none: as anonymous.
    pub(crate) slot: Option<&'static str>,
}

impl Client {
    /// Of the provider that this call is for.
    /// Errors: `invalid-input` where the settings are not as the manifest has them.
    pub(crate) fn here() -> Result<Self> {
        let slot = [TOKEN, APP].into_iter().find(|slot| context::has_credential(slot));
        Ok(Self { settings: context::settings()?, slot })
    }

    /// As [`Self::here`], with the id that is named.
    pub(crate) fn of(field: &str, text: &str) -> Result<(Self, Id)> {
        let client = Self::here()?;
        let id = client.id(field, text)?;
        Ok((client, id))
    }

    /// As [`Self::here`], with the repository and the number of a run.
    pub(crate) fn of_run(run: &RunRef) -> Result<(Self, Repo, String)> {
        let (client, id) = Self::of("pipeline", &run.pipeline)?;
        Ok((client, id.repo, run_number(run)?.to_string()))
    }

    requests!(get post put patch delete);

    /// As GitHub wants to be asked; of what is read the host may keep the answer, to ask only whether it has changed.
    fn dress(&self, request: Request) -> Request {
        self.plain(request).header("accept", "application/vnd.github+json").revalidate()
    }

    /// As [`Self::dress`], without a media type.
    pub(crate) fn plain(&self, request: Request) -> Request {
        let request =
            request.header("x-github-api-version", &self.settings.api_version).redirects(Redirects::SameMethod);
        match self.slot {
            Some(slot) => request.credential(slot),
            None => request,
        }
    }

    /// The repository as the settings spell it.
    /// Errors: `not-found` where the provider does not serve it.
    pub(crate) fn served(&self, repo: &Repo) -> Result<Repo> {
        self.repositories()?.into_iter().find(|served| served.is(repo)).ok_or_else(|| {
            Error::not_found(format!("{repo} is none of the repositories of this provider"))
                .hint("name it in the setting `repositories`")
        })
    }

    /// As [`Id::parse`], of a repository that is served.
    pub(crate) fn id(&self, field: &str, text: &str) -> Result<Id> {
        let id = Id::parse(field, text)?;
        Ok(Id { repo: self.served(&id.repo)?, rest: id.rest })
    }

    /// Errors: `invalid-input` where one is not `owner/name`.
    pub(crate) fn repositories(&self) -> Result<Vec<Repo>> {
        let repo = |text: &String| {
            Repo::parse(text)
                .ok_or_else(|| Error::invalid_input("settings.repositories", format!("{text:?} is not owner/name")))
        };
        self.settings.repositories.iter().map(repo).collect()
    }

    /// The repository that is named, or else the only one that there is.
    /// Errors: `invalid-input` where it is not clear which; `not-found` where it is not served.
    pub(crate) fn choose(&self, field: &str, named: Option<&str>) -> Result<Repo> {
        if let Some(text) = named {
            let repo = Repo::parse(text)
                .ok_or_else(|| Error::invalid_input(field, format!("{text:?} is not a repository: owner/name")))?;
            return self.served(&repo);
        }
        match self.repositories()?.as_slice() {
            [only] => Ok(only.clone()),
            many => Err(Error::invalid_input(field, format!("which of the {} repositories?", many.len()))
                .hint("name one as owner/name: this provider serves more than one")),
        }
    }
}

/// `/repos/OWNER/NAME/...`, each segment encoded.
pub(crate) fn at(repo: &Repo, rest: &[&str]) -> Vec<String> {
    ["repos", &repo.owner, &repo.name].iter().chain(rest).map(|segment| (*segment).to_owned()).collect()
}

/// Sends, and takes only success.
/// Errors: What [`refusal`] says of any other answer.
pub(crate) fn done(request: Request) -> Result<Response> {
    taken(request.send()?)
}

/// As [`done`], and reads JSON.
pub(crate) fn fetch<T: DeserializeOwned>(request: Request) -> Result<T> {
    done(request)?.json()
}

/// As [`fetch`]; none where GitHub answers 404, which it also does for what the account may not see.
pub(crate) fn fetch_maybe<T: DeserializeOwned>(request: Request) -> Result<Option<T>> {
    let answer = request.send()?;
    if answer.status() == 404 { Ok(None) } else { taken(answer)?.json().map(Some) }
}

/// As [`done`], to remove something; what is gone is gone.
pub(crate) fn removed(request: Request) -> Result<()> {
    let answer = request.send()?;
    if matches!(answer.status(), 404 | 410) { Ok(()) } else { taken(answer).map(drop) }
}

/// The answer, if it is a yes; else what [`refusal`] says.
pub(crate) fn taken(answer: Response) -> Result<Response> {
    if answer.is_success() { Ok(answer) } else { Err(refusal(&answer)) }
}

told! {
    /// GitHub's own words for what is wrong.
    Said { message: String, documentation_url: String, errors: Value }
}

impl Said {
    /// The message, with what it says of single fields behind it: `errors` holds objects, or texts.
    fn sentence(&self) -> String {
        let one = |error: &Value| {
            let word = |name: &str| error.get(name).and_then(Value::as_str);
            let told = error.as_str().or_else(|| word("message")).map(str::to_owned);
            told.or_else(|| Some(format!("{} {}", word("field")?, word("code")?)))
        };
        let errors: Vec<String> = match &self.errors {
            Value::Array(all) => all.iter().filter_map(one).collect(),
            other => one(other).into_iter().collect(),
        };
        if errors.is_empty() { self.message.clone() } else { format!("{}: {}", self.message, errors.join("; ")) }
    }

    fn has_code(&self, code: &str) -> bool {
        self.errors.as_array().into_iter().flatten().any(|error| error.get("code").is_some_and(|it| it == code))
    }

    /// `.../rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits`, and its older name.
    fn is_secondary_limit(&self) -> bool {
        ["secondary-rate-limits", "abuse-rate-limits"].iter().any(|end| self.documentation_url.ends_with(end))
            || self.message.contains("secondary rate limit")
    }
}

/// What a refusal means.
pub(crate) fn refusal(answer: &Response) -> Error {
    let said: Said = answer.json().unwrap_or_default();
    let error = explained(answer, &said);
    match answer.header("x-github-request-id") {
        Some(id) => error.with("x-github-request-id", id),
        None => error,
    }
}

fn explained(answer: &Response, said: &Said) -> Error {
    let error = answer.error();
    let header = |name: &str| answer.header(name).map(str::trim).filter(|text| !text.is_empty());
    match (answer.status(), &error.kind) {
        // That a limit is spent is no lack of a permission, though it has the same status.
        (403 | 429, ErrorKind::RateLimited(Some(_))) => error,
        (429, _) => Error::rate_limited(error.message, Some(SECONDARY)),
        (403, _) if said.is_secondary_limit() => Error::rate_limited(error.message, Some(SECONDARY)),
        (403, _) if header("x-github-sso").is_some() => {
            error.hint("the organization wants single sign-on: authorize the token for it on GitHub")
        }
        (403, _) => {
            let scopes = || header("x-accepted-oauth-scopes").map(|scopes| format!("scope {scopes}"));
            match header("x-accepted-github-permissions").map(str::to_owned).or_else(scopes) {
                Some(permission) => Error::forbidden(error.message, Some(permission))
                    .hint("give it to the token or the application of this provider"),
                None => error,
            }
        }
        (404, _) => error.hint("it is not there, or the token may not see it: GitHub answers 404 for both"),
        (410, _) => error.hint("it was there, and GitHub keeps it no longer"),
        (422, _) if said.has_code("already_exists") => Error::conflict(said.sentence()),
        (422, _) if !said.message.is_empty() => Error::invalid_input("request", said.sentence()),
        _ => error,
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
