//! `runs`, `run-search`, `run-listing`, `run-cancel`, `run-force-cancel`.

use novacron_cicd_contract::{Violation, cursor};
use novacron_cicd_domain::{
    Timestamp,
    platform::{
        CallError, CancelTarget, FoundRun, OperationArg, PageRequest, RemotePage, RunFilter, RunMatch, RunRef, Ticket,
        TriggerRequest,
    },
};

use super::{Provider, call};

impl Provider {
    /// Starts a run.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn trigger(&self, operation: &OperationArg, request: TriggerRequest) -> Result<Ticket, CallError> {
        let (operation, request) = (operation.into(), request.into());
        call!(
            self,
            "runs.trigger",
            runs,
            |guest, store| guest.call_trigger(store, &operation, &request),
            Ticket::try_from
        )
    }

    /// What became of a place in the platform's queue. Changes nothing.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn resolve_ticket(&self, pipeline: &str, ticket: &str) -> Result<Ticket, CallError> {
        let (pipeline, ticket) = (pipeline.to_owned(), ticket.to_owned());
        call!(
            self,
            "runs.resolve-ticket",
            runs,
            |guest, store| guest.call_resolve_ticket(store, &pipeline, &ticket),
            Ticket::try_from
        )
    }

    /// A run with its whole graph.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_run(&self, run: &RunRef) -> Result<FoundRun, CallError> {
        let run = run.into();
        call!(self, "runs.get", runs, |guest, store| guest.call_get(store, &run), FoundRun::try_from)
    }

    /// Runs that carry our token, begun no earlier than `since`.
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
        call!(
            self,
            "run-search.find-by-correlation",
            run_search,
            |guest, store| guest.call_find_by_correlation(store, &pipeline, &correlation, since),
            RunMatch::try_from
        )
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_runs(&self, filter: RunFilter, page: &PageRequest) -> Result<RemotePage<FoundRun>, CallError> {
        let (filter, page) = (filter.into(), page.clone().into());
        call!(
            self,
            "run-listing.list-runs",
            run_listing,
            |guest, store| guest.call_list_runs(store, &filter, &page),
            |page| {
                let items = page.items.into_iter().map(FoundRun::try_from).collect::<Result<_, _>>()?;
                let next = page.next.map(|next| cursor("run-page.next", next)).transpose()?;
                Ok::<_, Violation>(RemotePage { items, next })
            }
        )
    }

    /// Asks for the end of a run, or of its place in the queue.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn cancel(&self, operation: &OperationArg, target: &CancelTarget) -> Result<(), CallError> {
        let (operation, target) = (operation.into(), target.clone().into());
        call!(
            self,
            "run-cancel.cancel",
            run_cancel,
            |guest, store| guest.call_cancel(store, &operation, &target),
            Ok::<_, Violation>
        )
    }

    /// Asks the harder way.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn force_cancel(&self, operation: &OperationArg, run: &RunRef) -> Result<(), CallError> {
        let (operation, run) = (operation.into(), run.into());
        call!(
            self,
            "run-force-cancel.force-cancel",
            run_force_cancel,
            |guest, store| guest.call_force_cancel(store, &operation, &run),
            Ok::<_, Violation>
        )
    }
}
