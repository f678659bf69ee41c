//! The engine: tuned once, shared by every plugin, and the owner of the clock that interrupts guests.
//!
//! The figures behind the tuning: pooling halves the cost of a fresh instance; kept memory is quicker only together with
//! the kernel's page-map scan, alone it is slower than none; without the machinery for concurrent component tasks a call
//! costs a quarter less, and no guest of this contract needs it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::{Limits, SandboxError};

/// How often guests can be interrupted.
pub const TICK: Duration = Duration::from_millis(10);
/// Memory, table and stack that stay mapped in a free place of the pool.
const KEPT_MEMORY: usize = 1 << 20;
const KEPT_SMALL: usize = 64 << 10;
/// Guest stack and what the host's functions need beside it.
const FIBER: usize = 2 << 20;

/// The engine of all guests.
pub struct SandboxEngine {
    engine: Engine,
    ticks: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    memory: Memory,
}

/// Where the memory of instances comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// From a pool whose places keep some of it between two calls.
    Kept,
    /// From a pool.
    Pooled,
    /// From the system, at every call anew.
    OnDemand,
}

impl SandboxEngine {
    /// Makes it, with the pooling allocator where that is asked for and the machine allows it.
    ///
    /// # Errors
    /// [`SandboxError`] where not even an engine without a pool can be made, or its thread can't be started.
    pub fn new(limits: &Limits, pooling: bool) -> Result<Self, SandboxError> {
        let mut wanted = if pooling { Memory::Kept } else { Memory::OnDemand };
        // The best that this machine allows: kernels before 6.7 have no page-map scan, small boards and tight containers
        // too little address space for a pool.
        let engine = loop {
            match (Engine::new(&config(limits, wanted)), wanted) {
                (Ok(engine), _) => break engine,
                (Err(error), Memory::OnDemand) => return Err(SandboxError::Engine { detail: format!("{error:#}") }),
                (Err(error), Memory::Kept) => {
                    tracing::info!(error = %format_args!("{error:#}"), "the sandbox's pool keeps no memory between calls");
                    wanted = Memory::Pooled;
                }
                (Err(error), Memory::Pooled) => {
                    tracing::warn!(error = %format_args!("{error:#}"), "the sandbox has no pool: calls cost about twice as much");
                    wanted = Memory::OnDemand;
                }
            }
        };
        let (ticks, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        tick(&engine, &ticks, &stop)?;
        Ok(Self { engine, ticks, stop, memory: wanted })
    }

    /// wasmtime's.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where the memory of instances comes from.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.memory
    }

    pub(crate) fn ticks(&self) -> &Arc<AtomicU64> {
        &self.ticks
    }
}

impl Drop for SandboxEngine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The configuration of the engine: for a comparison with wasmtime as it is, tuned alike.
#[must_use]
pub fn config(limits: &Limits, memory: Memory) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(limits.stack)
        .async_stack_size(limits.stack.saturating_add(FIBER));
    if memory != Memory::OnDemand {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits, memory)));
    }
    config
}

fn pool(limits: &Limits, memory: Memory) -> PoolingAllocationConfig {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    // A call may ask for a login, which is a call of its own; and a few are being tried at install.
    let calls = limits.calls.saturating_mul(2).saturating_add(8);
    // Most guests are made of 3 core instances; large ones share what is there, and wait for it by failing as transient.
    let parts = calls.saturating_mul(8).max(limits.core_instances.saturating_mul(8));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count(calls))
        .total_core_instances(count(parts))
        .total_memories(count(calls.saturating_mul(2)))
        .total_tables(count(parts))
        .total_stacks(count(calls))
        .max_core_instances_per_component(count(limits.core_instances))
        .max_memories_per_component(count(limits.memories))
        .max_tables_per_component(count(limits.tables))
        .max_memory_size(limits.memory)
        .table_elements(limits.table_elements)
        // Each place that was used once keeps memory: few places that are used again, not many that were used once.
        .max_unused_warm_slots(8);
    if memory == Memory::Kept {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEPT_MEMORY)
            .table_keep_resident(KEPT_SMALL)
            .async_stack_keep_resident(KEPT_SMALL);
    }
    pool
}

/// Runs as long as the engine does, whichever limits are set: a guest without end is always interrupted.
#[expect(clippy::disallowed_methods, reason = "a thread of its own, which has nothing to do but sleep")]
fn tick(engine: &Engine, ticks: &Arc<AtomicU64>, stop: &Arc<AtomicBool>) -> Result<(), SandboxError> {
    let (engine, ticks, stop) = (engine.weak(), ticks.clone(), stop.clone());
    let run = move || {
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(TICK);
            let Some(engine) = engine.upgrade() else { return };
            ticks.fetch_add(1, Ordering::Relaxed);
            engine.increment_epoch();
        }
    };
    let started = thread::Builder::new().name("sandbox-ticks".into()).spawn(run);
    started.map(drop).map_err(|error| SandboxError::Engine { detail: error.to_string() })
}
