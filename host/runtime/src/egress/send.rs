//! One prepared request to the platform and back: authenticate, send, follow.
//!
//! Every hop goes through the same steps from the start. Must be absent: a way to the HTTP client that leaves one out.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use novacron_cicd_contract::bindings::novacron::cicd::{
    http::Response,
    types::{Redirects, Request},
};
use tokio::time::Instant;
use url::Url;

use super::{
    Door, StreamAnswer,
    allow::Origin,
    answer::shown,
    audit::Audit,
    capture::{self, Cookie},
    error::SendError,
    inject::Auth,
    kept::{Entry, Keeping, Key},
    login::LoginState,
    prepare::{Load, Prepared, Streamed, function},
    redirect::{self, Step},
    resolve::{self, NothingToDial},
    scope::{CallScope, SlotKind},
    upload::{Flow, Upload},
    witness::Witness,
};

/// An answer whose body is still to be read.
pub(super) struct Landed {
    pub(super) response: reqwest::Response,
    pub(super) origin: Origin,
    pub(super) audit: Audit,
    pub(super) witness: Witness,
    /// What is kept of it while it is read.
    pub(super) keeping: Option<Keeping>,
    /// The answer that it says is still right.
    same: Option<Same>,
    url: Url,
    crossed: bool,
}

/// A kept answer that is given again.
struct Same {
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Landed {
    pub(super) fn status(&self) -> u16 {
        if self.same.is_some() { StatusCode::OK.as_u16() } else { self.response.status().as_u16() }
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.same.as_ref().map_or_else(|| self.response.headers(), |same| &same.headers)
    }

    /// Whether a kept answer is given again.
    pub(super) fn is_same(&self) -> bool {
        self.same.is_some()
    }

    /// Gives `entry` again, where that is what the platform says.
    fn or_kept(mut self, key: Key, entry: Option<Arc<Entry>>) -> Self {
        match entry {
            Some(entry) if self.response.status() == StatusCode::NOT_MODIFIED => {
                let headers = entry.refreshed(self.response.headers());
                self.same = Some(Same { headers, body: Some(entry.body.clone()) });
            }
            _ if self.response.status() == StatusCode::OK => self.keeping = Some(Keeping::new(key)),
            _ => {}
        }
        self
    }

    pub(super) fn final_url(&self) -> String {
        let mut url = self.url.clone();
        if self.crossed {
            url.set_query(None);
        }
        url.into()
    }

    pub(super) fn broken(&self, error: &reqwest::Error) -> SendError {
        self.witness.failure(format!("the answer of {} did not come whole: {}", self.origin, cause(error)))
    }

    pub(super) async fn piece(&mut self, scope: &CallScope) -> Result<Option<Bytes>, SendError> {
        if let Some(same) = &mut self.same {
            return Ok(same.body.take());
        }
        let piece = self.response.chunk().await.map_err(|error| self.broken(&error))?;
        if let Some(piece) = &piece {
            if let Some(keeping) = &mut self.keeping {
                keeping.push(piece);
            }
            self.audit.received(piece.len() as u64);
            scope.spend_bytes(piece.len() as u64)?;
        }
        Ok(piece)
    }
}

impl Door {
    pub(super) async fn send_checked(
        &self,
        scope: &CallScope,
        request: &Request,
        upload: Option<Upload>,
    ) -> Result<Response, SendError> {
        let (landed, patience) = self.land(scope, request, upload.map_or(Streamed::Nothing, Streamed::Body)).await?;
        let witness = landed.witness.clone();
        bounded(scope, &patience, &witness, Box::pin(self.read(scope, None, request, landed))).await
    }

    pub(super) async fn stream_checked(&self, scope: &CallScope, request: &Request) -> Result<StreamAnswer, SendError> {
        let (landed, _) = self.land(scope, request, Streamed::Answer).await?;
        Ok(self.open(scope, landed))
    }

