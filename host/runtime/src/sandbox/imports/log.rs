//! `log`: lines for the operator, masked, bounded, under the call's span.

use std::borrow::Cow;

use novacron_cicd_contract::bindings::novacron::cicd::{
    log::{Host, Level},
    types::Attribute,
};

use crate::sandbox::CallState;

/// The longest line that is kept, in bytes, its fields included.
const LINE_LIMIT: usize = 8 << 10;

impl Host for CallState {
    fn write(&mut self, level: Level, message: String, fields: Vec<Attribute>) -> wasmtime::Result<()> {
        if !self.meter.log_line(self.log_lines) || !enabled(level) {
            return Ok(());
        }
        let mut line = message;
        for Attribute { key, value } in fields {
            if line.len() > LINE_LIMIT {
                break;
            }
            line.push(' ');
            line.push_str(&key);
            line.push('=');
            line.push_str(&value);
        }
        let masker = self.ports.masker();
        // Masked before it is cut: else the begin of a secret could stand at the end.
        let masked = masker.mask_text(&line);
        let line = shown(&masked);
        match level {
            Level::Trace => tracing::trace!(target: "novacron_cicd::guest", "{line}"),
            Level::Debug => tracing::debug!(target: "novacron_cicd::guest", "{line}"),
            Level::Info => tracing::info!(target: "novacron_cicd::guest", "{line}"),
            Level::Warn => tracing::warn!(target: "novacron_cicd::guest", "{line}"),
            Level::Error => tracing::error!(target: "novacron_cicd::guest", "{line}"),
        }
        Ok(())
    }
}

fn enabled(level: Level) -> bool {
    match level {
        Level::Trace => tracing::enabled!(target: "novacron_cicd::guest", tracing::Level::TRACE),
        Level::Debug => tracing::enabled!(target: "novacron_cicd::guest", tracing::Level::DEBUG),
        Level::Info => tracing::enabled!(target: "novacron_cicd::guest", tracing::Level::INFO),
        Level::Warn => tracing::enabled!(target: "novacron_cicd::guest", tracing::Level::WARN),
        Level::Error => tracing::enabled!(target: "novacron_cicd::guest", tracing::Level::ERROR),
    }
}

/// A guest's text as one line of bounded length, without control characters that could draw over a terminal.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    let cut = &text[..text.floor_char_boundary(LINE_LIMIT.min(text.len()))];
    if cut.chars().any(char::is_control) {
        return Cow::Owned(cut.chars().map(|char| if char.is_control() { ' ' } else { char }).collect());
    }
    Cow::Borrowed(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_line_can_neither_break_the_line_nor_draw_on_the_terminal() {
        assert_eq!(shown("one\ntwo \u{1b}[2Jthree"), "one two  [2Jthree");
        assert_eq!(shown(&"é".repeat(LINE_LIMIT)).len(), LINE_LIMIT);
    }
}
