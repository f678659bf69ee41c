//! The only door out for a plugin.
//!
//! A guest hands over a request as data. The door checks where it goes (origin, then every address), fills in the secrets,
//! signs, authenticates, sends, follows redirects hop by hop, takes secrets out of the answer, and files a record. Nothing
//! else in this crate opens a connection, and no byte of a credential goes back through here.
//!
//! Must be absent: knowledge of any platform, a default that allows something, a second way out.

mod allow;
mod audit;
mod error;
mod login;
mod scope;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use novacron_cicd_contract::bindings::novacron::cicd::{
    http::Response,
    types::{Header, Request},
};
use novacron_cicd_domain::id::ProviderId;

use crate::ports::HostPorts;

pub use audit::EgressRecord;
pub use error::{ScopeError, SendError};
pub use login::{Described, LoginDescriber};
pub use resolve::{Lookup, SystemLookup};
pub use scope::{Budget, Call, CallScope, Captured, Derived, DerivedSlot, ProviderScope, Slot, SlotKind, Wants};

/// What holds for every provider alike.
#[derive(Clone)]
pub struct DoorConfig {
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
    /// How long dialling may take, the TLS handshake included.
    pub connect_timeout: Duration,
    /// How long a stream may say nothing.
    pub idle_timeout: Duration,
    /// What the platforms are told we are.
    pub user_agent: String,
}

/// The door itself: one for the whole host.
pub struct Door {
    ports: Arc<dyn HostPorts>,
}

/// An answer whose body is still to be read, for transfers that never enter a guest.
pub struct StreamAnswer {
    /// The status.
    pub status: u16,
    /// Redacted like a guest's; cookies are blanked.
    pub headers: Vec<Header>,
    /// After redirects; without user info, and without query where the origin changed.
    pub final_url: String,
    /// What the server says the body has.
    pub length: Option<u64>,
    /// The bytes as they came: not decoded, not redacted.
    pub body: BoxStream<'static, Result<Bytes, SendError>>,
}

impl Door {
    /// A door with no connection open.
    #[must_use]
    pub fn new(config: DoorConfig, ports: Arc<dyn HostPorts>) -> Self;

    /// Sends one request of a guest.
    pub async fn send(&self, scope: &CallScope, request: Request) -> Result<Response, SendError>;

    /// Sends many, [`Budget::side_by_side`] at a time; the answers stand in the order of the requests.
    pub async fn send_all(&self, scope: &CallScope, requests: Vec<Request>) -> Vec<Result<Response, SendError>>;

    /// Opens a transfer: the same policy, but the body is handed on as it comes.
    pub async fn stream(&self, scope: &CallScope, request: Request) -> Result<StreamAnswer, SendError>;

    /// Lets go of a provider that was changed or removed: its idle connections and the sessions held in memory.
    pub fn forget(&self, provider: ProviderId);
}
