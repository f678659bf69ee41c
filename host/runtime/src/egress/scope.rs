//! What one call of a guest may do outside, and what it has done so far.
//!
//! [`ProviderScope`] is computed once per version of a provider, [`CallScope`] once per call. Must be absent: any way for
//! a guest to widen its own scope.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use novacron_cicd_domain::{Timestamp, provider::Provider};
use novacron_cicd_vault::Secret;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    allow::{Origin, Reach},
    error::{ScopeError, SendError},
    login::LoginDescriber,
};

/// What a manifest asks for, in its own words.
#[derive(Clone, Debug, Default)]
pub struct Wants {
    /// Origins beyond the base URL: `{base-url}`, `https://uploads.example.com`, or `*` for whatever the operator grants.
    pub hosts: Vec<String>,
    /// Hosts that a download may be redirected to: `.blob.example.net`, `files.example.net`, or `*`.
    pub redirect_hosts: Vec<String>,
    /// Requests that read though their method says otherwise: `POST /graphql`.
    pub reads: Vec<String>,
    /// The credential slots by name.
    pub slots: BTreeMap<String, Slot>,
}

/// A credential slot as the manifest declares it.
#[derive(Clone, Debug)]
pub struct Slot {
    /// How the value is placed.
    pub kind: SlotKind,
    /// The header of a [`SlotKind::Header`], and of what `keys.hmac` makes with this slot.
    pub header: Option<String>,
    /// Whether a provider without it is refused; told to the guest by `context`, not enforced here.
    pub required: bool,
    /// Whether `slot:NAME` may stand in the body of any request, not only in those of a login.
    pub body: bool,
    /// Origins that the credential may go to beyond the base URL's own; each must be allowed as well.
    pub origins: Vec<String>,
}

/// How a credential is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`.
    Basic,
    /// A header of its own.
    Header,
    /// A key for `request.signatures` and `keys.hmac`; never placed as it is.
    Hmac,
    /// A private key for `keys.sign-jwt`; never placed as it is.
    Key,
    /// The host exchanges what it has for a token.
    Exchange,
    /// The host logs in and keeps cookies.
    Session,
}

/// A provider as the door sees it: computed once, kept as long as provider and plugin stay as they are.
pub struct ProviderScope {
    provider: Provider,
    reach: Reach,
    slots: BTreeMap<String, BoundSlot>,
}

/// A slot and the origins that its value may go to.
pub(super) struct BoundSlot {
    pub(super) slot: Slot,
    pub(super) origins: Vec<Origin>,
}

impl ProviderScope {
    /// Intersects what the manifest wants with what the operator granted.
    ///
    /// # Errors
    /// [`ScopeError`] where something could not be enforced as it is written: it is never skipped.
    pub fn new(provider: Provider, wants: Wants) -> Result<Arc<Self>, ScopeError> {
        let reach = Reach::new(&provider, &wants)?;
        super::dial::check(&provider)?;
        for name in provider.grants.headers.keys() {
            super::headers::for_gate(name)?;
        }
        let mut slots = BTreeMap::new();
        for (name, slot) in wants.slots {
            let mut origins = vec![reach.base().clone()];
            for text in &slot.origins {
                let origin = Origin::parse(text, "a credential's origins")?;
                if reach.allows(&origin) {
                    origins.push(origin);
                }
            }
            slots.insert(name, BoundSlot { slot, origins });
        }
        Ok(Arc::new(Self { provider, reach, slots }))
    }

    /// The provider itself.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    pub(super) fn slot(&self, name: &str) -> Option<&BoundSlot> {
        self.slots.get(name)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &BoundSlot> {
        self.slots.values()
    }

    /// Whether connections made for one may serve the other.
    pub(super) fn dials_like(&self, other: &Self) -> bool {
        self.provider.id == other.provider.id
            && self.provider.grants.authorities == other.provider.grants.authorities
            && self.provider.grants.proxy == other.provider.grants.proxy
            && self.reach.base() == other.reach.base()
            && self.reach.name() == other.reach.name()
            && self.reach.networks() == other.reach.networks()
    }
}

