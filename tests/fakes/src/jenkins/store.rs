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
    /// Its id.
    pub id: String,
    /// As it was written, secrets and all.
    pub xml: String,
}

/// The elements whose text is a secret.
const SECRETS: [&str; 4] = ["secret", "password", "passphrase", "privateKey"];

impl Credential {
    fn of(folder: &str, xml: &str) -> Option<Self> {
        let id = between(xml, "id").filter(|id| !id.is_empty())?;
        Some(Self { folder: folder.to_owned(), id, xml: xml.to_owned() })
    }

    fn json(&self) -> Value {
        let kind = match &self.xml {
            xml if xml.contains("StringCredentialsImpl") => "Secret text",
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
    let at = |id: &str, world: &World| world.credentials.iter().position(|it| it.folder == folder && it.id == id);
    match (method, rest) {
        ("GET", ["api", "json"]) => answer::json(&json!({
            "_class": "com.cloudbees.plugins.credentials.CredentialsStoreAction", "domains": { "_": { "urlName": "_" } },
        })),
        ("GET", ["domain", "_", "api", "json"]) => {
            let there: Vec<Value> =
                world.credentials.iter().filter(|it| it.folder == folder).map(Credential::json).collect();
            read(
                seen,
                &json!({ "_class": "com.cloudbees.plugins.credentials.CredentialsStoreAction$DomainWrapper",
                                "credentials": there }),
            )
        }
        ("POST", ["domain", "_", "createCredentials"]) => match Credential::of(folder, &seen.body) {
            Some(new) if at(&new.id, world).is_some() => Answer::new(409),
            Some(new) => {
                world.credentials.push(new);
                Answer::new(200)
            }
            None => answer::page(500, "XStreamException"),
        },
        (method, ["domain", "_", "credential", id, rest @ ..]) => {
            let Some(at) = at(id, world) else { return missing() };
            match (method, rest) {
                ("GET", ["api", "json"]) => read(seen, &world.credentials[at].json()),
                ("GET", ["config.xml"]) => Answer::new(200).body("application/xml", world.credentials[at].shown()),
                ("POST", ["config.xml"]) => match Credential::of(folder, &seen.body) {
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
