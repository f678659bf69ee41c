//! What a call has used so far: kept outside of its store, so that it can be read after the guest is gone.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
};

use novacron_cicd_domain::platform::TrapCause;

use crate::egress::CallScope;

/// One call as the host sees it from outside.
pub(crate) struct Meter {
    pub(crate) scope: CallScope,
    cpu_ticks: AtomicU64,
    peak_memory: AtomicUsize,
    refused: AtomicU8,
    log_lines: AtomicU32,
    dropped_lines: AtomicU32,
    output: Mutex<Output>,
}

#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Meter {
    pub(crate) fn new(scope: CallScope) -> Arc<Self> {
        Arc::new(Self {
            scope,
            cpu_ticks: AtomicU64::new(0),
            peak_memory: AtomicUsize::new(0),
            refused: AtomicU8::new(0),
            log_lines: AtomicU32::new(0),
            dropped_lines: AtomicU32::new(0),
            output: Mutex::default(),
        })
    }

    /// One tick more of computing; all ticks so far.
    pub(crate) fn tick(&self) -> u64 {
        self.cpu_ticks.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn cpu_ticks(&self) -> u64 {
        self.cpu_ticks.load(Ordering::Relaxed)
    }

    pub(crate) fn memory(&self, bytes: usize) {
        self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn peak_memory(&self) -> usize {
        self.peak_memory.load(Ordering::Relaxed)
    }

    /// Notes that the guest was refused something it may die of.
    pub(crate) fn refuse(&self, cause: TrapCause) {
        let code = match cause {
            TrapCause::Memory => 1,
            TrapCause::Table => 2,
            _ => 0,
        };
        self.refused.store(code, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> Option<TrapCause> {
        match self.refused.load(Ordering::Relaxed) {
            1 => Some(TrapCause::Memory),
            2 => Some(TrapCause::Table),
            _ => None,
        }
    }

    /// One line more of the log; whether it is kept.
    pub(crate) fn log_line(&self, limit: u32) -> bool {
        let room = |lines: u32| (lines < limit).then(|| lines + 1);
        let kept = self.log_lines.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        if !kept {
            self.dropped_lines.fetch_add(1, Ordering::Relaxed);
        }
        kept
    }

    /// Lines of the log that were not kept.
    pub(crate) fn dropped_lines(&self) -> u32 {
        self.dropped_lines.load(Ordering::Relaxed)
    }

    /// Keeps what still fits.
    pub(crate) fn print(&self, bytes: &[u8], limit: usize) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let room = limit.saturating_sub(output.bytes.len()).min(bytes.len());
        output.bytes.extend_from_slice(&bytes[..room]);
        output.dropped = output.dropped.saturating_add((bytes.len() - room) as u64);
    }

    /// The end of what was printed: where a language runtime says why it gives up.
    pub(crate) fn last_words(&self, limit: usize) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let from = output.bytes.len().saturating_sub(limit);
        String::from_utf8_lossy(&output.bytes[from..]).into_owned()
    }

    /// What was printed, and how many bytes of it were dropped.
    pub(crate) fn take_output(&self) -> (Vec<u8>, u64) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *output);
        (taken.bytes, taken.dropped)
    }
}
