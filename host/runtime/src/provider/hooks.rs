//! The pure functions: what a webhook's delivery says, and how to log in.

use novacron_cicd_contract::Violation;
use novacron_cicd_domain::platform::{CallError, Decoded, Delivery};

use super::{Describer, Provider, call};
use crate::egress::Described;

impl Provider {
    /// What a delivery says, without sending anything.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn decode_webhook(&self, delivery: Delivery) -> Result<Decoded, CallError> {
        let delivery = delivery.into();
        call!(self, "webhooks.decode", webhooks, |guest, store| guest.call_decode(store, &delivery), Decoded::try_from)
    }
}

/// How a slot is filled, with what `keys` made while the guest wrote it down.
pub(super) async fn describe_login(describer: &Describer, slot: &str) -> Result<Described, CallError> {
    let slot = slot.to_owned();
    call!(
        describer,
        "credentials.describe-login",
        credentials,
        |guest, store| async {
            let login = guest.call_describe_login(&mut *store, &slot).await?;
            let derived = store.data().meter.scope.derived();
            wasmtime::Result::Ok(login.map(|login| Described { login, derived }))
        },
        Ok::<_, Violation>
    )
}
