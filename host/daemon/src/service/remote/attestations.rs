//! What a platform has stated and signed of bytes: listed, and fetched through the door while somebody waits.

use bytes::Bytes;
use futures_util::StreamExt as _;
use novacron_cicd_domain::{
    platform::{Attestation, CallError, CallErrorKind, PageRequest, RemotePage},
    provider::Provider,
};
use novacron_cicd_runtime::Provider as Callable;
use serde_json::Value;

use super::Remote;
use crate::{
    engine::ports::Opened,
    service::{Actor, ServiceError, artifacts::refusal},
};

/// The most that one statement has, in bytes. Those of GitHub and GitLab have some ten thousand.
const MOST: usize = 16 << 20;
/// Where in an answer a statement stands, where the platform hands out more than it: a JSON pointer.
const POINTER: &str = "novacron.pointer";
/// Statements are looked through so many at a time.
const PAGE: u32 = 100;

impl Remote {
    /// What the platform has stated of bytes with this digest (algorithm, hexadecimal digits).
    ///
    /// # Errors
    /// [`ServiceError::Unsupported`]; what the platform says.
    pub async fn attestations(
        &self,
        provider: &str,
        subject: (String, String),
        repository: Option<&str>,
        page: PageRequest,
    ) -> Result<RemotePage<Attestation>, ServiceError> {
        self.of(provider, "attestations", async |platform| platform.list_attestations(subject, repository, &page).await)
            .await
    }

    /// One of these statements itself, by its place in the whole list, the first being 0.
    ///
    /// # Errors
    /// As [`Self::attestations`]; [`ServiceError::NotFound`] behind the end of the list.
    pub async fn attestation(
        &self,
        provider: &str,
        subject: (String, String),
        repository: Option<&str>,
        index: usize,
    ) -> Result<Bytes, ServiceError> {
        let shown = format!("{index} of {}:{}", subject.0, subject.1);
        let provider = self.host.provider(provider).await?;
        let found =
            self.read(&provider, "attestations", async |platform| find(&platform, subject, repository, index).await);
        let attestation = found.await?.ok_or_else(|| ServiceError::not_found("attestation", shown))?;
        let call = self.host.call(&provider, &Actor::engine());
        let opened = self.host.platforms.open(call, attestation.transfer.clone()).await;
        let fetched = match opened {
            Ok(opened) => fetch(&provider, &attestation, opened).await,
            Err(error) => Err(error),
        };
        fetched.map_err(ServiceError::call(&provider.name))
    }
}

async fn find(
    platform: &Callable,
    subject: (String, String),
    repository: Option<&str>,
    index: usize,
) -> Result<Option<Attestation>, CallError> {
    let (mut page, mut before) = (PageRequest { cursor: None, limit: PAGE }, 0);
    loop {
        let mut listed = platform.list_attestations(subject.clone(), repository, &page).await?;
        if index < before + listed.items.len() {
            return Ok(Some(listed.items.swap_remove(index - before)));
        }
        before += listed.items.len();
        // A page without items that promises a next one would be asked for without end.
        if listed.next.is_none() || listed.items.is_empty() {
            return Ok(None);
        }
        page.cursor = listed.next;
    }
}

async fn fetch(provider: &Provider, attestation: &Attestation, mut opened: Opened) -> Result<Bytes, CallError> {
    let failed = |kind: CallErrorKind, reason: String| CallError {
        kind,
        message: format!("{}: {reason}", attestation.transfer.summary()),
        hint: None,
        plugin: provider.plugin.clone(),
        function: "attestations.list-attestations".into(),
        sent: false,
    };
    if let Some(kind) = refusal(opened.status) {
        return Err(failed(kind, format!("the platform answered {}", opened.status)));
    }
    let mut whole = Vec::new();
    while let Some(piece) = opened.body.next().await {
        let piece = piece.map_err(|reason| failed(CallErrorKind::Transient, reason))?;
        if whole.len() + piece.len() > MOST {
            return Err(failed(CallErrorKind::Internal, format!("a statement has at most {MOST} bytes")));
        }
        whole.extend_from_slice(&piece);
    }
    match attestation.more.get(POINTER) {
        None => Ok(whole.into()),
        Some(pointer) => at(&whole, pointer).ok_or_else(|| {
            failed(CallErrorKind::Internal, format!("there is nothing at {pointer:?} in the platform's answer"))
        }),
    }
}

/// What stands there in a JSON document.
fn at(document: &[u8], pointer: &str) -> Option<Bytes> {
    let document: Value = serde_json::from_slice(document).ok()?;
    serde_json::to_vec(document.pointer(pointer)?).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_taken_out_of_what_it_came_in() {
        let document = br#"{"attestations":[{"bundle":{"a":1}},{"bundle":{"b":[2]}}]}"#;
        for (pointer, expected) in
            [("/attestations/1/bundle", Some(r#"{"b":[2]}"#)), ("/attestations/2/bundle", None), ("attestations", None)]
        {
            assert_eq!(at(document, pointer).as_deref(), expected.map(str::as_bytes), "{pointer}");
        }
        assert_eq!(at(b"no json", ""), None);
    }
}
