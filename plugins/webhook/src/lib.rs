//! Any CI system that can receive a signed HTTP POST. It reports its runs by callbacks to the host, so that nothing is
//! polled and nothing read. The protocol is `docs/webhook-provider.md`.
//!
//! Must be absent here: what a message looks like ([`message`]) and what an answer means ([`answer`]).

pub mod answer;
pub mod message;
pub mod settings;

use novacron_cicd_sdk::{
    Plugin, Result, RunCancel, Runs, clock, context,
    plugin::CheckReport,
    random,
    run_cancel::CancelTarget,
    runs::TriggerRequest,
    types::{Operation, Run, RunRef, Ticket},
};

use message::Hook;
use settings::Settings;

/// The provider.
#[derive(Debug)]
pub struct Webhook;

fn hook() -> Result<Hook> {
    let settings = Settings::read(&context::settings()?)?;
    let token = context::has_credential(message::TOKEN);
    Ok(Hook { url: context::base_url(), seconds: clock::now() / 1000, token, settings })
}

impl Plugin for Webhook {
    fn check() -> Result<CheckReport> {
        let hook = hook()?;
        answer::taken(hook.ping(&format!("ping_{}", random::token())).send()?)?;
        let features = if hook.settings.cancel { vec!["run-cancel".into()] } else { vec![] };
        Ok(CheckReport { features, ..CheckReport::default() })
    }
}

impl Runs for Webhook {
    fn trigger(operation: Operation, request: TriggerRequest) -> Result<Ticket> {
        let answer = hook()?.trigger(&operation, &request)?.send()?;
        Ok(Ticket::Run(answer::accepted(answer, request)?))
    }

    // Inlined, the compiler sees that there is no run to hand over, and leaves out the code for it.
    #[inline(always)]
    fn resolve_ticket(_pipeline: String, _ticket: String) -> Result<Ticket> {
        Err(answer::by_callback("runs.resolve-ticket"))
    }

    #[inline(always)]
    fn get(_run: RunRef) -> Result<Run> {
        Err(answer::by_callback("runs.get"))
    }
}

impl RunCancel for Webhook {
    fn cancel(operation: Operation, target: CancelTarget) -> Result<()> {
        answer::taken(hook()?.cancel(&operation, &target)?.send()?)?;
        Ok(())
    }
}

novacron_cicd_sdk::export!(Webhook with plugin, runs, run_cancel);
