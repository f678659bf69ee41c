//! From what a guest wrote to what may be sent: every check that needs no name resolved, then the secrets, then the
//! signatures over the result.
//!
//! Must be absent: a secret that is looked up before the destination was checked.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use novacron_cicd_contract::bindings::novacron::cicd::types::{BodyPart, Redirects, Request, SecretPart};
use novacron_cicd_vault::{Secret, sign::seal_box};
use url::Url;

use super::{
    Door,
    allow::Origin,
    audit::Audit,
    body,
    error::SendError,
    headers,
    login::LoginState,
    resolve,
    scope::{CallScope, SlotKind},
    sign,
    upload::{self, Flow, Upload},
};

/// What of a request is not held while it goes through the door.
#[derive(Clone, Debug)]
pub(super) enum Streamed {
    /// All of it is.
    Nothing,
    /// What the platform answers.
    Answer,
    /// The body, which is the host's.
    Body(Upload),
}

/// What is sent.
#[derive(Clone)]
pub(super) enum Load {
    /// As it is.
    Held(Bytes),
    /// Read while it goes.
    Kept(Arc<Flow>),
}

impl Load {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Kept(flow) => flow.size(),
        }
    }
}

/// A request that passed every check that can be made before a name is resolved.
pub(super) struct Prepared {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) origin: Origin,
    pub(super) headers: HeaderMap,
    pub(super) body: Load,
    pub(super) redirects: Redirects,
    pub(super) changes: bool,
    /// Whether what comes back is handed on as it comes.
    pub(super) streaming: bool,
}

impl Door {
    /// Checks and fills a request; a refusal leaves a record.
    pub(super) async fn prepare(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        request: &Request,
        streamed: &Streamed,
    ) -> Result<Prepared, SendError> {
        let prepared = self.check(scope, login, request, streamed).await;
        if let Err(error) = &prepared {
            let url = scope.provider().reach().join(&request.url).ok();
            let origin = url.as_ref().and_then(Origin::of).map_or_else(String::new, |origin| origin.to_string());
            let method: String = request.method.chars().take(16).collect();
            Audit::begin(self.ports(), scope, function(scope, login), &method, origin, 0).failed(error);
        }
        prepared
    }

    async fn check(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        request: &Request,
        streamed: &Streamed,
    ) -> Result<Prepared, SendError> {
        if scope.is_pure() {
            let function = scope.function();
            return Err(SendError::never(format!("{function} is a pure function: it may not send anything")));
        }
        let method = headers::method(&request.method)?;
        if matches!(streamed, Streamed::Body(_)) {
            upload::check(request, &method)?;
        }
        let reach = scope.provider().reach();
        let url = reach.join(&request.url)?;
        let origin = reach.check(&url)?;
        resolve::check_literal(&reach.whose(), reach.networks(), &url)?;
        if login.is_none() {
            for capture in &request.captures {
                if scope.provider().slot(&capture.into).is_some() {
                    let slot = &capture.into;
                    return Err(SendError::BadRequest(format!("slot {slot:?} is declared: only a login fills it")));
                }
            }
        }
        let mut headers = headers::of_guest(&request.headers, scope.provider())?;
        let body = self.fill(scope, login, &request.body, &origin).await?;
        for signature in &request.signatures {
            let bound = scope.provider().slot(&signature.key).filter(|bound| bound.slot.kind == SlotKind::Hmac);
            let key = &signature.key;
            let bound =
                bound.ok_or_else(|| SendError::NoSuchCredential(format!("there is no slot {key:?} of kind hmac")))?;
            if !bound.origins.contains(&origin) {
                return Err(SendError::never(format!("the key in slot {key:?} does not sign for {origin}")));
            }
            let (_, key) = self.source(scope, key).await?;
            sign::sign(&mut headers, signature, &key, &body)?;
        }
        let body = match streamed {
            Streamed::Body(upload) => Load::Kept(Flow::new(upload.clone(), self.dialer().idle())),
            Streamed::Nothing | Streamed::Answer => Load::Held(body),
        };
        if body.size() == 0 && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let uploads = matches!(body, Load::Kept(_));
        let changes = login.is_none() && (uploads || reach.changes(method.as_str(), &url));
        let streaming = matches!(streamed, Streamed::Answer);
        Ok(Prepared { method, url, origin, headers, body, redirects: request.redirects, changes, streaming })
    }

