//! Secrets and variables of a platform's own store.

use novacron_cicd_domain::platform::{RemoteSecret, RemoteVariable};

use crate::{
    bindings::exports::novacron::cicd::{secrets, variables},
    value::{map, to_domain},
};

impl From<secrets::SecretInfo> for RemoteSecret {
    fn from(secret: secrets::SecretInfo) -> Self {
        Self {
            name: secret.name,
            scope: secret.scope,
            kind: secret.kind,
            updated: secret.updated.map(to_domain),
            more: map(secret.more),
        }
    }
}

impl From<variables::Variable> for RemoteVariable {
    fn from(variable: variables::Variable) -> Self {
        Self { name: variable.name, scope: variable.scope, value: variable.value, more: map(variable.more) }
    }
}
