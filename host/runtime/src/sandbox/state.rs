//! What belongs to one store: the data that host functions see, and the limits that wasmtime asks about.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use novacron_cicd_domain::platform::TrapCause;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::{Limits, SandboxEngine, engine::TICK, meter::Meter, output};
use crate::{call::Environment, egress::Door, ports::HostPorts};

/// The data of one store: one call, one guest.
pub(crate) struct CallState {
    pub(crate) meter: Arc<Meter>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) ports: Arc<dyn HostPorts>,
    pub(crate) door: Arc<Door>,
    pub(crate) function: &'static str,
    pub(crate) pure: bool,
    pub(crate) log_lines: u32,
    pub(crate) deadline: novacron_cicd_domain::Timestamp,
    limiter: Limiter,
    wasi: WasiCtx,
    table: ResourceTable,
    ticks: Arc<AtomicU64>,
    cpu_ticks: u64,
    waited: bool,
}

/// What a store is made of, beside the engine and its limits.
pub(crate) struct Parts {
    pub(crate) meter: Arc<Meter>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) ports: Arc<dyn HostPorts>,
    pub(crate) door: Arc<Door>,
    pub(crate) function: &'static str,
    pub(crate) pure: bool,
    pub(crate) deadline: novacron_cicd_domain::Timestamp,
}

impl CallState {
    /// A fresh store with every limit set.
    pub(crate) fn store(engine: &SandboxEngine, limits: &Limits, parts: Parts) -> Store<Self> {
        let Parts { meter, environment, ports, door, function, pure, deadline } = parts;
        let limiter = Limiter {
            meter: meter.clone(),
            memory: 0,
            limit: limits.memory,
            memories: limits.memories,
            tables: limits.tables,
            table_elements: limits.table_elements,
            instances: limits.core_instances,
        };
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let state = Self {
            wasi: output::inert(&meter, limits.output),
            meter,
            environment,
            ports,
            door,
            function,
            pure,
            log_lines: limits.log_lines,
            deadline,
            limiter,
            table,
            ticks: engine.ticks().clone(),
            cpu_ticks: u64::try_from(limits.cpu.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX).max(1),
            waited: false,
        };
        let mut store = Store::new(engine.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| Ok(context.data_mut().interrupt()));
        store
    }

    /// Asked at every tick in which the guest computes: it goes on after others had their turn, or it ends here.
    fn interrupt(&mut self) -> UpdateDeadline {
        if std::mem::take(&mut self.waited) {
            return UpdateDeadline::Continue(1);
        }
        if self.meter.tick() >= self.cpu_ticks { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) }
    }

    /// Runs what a guest waits for, without counting that time as the guest's own.
    pub(crate) fn wait_begun(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// See [`Self::wait_begun`]. Only where a tick passed: else a guest could wait for nothing, over and over, and never
    /// be counted.
    pub(crate) fn wait_ended(&mut self, begun: u64) {
        self.waited |= self.ticks.load(Ordering::Relaxed) != begun;
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

struct Limiter {
    meter: Arc<Meter>,
    memory: usize,
    limit: usize,
    memories: usize,
    tables: usize,
    table_elements: usize,
    instances: usize,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.limit {
            // The guest may do without: only when it dies of this is it the cause.
            self.meter.refuse(TrapCause::Memory);
            return Ok(false);
        }
        self.memory = total;
        self.meter.memory(total);
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.table_elements {
            self.meter.refuse(TrapCause::Table);
            return Ok(false);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::{collections::BTreeMap, time::Duration};

    use tokio_util::sync::CancellationToken;
    use wasmtime::{Engine, Instance, Module};

    use super::*;
    use crate::egress::{Budget, Call, CallScope, ProviderScope, Wants};

    fn meter() -> Arc<Meter> {
        let provider = serde_json::from_value(serde_json::json!({
            "id": uuid::Uuid::nil(), "name": "ci", "plugin": "any", "base_url": "https://ci.example.com/",
            "settings": {}, "credentials": {}, "grants": {}, "version": 1, "created": 0, "updated": 0,
            "health": { "healthy": null, "at": null, "error": null, "account": null, "platform_version": null },
        }));
        let call = Call {
            function: "plugin.check".to_owned(),
            pure: true,
            secrets: BTreeMap::new(),
            budget: Budget::default(),
            deadline: tokio::time::Instant::now() + Duration::from_secs(1),
            cancel: CancellationToken::new(),
            login: None,
        };
        Meter::new(CallScope::new(ProviderScope::new(provider.unwrap(), Wants::default()).unwrap(), call))
    }

    /// A module with an empty table and a function that lets it grow by so many elements, fewer than 2^20.
    fn growing(elements: u32) -> Vec<u8> {
        let low = |shift: u32| (elements >> shift & 0x7f) as u8;
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(b"\x01\x05\x01\x60\0\x01\x7f"); // type: () -> i32
        module.extend(b"\x03\x02\x01\0"); // function 0 is of it
        module.extend(b"\x04\x04\x01\x70\0\0"); // table 0 of functions, empty
        module.extend(b"\x07\x05\x01\x01f\0\0"); // exported as f
        module.extend([0x0a, 0x0d, 1, 0x0b, 0, 0xd0, 0x70, 0x41, low(0) | 0x80, low(7) | 0x80, low(14)]);
        module.extend([0xfc, 0x0f, 0, 0x0b]); // ref.null, i32.const, table.grow 0
        module
    }

    #[test]
    fn a_table_grows_as_far_as_it_may_and_a_refusal_is_remembered() {
        let engine = Engine::default();
        for (elements, answer, refused) in [(20_000, 0, None), (20_001, -1, Some(TrapCause::Table))] {
            let limits = Limits::default();
            let limiter = Limiter {
                meter: meter(),
                memory: 0,
                limit: limits.memory,
                memories: limits.memories,
                tables: limits.tables,
                table_elements: limits.table_elements,
                instances: limits.core_instances,
            };
            let mut store = Store::new(&engine, limiter);
            store.limiter(|limiter| limiter);
            let module = Module::new(&engine, growing(elements)).unwrap();
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let grow = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
            assert_eq!(grow.call(&mut store, ()).unwrap(), answer, "{elements} elements");
            assert_eq!(store.data().meter.refused(), refused, "{elements} elements");
        }
    }
}