    async fn fill(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        parts: &[BodyPart],
        origin: &Origin,
    ) -> Result<Bytes, SendError> {
        let cap = usize::try_from(scope.budget().body).unwrap_or(usize::MAX);
        let mut filled = Vec::new();
        for part in parts {
            match part {
                BodyPart::Bytes(bytes) => filled.extend_from_slice(bytes),
                BodyPart::Secret(SecretPart { secret: reference, escape, .. }) if reference.starts_with(USER) => {
                    let user = user(scope, login, &reference[USER.len()..])?;
                    body::place(&mut filled, user.as_bytes(), escape, reference)?;
                }
                BodyPart::Secret(SecretPart { secret: reference, escape, seal_to }) => {
                    let (secret, origins) = self.part(scope, login, reference).await?;
                    if !origins.contains(origin) {
                        return Err(SendError::never(format!(
                            "the secret {reference:?} is not for a body to {origin}"
                        )));
                    }
                    scope.know(secret.clone());
                    let begin = filled.len();
                    match seal_to {
                        None => {
                            body::place(&mut filled, secret.expose(), escape, reference)?;
                            // As it was written, it may come back in an echo.
                            scope.know(Arc::new(Secret::new(&filled[begin..])));
                        }
                        Some(slot) => {
                            let sealed = seal(scope, slot, &secret)?;
                            body::place(&mut filled, &sealed, escape, reference)?;
                        }
                    }
                }
            }
            if filled.len() > cap {
                return Err(SendError::BadRequest(format!("the request's body is longer than {cap} bytes")));
            }
        }
        Ok(filled.into())
    }

    /// A secret for a body, and the origins that it may go to.
    async fn part(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        reference: &str,
    ) -> Result<(Arc<Secret>, Vec<Origin>), SendError> {
        let unknown = || {
            let function = scope.function();
            SendError::NoSuchCredential(format!(
                "{reference:?} is no secret that {function} was given to put in a body"
            ))
        };
        let Some(slot) = reference.strip_prefix("slot:") else {
            let secret = scope.secret(reference).cloned().ok_or_else(unknown)?;
            return Ok((secret, vec![scope.provider().reach().base().clone()]));
        };
        if let Some(captured) = login.and_then(|login| login.captured(slot)) {
            return Ok((captured.value.clone(), vec![captured.origin.clone()]));
        }
        let bound = scope.provider().slot(slot).ok_or_else(unknown)?;
        if login.is_none() && !bound.slot.body {
            return Err(SendError::NoSuchCredential(format!("the manifest does not let slot {slot:?} into bodies")));
        }
        Ok((self.source(scope, slot).await?.1, bound.origins.clone()))
    }
}

/// Refers to the user name that the operator put beside a slot's secret. It is no secret itself, so it goes wherever the
/// request may go.
const USER: &str = "slot-user:";

fn user<'a>(scope: &'a CallScope, login: Option<&LoginState>, slot: &str) -> Result<&'a str, SendError> {
    let bound = scope.provider().slot(slot).filter(|bound| login.is_some() || bound.slot.body);
    let refused = || SendError::NoSuchCredential(format!("the manifest does not let slot {slot:?} into bodies"));
    bound.ok_or_else(refused)?;
    let provider = scope.provider().provider();
    let user = provider.credentials.get(slot).and_then(|source| source.username.as_deref());
    user.ok_or_else(|| {
        let name = &provider.name;
        SendError::NoSuchCredential(format!(
            "slot {slot:?} needs a user name: `provider update {name} --username {slot}=NAME`"
        ))
    })
}

fn seal(scope: &CallScope, slot: &str, secret: &Secret) -> Result<Vec<u8>, SendError> {
    let base = scope.provider().reach().base();
    let missing = || SendError::NoSuchCredential(format!("no public key was captured into {slot:?} in this call"));
    let captured = scope.captured(slot).ok_or_else(missing)?;
    if captured.origin != *base {
        return Err(SendError::never(format!("the key in {slot:?} came from {}, not from {base}", captured.origin)));
    }
    let key = body::public_key(&captured.value, slot)?;
    seal_box(&key, secret).map_err(|error| SendError::BadRequest(format!("can't seal to {slot:?}: {error}")))
}

/// For whom a record is: the guest's function, or the host's own login.
pub(super) fn function<'a>(scope: &'a CallScope, login: Option<&LoginState>) -> &'a str {
    if login.is_some() { "login" } else { scope.function() }
}
