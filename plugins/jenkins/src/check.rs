//! What a controller is, and who we are on it.

use novacron_cicd_sdk::{
    Result,
    http::{Request, Response, send_all},
    plugin::CheckReport,
    types::Error,
};
use serde::Deserialize;

use crate::client::{self, Client};

/// What every controller has, in the words of the contract.
const CORE: &str = "pipelines pipeline-definitions pipeline-state pipeline-copies run-search run-listing run-changes \
    run-cancel run-retry run-deletion logs artifacts runners runner-drain runner-deletion deployments \
    deployment-cancel deployment-rollback deployment-reconciliation";
/// What a plugin of Jenkins adds: words of the contract, and those of our own for where stages come from.
const PLUGINS: [(&str, &[&str]); 6] = [
    ("workflow-job", &["run-force-cancel"]),
    ("pipeline-graph-view", &["x-pipeline-graph-view"]),
    ("pipeline-rest-api", &["run-gates", "x-pipeline-rest-api"]),
    ("blueocean-rest", &["x-blueocean-rest"]),
    ("pipeline-model-definition", &["pipeline-lint"]),
    ("credentials", &["secrets"]),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Controller {
    url: Option<String>,
    quieting_down: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Me {
    id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Installed {
    plugins: Vec<Plugin>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Plugin {
    short_name: String,
    active: bool,
}

/// What is asked: the controller itself, the account, and the plugins, which few accounts may see.
pub(crate) fn questions(client: &Client) -> [Request; 3] {
    [
        client.tree("/api/json", "url,quietingDown"),
        client.tree("/me/api/json", "id"),
        client.tree("/pluginManager/api/json", "plugins[shortName,active]"),
    ]
}

pub(crate) fn check(client: &Client) -> Result<CheckReport> {
    let [controller, me, plugins] = <[_; 3]>::try_from(send_all(questions(client)))
        .map_err(|_| Error::internal("three questions and another number of answers"))?;
    report(client, &controller?, &me?, plugins.ok().as_ref())
}

/// What the answers mean. Only the first has to be a yes, but for an account that is named.
pub(crate) fn report(
    client: &Client,
    controller: &Response,
    me: &Response,
    plugins: Option<&Response>,
) -> Result<CheckReport> {
    // Every answer of the remote API says it (`hudson/model/Api.java`); a login page or a proxy does not.
    let version = controller.header("x-jenkins").map(str::to_owned);
    if version.is_none() && controller.is_success() {
        return Err(Error::upstream(
            "what answers there is not Jenkins: it has no X-Jenkins",
            controller.status(),
            controller.text(),
        )
        .hint("check the base URL; a proxy with a login of its own has to let this provider through"));
    }
    let told: Controller = client::taken(controller.clone())?.json()?;
    let account = match (client.slot, me.is_success()) {
        (_, true) => me.json::<Me>()?.id,
        (Some(_), false) => return Err(client::refusal(me)),
        (None, false) => None,
    };
    let mut warnings = Vec::new();
    if account.is_none() {
        warnings.push("no credential is filled: what anonymous users may do is all that works".to_owned());
    }
    if told.quieting_down {
        warnings.push("Jenkins is preparing to shut down: builds are queued and do not begin".to_owned());
    }
    if let Some(url) = told.url.filter(|url| url.trim_end_matches('/') != client.base_url.trim_end_matches('/')) {
        warnings.push(format!("Jenkins takes {url} for its own address: links that it writes lead there"));
    }
    let told = plugins.filter(|answer| answer.is_success()).and_then(|answer| answer.json::<Installed>().ok());
    if told.is_none() {
        let what =
            "which plugins Jenkins has is not told to this account: what comes with plugins is not among the features";
        warnings.push(what.to_owned());
    }
    let installed = told.unwrap_or_default().plugins;
    let has = |name: &str| installed.iter().any(|plugin| plugin.active && plugin.short_name == name);
    let added = PLUGINS.iter().filter(|(name, _)| has(name)).flat_map(|(_, words)| words.iter());
    let features = CORE.split(' ').chain(added.copied()).map(str::to_owned).collect();
    Ok(CheckReport { account, platform_version: version, features, warnings, ..CheckReport::default() })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::ErrorKind;

    use super::*;
    use crate::settings::Settings;

    fn client(slot: Option<&'static str>) -> Client {
        Client { base_url: "https://ci.example/jenkins".into(), settings: Settings::default(), slot }
    }

    fn answer(status: u16, body: &str) -> Response {
        Response::fake(status, &[("X-Jenkins", "2.579")], body.as_bytes(), true)
    }

    const CALM: &str = r#"{"url":"https://ci.example/jenkins/","quietingDown":false}"#;

    #[test]
    fn a_controller_is_told_with_its_account_and_what_it_has() {
        let plugins = r#"{"plugins":[{"shortName":"pipeline-rest-api","active":true},{"shortName":"blueocean-rest","active":false},{"shortName":"git","active":true}]}"#;
        let report = report(
            &client(Some("token")),
            &answer(200, CALM),
            &answer(200, r#"{"id":"ci"}"#),
            Some(&answer(200, plugins)),
        )
        .unwrap();
        assert_eq!((report.account.as_deref(), report.platform_version.as_deref()), (Some("ci"), Some("2.579")));
        assert_eq!(report.features.join(" "), format!("{CORE} run-gates x-pipeline-rest-api"));
        assert_eq!(report.warnings, [""; 0]);
    }

    #[test]
    fn what_should_be_looked_at_is_a_warning() {
        let told = r#"{"url":"http://internal:8080/","quietingDown":true}"#;
        let report = report(&client(None), &answer(200, told), &answer(403, ""), Some(&answer(403, ""))).unwrap();
        assert_eq!((report.account, report.features.join(" ")), (None, CORE.to_owned()));
        let parts = ["anonymous", "preparing to shut down", "http://internal:8080/", "plugins"];
        assert!(
            report.warnings.len() == 4 && report.warnings.iter().zip(parts).all(|(line, part)| line.contains(part))
        );
    }

    #[test]
    fn what_is_not_jenkins_or_does_not_know_us_is_an_error() {
        let page = Response::fake(200, &[("content-type", "text/html")], b"<title>Sign in</title>", true);
        let fine = answer(200, CALM);
        let rows = [
            (&page, &fine, "not Jenkins"),
            (&answer(401, "<title>Invalid password/token for user: ci</title>"), &fine, "Invalid password/token"),
            (&fine, &answer(403, ""), "answered 403"),
            (&Response::fake(503, &[], b"Jenkins is getting ready to work", true), &fine, "getting ready"),
        ];
        for (controller, me, part) in rows {
            let error = report(&client(Some("token")), controller, me, None).unwrap_err();
            assert!(error.message.contains(part), "{} does not say {part}", error.message);
        }
        let booting = report(&client(None), &Response::fake(503, &[], b"", true), &fine, None).unwrap_err();
        assert_eq!(booting.kind, ErrorKind::Transient);
    }
}
