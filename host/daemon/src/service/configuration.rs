//! Whether a provider's configuration makes sense: its address, its settings, its slots, its grants. All that is wrong
//! is said at once.

use std::collections::BTreeSet;

use novacron_cicd_domain::{Coded, field, provider::Provider};
use novacron_cicd_runtime::plugin::Manifest;
use novacron_cicd_store::StoreError;
use url::Url;

use super::{Problem, ServiceError, catalog::with_manifest, host::Host, webhooks::next_slot};

/// The address, parsed.
pub(super) fn base_url(text: &str) -> Result<Url, ServiceError> {
    let refuse = |problem: Problem| ServiceError::Configuration(vec![problem]);
    field::check_http_url("base_url", text).map_err(|error| refuse(error.into()))?;
    Url::parse(text).map_err(|error| {
        refuse(Problem { at: "/base_url".into(), code: "field.invalid", message: format!("base_url: {error}") })
    })
}

fn problems(manifest: &Manifest, provider: &Provider) -> Vec<Problem> {
    let mut problems = Vec::new();
    for problem in manifest.settings.check(&provider.settings) {
        let place = if problem.path.is_empty() { String::new() } else { format!(" at {}", problem.path) };
        problems.push(Problem {
            at: format!("/settings{}", problem.path),
            code: "provider.invalid-settings",
            message: format!("the settings are wrong{place}: {}", problem.message),
        });
    }
    let known: Vec<&str> = manifest.credentials.iter().map(|slot| slot.slot.as_str()).collect();
    // Two secrets of a hook are good while one takes the place of the other.
    let hooks = manifest.webhooks.iter().flat_map(|hooks| [Some(&hooks.slot), hooks.signing_slot.as_ref()]);
    let rotated: Vec<String> = hooks.flatten().map(|slot| next_slot(slot)).collect();
    let is_known = |slot: &&String| known.contains(&slot.as_str()) || rotated.contains(slot);
    for slot in provider.credentials.keys().filter(|slot| !is_known(slot)) {
        let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        problems.push(Problem {
            at: format!("/credentials/{slot}"),
            code: "provider.unknown-slot",
            message: format!("the plugin {} has no credential slot {slot:?}; it has {has}", manifest.id),
        });
    }
    for slot in manifest.credentials.iter().filter(|slot| slot.required) {
        if !provider.credentials.contains_key(&slot.slot) {
            let what = if slot.description.is_empty() { String::new() } else { format!(" ({})", slot.description) };
            problems.push(Problem {
                at: format!("/credentials/{}", slot.slot),
                code: "provider.missing-slot",
                message: format!("the credential slot {:?}{what} is not filled", slot.slot),
            });
        }
    }
    problems
}

impl Host {
    /// Everything about a provider that can be checked without reaching it.
    pub(super) async fn check_configuration(&self, provider: &Provider) -> Result<(), ServiceError> {
        let mut problems =
            with_manifest(self.catalog.as_ref(), &provider.plugin, |manifest| problems(manifest, provider))?;
        let slots =
            provider.credentials.iter().map(|(slot, source)| (format!("credentials/{slot}/secret"), &*source.secret));
        let granted = provider.grants.secrets().map(|(place, secret)| (format!("grants/{place}"), secret));
        let wanted: BTreeSet<(String, String)> =
            slots.chain(granted).map(|(place, secret)| (place, secret.to_owned())).collect();
        let missing = self
            .read(move |state| {
                let mut missing = Vec::new();
                for (place, secret) in wanted {
                    match state.secret(&secret) {
                        Ok(_) => {}
                        Err(StoreError::NotFound { .. }) => missing.push((place, secret)),
                        Err(error) => return Err(error.into()),
                    }
                }
                Ok(missing)
            })
            .await?;
        problems.extend(missing.into_iter().map(|(place, secret)| Problem {
            message: format!("{place} names the secret {secret:?}, which is not there"),
            at: format!("/{place}"),
            code: "secret.not-found",
        }));
        if problems.is_empty()
            && let Err(error) = self.catalog.check(provider)
        {
            problems.push(Problem { at: "/grants".into(), code: error.code(), message: error.to_string() });
        }
        if problems.is_empty() { Ok(()) } else { Err(ServiceError::Configuration(problems)) }
    }
}
