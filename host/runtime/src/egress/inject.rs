//! Credentials on their way out: which header they become, and to which origins they may go.
//!
//! Must be absent: a credential for an origin that it is not bound to, and a value that the log could show.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use novacron_cicd_domain::{Timestamp, provider::CredentialSource};
use novacron_cicd_vault::Secret;
use zeroize::Zeroizing;

use super::{
    Door,
    allow::Origin,
    error::SendError,
    headers,
    login::{Live, LoginState},
    scope::{CallScope, Captured, SlotKind},
};

/// What authenticates one request.
#[derive(Default)]
pub(super) struct Auth {
    placed: Vec<Placed>,
    origins: Vec<Origin>,
    /// The login that it comes from: its slot and its number.
    pub(super) login: Option<(String, u64)>,
    /// Whether that login is a session long enough ago to have ended unannounced.
    aged: bool,
}

struct Placed {
    header: HeaderName,
    value: HeaderValue,
    /// Only with these methods; empty = with every one.
    methods: Vec<String>,
}

impl Auth {
    fn bearer(value: &Secret, origins: Vec<Origin>) -> Result<Self, SendError> {
        Ok(Self {
            placed: vec![Placed::new(header::AUTHORIZATION, "Bearer ", value.expose())?],
            origins,
            ..Self::default()
        })
    }

    fn header(name: &str, value: &Secret, origins: Vec<Origin>) -> Result<Self, SendError> {
        Ok(Self {
            placed: vec![Placed::new(headers::for_host(name)?, "", value.expose())?],
            origins,
            ..Self::default()
        })
    }

    fn basic(username: &str, password: &Secret, origins: Vec<Origin>) -> Result<Self, SendError> {
        let mut pair = Zeroizing::new(username.as_bytes().to_vec());
        pair.push(b':');
        pair.extend_from_slice(password.expose());
        let encoded = Zeroizing::new(STANDARD.encode(&*pair));
        Ok(Self {
            placed: vec![Placed::new(header::AUTHORIZATION, "Basic ", encoded.as_bytes())?],
            origins,
            ..Self::default()
        })
    }

    fn captured(captured: &Captured) -> Result<Self, SendError> {
        let origins = vec![captured.origin.clone()];
        match &captured.cookies {
            Some(pairs) => {
                let placed = vec![Placed::new(header::COOKIE, "", pairs.expose())?];
                Ok(Self { placed, origins, ..Self::default() })
            }
            None => Self::bearer(&captured.value, origins),
        }
    }

    /// What a login yielded, with the guards that belong to it.
    pub(super) fn live(live: &Live, slot: &str, origins: Vec<Origin>, now: Timestamp) -> Result<Self, SendError> {
        let mut auth = match live.placement() {
            "bearer" => Self::bearer(live.value(), origins)?,
            "cookie" => {
                let placed = vec![Placed::new(header::COOKIE, "", live.cookies().expose())?];
                Self { placed, origins, aged: live.is_aged(now), ..Self::default() }
            }
            other => match other.strip_prefix("header:") {
                Some(name) => Self::header(name, live.value(), origins)?,
                None => {
                    let known = "bearer, cookie and header:NAME";
                    return Err(SendError::LoginFailed(format!(
                        "the login of slot {slot:?} has the placement {other:?}; there are {known}"
                    )));
                }
            },
        };
        for (name, methods, value) in live.guards() {
            let mut placed = Placed::new(headers::for_host(name)?, "", value.expose())?;
            placed.methods = methods.to_vec();
            auth.placed.push(placed);
        }
        auth.login = Some((slot.to_owned(), live.number()));
        Ok(auth)
    }

    /// Refuses an origin that the credential is not bound to; a request without a credential may go anywhere allowed.
    pub(super) fn check(&self, origin: &Origin) -> Result<(), SendError> {
        if self.placed.is_empty() || self.origins.contains(origin) {
            return Ok(());
        }
        Err(SendError::never(format!("the credential is not bound to {origin}; send without one, or to the base URL")))
    }

    /// Puts it into the headers of a request to an origin that [`Auth::check`] let through.
    pub(super) fn apply(&self, headers: &mut HeaderMap, method: &Method, origin: &Origin) {
        if !self.origins.contains(origin) {
            return;
        }
        for placed in self.placed.iter().filter(|placed| placed.goes_with(method)) {
            headers.insert(placed.header.clone(), placed.value.clone());
        }
    }

    /// Whether an answer says that the login has ended, so that a new one may help. Platforms with sessions answer 403 to
    /// whom they do not know any more, and also to whom they do know and who may not: a session that has just begun is
    /// believed, so that what is forbidden does not log in over and over.
    pub(super) fn is_refused(&self, status: u16, method: &Method) -> bool {
        let guarded = || self.placed.iter().any(|placed| !placed.methods.is_empty() && placed.goes_with(method));
        self.login.is_some() && (status == 401 || (status == 403 && (self.aged || guarded())))
    }
}

