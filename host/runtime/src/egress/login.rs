//! Exchange and session credentials: the guest says how to log in, the host does it.
//!
//! One login serves every call of a provider: whoever needs it first performs it, the others wait. It is renewed before
//! it ends, and once when the platform refuses it or the guest finds that the platform knows nobody any more. What it
//! yields is sealed by the ports and never leaves the host but to the origin it came from. Must be absent: a login that a
//! login waits for, and a second try after a refusal.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use novacron_cicd_contract::bindings::exports::novacron::cicd::credentials::{Guard, Login};
use novacron_cicd_domain::{Timestamp, id::ProviderId};
use novacron_cicd_vault::Secret;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    Door,
    capture::{Cookie, cookie_values},
    error::SendError,
    inject::Auth,
    scope::{CallScope, Captured, Derived, DerivedSlot},
};
use crate::ports::Session;

/// Requests of one login.
const MOST_REQUESTS: usize = 8;
/// A session that ends sooner after its login than this does not end unannounced.
const AGED_MS: i64 = 60_000;

/// Asks the guest how a slot is filled: a pure call of `credentials.describe-login`.
#[async_trait]
pub trait LoginDescriber: Send + Sync {
    /// The description, and the slots that `keys` made while it was written.
    ///
    /// # Errors
    /// One sentence for the operator.
    async fn describe_login(&self, slot: &str) -> Result<Described, String>;
}

/// How to log in.
pub struct Described {
    /// The guest's words.
    pub login: Login,
    /// What `keys` made in that call ([`super::CallScope::derived`]).
    pub derived: Derived,
}

/// The logins of every provider.
#[derive(Default)]
pub(super) struct Logins {
    cells: Mutex<HashMap<(ProviderId, String), Arc<Cell>>>,
}

/// One slot of one provider.
#[derive(Default)]
struct Cell {
    /// Logins that ended, well or badly.
    tries: AtomicU64,
    state: tokio::sync::Mutex<State>,
}

#[derive(Default)]
struct State {
    loaded: bool,
    live: Option<Arc<Live>>,
    failed: Option<(u64, SendError)>,
}

impl Logins {
    fn cell(&self, provider: ProviderId, slot: &str) -> Arc<Cell> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.entry((provider, slot.to_owned())).or_default().clone()
    }

    /// Whether the provider was not forgotten since this cell was taken.
    fn has(&self, provider: ProviderId, slot: &str, cell: &Arc<Cell>) -> bool {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.get(&(provider, slot.to_owned())).is_some_and(|now| Arc::ptr_eq(now, cell))
    }

    pub(super) fn forget(&self, provider: ProviderId) {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).retain(|(owner, _), _| *owner != provider);
    }
}

/// What a login yielded, in use.
pub(super) struct Live {
    number: u64,
    kept: Kept,
    value: Arc<Secret>,
    cookies: Option<Arc<Secret>>,
    guards: Vec<(String, Vec<String>, Arc<Secret>)>,
}

/// The same as it is sealed.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Kept {
    /// The base URL's origin at that time: a provider that moved logs in again.
    origin: String,
    value: String,
    cookies: Option<String>,
    placement: String,
    guards: Vec<KeptGuard>,
    obtained: i64,
    expires: Option<i64>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct KeptGuard {
    header: String,
    methods: Vec<String>,
    value: String,
}