    /// Sends a guest's request; logs in for it where its slot needs that, once more where the platform refuses the login.
    async fn land(
        &self,
        scope: &CallScope,
        request: &Request,
        streamed: Streamed,
    ) -> Result<(Landed, Patience), SendError> {
        let mut prepared = self.prepare(scope, None, request, &streamed).await?;
        let key = Key::of(scope, request, &prepared).filter(|_| !prepared.streaming);
        let entry = key.as_ref().and_then(|key| self.kept().get(key));
        if let Some(entry) = &entry {
            prepared.headers.insert(header::IF_NONE_MATCH, entry.tag.clone());
        }
        let slot = request.credential.as_deref();
        let needs_login = slot.filter(|slot| {
            let kind = scope.provider().slot(slot).map(|bound| bound.slot.kind);
            matches!(kind, Some(SlotKind::Exchange | SlotKind::Session))
        });
        let auth = match needs_login {
            Some(slot) => self.login_auth(scope, slot, None).await?,
            None => self.plain_auth(scope, None, slot).await?,
        };
        let patience = Patience::of(scope, request, &prepared);
        let landed = self.fly(scope, None, &prepared, &auth, &patience).await?;
        let landed = self.as_let_in(scope, &prepared, &auth, &patience, landed).await?;
        let landed = match key {
            Some(key) => landed.or_kept(key, entry),
            None => landed,
        };
        Ok((landed, patience))
    }

    /// Sends once more where the platform refused the login that it came with.
    async fn as_let_in(
        &self,
        scope: &CallScope,
        prepared: &Prepared,
        auth: &Auth,
        patience: &Patience,
        landed: Landed,
    ) -> Result<Landed, SendError> {
        let status = landed.response.status().as_u16();
        match auth.login.clone() {
            Some((slot, number)) if auth.is_refused(status, &prepared.method) => {
                match self.login_auth(scope, &slot, Some(number)).await {
                    Ok(fresh) => {
                        drop(landed);
                        self.fly(scope, None, prepared, &fresh, patience).await
                    }
                    // The guest knows best what the platform's refusal means.
                    Err(error) => {
                        let error = self.redactor(scope).text(&error.to_string());
                        tracing::warn!(provider = %scope.provider().provider().name, slot, error, "could not log in again");
                        Ok(landed)
                    }
                }
            }
            _ => Ok(landed),
        }
    }

    /// Sends one request of a login.
    pub(super) async fn login_request(
        &self,
        scope: &CallScope,
        login: &LoginState,
        request: &Request,
    ) -> Result<Response, SendError> {
        let prepared = self.prepare(scope, Some(login), request, &Streamed::Nothing).await?;
        let auth = self.plain_auth(scope, Some(login), request.credential.as_deref()).await?;
        let patience = Patience::of(scope, request, &prepared);
        let landed = self.fly(scope, Some(login), &prepared, &auth, &patience).await?;
        let witness = landed.witness.clone();
        bounded(scope, &patience, &witness, Box::pin(self.read(scope, Some(login), request, landed))).await
    }

    async fn fly(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        prepared: &Prepared,
        auth: &Auth,
        patience: &Patience,
    ) -> Result<Landed, SendError> {
        let witness = Witness::default();
        let flight = Box::pin(self.hops(scope, login, prepared, auth, &witness));
        bounded(scope, patience, &witness, flight).await
    }

