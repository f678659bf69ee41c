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
