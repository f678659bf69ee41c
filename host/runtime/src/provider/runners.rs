//! `runners`, `runner-drain`.

use novacron_cicd_domain::platform::{CallError, OperationArg, PageRequest, RemotePage, RemoteRunner};

use super::{Provider, guest, nothing};

impl Provider {
    /// The machines that do the platform's work.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_runners(&self, page: &PageRequest) -> Result<RemotePage<RemoteRunner>, CallError> {
        let page = page.clone().into();
        guest!(
            self, runners, "runners.list-runners" reads,
            |store, guest| guest.call_list_runners(store, &page),
            |answer| {
                let items = answer.items.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
                Ok(RemotePage { items, next: answer.next })
            }
        )
        .await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_runner(&self, runner: &str) -> Result<RemoteRunner, CallError> {
        let runner = runner.to_owned();
        guest!(self, runners, "runners.get" reads, |store, guest| guest.call_get(store, &runner), TryInto::try_into)
            .await
    }

    /// Whether a runner gets new work from now on.
    ///
    /// # Errors
    /// [`CallError`]; its `retry` says whether it may be sent again.
    pub async fn set_draining(
        &self,
        operation: &OperationArg,
        runner: &str,
        draining: bool,
        message: Option<&str>,
    ) -> Result<(), CallError> {
        let (operation, runner, message) = (operation.into(), runner.to_owned(), message.map(str::to_owned));
        guest!(
            self, runner_drain, "runner-drain.set-draining" changes,
            |store, guest| guest.call_set_draining(store, &operation, &runner, draining, message.as_deref()),
            nothing
        )
        .await
    }
}