/// How much one call may send and read.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Requests, each hop of a redirect counted.
    pub requests: u32,
    /// Bytes of bodies, sent and received.
    pub bytes: u64,
    /// Bytes of one answer's body that the guest may be given.
    pub body: u64,
    /// Bytes of one answer's body that are read to find a window in it.
    pub window: u64,
    /// How long one request may take; the guest may ask for less.
    pub timeout: Duration,
    /// Requests of one `send-all` side by side.
    pub side_by_side: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            requests: 64,
            bytes: 256 << 20,
            body: 8 << 20,
            window: 128 << 20,
            timeout: Duration::from_secs(30),
            side_by_side: 6,
        }
    }
}

/// What the sandbox knows of a call when it begins.
pub struct Call {
    /// `runs.trigger`.
    pub function: String,
    /// A pure function sends nothing.
    pub pure: bool,
    /// The secrets that this very call may place in bodies, by reference.
    pub secrets: BTreeMap<String, Secret>,
    /// Its limits.
    pub budget: Budget,
    /// When the host gives up on it.
    pub deadline: Instant,
    /// Cancelled when nobody waits for it any more.
    pub cancel: CancellationToken,
    /// Who describes a login; none where a call must not need one.
    pub login: Option<Arc<dyn LoginDescriber>>,
}

/// One call: what it may do, what it has made, and what it has used up.
pub struct CallScope {
    provider: Arc<ProviderScope>,
    call: Call,
    secrets: BTreeMap<String, Arc<Secret>>,
    requests: AtomicU32,
    bytes: AtomicU64,
    changed: Arc<AtomicBool>,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    derived: Derived,
    captured: BTreeMap<String, Arc<Captured>>,
    /// Every value that this call used or captured: none may stand in an answer.
    known: Vec<Arc<Secret>>,
    /// What [`CallScope::denied`] reads.
    denied: Option<Option<String>>,
    /// The logins whose credentials went along with its requests: the newest of each slot, by its number.
    logins: BTreeMap<String, u64>,
}

/// What `keys` made, by the slot's name.
pub type Derived = BTreeMap<String, Arc<DerivedSlot>>;

/// A value that `keys` made of a key: good as a credential for this call.
pub struct DerivedSlot {
    pub(super) value: Arc<Secret>,
    pub(super) header: Option<String>,
    pub(super) origins: Vec<Origin>,
}

/// A value that was taken out of an answer.
pub struct Captured {
    pub(super) value: Arc<Secret>,
    /// `name=value` pairs where it was a cookie.
    pub(super) cookies: Option<Arc<Secret>>,
    pub(super) origin: Origin,
    pub(super) expires: Option<Timestamp>,
}

impl Captured {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// When the platform ends it, where an answer said so.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

impl CallScope {
    /// Begins a call.
    #[must_use]
    pub fn new(provider: Arc<ProviderScope>, mut call: Call) -> Self {
        let secrets = std::mem::take(&mut call.secrets);
        Self {
            provider,
            call,
            secrets: secrets.into_iter().map(|(reference, secret)| (reference, Arc::new(secret))).collect(),
            requests: AtomicU32::new(0),
            bytes: AtomicU64::new(0),
            changed: Arc::default(),
            made: Mutex::default(),
        }
    }

    /// Whom it goes to.
    #[must_use]
    pub fn provider(&self) -> &Arc<ProviderScope> {
        &self.provider
    }

    /// Which function of the contract runs.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.call.function
    }

