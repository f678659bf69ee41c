//! A plugin on wasmtime alone, with the engine's own configuration: its requests are answered from a recording.

use std::{collections::HashMap, sync::Arc};

use novacron_cicd_contract::bindings::{
    exports::novacron::cicd::run_listing::GuestIndices,
    novacron::cicd::{
        clock, context, http, keys, kv, log, random,
        types::{self, Attribute, Header, Request},
    },
};
use novacron_cicd_domain::platform::{FoundRun, PageRequest, RunFilter};
use novacron_cicd_fakes::{
    house,
    server::{Answer, Platform, Server},
};
use novacron_cicd_runtime::sandbox::{Limits, Memory, config};
use percent_encoding::percent_decode_str;
use wasmtime::{
    Engine, Store,
    component::{Component, HasSelf, InstancePre, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// What a platform answered, by method and decoded target.
pub(crate) struct Recording(HashMap<String, Answer>);

fn key(method: &str, target: &str) -> String {
    format!("{method} {}", percent_decode_str(target).decode_utf8_lossy())
}

impl Recording {
    /// Of the requests that were seen; each is answered once more.
    pub(crate) fn of<P: Platform>(server: &Server<P>) -> Self {
        let answer = |seen| server.world().answer(seen);
        Self(server.seen().iter().map(|seen| (key(&seen.method, &seen.target), answer(seen))).collect())
    }

    pub(crate) fn requests(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.values().map(|answer| answer.body.len()).sum()
    }

    fn answer(&self, request: &Request) -> http::Response {
        let key = key(&request.method, &request.url);
        let answer = self.0.get(&key).unwrap_or_else(|| unreachable!("{key} was not recorded"));
        http::Response {
            status: answer.status,
            headers: answer
                .headers
                .iter()
                .map(|(name, value)| Header { name: name.clone(), value: value.clone() })
                .collect(),
            body: answer.body.clone(),
            total: answer.body.len() as u64,
            truncated: false,
            final_url: request.url.clone(),
            more: Vec::new(),
        }
    }
}

/// A compiled plugin.
pub(crate) struct Guest {
    engine: Engine,
    pre: InstancePre<State>,
    listing: GuestIndices,
    provider: context::Provider,
    recording: Arc<Recording>,
}

impl Guest {
    pub(crate) fn new(
        plugin: &str,
        base_url: &str,
        settings: &str,
        (slot, kind): (&str, &str),
        recording: Recording,
    ) -> Self {
        let engine = Engine::new(&config(&Limits::default(), Memory::OnDemand)).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        types::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        context::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        http::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        log::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        kv::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        clock::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        random::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        keys::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        let component = Component::from_file(&engine, house::built(plugin)).unwrap();
        let pre = linker.instantiate_pre(&component).unwrap();
        let listing = GuestIndices::new(&pre).unwrap();
        let credential = context::Credential { slot: slot.into(), kind: kind.into(), expires: None };
        let provider = context::Provider {
            name: format!("{plugin}-1"),
            base_url: base_url.into(),
            settings: settings.into(),
            credentials: vec![credential],
            deadline: u64::MAX,
            more: Vec::new(),
        };
        Self { engine, pre, listing, provider, recording: Arc::new(recording) }
    }

    /// A whole call: an instance, the function, values of the domain.
    pub(crate) async fn list_runs(&self, filter: RunFilter, page: &PageRequest) -> Vec<FoundRun> {
        let state = State {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
            provider: self.provider.clone(),
            recording: self.recording.clone(),
        };
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(1 << 40);
        let instance = self.pre.instantiate_async(&mut store).await.unwrap();
        let guest = self.listing.load(&mut store, &instance).unwrap();
        let found = guest.call_list_runs(&mut store, &filter.into(), &page.clone().into()).await.unwrap().unwrap();
        found.items.into_iter().map(|run| run.try_into().unwrap()).collect()
    }
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    provider: context::Provider,
    recording: Arc<Recording>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for State {}

impl context::Host for State {
    fn get(&mut self) -> wasmtime::Result<context::Provider> {
        Ok(self.provider.clone())
    }
}

impl http::Host for State {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<http::Response, http::SendError>> {
        Ok(Ok(self.recording.answer(&request)))
    }

    async fn send_all(
        &mut self,
        requests: Vec<Request>,
    ) -> wasmtime::Result<Vec<Result<http::Response, http::SendError>>> {
        Ok(requests.iter().map(|request| Ok(self.recording.answer(request))).collect())
    }
}

impl log::Host for State {
    fn write(&mut self, _: log::Level, _: String, _: Vec<Attribute>) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// Nothing is remembered from one call to the next.
impl kv::Host for State {
    async fn get(&mut self, _: String) -> wasmtime::Result<Option<kv::Entry>> {
        Ok(None)
    }

    async fn put(
        &mut self,
        _: String,
        _: Vec<u8>,
        _: Option<u64>,
        _: Option<u64>,
    ) -> wasmtime::Result<Result<u64, kv::KvError>> {
        Ok(Ok(1))
    }

    async fn remove(&mut self, _: String, _: Option<u64>) -> wasmtime::Result<Result<(), kv::KvError>> {
        Ok(Ok(()))
    }
}

impl clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(1_800_000_000_000)
    }
}

impl random::Host for State {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        Ok(vec![4; count as usize])
    }
}

impl keys::Host for State {
    async fn sign_jwt(
        &mut self,
        slot: String,
        _: String,
        _: String,
    ) -> wasmtime::Result<Result<String, keys::KeyError>> {
        Ok(Err(keys::KeyError::NoSuchSlot(slot)))
    }

    async fn hmac(
        &mut self,
        slot: String,
        _: String,
        _: String,
        _: Vec<u8>,
    ) -> wasmtime::Result<Result<String, keys::KeyError>> {
        Ok(Err(keys::KeyError::NoSuchSlot(slot)))
    }
}
