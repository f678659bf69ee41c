//! A change on a platform, as every verb asks for one: sent once, printed as the operation that it is, and waited for where
//! that is wanted.

use std::time::{Duration, Instant};

use clap::Args;
use novacron_cicd_domain::operation::OperationState;
use reqwest::Method;
use serde::Serialize;

use super::{CliError, Exit, client::Client, operation, output::Output, watch};
use crate::api::operations::OperationView;

/// Whether to wait.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Waiting {
    /// Wait until the platform has taken it
    #[arg(long)]
    wait: bool,
    /// Do not wait longer than this, such as 90s or 30m: then exit with 4
    #[arg(long, value_name = "DURATION", value_parser = super::duration, requires = "wait")]
    timeout: Option<Duration>,
}

/// Asks for a change; `body` none: the path says it all.
pub(super) async fn ask<B: Serialize + Sync>(
    method: Method,
    path: &str,
    body: Option<&B>,
    waiting: Waiting,
    client: &Client,
    out: &Output,
) -> Result<Exit, CliError> {
    // With a key of our own a second attempt after a broken connection can't do it twice.
    let key = uuid::Uuid::now_v7().to_string();
    let mut request = client.request(method, path).header("idempotency-key", key);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = client.answer::<OperationView>(request).await?;
    if !waiting.wait {
        return out.print(&answer.value, || operation::show(&answer.typed, out));
    }
    let deadline = waiting.timeout.map(|timeout| Instant::now() + timeout);
    let settled = watch::operation(client, answer.typed.id, deadline).await?;
    out.print(&settled.value, || operation::show(&settled.typed, out))?;
    Ok(match settled.typed.state {
        OperationState::Done => Exit::Ok,
        OperationState::Ambiguous => Exit::Ambiguous,
        state if state.is_settled() => Exit::Failed,
        _ => Exit::StillRunning,
    })
}

/// The same where the path says it all.
pub(super) async fn tell(
    method: Method,
    path: &str,
    waiting: Waiting,
    client: &Client,
    out: &Output,
) -> Result<Exit, CliError> {
    ask::<()>(method, path, None, waiting, client, out).await
}
