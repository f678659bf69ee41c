//! Providers: added, looked at, changed, reached, removed.

use std::sync::Arc;

use novacron_cicd_domain::{
    Coded,
    event::{self, EventKind},
    id::ProviderId,
    name::Name,
    operation::OperationState,
    platform::{CallError, CallErrorKind, CheckReport},
    provider::{Health, Provider},
    token::Role,
};
use novacron_cicd_store::{Listing, OperationFilter, Page};
use serde_json::json;

use super::{
    Actor, NewProvider, ProviderChange, ProviderCheck, ServiceError, configuration,
    host::{Host, audit, event as tell, find_provider, matches},
};

/// Configured connections.
#[derive(Clone)]
pub struct Providers {
    pub(super) host: Arc<Host>,
}

/// Settings that were left out are no settings.
fn settings(given: serde_json::Value) -> serde_json::Value {
    if given.is_null() { json!({}) } else { given }
}

fn unreachable(provider: &Provider, error: CallError) -> ServiceError {
    match error.kind {
        CallErrorKind::Transient
        | CallErrorKind::OutcomeUnknown
        | CallErrorKind::Timeout
        | CallErrorKind::Upstream { .. } => ServiceError::Unreachable {
            provider: provider.name.to_string(),
            url: provider.base_url.to_string(),
            source: Box::new(error),
        },
        _ => ServiceError::call(&provider.name)(error),
    }
}

impl Providers {
    /// Adds one: checked, and reached unless that is not wanted. Admin.
    ///
    /// # Errors
    /// Name taken, unknown plugin, configuration that does not fit the plugin, unreachable.
    pub async fn add(&self, actor: &Actor, new: NewProvider) -> Result<Provider, ServiceError> {
        actor.require(Role::Admin)?;
        let now = self.host.now();
        let mut provider = Provider {
            id: ProviderId(self.host.ids.next()),
            name: Name::new(new.name)?,
            plugin: new.plugin,
            base_url: configuration::base_url(&new.base_url)?,
            settings: settings(new.settings),
            credentials: new.credentials,
            grants: new.grants,
            health: Health::default(),
            version: 1,
            created: now,
            updated: now,
        };
        let name = provider.name.clone();
        self.host
            .read(move |state| match state.provider_by_name(name.as_str()) {
                Ok(_) => Err(ServiceError::NameTaken { what: "provider", name: name.to_string() }),
                Err(novacron_cicd_store::StoreError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            })
            .await?;
        self.host.check_configuration(&provider).await?;
        if !new.no_check {
            let report = self.reach(actor, &provider).await?;
            provider.health = self.healthy(&report);
        }
        let name = actor.name.clone();
        self.host
            .act(actor, move |tx| {
                tx.insert_provider(&provider)?;
                tell(tx, EventKind::ProviderCreated, provider.id, None, event::provider(&provider), now)?;
                let detail =
                    json!({ "plugin": provider.plugin, "base_url": provider.base_url, "grants": provider.grants });
                audit(tx, &name, "provider.add", &provider.name, detail, now)?;
                Ok(provider)
            })
            .await
    }

    /// By name or id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, name: &str) -> Result<Provider, ServiceError> {
        self.host.provider(name).await
    }

