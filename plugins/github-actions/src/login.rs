//! How the key of a GitHub App becomes a token of one of its installations.
//!
//! A JWT that the host signs is exchanged for a token that is good for an hour, for the repositories of the setting alone (docs:
//! "Generating an installation access token for a GitHub App"). Neither key nor token is seen here.

use novacron_cicd_sdk::{Credentials, clock, context, credentials::Login, http::Capture, keys};
use serde_json::Value;

use crate::{client::APP, prelude::*, settings::Settings};

/// Seconds by which our clock may be ahead of GitHub's: a token from the future is refused.
const SKEW: u64 = 60;
/// Seconds that a JWT is good for: GitHub takes at most ten minutes.
const LIFE: u64 = 540;
/// Milliseconds that the token is good for where the answer would not say it.
const HOUR: u64 = 3_600_000;

/// What the JWT says.
/// Errors: `invalid-input` where the application is not named; `unsupported` for any other slot.
fn claims(settings: &Settings, slot: &str, now: u64) -> Result<Value> {
    if slot != APP {
        return Err(Error::unsupported(format!("login of slot {slot}")));
    }
    let app = settings.app.as_deref().ok_or_else(|| missing("settings.app", "the application's client id"))?;
    let now = now / 1000;
    Ok(json!({ "iss": app, "iat": now.saturating_sub(SKEW), "exp": now + LIFE }))
}

fn missing(field: &str, what: &str) -> Error {
    Error::invalid_input(field, "it is needed with the slot `app`").hint(format!("set it to {what}"))
}

/// The exchange, signed in as `signed`.
/// Errors: `invalid-input` where the installation is not named.
fn exchange(settings: &Settings, signed: &str) -> Result<Login> {
    let what = "the number at the end of the installation's address";
    let installation = settings.installation.ok_or_else(|| missing("settings.installation", what))?;
    let names: Vec<String> =
        settings.repositories.iter().filter_map(|text| Repo::parse(text)).map(|repo| repo.name).collect();
    let request = Request::post(["app", "installations", &installation.to_string(), "access_tokens"])
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", &settings.api_version)
        .credential(signed)
        .redirects(Redirects::None)
        .json(&json!({ "repositories": names }))
        .capture(Capture::pointer("/token", APP).expires("/expires_at"));
    Ok(Login { lifetime_ms: Some(HOUR), ..Login::new([request.build()?], "bearer") })
}

impl Credentials for GithubActions {
    fn describe_login(slot: String) -> Result<Login> {
        let settings: Settings = context::settings()?;
        let claims = claims(&settings, &slot, clock::now())?;
        exchange(&settings, &keys::sign_jwt(APP, "RS256", &claims)?)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn settings() -> Settings {
        Settings {
            repositories: vec!["acme/app".into(), "acme/lib".into()],
            app: Some("Iv23".into()),
            installation: Some(77),
            ..Settings::default()
        }
    }

    #[test]
    fn the_jwt_is_from_a_minute_ago_and_good_for_less_than_ten() {
        let claims = claims(&settings(), APP, 1_767_225_600_500).unwrap();
        assert_eq!(claims, json!({ "iss": "Iv23", "iat": 1_767_225_540, "exp": 1_767_226_140 }));
    }

    #[test]
    fn the_token_is_asked_for_these_repositories_and_taken_out_of_the_answer() {
        let login = exchange(&settings(), "derived-1").unwrap();
        let [request] = &login.requests[..] else { unreachable!() };
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "/app/installations/77/access_tokens"));
        assert_eq!(request.credential.as_deref(), Some("derived-1"));
        let capture = &request.captures[0];
        assert_eq!(
            (capture.into.as_str(), capture.expires_pointer.as_deref(), capture.public),
            (APP, Some("/expires_at"), false)
        );
        let novacron_cicd_sdk::types::BodyPart::Bytes(body) = &request.body[0] else { unreachable!() };
        assert_eq!(String::from_utf8_lossy(body), r#"{"repositories":["app","lib"]}"#);
        assert_eq!(login.placement, "bearer");
    }

    #[test]
    fn a_login_that_can_not_be_described_says_what_is_missing() {
        let nameless = Settings { app: None, ..settings() };
        assert!(claims(&nameless, APP, 0).unwrap_err().hint.is_some());
        assert!(claims(&settings(), "token", 0).is_err());
        assert!(
            exchange(&Settings { installation: None, ..settings() }, "x").unwrap_err().message.contains("installation")
        );
    }
}
