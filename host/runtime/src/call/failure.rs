//! From the way in which a call ended to an error that says what may have happened and what to do.

use std::{sync::Arc, time::Duration};

use novacron_cicd_contract::fault;
use novacron_cicd_domain::platform::{CallError, CallErrorKind, TrapCause};

use super::Ended;
use crate::{
    plugin::{Plugin, interfaces::Function},
    ports::KvError,
    runtime::Host,
    sandbox::{self, Meter},
};

/// The plugin does not have the interface.
pub(crate) fn unsupported(plugin: &Plugin, function: Function, interface: &str) -> CallError {
    CallError {
        kind: CallErrorKind::Unsupported(interface.to_owned()),
        message: format!("the plugin does not have {interface}"),
        hint: None,
        plugin: plugin.manifest().id.clone(),
        function: function.name.to_owned(),
        sent: false,
    }
}

pub(super) fn explain(
    ended: Ended,
    plugin: &Plugin,
    function: Function,
    meter: &Meter,
    host: &Arc<Host>,
    allowed: Duration,
) -> CallError {
    let sent = meter.scope.change_sent();
    let (kind, message, hint) = match ended {
        Ended::Guest(error) => match (fault(error), meter.scope.denied()) {
            // A guest has no other word for it than the one for a platform that forbids something.
            ((CallErrorKind::Forbidden(_), message, hint), Some(allow)) => {
                let allow = allow.map(|command| format!("to allow it: `novacron-cicd {command}`"));
                (CallErrorKind::Denied, message, allow.or(hint))
            }
            (fault, _) => fault,
        },
        Ended::Timeout => {
            let message = format!("no answer within {} s", allowed.as_secs_f64());
            let kind = match (function.changing, sent) {
                (true, true) => CallErrorKind::OutcomeUnknown,
                (true, false) => CallErrorKind::Transient,
                (false, _) => CallErrorKind::Timeout,
            };
            (kind, message, None)
        }
        Ended::Canceled => (CallErrorKind::Canceled, "the call was given up".to_owned(), None),
        Ended::NoPlace => {
            let message = format!("no place became free within {} s", allowed.as_secs_f64());
            (CallErrorKind::Transient, message, Some("fewer calls side by side, or more places".to_owned()))
        }
        Ended::Violation(violation) => (
            CallErrorKind::Trap { cause: TrapCause::Contract },
            format!("its answer is not allowed: {violation}"),
            None,
        ),
        Ended::Trap(error) if sandbox::is_full(&error) => {
            // The pool is sized for calls of common size; a few large guests can use it up.
            (CallErrorKind::Transient, "the sandbox has no room for one more instance".to_owned(), None)
        }
        Ended::Trap(error) if error.is::<KvError>() => {
            // The host's failure, which the contract has no word for in `kv.get`.
            let kind = if function.changing && sent { CallErrorKind::OutcomeUnknown } else { CallErrorKind::Transient };
            (kind, format!("the plugin's small state can't be read: {}", error.root_cause()), None)
        }
        Ended::Trap(error) => {
            tracing::debug!(plugin = %plugin.manifest().id, function = function.name, error = %format_args!("{error:#}"), "a guest was ended");
            let (cause, sentence) = sandbox::explain(&error, meter, &host.limits);
            (CallErrorKind::Trap { cause }, sentence, None)
        }
    };
    // A guest may repeat what an answer held.
    let masker = host.ports.masker();
    let mask = |text: String| match masker.mask_text(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(masked) => masked,
    };
    let kind = match kind {
        CallErrorKind::Upstream { status, excerpt } => CallErrorKind::Upstream { status, excerpt: mask(excerpt) },
        CallErrorKind::InvalidInput { field, reason } => {
            CallErrorKind::InvalidInput { field: mask(field), reason: mask(reason) }
        }
        CallErrorKind::Forbidden(permission) => CallErrorKind::Forbidden(permission.map(&mask)),
        CallErrorKind::Unsupported(feature) => CallErrorKind::Unsupported(mask(feature)),
        CallErrorKind::Other(kind) => CallErrorKind::Other(mask(kind)),
        kind => kind,
    };
    CallError {
        kind,
        message: mask(message),
        hint: hint.map(&mask),
        plugin: plugin.manifest().id.clone(),
        function: function.name.to_owned(),
        sent,
    }
}
