//! `runners`.

use novacron_cicd_domain::platform::{CallError, PageRequest, RemotePage, RemoteRunner};

use super::{Provider, guest, page};

impl Provider {
    /// The machines that do the platform's work.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_runners(&self, page: &PageRequest) -> Result<RemotePage<RemoteRunner>, CallError> {
        let request = page.clone().into();
        guest!(
            self, runners, "runners.list-runners" reads,
            |store, guest| guest.call_list_runners(store, &request),
            |answer| self::page(answer.items, answer.next)
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
}