    async fn hops(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        prepared: &Prepared,
        auth: &Auth,
        witness: &Witness,
    ) -> Result<Landed, SendError> {
        let reach = scope.provider().reach();
        let gate = self.gate(scope).await?;
        let (mut method, mut url, mut origin) =
            (prepared.method.clone(), prepared.url.clone(), prepared.origin.clone());
        let (mut headers, mut body) = (prepared.headers.clone(), prepared.body.clone());
        let (mut crossed, mut hops) = (false, 0);
        loop {
            let changes = prepared.changes && method == prepared.method;
            let mut audit = Audit::begin(
                self.ports(),
                scope,
                function(scope, login),
                method.as_str(),
                origin.to_string(),
                body.size(),
            );
            let mut sent_headers = headers.clone();
            if !crossed {
                if hops == 0 {
                    auth.check(&origin).inspect_err(|error| audit.failed(error))?;
                }
                auth.apply(&mut sent_headers, &method, &origin);
                if origin == *reach.base() {
                    sent_headers.extend(gate.clone());
                }
                if let Some(login) = login.filter(|_| origin == *reach.base()) {
                    jar_out(login, &mut sent_headers);
                }
            }
            let request = Outgoing { method: &method, url: &url, headers: sent_headers, body: &body, changes };
            let response = match self.dial(scope, request, prepared.streaming, witness, &mut audit).await {
                Ok(response) => response,
                Err(error) => {
                    audit.failed(&error);
                    // The first request was answered; only what was to be read about it is missing.
                    return Err(match error {
                        SendError::TooLarge(_) => error,
                        error if prepared.changes && hops > 0 => SendError::Interrupted(error.to_string()),
                        error => error,
                    });
                }
            };
            let status = response.status().as_u16();
            audit.status(status);
            if let Some(login) = login.filter(|_| origin == *reach.base()) {
                let now = self.ports().now();
                for cookie in capture::set_cookies(&shown(response.headers()), now) {
                    login.keep_cookie(cookie, now);
                }
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let next = match location {
                Some(location) if response.status().is_redirection() && prepared.redirects != Redirects::None => {
                    self.next(scope, prepared, &method, status, &url, location, hops)
                }
                _ => Ok(None),
            };
            match next {
                Ok(Some(next)) => {
                    if next.origin != origin {
                        crossed = true;
                        headers = headers.iter().filter(|(name, _)| redirect::may_cross(name)).fold(
                            HeaderMap::new(),
                            |mut kept, (name, value)| {
                                kept.append(name.clone(), value.clone());
                                kept
                            },
                        );
                    }
                    if !next.body {
                        body = Load::Held(Bytes::new());
                        headers.remove(header::CONTENT_LENGTH);
                        headers.remove(header::CONTENT_TYPE);
                    }
                    (method, url, origin) = (next.method, next.url, next.origin);
                    hops += 1;
                }
                Err(error) if !prepared.changes => {
                    audit.failed(&error);
                    return Err(error);
                }
                // What changes was done: its answer is the guest's, though nobody may go where it points to.
                Ok(None) | Err(_) => {
                    let witness = witness.clone();
                    return Ok(Landed { response, origin, audit, witness, keeping: None, same: None, url, crossed });
                }
            }
        }
    }

    /// Where an answer leads, checked like any request; none where it is not followed.
    fn next(
        &self,
        scope: &CallScope,
        prepared: &Prepared,
        method: &Method,
        status: u16,
        from: &Url,
        location: &str,
        hops: u32,
    ) -> Result<Option<Next>, SendError> {
        let reach = scope.provider().reach();
        let url = reach.follow(from, location)?;
        let origin = Origin::of(&url).ok_or_else(|| SendError::never("the redirect has no host"))?;
        let same_origin = Origin::of(from).as_ref() == Some(&origin);
        let Step::Follow { method, body } = redirect::decide(prepared.redirects, method, status, same_origin) else {
            return Ok(None);
        };
        if hops >= redirect::MOST {
            return Err(SendError::Other(format!("more than {} redirects in a row", redirect::MOST)));
        }
        if !reach.allows(&origin) {
            reach.check_redirect(&url)?;
        }
        resolve::check_literal(&reach.whose(), reach.networks(), &url)?;
        Ok(Some(Next { method, url, origin, body }))
    }

    async fn dial(
        &self,
        scope: &CallScope,
        request: Outgoing<'_>,
        streaming: bool,
        witness: &Witness,
        audit: &mut Audit,
    ) -> Result<reqwest::Response, SendError> {
        scope.spend_request()?;
        scope.spend_bytes(request.body.size())?;
        let password = self.proxy_password(scope).await?;
        let clients = self.dialer().clients(scope.provider(), password)?;
        let client = match (streaming, request.changes) {
            (true, _) => &clients.streams,
            (false, true) => &clients.changes,
            (false, false) => &clients.reads,
        };
        let changed = request.changes.then(|| scope.changed());
        let testimony = witness.testimony(move || {
            if let Some(changed) = &changed {
                changed.store(true, Ordering::SeqCst);
            }
        });
        let sending = client.request(request.method.clone(), request.url.clone()).headers(request.headers);
        let flow = match request.body {
            Load::Held(bytes) => {
                let sent = sending.body(testimony.body(bytes.clone())).send().await;
                return sent.map_err(|error| failure(&error, request.url, witness));
            }
            Load::Kept(flow) => flow,
        };
        let (body, poured) = flow.pour(&**self.ports(), testimony).await?;
        let sent = sending.body(body).send().await;
        flow.touch();
        audit.unsent(poured.left());
        let response =
            sent.map_err(|error| poured.broken().unwrap_or_else(|| failure(&error, request.url, witness)))?;
        if response.status().is_success() && poured.left() > 0 {
            return Err(witness.failure(format!("the answer came {} bytes too early", poured.left())));
        }
        Ok(response)
    }
}

struct Outgoing<'a> {
    method: &'a Method,
    url: &'a Url,
    headers: HeaderMap,
    body: &'a Load,
    changes: bool,
}

struct Next {
    method: Method,
    url: Url,
    origin: Origin,
    body: bool,
}

/// Puts the jar of a login into a request to the base URL's origin, behind what a credential put there.
fn jar_out(login: &LoginState, headers: &mut HeaderMap) {
    let pairs: Vec<String> = login.cookies(|_| true).iter().map(Cookie::pair).collect();
    if pairs.is_empty() || headers.contains_key(header::COOKIE) {
        return;
    }
    if let Ok(mut value) = HeaderValue::from_str(&pairs.join("; ")) {
        value.set_sensitive(true);
        headers.insert(header::COOKIE, value);
    }
}

/// When one request has taken too long.
enum Patience {
    /// Then.
    Until(Instant),
    /// When bytes of an upload move no more, and then at the latest.
    While(Arc<Flow>, Instant),
}

impl Patience {
    fn of(scope: &CallScope, request: &Request, prepared: &Prepared) -> Self {
        if let Load::Kept(flow) = &prepared.body {
            return Self::While(flow.clone(), scope.deadline());
        }
        let asked = request.timeout_ms.map(|millis| Duration::from_millis(millis.into()));
        let timeout = asked.unwrap_or(Duration::MAX).min(scope.budget().timeout);
        let now = Instant::now();
        Self::Until(now.checked_add(timeout).unwrap_or(now).min(scope.deadline()))
    }

