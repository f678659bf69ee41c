//! What is read of `secrets` and `variables`.

use novacron_cicd_domain::platform::{CallError, PageRequest, RemotePage, RemoteSecret, RemoteVariable};

use super::{Provider, guest};

impl Provider {
    /// Secrets of the platform's own store, never their values.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_secrets(
        &self,
        scope: Option<&str>,
        page: &PageRequest,
    ) -> Result<RemotePage<RemoteSecret>, CallError> {
        let (scope, request) = (scope.map(str::to_owned), page.clone().into());
        guest!(
            self, secrets, "secrets.list-secrets" reads,
            |store, guest| guest.call_list_secrets(store, scope.as_deref(), &request),
            |answer| super::page(answer.items, answer.next)
        )
        .await
    }

    /// Plain variables of the platform.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_variables(
        &self,
        scope: Option<&str>,
        page: &PageRequest,
    ) -> Result<RemotePage<RemoteVariable>, CallError> {
        let (scope, request) = (scope.map(str::to_owned), page.clone().into());
        guest!(
            self, variables, "variables.list-variables" reads,
            |store, guest| guest.call_list_variables(store, scope.as_deref(), &request),
            |answer| super::page(answer.items, answer.next)
        )
        .await
    }
}