    /// Whether it may send nothing.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        self.call.pure
    }

    /// When the host gives up on it.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.call.deadline
    }

    /// Cancelled when nobody waits for it any more.
    #[must_use]
    pub fn cancel(&self) -> &CancellationToken {
        &self.call.cancel
    }

    /// Its limits.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.call.budget
    }

    /// Whether bytes of a changing request may have left this machine. Once true it stays true: a call that ends without
    /// an answer of its guest has an unknown outcome then.
    #[must_use]
    pub fn change_sent(&self) -> bool {
        self.changed.load(Ordering::SeqCst)
    }

    /// Requests and bytes used up so far.
    #[must_use]
    pub fn spent(&self) -> (u32, u64) {
        (self.requests.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// What would have let the last request out that was refused by policy; the outer none where the last one was not.
    #[must_use]
    pub fn denied(&self) -> Option<Option<String>> {
        self.made().denied.clone()
    }

    pub(super) fn note(&self, error: Option<&SendError>) {
        self.made().denied = match error {
            Some(SendError::Denied { allow, .. }) => Some(allow.clone()),
            _ => None,
        };
    }

    /// Makes a bearer credential of `value`, which was signed with the key in `slot`. Answers its name.
    pub fn derive_bearer(&self, slot: &str, value: Secret) -> String {
        self.derive(slot, value, None)
    }

    /// Makes a header credential of `value`, which was made with the key in `slot`; none where the manifest names no header
    /// for that slot.
    pub fn derive_header(&self, slot: &str, value: Secret) -> Option<String> {
        let header = self.provider.slot(slot)?.slot.header.clone()?;
        Some(self.derive(slot, value, Some(header)))
    }

    fn derive(&self, slot: &str, value: Secret, header: Option<String>) -> String {
        let origins = self.provider.slot(slot).map_or_else(Vec::new, |bound| bound.origins.clone());
        let mut made = self.made();
        // A name that no manifest can have.
        let name = format!("={slot}/{}", made.derived.len() + 1);
        let value = Arc::new(value);
        made.known.push(value.clone());
        made.derived.insert(name.clone(), Arc::new(DerivedSlot { value, header, origins }));
        name
    }

    /// What `keys` made in this call: a login's description takes it along.
    #[must_use]
    pub fn derived(&self) -> Derived {
        self.made().derived.clone()
    }

    /// A value that this call captured.
    #[must_use]
    pub fn captured(&self, slot: &str) -> Option<Arc<Captured>> {
        self.made().captured.get(slot).cloned()
    }

    pub(super) fn derived_slot(&self, name: &str) -> Option<Arc<DerivedSlot>> {
        self.made().derived.get(name).cloned()
    }

    pub(super) fn capture(&self, slot: &str, captured: Arc<Captured>) {
        self.made().captured.insert(slot.to_owned(), captured);
    }

    pub(super) fn know(&self, secret: Arc<Secret>) {
        let mut made = self.made();
        if !made.known.iter().any(|known| known.expose() == secret.expose()) {
            made.known.push(secret);
        }
    }

    /// What this call used, captured and derived: none of it may stand in an answer.
    pub(super) fn known(&self) -> Vec<Arc<Secret>> {
        self.made().known.clone()
    }

    pub(super) fn secret(&self, reference: &str) -> Option<&Arc<Secret>> {
        self.secrets.get(reference)
    }

    /// A request goes out with what this login yielded.
    pub(super) fn logged_in(&self, slot: &str, number: u64) {
        self.made().logins.insert(slot.to_owned(), number);
    }

    pub(super) fn logins(&self) -> BTreeMap<String, u64> {
        self.made().logins.clone()
    }

    pub(super) fn login(&self) -> Option<&Arc<dyn LoginDescriber>> {
        self.call.login.as_ref()
    }

    /// What [`CallScope::change_sent`] reads.
    pub(super) fn changed(&self) -> Arc<AtomicBool> {
        self.changed.clone()
    }

    pub(super) fn spend_request(&self) -> Result<(), SendError> {
        let limit = self.call.budget.requests;
        let spent = |used: u32| (used < limit).then(|| used + 1);
        self.requests
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent)
            .map(|_| ())
            .map_err(|_| SendError::Budget(format!("the call's budget of {limit} requests is spent")))
    }

    pub(super) fn spend_bytes(&self, bytes: u64) -> Result<(), SendError> {
        let limit = self.call.budget.bytes;
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > limit {
            return Err(SendError::Budget(format!("the call's budget of {limit} bytes is spent")));
        }
        Ok(())
    }

    fn made(&self) -> std::sync::MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
