//! The inert part of WASI 0.2 that language runtimes import: an empty environment, no arguments, clocks, randomness, and
//! stdout and stderr that end in a bounded buffer.
//!
//! Must be absent: a file system, sockets, WASI's own HTTP. They are not linked, so no guest that imports them is loaded.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::{
    WasiCtx,
    cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView as _},
    p2::{self, OutputStream, Pollable, StreamResult, bindings},
};

use super::{CallState, meter::Meter};

/// The largest answer of WASI's `get-random-bytes`.
const RANDOM_LIMIT: u64 = 64 << 10;

/// What is linked of WASI.
pub(crate) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    // io, both clocks, random, stdin, stdout, stderr.
    p2::add_to_linker_proxy_interfaces_async(linker)?;
    bindings::cli::exit::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    bindings::cli::environment::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    bindings::cli::terminal_input::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    bindings::cli::terminal_output::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    bindings::cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    bindings::cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    bindings::cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, CallState::cli)?;
    bindings::random::insecure::add_to_linker::<_, wasmtime_wasi::random::WasiRandom>(linker, random)?;
    bindings::random::insecure_seed::add_to_linker::<_, wasmtime_wasi::random::WasiRandom>(linker, random)?;
    Ok(())
}

fn random(state: &mut CallState) -> &mut wasmtime_wasi::random::WasiRandomCtx {
    use wasmtime_wasi::random::WasiRandomView as _;
    state.random()
}

pub(super) fn inert(meter: &Arc<Meter>, limit: usize) -> WasiCtx {
    let captured = Captured { meter: meter.clone(), limit };
    WasiCtx::builder()
        .stdout(captured.clone())
        .stderr(captured)
        .max_random_size(RANDOM_LIMIT)
        .allow_tcp(false)
        .allow_udp(false)
        .build()
}

/// stdout and stderr, in the order in which they were written. It never fails and never blocks: what does not fit is lost.
#[derive(Clone)]
struct Captured {
    meter: Arc<Meter>,
    limit: usize,
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Of WASI 0.3 only, which is not linked.
        Box::new(tokio::io::sink())
    }
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.meter.print(&bytes, self.limit);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[async_trait::async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}
