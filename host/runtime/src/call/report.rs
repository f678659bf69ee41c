//! What is told of a call when it is over: its span's fields, its place in the metrics, what the guest printed.

use std::{sync::Arc, time::Instant};

use novacron_cicd_domain::platform::CallError;
use tracing::{Span, field};

use super::outcome;
use crate::{
    plugin::{Plugin, interfaces::Function},
    ports::HostPorts,
    sandbox::{Meter, shown},
};

/// Lines of a guest's output that are told.
const LINES: usize = 200;

/// One span per call; its later fields are filled in when the call is over.
pub(super) fn span(plugin: &Plugin, function: Function, provider: &str, actor: &str) -> Span {
    tracing::info_span!(
        "plugin.call",
        plugin = %plugin.manifest().id,
        version = %plugin.manifest().version,
        digest = plugin.digest8(),
        provider,
        actor,
        function = function.name,
        outcome = field::Empty,
        wall_ms = field::Empty,
        cpu_ticks = field::Empty,
        peak_memory = field::Empty,
        requests = field::Empty,
        bytes = field::Empty,
    )
}

/// A call under way: reported once, as abandoned where nobody waited for its end.
pub(super) struct Report {
    plugin: Arc<Plugin>,
    function: Function,
    meter: Arc<Meter>,
    ports: Arc<dyn HostPorts>,
    span: Span,
    begun: Instant,
    started: bool,
    ended: bool,
}

impl Report {
    pub(super) fn begin(
        plugin: &Arc<Plugin>,
        function: Function,
        meter: &Arc<Meter>,
        ports: Arc<dyn HostPorts>,
        span: Span,
    ) -> Self {
        Self {
            plugin: plugin.clone(),
            function,
            meter: meter.clone(),
            ports,
            span,
            begun: Instant::now(),
            started: false,
            ended: false,
        }
    }

    /// It has its place.
    pub(super) fn started(&mut self) {
        self.started = true;
    }

    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    pub(super) fn end(&mut self, error: Option<&CallError>) {
        self.tell(outcome(error));
    }

    fn tell(&mut self, outcome: &'static str) {
        self.ended = true;
        let took = self.begun.elapsed();
        self.plugin.record(self.function.name, outcome, took.as_secs_f64());
        if !self.span.is_disabled() {
            let (requests, bytes) = self.meter.scope.spent();
            self.span.record("outcome", outcome);
            self.span.record("wall_ms", took.as_secs_f64() * 1000.0);
            self.span.record("cpu_ticks", self.meter.cpu_ticks());
            self.span.record("peak_memory", self.meter.peak_memory() as u64);
            self.span.record("requests", requests);
            self.span.record("bytes", bytes);
            // The line that the fields stand on, for subscribers that show lines and not spans.
            self.span.in_scope(|| tracing::debug!("a plugin was called"));
        }
        let dropped_lines = self.meter.dropped_lines();
        if dropped_lines > 0 {
            let _entered = self.span.enter();
            tracing::warn!(dropped_lines, "the guest logged more than is kept");
        }
        let (output, dropped) = self.meter.take_output();
        if output.is_empty() && dropped == 0 {
            return;
        }
        let _entered = self.span.enter();
        let text = String::from_utf8_lossy(&output);
        // As a whole: a secret may go over the end of a line.
        let masker = self.ports.masker();
        let masked = masker.mask_text(&text);
        for line in masked.lines().filter(|line| !line.trim().is_empty()).take(LINES) {
            tracing::info!(target: "novacron_cicd::guest", "{}", shown(line));
        }
        let untold = masked.lines().count().saturating_sub(LINES);
        if dropped > 0 || untold > 0 {
            tracing::warn!(dropped_bytes = dropped, untold_lines = untold, "the guest printed more than is kept");
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.ended {
            self.tell("abandoned");
        }
    }
}