impl Live {
    fn new(number: u64, kept: Kept) -> Self {
        let secret = |text: &String| Arc::new(Secret::new(text.as_str()));
        Self {
            number,
            value: secret(&kept.value),
            cookies: kept.cookies.as_ref().map(secret),
            guards: kept
                .guards
                .iter()
                .map(|guard| (guard.header.clone(), guard.methods.clone(), secret(&guard.value)))
                .collect(),
            kept,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn placement(&self) -> &str {
        &self.kept.placement
    }

    pub(super) fn value(&self) -> &Secret {
        &self.value
    }

    pub(super) fn cookies(&self) -> &Secret {
        self.cookies.as_ref().unwrap_or(&self.value)
    }

    /// Headers that go along with some methods.
    pub(super) fn guards(&self) -> impl Iterator<Item = (&str, &[String], &Secret)> {
        self.guards.iter().map(|(header, methods, value)| (header.as_str(), methods.as_slice(), &**value))
    }

    /// Whether a fifth of its life or less is left.
    fn is_stale(&self, now: Timestamp) -> bool {
        let obtained = Timestamp(self.kept.obtained);
        self.kept.expires.is_some_and(|expires| {
            let life = Timestamp(expires).since(obtained);
            now.since(obtained) >= life.saturating_sub(life / 5)
        })
    }

    /// Whether it was obtained so long ago that a refusal may mean its end.
    pub(super) fn is_aged(&self, now: Timestamp) -> bool {
        now.since(Timestamp(self.kept.obtained)) >= AGED_MS
    }

    fn know(&self, scope: &CallScope) {
        scope.know(self.value.clone());
        for value in self.cookies.iter().flat_map(|pairs| cookie_values(pairs)) {
            scope.know(Arc::new(value));
        }
        for (_, _, value) in &self.guards {
            scope.know(value.clone());
        }
    }
}

/// A login on its way: what its requests may use beyond what the call itself has.
pub(super) struct LoginState {
    slot: String,
    derived: Derived,
    captured: Mutex<BTreeMap<String, Arc<Captured>>>,
    jar: Mutex<BTreeMap<String, Cookie>>,
}

impl LoginState {
    pub(super) fn slot(&self) -> &str {
        &self.slot
    }

    pub(super) fn derived(&self, name: &str) -> Option<Arc<DerivedSlot>> {
        self.derived.get(name).cloned()
    }

    pub(super) fn captured(&self, name: &str) -> Option<Arc<Captured>> {
        self.captured.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(super) fn capture(&self, name: &str, captured: Arc<Captured>) {
        self.captured.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), captured);
    }

    /// Keeps what an answer of the base URL's origin set; the next request of the login sends it back.
    pub(super) fn keep_cookie(&self, cookie: Cookie, now: Timestamp) {
        let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        if cookie.value.is_empty() || cookie.expires.is_some_and(|end| end <= now) {
            jar.remove(&cookie.name);
        } else {
            jar.insert(cookie.name.clone(), cookie);
        }
    }

    /// The cookies so far whose names `wanted` takes.
    pub(super) fn cookies(&self, wanted: impl Fn(&str) -> bool) -> Vec<Cookie> {
        let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        jar.values().filter(|cookie| wanted(&cookie.name)).cloned().collect()
    }
}

impl Door {
    /// The credential of a slot that needs a login. `refused` is the login that the platform would not take any more.
    pub(super) async fn login_auth(
        &self,
        scope: &CallScope,
        slot: &str,
        refused: Option<u64>,
    ) -> Result<Auth, SendError> {
        let live = tokio::select! {
            biased;
            () = scope.cancel().cancelled() => return Err(SendError::NotSent("the call was canceled".into())),
            () = tokio::time::sleep_until(scope.deadline()) => {
                return Err(SendError::NotSent(format!("the call's time was up while slot {slot:?} logged in")));
            }
            live = Box::pin(self.live(scope, slot, refused)) => live?,
        };
        live.know(scope);
        scope.logged_in(slot, live.number());
        let origins = scope.provider().slot(slot).map_or_else(Vec::new, |bound| bound.origins.clone());
        Auth::live(&live, slot, origins, self.ports().now())
    }

    /// Ends the logins that a call used, because its guest found that the platform does not know us by them. One that has
    /// just begun is believed, so that whoever is always told so does not log in over and over. Answers whether the same
    /// call would now go out with another login.
    pub(crate) async fn end_logins(&self, scope: &CallScope) -> bool {
        let provider = scope.provider().provider().id;
        let mut other = false;
        for (slot, number) in scope.logins() {
            let cell = self.logins().cell(provider, &slot);
            let mut state = cell.state.lock().await;
            match &state.live {
                Some(live) if live.number == number && !live.is_aged(self.ports().now()) => {}
                Some(live) if live.number == number => {
                    state.live = None;
                    self.ports().drop_session(provider, &slot).await;
                    other = true;
                }
                // Somebody else was quicker.
                _ => other = true,
            }
        }
        other
    }

    async fn live(&self, scope: &CallScope, slot: &str, refused: Option<u64>) -> Result<Arc<Live>, SendError> {
        let provider = scope.provider().provider().id;
        let origin = scope.provider().reach().base().to_string();
        let cell = self.logins().cell(provider, slot);
        let seen = cell.tries.load(Ordering::SeqCst);
        let mut state = cell.state.lock().await;
        if !state.loaded {
            state.live = self.load(provider, slot).await;
            state.loaded = true;
        }
        if let Some(live) = &state.live
            && live.kept.origin == origin
            && !live.is_stale(self.ports().now())
            && refused != Some(live.number)
        {
            return Ok(live.clone());
        }
        // It failed while this call waited for it: one refusal is enough, many lock an account.
        if let Some((number, error)) = &state.failed
            && *number > seen
        {
            return Err(error.clone());
        }
        let performed = self.perform(scope, slot, origin).await;
        let number = cell.tries.fetch_add(1, Ordering::SeqCst) + 1;
        match performed {
            Ok(kept) => {
                let live = Arc::new(Live::new(number, kept));
                state.live = Some(live.clone());
                state.failed = None;
                self.store(provider, slot, &live).await;
                // Meanwhile its credential may have been changed: then this is what the old one yielded.
                if !self.logins().has(provider, slot, &cell) {
                    self.ports().drop_session(provider, slot).await;
                }
                Ok(live)
            }
            Err(error) => {
                let ours = scope.cancel().is_cancelled() || scope.deadline() <= tokio::time::Instant::now();
                state.failed = (!ours).then(|| (number, error.clone()));
                if refused.is_some() {
                    state.live = None;
                    self.ports().drop_session(provider, slot).await;
                }
                Err(error)
            }
        }
    }

