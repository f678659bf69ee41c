//! Changes that only the platform knows of: one call each, with everything that it needs in the operation's payload.

use novacron_cicd_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{
    Inner, argument, backoff,
    fault::fault,
    orphaned,
    payload::Payload,
    ports::{Job, SecretSource},
    recover::{self, Next},
    verdict::{Effect, Verdict},
    worker::Performed,
};

pub(super) async fn perform(inner: &Inner, job: Job, cancel: CancellationToken) -> Result<Performed, StoreError> {
    fault!("change.claimed");
    let Some(change) = Payload::of(&job.operation).change else {
        inner.settle(&job.operation, orphaned("change")).await;
        return Ok(Performed::Settled);
    };
    if let Next::Settle(verdict) = recover::change(inner, &job, &change, &cancel).await {
        inner.settle(&job.operation, verdict).await;
        return Ok(Performed::Settled);
    }
    let Some(operation) = inner.mark_sent(&job.operation).await? else { return Ok(Performed::Overtaken) };
    fault!("change.before-send");
    let mut call = inner.call(&job.provider, &operation.actor, &cancel);
    let named = change.secrets().into_iter();
    call.secrets = named.map(|(_, name)| (name.to_owned(), SecretSource::Named(name.to_owned()))).collect();
    let mut argument = argument(&operation, job.run.as_ref());
    if change.kind().starts() {
        argument.correlation = Some(operation.id.correlation());
    }
    let answer = inner.world.providers.change(call, argument, change).await;
    fault!("change.after-send");
    let verdict = match answer {
        Ok(changed) => Verdict::Done(Effect::Changed(Box::new(changed))),
        Err(error) => {
            let kind = operation.kind.as_str();
            tracing::warn!(operation = %operation.id, kind, provider = %job.provider.name, %error, "a change was not made");
            backoff::verdict(inner, &operation, &error, &cancel)
        }
    };
    fault!("change.before-commit");
    inner.settle(&operation, verdict).await;
    fault!("change.after-commit");
    Ok(Performed::Settled)
}
