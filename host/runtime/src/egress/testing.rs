//! Providers for the tables of this module's tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc};

use novacron_cicd_domain::{
    Timestamp,
    id::ProviderId,
    name::Name,
    provider::{Grants, Health, Provider},
};

use super::{ProviderScope, ScopeError, Slot, SlotKind, Wants, allow::Reach};

pub(super) struct Made {
    pub(super) provider: Provider,
    pub(super) wants: Wants,
}

pub(super) fn provider(base_url: &str) -> Made {
    let provider = Provider {
        id: ProviderId(uuid::Uuid::nil()),
        name: Name::new("ci").unwrap(),
        plugin: "webhook".into(),
        base_url: base_url.parse().unwrap(),
        settings: serde_json::json!({}),
        credentials: BTreeMap::new(),
        grants: Grants::default(),
        health: Health::default(),
        version: 1,
        created: Timestamp(0),
        updated: Timestamp(0),
    };
    Made { provider, wants: Wants::default() }
}

impl Made {
    pub(super) fn wants(mut self, hosts: &[&str], redirect_hosts: &[&str], reads: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        self.wants.hosts = owned(hosts);
        self.wants.redirect_hosts = owned(redirect_hosts);
        self.wants.reads = owned(reads);
        self
    }

    pub(super) fn grants(mut self, origins: &[&str], redirect_hosts: &[&str], networks: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        self.provider.grants = Grants {
            origins: owned(origins),
            redirect_hosts: owned(redirect_hosts),
            private_networks: owned(networks),
            ..Grants::default()
        };
        self
    }

    pub(super) fn header_slot(mut self, header: &str) -> Self {
        let slot = Slot {
            kind: SlotKind::Header,
            header: Some(header.to_owned()),
            required: true,
            body: false,
            origins: Vec::new(),
        };
        self.wants.slots.insert("token".to_owned(), slot);
        self
    }

    pub(super) fn reach(&self) -> Result<Reach, ScopeError> {
        Reach::new(&self.provider, &self.wants)
    }

    pub(super) fn scope(self) -> Arc<ProviderScope> {
        ProviderScope::new(self.provider, self.wants).unwrap()
    }
}