    async fn perform(&self, scope: &CallScope, slot: &str, origin: String) -> Result<Kept, SendError> {
        let failed = |why: String| SendError::LoginFailed(format!("the login for slot {slot:?} failed: {why}"));
        let describer = scope.login().ok_or_else(|| failed("this call can't ask the plugin how".into()))?;
        let Described { login, derived } = describer.describe_login(slot).await.map_err(failed)?;
        if login.requests.is_empty() || login.requests.len() > MOST_REQUESTS {
            return Err(failed(format!("the plugin describes {} requests", login.requests.len())));
        }
        let state = LoginState { slot: slot.to_owned(), derived, captured: Mutex::default(), jar: Mutex::default() };
        let last = login.requests.len() - 1;
        for (index, request) in login.requests.iter().enumerate() {
            let answer = self.login_request(scope, &state, request).await.map_err(|error| match error {
                // What was interrupted is the login, not what the guest wanted to send.
                SendError::NotSent(why) | SendError::Interrupted(why) => {
                    SendError::NotSent(format!("the login for slot {slot:?} failed: {why}"))
                }
                other => failed(other.to_string()),
            })?;
            // A platform that has no crumbs says so with 404.
            if answer.status >= 400 && !(answer.status == 404 && index < last) {
                return Err(failed(format!("its request {} was answered with status {}", index + 1, answer.status)));
            }
        }
        let captured = state.captured(slot).ok_or_else(|| failed("no answer held a value for the slot".into()))?;
        let now = self.ports().now();
        let text = |secret: &Secret| secret.expose_str().unwrap_or_default().to_owned();
        let lifetime = login.lifetime_ms.map(|lifetime| i64::try_from(lifetime).unwrap_or(i64::MAX));
        Ok(Kept {
            origin,
            value: text(&captured.value),
            cookies: captured.cookies.as_deref().map(text),
            placement: login.placement,
            guards: login
                .guards
                .into_iter()
                .filter_map(|Guard { slot, header, methods }| {
                    let captured = state.captured(&slot)?;
                    Some(KeptGuard { header, methods, value: text(&captured.value) })
                })
                .collect(),
            obtained: now.0,
            expires: captured.expires.or_else(|| lifetime.map(|lifetime| now.plus_millis(lifetime))).map(|at| at.0),
        })
    }

    async fn load(&self, provider: ProviderId, slot: &str) -> Option<Arc<Live>> {
        let session = self.ports().session(provider, slot).await?;
        let kept = serde_json::from_slice::<Kept>(session.value.expose()).ok()?;
        Some(Arc::new(Live::new(0, kept)))
    }

    async fn store(&self, provider: ProviderId, slot: &str, live: &Live) {
        // A record of strings and numbers becomes JSON whatever is in it.
        let Ok(value) = serde_json::to_vec(&live.kept) else { return };
        let session = Session {
            value: Secret::new(value),
            placement: live.kept.placement.clone(),
            expires: live.kept.expires.map(Timestamp),
        };
        self.ports().put_session(provider, slot, &session).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_renewed_when_a_fifth_of_its_life_is_left() {
        for (expires, now, stale) in [
            (Some(11_000), 1_000, false),
            (Some(11_000), 8_999, false),
            (Some(11_000), 9_000, true),
            (Some(11_000), 20_000, true),
            (Some(1_000), 1_000, true),
            (None, 9_000_000, false),
        ] {
            let kept = Kept {
                origin: "https://ci.example.com".into(),
                value: "token-value".into(),
                cookies: None,
                placement: "bearer".into(),
                guards: Vec::new(),
                obtained: 1_000,
                expires,
            };
            assert_eq!(Live::new(1, kept).is_stale(Timestamp(now)), stale, "{expires:?} at {now}");
        }
    }
}