    async fn end(&self) {
        match self {
            Self::Until(until) => tokio::time::sleep_until(*until).await,
            Self::While(flow, until) => {
                let _ = tokio::time::timeout_at(*until, flow.stalled()).await;
            }
        }
    }
}

/// Waits for `work` until time is up or nobody waits for it any more; dropping it closes the connection.
async fn bounded<T>(
    scope: &CallScope,
    patience: &Patience,
    witness: &Witness,
    work: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    tokio::select! {
        biased;
        () = scope.cancel().cancelled() => Err(witness.failure("the call was canceled".into())),
        result = work => result,
        () = patience.end() => Err(witness.failure("the request's time was up".into())),
    }
}

pub(super) fn failure(error: &reqwest::Error, url: &Url, witness: &Witness) -> SendError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(NothingToDial(denied)) = error.downcast_ref() {
            return denied.clone();
        }
        next = error.source();
    }
    let origin = Origin::of(url).map_or_else(String::new, |origin| origin.to_string());
    let doing = if error.is_connect() { "connecting to" } else { "the request to" };
    witness.failure(format!("{doing} {origin} failed: {}", cause(error)))
}

/// The innermost cause: what surrounds it repeats the URL, whose query is nobody's business.
fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if std::ptr::addr_eq(innermost, error) { "it broke off".to_owned() } else { innermost.to_string() }
}
