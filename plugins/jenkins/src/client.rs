//! Requests to a controller, and what its refusals mean.
//!
//! Jenkins has no error format: errors are pages for people, and what can be relied on stands in headers. Redirects are
//! never followed: they are answers (`stop` leads to a page, `buildWithParameters` to the queue), or the base URL is wrong.

use novacron_cicd_sdk::{
    Result, context,
    http::{Request, Response, Target},
    types::{Error, Redirects},
};
use serde::de::DeserializeOwned;

use crate::settings::Settings;

/// A user's API token: requests with it need no crumb (`jenkins/security/ApiCrumbExclusion.java`).
pub const TOKEN: &str = "token";
/// A user's password: a session is kept, and its crumb goes along.
pub const PASSWORD: &str = "password";

/// The controller of this call.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// What the operator wrote, context path and all.
    pub(crate) base_url: String,
    /// What the operator set.
    pub(crate) settings: Settings,
    /// What requests authenticate with; none: as anonymous.
    pub(crate) slot: Option<&'static str>,
}

impl Client {
    /// Of the provider that this call is for.
    /// `invalid-input` where the settings are not as the manifest has them.
    pub(crate) fn here() -> Result<Self> {
        let slot = [TOKEN, PASSWORD].into_iter().find(|slot| context::has_credential(slot));
        Ok(Self { base_url: context::base_url(), settings: context::settings()?, slot })
    }

    /// A request that reads.
    pub(crate) fn get(&self, target: impl Into<Target>) -> Request {
        self.authenticated(Request::get(target))
    }

    /// The fields of an item that `tree` names, and no others: without it one request may read every build from disk.
    pub(crate) fn tree(&self, target: impl Into<Target>, tree: impl ToString) -> Request {
        self.get(target).query("tree", tree)
    }

    /// A request that changes something.
    pub(crate) fn post(&self, target: impl Into<Target>) -> Request {
        self.authenticated(Request::post(target))
    }

    /// A request that removes something.
    pub(crate) fn delete(&self, target: impl Into<Target>) -> Request {
        self.authenticated(Request::delete(target))
    }

    fn authenticated(&self, request: Request) -> Request {
        let request = request.redirects(Redirects::None);
        match self.slot {
            Some(slot) => request.credential(slot),
            None => request,
        }
    }
}

/// Sends, takes only success, and reads JSON.
pub(crate) fn fetch<T: DeserializeOwned>(request: Request) -> Result<T> {
    taken(request.send()?)?.json()
}

/// As [`fetch`]; none where Jenkins answers 404, which it also does for what the account may not see.
pub(crate) fn fetch_maybe<T: DeserializeOwned>(request: Request) -> Result<Option<T>> {
    let answer = request.send()?;
    if answer.status() == 404 { Ok(None) } else { taken(answer)?.json().map(Some) }
}

/// The answer, if it is a yes.
pub(crate) fn taken(answer: Response) -> Result<Response> {
    if answer.is_success() { Ok(answer) } else { Err(refusal(&answer)) }
}

/// The answer to something that Jenkins ends with a redirect to a page, which is a yes as well.
pub(crate) fn done(answer: &Response) -> Result<()> {
    if answer.is_success() || matches!(answer.status(), 302 | 303) { Ok(()) } else { Err(refusal(answer)) }
}

/// What a refusal means. `X-Error` is the sentence that a person would have been shown
/// (`hudson/model/AbstractModelObject/error.jelly`); `X-Required-Permission` and `X-You-Are-Authenticated-As` tell what is
/// missing and whom (`hudson/security/AccessDeniedException3.java`).
pub(crate) fn refusal(answer: &Response) -> Error {
    let error = answer.error();
    let said = |name: &str| answer.header(name).map(str::to_owned).filter(|text| !text.is_empty());
    match answer.status() {
        403 => match said("x-required-permission") {
            Some(permission) => {
                let who = said("x-you-are-authenticated-as").unwrap_or_else(|| "the account".into());
                let message = format!("{who} lacks the permission {permission}");
                Error::forbidden(message, Some(permission)).hint("give it to the account of this provider")
            }
            None if answer.text().contains("No valid crumb") => {
                Error::unauthorized("Jenkins wants a crumb with this request and got none that is valid")
                    .hint("use an API token in slot `token`: it needs no crumb")
            }
            None => error,
        },
        400 => match said("x-error") {
            Some(reason) if reason.contains("already exists") => Error::conflict(reason),
            Some(reason) => Error::invalid_input("request", reason),
            None => error,
        },
        404 => error.hint("it is not there under that name, or this provider's account may not see it"),
        503 => error.hint("Jenkins is starting, or a proxy before it can't reach it"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use novacron_cicd_sdk::types::{ErrorKind, InvalidInput};

    use super::*;

    type Row = (u16, &'static [(&'static str, &'static str)], &'static str, ErrorKind, &'static str);

    #[test]
    fn a_refusal_is_told_by_its_headers() {
        let refused =
            |reason: &str| ErrorKind::InvalidInput(InvalidInput { field: "request".into(), reason: reason.into() });
        let rows: [Row; 8] = [
            (
                403,
                &[("X-You-Are-Authenticated-As", "ci"), ("X-Required-Permission", "hudson.model.Item.Build")],
                "<html><title>Error 403</title>",
                ErrorKind::Forbidden(Some("hudson.model.Item.Build".into())),
                "ci lacks the permission hudson.model.Item.Build",
            ),
            (
                403,
                &[],
                "<title>Error 403 No valid crumb was included</title>",
                ErrorKind::Unauthorized,
                "wants a crumb",
            ),
            (403, &[], "<title>Forbidden</title>", ErrorKind::Forbidden(None), "answered 403: Forbidden"),
            (
                400,
                &[("X-Error", "A job already exists with the name ‘a’")],
                "<html>",
                ErrorKind::Conflict,
                "already exists",
            ),
            (400, &[("X-Error", "No such job: x")], "<html>", refused("No such job: x"), "No such job: x"),
            (401, &[], "<title>Invalid password/token</title>", ErrorKind::Unauthorized, "Invalid password/token"),
            (404, &[], "<title>Not Found</title>", ErrorKind::NotFound, "answered 404"),
            (
                503,
                &[("content-type", "text/html")],
                "Jenkins is getting ready to work",
                ErrorKind::Transient,
                "getting ready",
            ),
        ];
        for (status, headers, body, kind, part) in rows {
            let error = refusal(&Response::fake(status, headers, body.as_bytes(), true));
            assert_eq!(error.kind, kind, "{status} {headers:?}");
            assert!(error.message.contains(part), "{} does not say {part}", error.message);
        }
    }

    #[test]
    fn a_redirect_to_a_page_is_a_yes_only_where_pages_are_expected() {
        let answer = |status| Response::fake(status, &[("location", "../")], b"", false);
        assert!(done(&answer(302)).is_ok() && done(&answer(200)).is_ok());
        assert!(done(&answer(301)).is_err() && done(&answer(404)).is_err());
        assert!(taken(answer(302)).is_err());
    }
}