impl Placed {
    fn new(header: HeaderName, scheme: &str, value: &[u8]) -> Result<Self, SendError> {
        let mut bytes = Zeroizing::new(scheme.as_bytes().to_vec());
        bytes.extend_from_slice(value);
        let mut value = HeaderValue::from_bytes(&bytes)
            .map_err(|_| SendError::NoSuchCredential(format!("the credential can't stand in the header {header}")))?;
        value.set_sensitive(true);
        Ok(Self { header, value, methods: Vec::new() })
    }

    fn goes_with(&self, method: &Method) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|listed| listed == method.as_str())
    }
}

impl Door {
    /// What a request's `credential` means, but for logins.
    pub(super) async fn plain_auth(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        name: Option<&str>,
    ) -> Result<Auth, SendError> {
        let Some(name) = name else { return Ok(Auth::default()) };
        let derived = match login {
            Some(login) => login.derived(name),
            None => scope.derived_slot(name),
        };
        if let Some(derived) = derived {
            scope.know(derived.value.clone());
            return match &derived.header {
                Some(header) => Auth::header(header, &derived.value, derived.origins.clone()),
                None => Auth::bearer(&derived.value, derived.origins.clone()),
            };
        }
        if let Some(captured) = login.and_then(|login| login.captured(name)) {
            return Auth::captured(&captured);
        }
        let Some(bound) = scope.provider().slot(name) else {
            return match scope.captured(name) {
                Some(captured) => Auth::captured(&captured),
                None => Err(unknown(scope, name)),
            };
        };
        let origins = bound.origins.clone();
        let own = login.is_some_and(|login| login.slot() == name);
        match bound.slot.kind {
            SlotKind::Hmac | SlotKind::Key => Err(SendError::NoSuchCredential(format!(
                "slot {name:?} holds a key: it signs, and is never sent itself"
            ))),
            SlotKind::Exchange | SlotKind::Session if !own => Err(SendError::NoSuchCredential(format!(
                "slot {name:?} needs a login of its own, which a login can't wait for"
            ))),
            kind => {
                let (source, secret) = self.source(scope, name).await?;
                let username = source.username.as_deref();
                match (kind, username, bound.slot.header.as_deref()) {
                    (SlotKind::Basic, username, _) => Auth::basic(username.unwrap_or_default(), &secret, origins),
                    (SlotKind::Header, _, Some(header)) => Auth::header(header, &secret, origins),
                    (SlotKind::Header, _, None) => {
                        Err(SendError::NoSuchCredential(format!("the manifest names no header for slot {name:?}")))
                    }
                    (SlotKind::Exchange | SlotKind::Session, Some(username), _) => {
                        Auth::basic(username, &secret, origins)
                    }
                    _ => Auth::bearer(&secret, origins),
                }
            }
        }
    }

    /// What the operator put into a slot. From here on no answer of this call shows it.
    pub(super) async fn source<'a>(
        &self,
        scope: &'a CallScope,
        slot: &str,
    ) -> Result<(&'a CredentialSource, std::sync::Arc<Secret>), SendError> {
        let provider = scope.provider().provider();
        let source = provider.credentials.get(slot).ok_or_else(|| {
            SendError::NoSuchCredential(format!("provider {} has nothing in its slot {slot:?}", provider.name))
        })?;
        Ok((source, self.named(scope, &source.secret, || format!("slot {slot:?}")).await?))
    }

    /// A secret that the operator named for something. From here on no answer of this call shows it.
    async fn named(
        &self,
        scope: &CallScope,
        name: &str,
        by: impl Fn() -> String + Send,
    ) -> Result<std::sync::Arc<Secret>, SendError> {
        let secret = self.ports().secret(name).await.ok_or_else(|| {
            let by = by();
            SendError::NoSuchCredential(format!("{by} names the secret {name:?}, and there is none of that name"))
        })?;
        let secret = std::sync::Arc::new(secret);
        scope.know(secret.clone());
        Ok(secret)
    }

    /// What the gate before the platform wants on each request to the base URL's origin.
    pub(super) async fn gate(&self, scope: &CallScope) -> Result<HeaderMap, SendError> {
        let mut headers = HeaderMap::new();
        for (name, secret) in &scope.provider().provider().grants.headers {
            let secret = self.named(scope, secret, || format!("the header {name}")).await?;
            let placed = Placed::new(headers::for_host(name)?, "", secret.expose())?;
            headers.insert(placed.header, placed.value);
        }
        Ok(headers)
    }

    /// The password of the provider's proxy.
    pub(super) async fn proxy_password(&self, scope: &CallScope) -> Result<Option<std::sync::Arc<Secret>>, SendError> {
        match scope.provider().provider().grants.proxy.as_ref().and_then(|proxy| proxy.secret.as_deref()) {
            Some(name) => self.named(scope, name, || "the proxy".to_owned()).await.map(Some),
            None => Ok(None),
        }
    }
}

fn unknown(scope: &CallScope, name: &str) -> SendError {
    let plugin = &scope.provider().provider().plugin;
    SendError::NoSuchCredential(format!("plugin {plugin} has no slot {name:?}, and nothing was captured into one"))
}
