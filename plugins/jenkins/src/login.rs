//! How a password becomes a session, with its crumb.
//!
//! Pure. With a password every POST needs a crumb (`hudson/security/csrf/CrumbFilter.java`), and a crumb is good only in the
//! session that it was made in (`DefaultCrumbIssuer.issueCrumb`). The form login begins that session; an API token needs
//! none of it.

use novacron_cicd_sdk::{
    Result,
    credentials::{Guard, Login},
    http::{Body, Capture, Escape, Request},
    types::{Error, Redirects},
};

use crate::client::PASSWORD;

const CRUMB: &str = "crumb";
/// What a crumb goes along with. Only changing requests need it; but a session that has ended answers 403 to a read, and the
/// host logs in once more only for what has a guard.
const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];

/// The login of the slot `password`.
/// `unsupported` for any other slot.
pub(crate) fn describe(slot: &str) -> Result<Login> {
    if slot != PASSWORD {
        return Err(Error::unsupported(format!("login of slot {slot}")));
    }
    let form = Body::new()
        .text("j_username=")
        .secret(format!("slot-user:{PASSWORD}"), Escape::Form)
        .text("&j_password=")
        .secret(format!("slot:{PASSWORD}"), Escape::Form)
        .text("&from=%2F&Submit=");
    let requests = [
        // Answers with a redirect whether the password was right or not.
        Request::post("/j_spring_security_check")
            .body("application/x-www-form-urlencoded", form)
            .redirects(Redirects::None),
        // The session that a login ends in is another than the one it began in: its crumb is asked for afterwards. Answers 404
        // where a controller has no crumbs.
        Request::get(["crumbIssuer", "api", "json"]).capture(Capture::pointer("/crumb", CRUMB)),
        // Answers 403 to whoever did not log in.
        Request::get(["me", "api", "json"]).query("tree", "id").capture(Capture::cookie("*", PASSWORD)),
    ];
    Ok(Login {
        requests: requests
            .into_iter()
            .map(|request| request.redirects(Redirects::None).build())
            .collect::<Result<_>>()?,
        placement: "cookie".into(),
        lifetime_ms: None,
        guards: vec![Guard {
            slot: CRUMB.into(),
            header: "Jenkins-Crumb".into(),
            methods: METHODS.map(str::to_owned).to_vec(),
        }],
        more: vec![],
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::{BodyPart, Redirects};

    use super::*;

    #[test]
    fn account_and_password_stand_in_the_form_as_parts_of_their_own() {
        let login = describe(PASSWORD).unwrap();
        let part = |part: &BodyPart| match part {
            BodyPart::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            BodyPart::Secret(part) => format!("<{} {}>", part.secret, part.escape),
        };
        let lines: Vec<_> =
            login.requests.iter().map(|request| format!("{} {}", request.method, request.url)).collect();
        assert_eq!(lines, ["POST /j_spring_security_check", "GET /crumbIssuer/api/json", "GET /me/api/json?tree=id"]);
        let body: String = login.requests[0].body.iter().map(part).collect();
        assert_eq!(body, "j_username=<slot-user:password form>&j_password=<slot:password form>&from=%2F&Submit=");
        assert!(
            login.requests.iter().all(|request| request.redirects == Redirects::None && request.credential.is_none())
        );
        assert_eq!(login.guards[0].header, "Jenkins-Crumb");
    }

    #[test]
    fn another_slot_has_no_login() {
        assert!(describe("token").is_err());
    }
}
