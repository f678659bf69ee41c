//! What ended a guest, from wasmtime's error to a cause and a sentence.

use novacron_cicd_domain::platform::TrapCause;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::{Limits, meter::Meter};

/// Functions of a backtrace that are told.
const FRAMES: usize = 4;
/// Bytes of output in which a guest's last words are looked for.
const WORDS: usize = 1 << 10;

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
    let trace = error.downcast_ref::<WasmBacktrace>().map_or_else(Vec::new, names);
    let (mut cause, mut sentence) = cause(error, meter, limits);
    if error.downcast_ref::<Trap>() == Some(&Trap::MemoryOutOfBounds) && is_recursion(&trace) {
        // The part of the stack that a compiler keeps in linear memory ran out of it.
        (cause, sentence) = (TrapCause::Stack, "it used more stack than it has in its memory".to_owned());
    }
    if cause == TrapCause::Unreachable
        && let Some(words) = last_words(meter)
    {
        sentence.push_str(": ");
        sentence.push_str(&words);
    }
    let own: Vec<&str> = trace.iter().map(String::as_str).filter(|name| is_own(name)).take(FRAMES).collect();
    if !own.is_empty() {
        sentence.push_str(", in ");
        sentence.push_str(&own.join(" < "));
    }
    (cause, sentence)
}

/// The functions of a backtrace, the innermost first.
fn names(trace: &WasmBacktrace) -> Vec<String> {
    let names = trace.frames().iter().filter_map(|frame| frame.func_name());
    names.map(|name| format!("{:#}", rustc_demangle::demangle(name))).collect()
}

/// Whether a function is the plugin's own, not of the machinery by which a language gives up.
fn is_own(name: &str) -> bool {
    let name = name.trim_start_matches('<');
    !["std::", "core::", "alloc::", "__rustc", "rust_", "abort", "__"].iter().any(|prefix| name.starts_with(prefix))
}

fn is_recursion(trace: &[String]) -> bool {
    trace.len() >= 8 && trace.iter().all(|name| *name == trace[0])
}

/// What the guest printed last: with Rust the place and the message of its panic, else its last line.
fn last_words(meter: &Meter) -> Option<String> {
    let printed = meter.last_words(WORDS);
    let mut lines = printed.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note: "));
    let panicked = printed.lines().position(|line| line.contains("panicked at "));
    if let Some(index) = panicked {
        let place = printed.lines().nth(index)?.split_once("panicked at ")?.1.trim_end_matches(':');
        let message = printed.lines().nth(index + 1).unwrap_or_default().trim();
        return Some(format!("{message}, at {place}"));
    }
    lines.next_back().map(str::to_owned)
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
