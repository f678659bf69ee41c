//! Secrets: set, listed, rotated, deleted; never read.
//!
//! Whatever changes here changes what is masked everywhere, before the change is answered; and the logins that were made
//! with an old value end.

use std::sync::Arc;

use novacron_cicd_domain::{
    event::EventKind, name::Name, operation::OperationState, parameter::ParameterKind, provider::Provider, token::Role,
};
use novacron_cicd_store::{Listing, OperationFilter, Page, Reader, SecretMeta, StoreError, Tx};
use novacron_cicd_vault::Secret;
use serde_json::json;

use super::{
    Actor, ServiceError,
    host::{Host, audit, event as tell},
};
use crate::engine::payload::Payload;

/// What is shown of a secret.
pub type SecretInfo = SecretMeta;

/// Values that only the vault holds.
#[derive(Clone)]
pub struct Secrets {
    pub(super) host: Arc<Host>,
}

/// What a secret's value is sealed for.
pub(super) fn context(name: &str) -> String {
    format!("secret/{name}")
}

/// Where a new value comes from: `set` makes, `rotate` replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    New,
    Again,
}

impl Secrets {
    /// A new one. Admin.
    ///
    /// # Errors
    /// Name taken; a value that cannot be masked.
    pub async fn set(&self, actor: &Actor, name: &str, value: Secret) -> Result<SecretInfo, ServiceError> {
        self.put(actor, name, value, Put::New).await
    }

    /// A new value for one that is there. Admin.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; a value that cannot be masked.
    pub async fn rotate(&self, actor: &Actor, name: &str, value: Secret) -> Result<SecretInfo, ServiceError> {
        self.put(actor, name, value, Put::Again).await
    }

    /// Names and times, never values.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, page: Page) -> Result<Listing<SecretInfo>, ServiceError> {
        self.host.read(move |state| Ok(state.secrets(&page)?)).await
    }

    /// Deletes one that nothing names. Admin.
    ///
    /// # Errors
    /// [`ServiceError::InUse`] names providers, pipelines and open operations that name it.
    pub async fn delete(&self, actor: &Actor, name: &str) -> Result<(), ServiceError> {
        actor.require(Role::Admin)?;
        let (name, actor, now) = (name.to_owned(), actor.name.clone(), self.host.now());
        self.changing(None, move |tx| {
            tx.secret(&name)?;
            let by = users(tx, &name)?;
            if !by.is_empty() {
                return Err(ServiceError::InUse { what: "secret", name, by });
            }
            tx.delete_secret(&name)?;
            tell(tx, EventKind::SecretDeleted, &name, None, json!({ "name": name }), now)?;
            audit(tx, &actor, "secret.delete", &name, json!({}), now)?;
            // Nothing names it, so nobody is logged in with it.
            Ok(((), Vec::new()))
        })
        .await
    }

    async fn put(&self, actor: &Actor, name: &str, value: Secret, put: Put) -> Result<SecretInfo, ServiceError> {
        actor.require(Role::Admin)?;
        let name = Name::new(name)?;
        if let Err(error) = value.check_maskable() {
            let (code, message) = (novacron_cicd_domain::Coded::code(&error), error.to_string());
            let hint = novacron_cicd_domain::Coded::hint(&error);
            return Err(ServiceError::Invalid { at: "/value".into(), code, message, hint });
        }
        let sealed = self.host.vault.seal(&context(name.as_str()), &value)?;
        let (actor, now) = (actor.name.clone(), self.host.now());
        self.changing(Some(value), move |tx| {
            match (tx.secret(name.as_str()), put) {
                (Ok(_), Put::New) => {
                    return Err(ServiceError::NameTaken { what: "secret", name: name.to_string() });
                }
                (Err(StoreError::NotFound { .. }), Put::New) | (Ok(_), Put::Again) => {}
                (Err(error), _) => return Err(error.into()),
            }
            let version = tx.put_secret(&name, &sealed, now)?;
            tell(tx, EventKind::SecretSet, &name, None, json!({ "name": name }), now)?;
            let action = if put == Put::New { "secret.set" } else { "secret.rotate" };
            audit(tx, &actor, action, &name, json!({ "version": version }), now)?;
            let used = tx.secret_users(name.as_str())?;
            let used = used.iter().map(|provider| tx.provider_by_name(provider)).collect::<Result<Vec<_>, _>>()?;
            for provider in &used {
                tx.delete_sessions(provider.id)?;
            }
            Ok((tx.secret(name.as_str())?.meta, used))
        })
        .await
    }

    /// Makes a change; also where whoever asked hangs up in between. Beside its answer, `change` says whose logins have
    /// ended.
    async fn changing<T, F>(&self, new: Option<Secret>, change: F) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<(T, Vec<Provider>), ServiceError> + Send + 'static,
    {
        let host = self.host.clone();
        let task = tokio::spawn(async move {
            let (answer, logged_out) = host.masking.around(new, host.write(change)).await?;
            host.end_logins(logged_out).await?;
            Ok(answer)
        });
        task.await.unwrap_or(Err(ServiceError::Stopping))
    }
}

/// Everything that names a secret.
fn users(state: &Reader<'_>, name: &str) -> Result<Vec<String>, ServiceError> {
    let mut by: Vec<String> =
        state.secret_users(name)?.into_iter().map(|provider| format!("provider {provider}")).collect();
    by.extend(state.secret_subscribers(name)?.into_iter().map(|subscriber| format!("subscriber {subscriber}")));
    let mut page = Page::first(Page::MOST);
    loop {
        let listing = state.pipelines(&page, None)?;
        for pipeline in listing.items {
            let names_it = pipeline
                .parameters
                .iter()
                .any(|parameter| parameter.kind == ParameterKind::Secret && parameter.default.as_deref() == Some(name));
            if names_it {
                by.push(format!("pipeline {}", pipeline.name));
            }
        }
        match listing.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    for open in [OperationState::Queued, OperationState::Claimed, OperationState::Sent, OperationState::Ambiguous] {
        let filter = OperationFilter { state: Some(open), ..OperationFilter::default() };
        let mut page = Page::first(Page::MOST);
        loop {
            let listing = state.operations(&page, &filter)?;
            for operation in listing.items {
                if Payload::of(&operation).names(name) {
                    by.push(format!("operation {}", operation.id));
                }
            }
            match listing.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
    }
    Ok(by)
}
