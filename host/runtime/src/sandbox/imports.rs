//! The contract's imports, as host functions over the state of one call.
//!
//! What a pure function may not call answers with an error where the contract has one for it, and ends the guest where it
//! has none.

mod http;
mod keys;
mod kv;
mod log;

pub(crate) use log::shown;

use novacron_cicd_contract::bindings::novacron::cicd::{
    clock, context, http as http_wit, keys as keys_wit, kv as kv_wit,
};
use novacron_cicd_contract::bindings::novacron::cicd::{log as log_wit, random, types};
use wasmtime::component::{HasSelf, Linker};

use super::{
    CallState,
    trap::{Impure, Misuse},
};

/// The largest answer of `random.bytes`.
const RANDOM_LIMIT: u32 = 4096;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    types::add_to_linker::<CallState, HasSelf<CallState>>(linker, |state| state)?;
    context::add_to_linker::<CallState, HasSelf<CallState>>(linker, |state| state)?;
    http_wit::add_to_linker::<CallState, HasSelf<CallState>>(linker, |state| state)?;
    log_wit::add_to_linker::<CallState, HasSelf<CallState>>(linker, |state| state)?;
    kv_wit::add_to_linker::<CallState, HasSelf<CallState>>(linker, |state| state)?;
    clock::add_to_linker::<CallState, HasSelf<CallState>>(linker, |state| state)?;
    random::add_to_linker::<CallState, HasSelf<CallState>>(linker, |state| state)?;
    keys_wit::add_to_linker::<CallState, HasSelf<CallState>>(linker, |state| state)
}

fn millis(time: novacron_cicd_domain::Timestamp) -> u64 {
    u64::try_from(time.0).unwrap_or(0)
}

impl CallState {
    /// Ends a guest that calls what a pure function may not.
    fn impure(&self, import: &'static str) -> wasmtime::Result<()> {
        if self.pure { Err(wasmtime::Error::new(Impure { import })) } else { Ok(()) }
    }
}

impl types::Host for CallState {}

impl context::Host for CallState {
    fn get(&mut self) -> wasmtime::Result<context::Provider> {
        let environment = &self.environment;
        let credential = |(slot, kind): &(String, &'static str)| context::Credential {
            slot: slot.clone(),
            kind: (*kind).to_owned(),
            expires: None,
        };
        Ok(context::Provider {
            name: environment.name.clone(),
            base_url: environment.base_url.clone(),
            settings: environment.settings.clone(),
            credentials: environment.credentials.iter().map(credential).collect(),
            deadline: millis(self.deadline),
            more: Vec::new(),
        })
    }
}

impl clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(millis(self.ports.now()))
    }
}

impl random::Host for CallState {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        self.impure("random.bytes")?;
        if count > RANDOM_LIMIT {
            let what = format!("it asked random.bytes for {count} bytes, and at most {RANDOM_LIMIT} are given");
            return Err(wasmtime::Error::new(Misuse(what)));
        }
        let mut bytes = vec![0; count as usize];
        self.ports.random(&mut bytes);
        Ok(bytes)
    }
}
