//! The only door out for a plugin.
//!
//! A guest hands over a request as data. The door checks where it goes (origin, then every address), fills in the secrets,
//! signs, authenticates, sends, follows redirects hop by hop, takes secrets out of the answer, and files a record. Nothing
//! else in this crate opens a connection, and no byte of a credential goes back through here. The host's own messages to
//! subscribers go by the same addresses and the same clients.
//!
//! | module | question |
//! |---|---|
//! | `scope` | what may this call do, what has it done |
//! | `allow`, `address`, `resolve` | may it go there: by name, by address, between the two |
//! | `prepare`, `headers`, `body`, `sign`, `inject`, `login` | what is sent, and who puts the secrets in |
//! | `dial`, `witness`, `upload`, `send`, `redirect` | how it is sent, whether it was, where it leads |
//! | `kept`, `capture`, `answer` | what the guest gets to see |
//! | `courier` | what the host itself tells others |
//! | `audit`, `error` | what is remembered, what is said |
//!
//! Must be absent: knowledge of any platform, a default that allows something, a second way out.

mod address;
mod allow;
mod answer;
mod audit;
mod body;
mod capture;
mod courier;
mod dial;
mod error;
mod headers;
mod inject;
mod kept;
mod login;
mod prepare;
mod redirect;
mod resolve;
mod scope;
mod send;
mod sign;
#[cfg(test)]
mod testing;
mod upload;
mod witness;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use novacron_cicd_contract::bindings::novacron::cicd::{
    http::Response,
    types::{Header, Request},
};
use novacron_cicd_domain::id::ProviderId;

use crate::ports::HostPorts;

pub use audit::EgressRecord;
pub use courier::{Courier, Parcel, Receipt};
pub use error::{ScopeError, SendError};
pub use login::{Described, LoginDescriber};
pub use resolve::{Lookup, SystemLookup};
pub use scope::{Budget, Call, CallScope, Captured, Derived, DerivedSlot, ProviderScope, Slot, SlotKind, Wants};
pub use upload::Upload;

/// What holds for every provider alike.
#[derive(Clone)]
pub struct DoorConfig {
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
    /// How long dialling may take, the TLS handshake included.
    pub connect_timeout: Duration,
    /// How long a stream, in or out, may stand still.
    pub idle_timeout: Duration,
    /// What the platforms are told we are.
    pub user_agent: String,
}

impl Default for DoorConfig {
    fn default() -> Self {
        Self {
            lookup: Arc::new(SystemLookup),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            user_agent: concat!("novacron-cicd/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The door itself: one for the whole host.
pub struct Door {
    ports: Arc<dyn HostPorts>,
    dialer: dial::Dialer,
    logins: login::Logins,
    kept: kept::Kept,
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
    /// The bytes as they came: not decoded, not redacted. Ends with an error where the call is canceled.
    pub body: BoxStream<'static, Result<Bytes, SendError>>,
}

impl Door {
    /// A door with no connection open.
    #[must_use]
    pub fn new(config: DoorConfig, ports: Arc<dyn HostPorts>) -> Self {
        Self { ports, dialer: dial::Dialer::new(config), logins: login::Logins::default(), kept: kept::Kept::default() }
    }

    /// Sends one request of a guest.
    ///
    /// # Errors
    /// [`SendError`] says whether a byte was sent.
    pub async fn send(&self, scope: &CallScope, request: Request) -> Result<Response, SendError> {
        let sent = Box::pin(self.send_checked(scope, &request, None));
        let answer = sent.await.map_err(|error| self.redacted(scope, error));
        scope.note(answer.as_ref().err());
        answer
    }

    /// Sends a request whose body are bytes of the host's: they are read as they go out, and again from their beginning
    /// where the request is sent again (after a new login, and by the redirects that take a body along). It may take as
    /// long as bytes move, and ends with its call's deadline. `request.timeout_ms` has no meaning here.
    ///
    /// # Errors
    /// [`SendError`] says whether a byte was sent.
    pub async fn upload(&self, scope: &CallScope, request: Request, upload: Upload) -> Result<Response, SendError> {
        let sent = Box::pin(self.send_checked(scope, &request, Some(upload)));
        sent.await.map_err(|error| self.redacted(scope, error))
    }

    /// Sends many, [`Budget::side_by_side`] at a time; the answers stand in the order of the requests.
    pub async fn send_all(&self, scope: &CallScope, requests: Vec<Request>) -> Vec<Result<Response, SendError>> {
        let side_by_side = scope.budget().side_by_side.max(1);
        let sends = requests.into_iter().map(|request| self.send(scope, request));
        futures_util::stream::iter(sends).buffered(side_by_side).collect().await
    }

    /// Opens a transfer: the same policy, but the body is handed on as it comes. `request.window` and `request.captures`
    /// have no meaning here.
    ///
    /// # Errors
    /// [`SendError`] says whether a byte was sent.
    pub async fn stream(&self, scope: &CallScope, request: Request) -> Result<StreamAnswer, SendError> {
        Box::pin(self.stream_checked(scope, &request)).await.map_err(|error| self.redacted(scope, error))
    }

    /// Lets go of a provider that was changed or removed: its idle connections, the logins and the answers held in memory.
    /// What the ports keep sealed is theirs to drop.
    pub fn forget(&self, provider: ProviderId) {
        self.dialer.forget(provider);
        self.logins.forget(provider);
        self.kept.forget(provider);
    }

    fn redacted(&self, scope: &CallScope, error: SendError) -> SendError {
        let redactor = self.redactor(scope);
        error.map_text(|text| redactor.text(text))
    }

    fn ports(&self) -> &Arc<dyn HostPorts> {
        &self.ports
    }

    fn dialer(&self) -> &dial::Dialer {
        &self.dialer
    }

    fn logins(&self) -> &login::Logins {
        &self.logins
    }

    fn kept(&self) -> &kept::Kept {
        &self.kept
    }
}
