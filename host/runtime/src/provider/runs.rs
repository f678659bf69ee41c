//! `runs`, `run-search`, `run-listing`, `run-changes`, `run-cancel`, `run-retry`; what is read of `run-gates`.

use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CallError, CancelTarget, FoundRun, Gate, OperationArg, PageRequest, RemotePage, RetryScope, RunChanges,
        RunFilter, RunMatch, RunRef, Ticket, TriggerRequest,
    },
};

use super::{Provider, each, guest, nothing, page};

impl Provider {
    /// Starts a run.
    ///
    /// # Errors
    /// [`CallError`]; its `retry` says whether it may be sent again.
    pub async fn trigger(&self, operation: &OperationArg, request: TriggerRequest) -> Result<Ticket, CallError> {
        let (operation, request) = (operation.into(), request.into());
        guest!(
            self, runs, "runs.trigger" changes,
            |store, guest| guest.call_trigger(store, &operation, &request),
            TryInto::try_into
        )
        .await
    }

    /// What became of a ticket.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn resolve_ticket(&self, pipeline: &str, ticket: &str) -> Result<Ticket, CallError> {
        let (pipeline, ticket) = (pipeline.to_owned(), ticket.to_owned());
        guest!(
            self, runs, "runs.resolve-ticket" reads,
            |store, guest| guest.call_resolve_ticket(store, &pipeline, &ticket),
            TryInto::try_into
        )
        .await
    }

    /// A run with its whole graph.
    ///
    /// # Errors
    /// [`CallError`]; of kind unsupported where runs report by callback.
    pub async fn get_run(&self, run: &RunRef) -> Result<FoundRun, CallError> {
        let run = run.into();
        guest!(self, runs, "runs.get" reads, |store, guest| guest.call_get(store, &run), TryInto::try_into).await
    }

    /// Runs that carry a correlation token, begun no earlier than `since`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn find_by_correlation(
        &self,
        pipeline: &str,
        correlation: &str,
        since: Timestamp,
    ) -> Result<RunMatch, CallError> {
        let (pipeline, correlation) = (pipeline.to_owned(), correlation.to_owned());
        let since = u64::try_from(since.0).unwrap_or(0);
        guest!(
            self, run_search, "run-search.find-by-correlation" reads,
            |store, guest| guest.call_find_by_correlation(store, &pipeline, &correlation, since),
            TryInto::try_into
        )
        .await
    }

    /// Runs on the platform, newest first.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_runs(&self, filter: RunFilter, page: &PageRequest) -> Result<RemotePage<FoundRun>, CallError> {
        let (filter, request) = (filter.into(), page.clone().into());
        guest!(
            self, run_listing, "run-listing.list-runs" reads,
            |store, guest| guest.call_list_runs(store, &filter, &request),
            |answer| self::page(answer.items, answer.next)
        )
        .await
    }

    /// What changed in the runs of these pipelines since `position`; none: from now on.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_changed(&self, pipelines: &[String], position: Option<&str>) -> Result<RunChanges, CallError> {
        let (pipelines, position) = (pipelines.to_vec(), position.map(str::to_owned));
        guest!(
            self, run_changes, "run-changes.list-changed" reads,
            |store, guest| guest.call_list_changed(store, &pipelines, position.as_ref()),
            TryInto::try_into
        )
        .await
    }

    /// Asks for the end of a run, or of what is still in the queue.
    ///
    /// # Errors
    /// [`CallError`]; its `retry` says whether it may be sent again.
    pub async fn cancel(&self, operation: &OperationArg, target: &CancelTarget) -> Result<(), CallError> {
        let (operation, target) = (operation.into(), target.clone().into());
        guest!(
            self, run_cancel, "run-cancel.cancel" changes,
            |store, guest| guest.call_cancel(store, &operation, &target),
            nothing
        )
        .await
    }

    /// What a run waits for a person to decide.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_gates(&self, run: &RunRef) -> Result<Vec<Gate>, CallError> {
        let run = run.into();
        guest!(self, run_gates, "run-gates.list-gates" reads, |store, guest| guest.call_list_gates(store, &run), each)
            .await
    }

    /// Asks for a run, or a part of it, again: `run.attempt` is the attempt that was seen.
    ///
    /// # Errors
    /// [`CallError`], of kind conflict where another attempt has begun since; its `retry` says whether it may be sent
    /// again.
    pub async fn retry(
        &self,
        operation: &OperationArg,
        run: &RunRef,
        scope: RetryScope,
        correlation: &str,
    ) -> Result<Ticket, CallError> {
        let (operation, run, scope) = (operation.into(), run.into(), scope.into());
        let correlation = correlation.to_owned();
        guest!(
            self, run_retry, "run-retry.retry" changes,
            |store, guest| guest.call_retry(store, &operation, &run, &scope, &correlation),
            TryInto::try_into
        )
        .await
    }
}
