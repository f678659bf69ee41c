//! The store of credentials (credentials plugin, `docs/user.adoc`, "REST API"): what is in it is told, its secrets never.

use serde_json::{Value, json};

use crate::server::{Answer, Seen};

use super::{
    answer,
    routes::{missing, read},
    world::{World, between},
};

/// A credential of a folder; the controller's own have none.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The full name of the folder.
    pub folder: String,
    /// The domain of its store.
    pub domain: String,
    /// Its id.
    pub id: String,
    /// As it was written, secrets and all.
    pub xml: String,
}

/// The elements whose text is a secret.
const SECRETS: [&str; 5] = ["secret", "password", "passphrase", "privateKey", "secretBytes"];

impl Credential {
    fn of(folder: &str, domain: &str, xml: &str) -> Option<Self> {
        let id = between(xml, "id").filter(|id| !id.is_empty())?;
        Some(Self { folder: folder.to_owned(), domain: domain.to_owned(), id, xml: xml.to_owned() })
    }

    fn json(&self) -> Value {
        let kind = match &self.xml {
            xml if xml.contains("StringCredentialsImpl") => "Secret text",
            xml if xml.contains("FileCredentialsImpl") => "Secret file",
            xml if xml.contains("UsernamePasswordCredentialsImpl") => "Username with password",
            _ => "SSH Username with private key",
        };
        json!({ "_class": "com.cloudbees.plugins.credentials.CredentialsStoreAction$CredentialsWrapper", "id": self.id,
                "typeName": kind, "displayName": self.id, "description": between(&self.xml, "description") })
    }

    fn shown(&self) -> String {
        SECRETS.iter().fold(self.xml.clone(), |xml, name| match between(&xml, name) {
            Some(secret) => xml.replace(&format!("<{name}>{secret}<"), &format!("<{name}><secret-redacted/><")),
            None => xml,
        })
    }
}

/// What is asked of the store of a folder, below its address.
pub(super) fn serve(world: &mut World, seen: &Seen, folder: &str, (method, rest): (&str, &[&str])) -> Answer {
    if let ("GET", ["api", "json"]) = (method, rest) {
        let one = |name: &String| (name.clone(), json!({ "urlName": name }));
        let domains: serde_json::Map<_, _> = world.domains.iter().map(one).collect();
        let class = "com.cloudbees.plugins.credentials.CredentialsStoreAction";
        return answer::json(&json!({ "_class": class, "domains": domains }));
    }
    let ["domain", domain, rest @ ..] = rest else { return missing() };
    if !world.domains.iter().any(|name| name == domain) {
        return missing();
    }
    let here = |it: &Credential| it.folder == folder && it.domain == *domain;
    let at = |id: &str, world: &World| world.credentials.iter().position(|it| here(it) && it.id == id);
    match (method, rest) {
        ("GET", ["api", "json"]) => {
            let there: Vec<Value> = world.credentials.iter().filter(|it| here(it)).map(Credential::json).collect();
            read(
                seen,
                &json!({ "_class": "com.cloudbees.plugins.credentials.CredentialsStoreAction$DomainWrapper",
                                "credentials": there }),
            )
        }
        ("POST", ["createCredentials"]) => match Credential::of(folder, domain, &seen.body) {
            Some(new) if at(&new.id, world).is_some() => Answer::new(409),
            Some(new) => {
                world.credentials.push(new);
                Answer::new(200)
            }
            None => answer::page(500, "XStreamException"),
        },
        (method, ["credential", id, rest @ ..]) => {
            let Some(at) = at(id, world) else { return missing() };
            match (method, rest) {
                ("GET", ["api", "json"]) => read(seen, &world.credentials[at].json()),
                ("GET", ["config.xml"]) => Answer::new(200).body("application/xml", world.credentials[at].shown()),
                ("POST", ["config.xml"]) => match Credential::of(folder, domain, &seen.body) {
                    Some(new) if new.id == *id => {
                        world.credentials[at] = new;
                        Answer::new(200)
                    }
                    _ => answer::page(500, "XStreamException"),
                },
                ("DELETE", ["config.xml"]) | ("POST", ["doDelete"]) => {
                    world.credentials.remove(at);
                    if method == "DELETE" { Answer::new(200) } else { Answer::to(302, "../..") }
                }
                _ => missing(),
            }
        }
        _ => missing(),
    }
}
