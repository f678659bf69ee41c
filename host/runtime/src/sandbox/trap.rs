//! What ended a guest, from wasmtime's error to a cause and a sentence.

use novacron_cicd_domain::platform::TrapCause;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::{Limits, meter::Meter};

/// Functions of a backtrace that are told.
const FRAMES: usize = 4;

/// A host function was called that this function of the contract may not call.
#[derive(Debug, thiserror::Error)]
#[error("it called {import}, and a pure function may call only context, clock and log")]
pub(crate) struct Impure {
    pub(crate) import: &'static str,
}

/// A host function got what it does not take.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misuse(pub(crate) String);

/// Places in the pool are all taken: not the guest's fault.
pub(crate) fn is_full(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::PoolConcurrencyLimitError>()
}

/// Why the guest ended, and how to say it.
pub(crate) fn explain(error: &wasmtime::Error, meter: &Meter, limits: &Limits) -> (TrapCause, String) {
    let (cause, mut sentence) = cause(error, meter, limits);
    if let Some(trace) = error.downcast_ref::<WasmBacktrace>() {
        let names: Vec<&str> = trace.frames().iter().filter_map(|frame| frame.func_name()).take(FRAMES).collect();
        if !names.is_empty() {
            sentence.push_str(", in ");
            sentence.push_str(&names.join(" < "));
        }
    }
    (cause, sentence)
}

fn cause(error: &wasmtime::Error, meter: &Meter, limits: &Limits) -> (TrapCause, String) {
    if let Some(refused) = error.downcast_ref::<Impure>() {
        return (TrapCause::Contract, refused.to_string());
    }
    if let Some(misuse) = error.downcast_ref::<Misuse>() {
        return (TrapCause::Contract, misuse.to_string());
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return (TrapCause::Unreachable, format!("it ended itself with exit code {code}"));
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return of_trap(*trap, meter, limits);
    }
    let text = format!("{error:#}");
    if text.contains("fuel allocated for hostcalls") {
        let sentence = format!("it handed more than {} bytes to the host at once", limits.hostcall_bytes);
        return (TrapCause::HostCall, sentence);
    }
    if text.contains("handle table") || text.contains("resource table") {
        return (TrapCause::HostCall, format!("it held more than {} handles", limits.handles));
    }
    let refused = meter.refused();
    if let Some(cause) = refused {
        return (cause, refusal(cause, limits));
    }
    (TrapCause::Other, format!("it broke the rules of the sandbox: {}", error.root_cause()))
}

fn of_trap(trap: Trap, meter: &Meter, limits: &Limits) -> (TrapCause, String) {
    match trap {
        Trap::Interrupt => (TrapCause::Cpu, format!("it computed for longer than {} s", limits.cpu.as_secs_f64())),
        Trap::StackOverflow => (TrapCause::Stack, format!("it used more than {} bytes of stack", limits.stack)),
        Trap::UnreachableCodeReached => match meter.refused() {
            Some(cause) => (cause, refusal(cause, limits)),
            None => (TrapCause::Unreachable, "it gave up".into()),
        },
        Trap::AllocationTooLarge => (TrapCause::Memory, refusal(TrapCause::Memory, limits)),
        Trap::CannotEnterComponent | Trap::CannotLeaveComponent | Trap::InvalidChar => {
            (TrapCause::Contract, format!("it broke the rules of the component model: {trap}"))
        }
        trap => (TrapCause::Other, trap.to_string()),
    }
}

fn refusal(cause: TrapCause, limits: &Limits) -> String {
    match cause {
        TrapCause::Memory => format!("it asked for more than {} MiB of memory", limits.memory >> 20),
        _ => format!("it asked for a table of more than {} elements", limits.table_elements),
    }
}
