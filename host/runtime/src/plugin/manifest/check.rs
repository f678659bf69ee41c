//! What a manifest's values may be.

use std::collections::BTreeSet;

use novacron_cicd_contract::VERSION;
use serde::Deserialize;

use super::{CredentialKind, Manifest, WebhookScheme, Webhooks};
use crate::plugin::{PluginError, interfaces};

/// The longest text for people, in characters.
const TITLE_LIMIT: usize = 100;
const DESCRIPTION_LIMIT: usize = 2000;

fn refuse(reason: impl Into<String>) -> PluginError {
    PluginError::Manifest { reason: reason.into() }
}

/// An error of the TOML parser with its line, in one sentence.
pub(super) fn wrong(text: &str, error: &toml::de::Error) -> PluginError {
    let message = error.message().trim().replace('\n', ", ");
    match error.span() {
        Some(span) => {
            let line = text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
            refuse(format!("line {line}: {message}"))
        }
        None => refuse(message),
    }
}

/// Whether the contract's version is one that this host offers.
pub(super) fn contract_of(text: &str) -> Result<(), PluginError> {
    #[derive(Deserialize)]
    struct Versioned {
        contract: Option<String>,
    }
    let versioned: Versioned = toml::from_str(text).map_err(|error| wrong(text, &error))?;
    let wanted = versioned.contract.ok_or_else(|| refuse("the key `contract` is missing"))?;
    let version = semver::Version::parse(&wanted)
        .map_err(|error| refuse(format!("contract {wanted:?} is not a version like {VERSION}: {error}")))?;
    if !fits(&version) {
        return Err(PluginError::Contract { wanted, offered: VERSION });
    }
    Ok(())
}

/// 0.1.x, without a pre-release.
pub(crate) fn fits(version: &semver::Version) -> bool {
    (version.major, version.minor) == (0, 1) && version.pre.is_empty()
}

pub(super) fn values(manifest: &Manifest) -> Result<(), PluginError> {
    if !(2..=40).contains(&manifest.id.len()) || !is_word(&manifest.id) {
        let id = &manifest.id;
        return Err(refuse(format!("id {id:?} is not 2 to 40 of a-z 0-9 - that begin and end with a letter or digit")));
    }
    if manifest.title.trim().is_empty() || manifest.title.chars().count() > TITLE_LIMIT {
        return Err(refuse(format!("title is not 1 to {TITLE_LIMIT} characters long")));
    }
    if manifest.description.chars().count() > DESCRIPTION_LIMIT {
        return Err(refuse(format!("description is longer than {DESCRIPTION_LIMIT} characters")));
    }
    egress(manifest)?;
    credentials(manifest)?;
    for function in manifest.recovery.keys() {
        match interfaces::function(function) {
            None => return Err(refuse(format!("recovery names {function:?}, which the contract does not have"))),
            Some(known) if !known.changing => {
                return Err(refuse(format!("recovery names {function:?}, which changes nothing")));
            }
            Some(_) => {}
        }
    }
    manifest.webhooks.as_ref().map_or(Ok(()), |scheme| webhooks(manifest, scheme))
}

fn webhooks(manifest: &Manifest, webhooks: &Webhooks) -> Result<(), PluginError> {
    for slot in [Some(&webhooks.slot), webhooks.signing_slot.as_ref()].into_iter().flatten() {
        if manifest.credential(slot).is_none() {
            return Err(refuse(format!("webhooks names the slot {slot:?}, which is not declared")));
        }
    }
    if webhooks.signing_slot.is_some() && webhooks.scheme == WebhookScheme::StandardWebhooks {
        return Err(refuse("webhooks has a signing-slot beside the scheme standard-webhooks, whose key is in slot"));
    }
    Ok(())
}

fn egress(manifest: &Manifest) -> Result<(), PluginError> {
    for host in &manifest.egress.hosts {
        if !matches!(host.as_str(), "{base-url}" | "*") {
            origin("egress.hosts", host)?;
        }
    }
    for pattern in &manifest.egress.redirect_hosts {
        let name = pattern.strip_prefix('.').unwrap_or(pattern);
        let valid = pattern == "*"
            || (!name.is_empty()
                && name.split('.').all(|label| {
                    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                }));
        if !valid {
            return Err(refuse(format!(
                "egress.redirect-hosts has {pattern:?}, which is no host and no suffix of hosts"
            )));
        }
    }
    for read in &manifest.egress.reads {
        let valid = read.split_once(' ').is_some_and(|(method, path)| {
            !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()) && path.starts_with('/')
        });
        if !valid {
            return Err(refuse(format!("egress.reads has {read:?}, which is not a method and a path")));
        }
    }
    Ok(())
}

fn origin(place: &str, text: &str) -> Result<(), PluginError> {
    let valid = url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && !text.ends_with('/')
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if valid { Ok(()) } else { Err(refuse(format!("{place} has {text:?}, which is not scheme, host and port alone"))) }
}

fn credentials(manifest: &Manifest) -> Result<(), PluginError> {
    let mut seen = BTreeSet::new();
    for credential in &manifest.credentials {
        let slot = &credential.slot;
        if slot.is_empty() || slot.len() > 40 || !is_word(slot) {
            return Err(refuse(format!(
                "credential slot {slot:?} is not 1 to 40 of a-z 0-9 - that begin and end with a letter or digit"
            )));
        }
        if !seen.insert(slot) {
            return Err(refuse(format!("credential slot {slot:?} is declared twice")));
        }
        match (&credential.header, credential.kind) {
            (None, CredentialKind::Header) => {
                return Err(refuse(format!("credential slot {slot:?} is of kind header and names no header")));
            }
            (Some(_), CredentialKind::Header | CredentialKind::Hmac) | (None, _) => {}
            (Some(_), kind) => {
                let kind = kind.as_str();
                return Err(refuse(format!("credential slot {slot:?} names a header, and kind {kind} has none")));
            }
        }
        if let Some(header) = &credential.header {
            let lower = header.to_ascii_lowercase();
            // Only what the door itself writes: everything else would be a way around it.
            if http::HeaderName::from_bytes(header.as_bytes()).is_err()
                || matches!(lower.as_str(), "host" | "content-length" | "connection" | "transfer-encoding" | "cookie")
                || lower.starts_with("proxy-")
            {
                return Err(refuse(format!(
                    "credential slot {slot:?} names the header {header:?}, which is the host's"
                )));
            }
        }
        for text in &credential.origins {
            origin("credential.origins", text)?;
        }
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
