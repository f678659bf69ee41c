//! Jenkins' own store of credentials: which there are, and new values for them. A value is never read.
//!
//! Pure. The REST API of the credentials plugin (`docs/user.adoc`). A scope is the full name of a folder, and a domain of its store
//! behind two slashes: `team`, `team//production`, `//production`. Without a folder it is the controller's own store, without a
//! domain the global one.

use novacron_cicd_sdk::{
    Result,
    http::{Body, Escape, Target},
    secrets::{SecretChange, SecretInfo},
    types::Error,
};
use serde::Deserialize;

use crate::{path, xml::element};

pub(crate) const TREE: &str = "credentials[id,typeName,description]";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Domain {
    credentials: Vec<Credential>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Credential {
    id: String,
    type_name: String,
    description: Option<String>,
}

/// The domain of a store, and what is asked of it.
pub(crate) fn target(scope: Option<&str>, tail: &[&str]) -> Target {
    let scope = scope.unwrap_or_default();
    let (folder, domain) = scope.split_once("//").unwrap_or((scope, "_"));
    let kind = if folder.is_empty() { "system" } else { "folder" };
    path::of(folder, &[&["credentials", "store", kind, "domain", domain], tail].concat())
}

impl Domain {
    pub(crate) fn infos(self, scope: Option<&str>) -> Vec<SecretInfo> {
        let info = |it: Credential| SecretInfo {
            name: it.id,
            scope: scope.map(str::to_owned),
            kind: match it.type_name.as_str() {
                "Secret text" => "text".into(),
                "Secret file" => "file".into(),
                "Username with password" => "username-password".into(),
                "SSH Username with private key" => "ssh-key".into(),
                other => other.to_owned(),
            },
            updated: None,
            more: it
                .description
                .filter(|text| !text.is_empty())
                .map(|text| novacron_cicd_sdk::attribute("x-description", text))
                .into_iter()
                .collect(),
        };
        self.credentials.into_iter().map(info).collect()
    }
}

/// The XML of a credential, its values left to the host.
/// `unsupported` for a kind that is not among these; `invalid-input` where a part is missing.
pub(crate) fn write(change: &SecretChange) -> Result<Body> {
    let part = |name: &str| {
        let found = change.parts.iter().find(|part| part.key == name).map(|part| part.value.clone());
        found.ok_or_else(|| Error::invalid_input(format!("parts.{name}"), format!("a {} has one", change.kind)))
    };
    let description = novacron_cicd_sdk::lookup(&change.options, "description").unwrap_or_default();
    let head = ["GLOBAL", &change.name, description];
    let head: String =
        ["scope", "id", "description"].iter().zip(head).map(|(name, text)| element(name, text)).collect();
    let secret = |body: Body, name: &str, reference: String| {
        body.text(format!("<{name}>")).secret(reference, Escape::Xml).text(format!("</{name}>"))
    };
    let open = |class: &str| Body::new().text(format!("<{class}>{head}"));
    let (class, body) = match change.kind.as_str() {
        "text" => {
            let class = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl";
            (class, secret(open(class), "secret", part("value")?))
        }
        "file" => {
            let class = "org.jenkinsci.plugins.plaincredentials.impl.FileCredentialsImpl";
            let name = novacron_cicd_sdk::lookup(&change.options, "file-name").unwrap_or(&change.name);
            // Bytes that are not sealed by this controller are taken as base64 (`SecretBytes.fromString`).
            let body = open(class).text(element("fileName", name)).text("<secretBytes>");
            (class, body.secret(part("value")?, Escape::Base64).text("</secretBytes>"))
        }
        "username-password" => {
            let class = "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl";
            (class, secret(secret(open(class), "username", part("username")?), "password", part("password")?))
        }
        "ssh-key" => {
            let class = "com.cloudbees.jenkins.plugins.sshcredentials.impl.BasicSSHUserPrivateKey";
            let mut body = secret(open(class), "username", part("username")?);
            if let Ok(passphrase) = part("passphrase") {
                body = secret(body, "passphrase", passphrase);
            }
            let source = "privateKeySource";
            let body = body.text(format!("<{source} class=\"{class}$DirectEntryPrivateKeySource\">"));
            (class, secret(body, "privateKey", part("value")?).text(format!("</{source}>")))
        }
        other => {
            return Err(Error::unsupported(format!("secrets.{other}"))
                .hint("text, file, username-password and ssh-key are known"));
        }
    };
    Ok(body.text(format!("</{class}>")))
}

/// Values travel in clear in the body: never but over TLS, or to this machine.
/// `invalid-input` where the base URL is neither.
pub(crate) fn check_privacy(base_url: &str) -> Result<()> {
    let host = base_url.strip_prefix("http://").map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    let local = ["localhost", "127.0.0.1", "[::1]"];
    match host {
        Some(host)
            if !local
                .iter()
                .any(|name| host == *name || host.strip_prefix(name).is_some_and(|port| port.starts_with(':'))) =>
        {
            Err(Error::invalid_input("base-url", "a secret would go to it in clear")
                .hint("use https for this provider"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::{attribute, http::Request, types::BodyPart};

    use super::*;

    fn change(kind: &str, parts: &[&str]) -> SecretChange {
        let parts = parts.iter().map(|name| attribute(*name, format!("ref-{name}"))).collect();
        let options = vec![attribute("description", "a < b")];
        SecretChange { name: "deploy&key".into(), scope: None, kind: kind.into(), parts, options }
    }

    fn shown(change: &SecretChange) -> String {
        let part = |part: &BodyPart| match part {
            BodyPart::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            BodyPart::Secret(part) => format!("[{} {}]", part.secret, part.escape),
        };
        write(change).unwrap().parts().iter().map(part).collect()
    }

    #[test]
    fn values_are_the_hosts_to_fill_in() {
        let head = "<scope>GLOBAL</scope><id>deploy&amp;key</id><description>a &lt; b</description>";
        let class = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl";
        assert_eq!(
            shown(&change("text", &["value"])),
            format!("<{class}>{head}<secret>[ref-value xml]</secret></{class}>")
        );
        let pair = shown(&change("username-password", &["username", "password"]));
        assert!(pair.contains("<username>[ref-username xml]</username><password>[ref-password xml]</password>"));
        let key = shown(&change("ssh-key", &["username", "value"]));
        assert!(
            key.contains("$DirectEntryPrivateKeySource\"><privateKey>[ref-value xml]</privateKey></privateKeySource>")
        );
        let class = "org.jenkinsci.plugins.plaincredentials.impl.FileCredentialsImpl";
        assert_eq!(
            shown(&change("file", &["value"])),
            format!(
                "<{class}>{head}<fileName>deploy&amp;key</fileName><secretBytes>[ref-value base64]</secretBytes></{class}>"
            )
        );
        assert!(write(&change("text", &[])).is_err() && write(&change("certificate", &["value"])).is_err());
    }

    #[test]
    fn a_store_is_the_controllers_or_a_folders_and_has_domains() {
        let path = |scope| Request::get(target(scope, &["api", "json"])).build().unwrap().url;
        assert_eq!(path(None), "/credentials/store/system/domain/_/api/json");
        assert_eq!(path(Some("a/b")), "/job/a/job/b/credentials/store/folder/domain/_/api/json");
        assert_eq!(path(Some("a/b//my hosts")), "/job/a/job/b/credentials/store/folder/domain/my%20hosts/api/json");
        assert_eq!(path(Some("//prod")), "/credentials/store/system/domain/prod/api/json");
    }

    #[test]
    fn a_secret_goes_over_tls_or_stays_on_this_machine() {
        let rows = [
            ("https://ci.example/", true),
            ("http://127.0.0.1:8080/jenkins", true),
            ("http://localhost", true),
            ("http://ci.example/", false),
            ("http://localhost.evil.example/", false),
            ("http://127.0.0.1.evil.example:80/", false),
        ];
        for (url, fine) in rows {
            assert_eq!(check_privacy(url).is_ok(), fine, "{url}");
        }
    }
}
