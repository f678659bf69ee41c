//! wasmtime alone, tuned alike: the engine's own configuration, a linker with what the guest imports, and no more.

use novacron_cicd_contract::bindings::{
    exports::novacron::cicd::runs::GuestIndices,
    novacron::cicd::types::{self, RunRef},
};
use novacron_cicd_runtime::sandbox::{Limits, Memory, config};
use wasmtime::{
    Engine, Store,
    component::{Component, HasSelf, InstancePre, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub(crate) struct Bare {
    engine: Engine,
    pre: InstancePre<State>,
    runs: GuestIndices,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for State {}

impl Bare {
    pub(crate) fn new(limits: &Limits, memory: Memory, bytes: &[u8]) -> Self {
        let engine = Engine::new(&config(limits, memory)).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        types::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).unwrap();
        let pre = linker.instantiate_pre(&Component::from_binary(&engine, bytes).unwrap()).unwrap();
        let runs = GuestIndices::new(&pre).unwrap();
        Self { engine, pre, runs }
    }

    /// How many jobs the run has.
    pub(crate) async fn call(&self, pipeline: &str, run: &str) -> usize {
        let state = State { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(1 << 40);
        let instance = self.pre.instantiate_async(&mut store).await.unwrap();
        let guest = self.runs.load(&mut store, &instance).unwrap();
        let run = RunRef { pipeline: pipeline.to_owned(), run: run.to_owned(), attempt: None };
        let found = guest.call_get(&mut store, &run).await.unwrap().unwrap();
        found.graph.map_or(0, |graph| graph.jobs.len())
    }
}