    /// Newest first.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, page: Page) -> Result<Listing<Provider>, ServiceError> {
        self.host.read(move |state| Ok(state.providers(&page)?)).await
    }

    /// Changes one: checked, and reached unless that is not wanted. Admin.
    ///
    /// # Errors
    /// [`ServiceError::Stale`], and as [`Self::add`].
    pub async fn update(
        &self,
        actor: &Actor,
        name: &str,
        change: ProviderChange,
        if_match: Option<i64>,
    ) -> Result<Provider, ServiceError> {
        actor.require(Role::Admin)?;
        let now = self.host.now();
        let before = self.host.provider(name).await?;
        matches("provider", &before.name, if_match, before.version)?;
        let mut provider = before.clone();
        if let Some(url) = &change.base_url {
            provider.base_url = configuration::base_url(url)?;
        }
        if let Some(given) = change.settings {
            provider.settings = settings(given);
        }
        if let Some(credentials) = change.credentials {
            provider.credentials = credentials;
        }
        if let Some(grants) = change.grants {
            provider.grants = grants;
        }
        provider.updated = now;
        self.host.check_configuration(&provider).await?;
        if !change.no_check {
            // A connection of its own: what is kept for the provider as it is stays until the change is stored.
            let trial = Provider { id: ProviderId(self.host.ids.next()), ..provider.clone() };
            let report = self.reach(actor, &trial).await;
            self.host.catalog.forget(&trial);
            provider.health = self.healthy(&report?);
        }
        let expected = before.version;
        let (mut stored, actor) = (provider, actor.name.clone());
        let sessions_end = before.credentials != stored.credentials || before.base_url != stored.base_url;
        let stored = self
            .host
            .write(move |tx| {
                stored.version = tx.update_provider(&stored, expected)?;
                tx.set_provider_health(stored.id, &stored.health)?;
                if sessions_end {
                    tx.delete_sessions(stored.id)?;
                }
                tell(tx, EventKind::ProviderUpdated, stored.id, None, event::provider(&stored), now)?;
                let detail = json!({ "version": stored.version, "base_url": stored.base_url, "grants": stored.grants });
                audit(tx, &actor, "provider.update", &stored.name, detail, now)?;
                Ok(stored)
            })
            .await?;
        if sessions_end {
            self.host.end_logins(vec![stored.clone()]).await?;
        } else {
            self.host.catalog.forget(&stored);
        }
        Ok(stored)
    }

    /// Removes one that no pipeline and no open operation names. Admin.
    ///
    /// # Errors
    /// [`ServiceError::InUse`], [`ServiceError::Stale`].
    pub async fn remove(&self, actor: &Actor, name: &str, if_match: Option<i64>) -> Result<(), ServiceError> {
        actor.require(Role::Admin)?;
        let now = self.host.now();
        let (name, actor) = (name.to_owned(), actor.name.clone());
        let removed = self
            .host
            .write(move |tx| {
                let provider = find_provider(tx, &name)?;
                matches("provider", &provider.name, if_match, provider.version)?;
                for state in OPEN {
                    let filter = OperationFilter {
                        provider: Some(provider.id),
                        state: Some(state),
                        ..OperationFilter::default()
                    };
                    if let Some(open) = tx.operations(&Page::first(1), &filter)?.items.first() {
                        return Err(ServiceError::InUse {
                            what: "provider",
                            name: provider.name.to_string(),
                            by: vec![format!("operation {}, which is {}", open.id, open.state.as_str())],
                        });
                    }
                }
                tx.delete_provider(provider.id, now)?;
                tell(tx, EventKind::ProviderDeleted, provider.id, None, event::provider(&provider), now)?;
                audit(tx, &actor, "provider.remove", &provider.name, json!({}), now)?;
                Ok(provider)
            })
            .await?;
        self.host.catalog.forget(&removed);
        Ok(())
    }

    /// Reaches it and keeps what was found as its health. Operator.
    ///
    /// # Errors
    /// [`ServiceError::Unreachable`] and other answers of the platform; they are kept as its health too.
    pub async fn check(&self, actor: &Actor, name: &str) -> Result<ProviderCheck, ServiceError> {
        actor.require(Role::Operator)?;
        let mut provider = self.host.provider(name).await?;
        let found = self.reach(actor, &provider).await;
        let before = provider.health.healthy;
        provider.health = match &found {
            Ok(report) => self.healthy(report),
            Err(error) => Health {
                healthy: Some(false),
                at: Some(self.host.now()),
                error: Some(error.to_string()),
                ..provider.health
            },
        };
        let (stored, now) = (provider.clone(), self.host.now());
        self.host
            .write(move |tx| {
                tx.set_provider_health(stored.id, &stored.health)?;
                if stored.health.healthy != before {
                    tell(tx, EventKind::ProviderHealth, stored.id, None, event::provider_health(&stored), now)?;
                }
                Ok(())
            })
            .await?;
        Ok(ProviderCheck { provider, report: found? })
    }

    async fn reach(&self, actor: &Actor, provider: &Provider) -> Result<CheckReport, ServiceError> {
        let call = self.host.call(provider, actor);
        self.host.platforms.check(call).await.map_err(|error| {
            tracing::info!(provider = %provider.name, code = error.code(), %error, "a provider cannot be reached");
            unreachable(provider, error)
        })
    }

    fn healthy(&self, report: &CheckReport) -> Health {
        Health {
            healthy: Some(true),
            at: Some(self.host.now()),
            error: None,
            account: report.account.clone(),
            platform_version: report.platform_version.clone(),
        }
    }
}

/// What an operation can be in while its provider is still needed.
const OPEN: [OperationState; 4] =
    [OperationState::Queued, OperationState::Claimed, OperationState::Sent, OperationState::Ambiguous];
