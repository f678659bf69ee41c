//! A host that is all memory, providers, and servers that write down what reaches them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, Bytes},
    http::{Request as HttpRequest, Response as HttpResponse},
};
use futures_util::{StreamExt as _, stream::BoxStream};
use novacron_cicd_contract::bindings::novacron::cicd::{
    http::Response,
    types::{Attribute, BodyPart, Header, Redirects, Request},
};
use novacron_cicd_domain::{
    Timestamp,
    id::ProviderId,
    name::Name,
    provider::{CredentialSource, Grants, Health, Provider},
};
use novacron_cicd_runtime::{
    egress::{
        Budget, Call, CallScope, Door, DoorConfig, EgressRecord, LoginDescriber, Lookup, ProviderScope, Slot, SlotKind,
        Wants,
    },
    ports::{HostPorts, KvEntry, KvError, Session},
};
use novacron_cicd_vault::{Masker, Secret};
use tokio_util::sync::CancellationToken;

pub(crate) const LOOPBACK: &str = "127.0.0.1/32";

/// A session as it was put: value, placement, end.
type Kept = (Vec<u8>, String, Option<Timestamp>);

/// Bytes that the host keeps, piece by piece; an error stands for bytes that are not what they were.
pub(crate) type Pieces = Vec<Result<&'static [u8], &'static str>>;

/// A host that is all memory.
#[derive(Default)]
pub(crate) struct Host {
    pub(crate) now: AtomicI64,
    pub(crate) secrets: Mutex<BTreeMap<String, String>>,
    pub(crate) masked: Mutex<Vec<String>>,
    pub(crate) sessions: Mutex<BTreeMap<String, Kept>>,
    pub(crate) records: Mutex<Vec<EgressRecord>>,
    pub(crate) blobs: Mutex<BTreeMap<String, Pieces>>,
}

#[async_trait]
impl HostPorts for Host {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }
    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
    async fn secret(&self, name: &str) -> Option<Secret> {
        self.secrets.lock().unwrap().get(name).map(|value| Secret::new(value.as_str()))
    }
    fn masker(&self) -> Arc<Masker> {
        let secrets: Vec<_> = self.masked.lock().unwrap().iter().map(|value| Secret::new(value.as_str())).collect();
        Arc::new(Masker::new(&secrets))
    }
    async fn session(&self, _: ProviderId, slot: &str) -> Option<Session> {
        let sessions = self.sessions.lock().unwrap();
        let (value, placement, expires) = sessions.get(slot)?;
        Some(Session { value: Secret::new(value.clone()), placement: placement.clone(), expires: *expires })
    }
    async fn put_session(&self, _: ProviderId, slot: &str, session: &Session) {
        let kept = (session.value.expose().to_vec(), session.placement.clone(), session.expires);
        self.sessions.lock().unwrap().insert(slot.to_owned(), kept);
    }
    async fn drop_session(&self, _: ProviderId, slot: &str) {
        self.sessions.lock().unwrap().remove(slot);
    }
    async fn kv_get(&self, _: ProviderId, _: &str) -> Result<Option<KvEntry>, KvError> {
        Ok(None)
    }
    async fn kv_put(&self, _: ProviderId, _: &str, _: Vec<u8>, _: Option<u64>, _: Option<u64>) -> Result<u64, KvError> {
        Err(KvError::Full)
    }
    async fn kv_remove(&self, _: ProviderId, _: &str, _: Option<u64>) -> Result<(), KvError> {
        Ok(())
    }
    async fn blob(&self, sha256: &str, _: u64) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let kept = self.blobs.lock().unwrap().get(sha256).cloned().ok_or(std::io::ErrorKind::NotFound)?;
        let pieces = kept.into_iter().map(|piece| piece.map(Bytes::from_static).map_err(std::io::Error::other));
        Ok(futures_util::stream::iter(pieces).boxed())
    }
    fn audit(&self, record: EgressRecord) {
        self.records.lock().unwrap().push(record);
    }
}

/// Names and their addresses; each lookup is counted.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) known: BTreeMap<String, Vec<IpAddr>>,
    pub(crate) lookups: AtomicUsize,
}

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        self.known.get(name).cloned().ok_or_else(|| std::io::Error::other("no such name"))
    }
}

/// A provider, its host and its door.
pub(crate) struct Setup {
    pub(crate) host: Arc<Host>,
    pub(crate) provider: Provider,
    pub(crate) wants: Wants,
    pub(crate) budget: Budget,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) describer: Option<Arc<dyn LoginDescriber>>,
    pub(crate) names: Arc<Names>,
    pub(crate) pure: bool,
    pub(crate) idle: Duration,
}

impl Setup {
    /// May dial 127.0.0.1, and nothing else that is not public.
    pub(crate) fn new(base_url: &str) -> Self {
        let grants = Grants { private_networks: vec![LOOPBACK.into()], ..Grants::default() };
        let provider = Provider {
            id: ProviderId(uuid::Uuid::from_u128(7)),
            name: Name::new("ci").unwrap(),
            plugin: "test".into(),
            base_url: base_url.parse().unwrap(),
            settings: serde_json::json!({}),
            credentials: BTreeMap::new(),
            grants,
            health: Health::default(),
            version: 1,
            created: Timestamp(0),
            updated: Timestamp(0),
        };
        let host = Host::default();
        host.now.store(1_700_000_000_000, Ordering::SeqCst);
        Self {
            host: Arc::new(host),
            provider,
            wants: Wants::default(),
            budget: Budget { timeout: Duration::from_secs(5), ..Budget::default() },
            secrets: BTreeMap::new(),
            describer: None,
            names: Arc::default(),
            pure: false,
            idle: Duration::from_secs(10),
        }
    }

    /// A slot, filled by the secret of the same name.
    pub(crate) fn slot(mut self, name: &str, kind: SlotKind, username: Option<&str>, value: &str) -> Self {
        let header = (kind == SlotKind::Header).then(|| "X-Api-Key".to_owned());
        let slot = Slot { kind, header, required: true, body: false, origins: Vec::new() };
        self.wants.slots.insert(name.into(), slot);
        let source = CredentialSource { username: username.map(str::to_owned), secret: name.into() };
        self.provider.credentials.insert(name.into(), source);
        self.host.secrets.lock().unwrap().insert(name.into(), value.into());
        self
    }

    pub(crate) fn origin(mut self, origin: &str) -> Self {
        self.wants.hosts.push(origin.into());
        self.provider.grants.origins.push(origin.into());
        self
    }

    pub(crate) fn redirect_host(mut self, host: impl Into<String>) -> Self {
        let host = host.into();
        self.wants.redirect_hosts.push(host.clone());
        self.provider.grants.redirect_hosts.push(host);
        self
    }

    pub(crate) fn name(mut self, name: &str, addresses: &[[u8; 4]]) -> Self {
        let addresses = addresses.iter().map(|&address| IpAddr::from(address)).collect();
        Arc::get_mut(&mut self.names).unwrap().known.insert(name.into(), addresses);
        self
    }

    pub(crate) fn door(&self) -> Door {
        let config = DoorConfig {
            lookup: self.names.clone(),
            connect_timeout: Duration::from_secs(2),
            idle_timeout: self.idle,
            ..DoorConfig::default()
        };
        Door::new(config, self.host.clone())
    }

    pub(crate) fn scope(&self) -> CallScope {
        self.scope_for(&self.provider_scope(), &CancellationToken::new())
    }

    pub(crate) fn provider_scope(&self) -> Arc<ProviderScope> {
        ProviderScope::new(self.provider.clone(), self.wants.clone()).unwrap()
    }

    pub(crate) fn scope_for(&self, provider: &Arc<ProviderScope>, cancel: &CancellationToken) -> CallScope {
        let secrets = self.secrets.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str()))).collect();
        let call = Call {
            function: "runs.trigger".into(),
            pure: self.pure,
            secrets,
            budget: self.budget,
            deadline: tokio::time::Instant::now() + Duration::from_secs(20),
            cancel: cancel.clone(),
            login: self.describer.clone(),
        };
        CallScope::new(provider.clone(), call)
    }
}

/// What reached a server.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// A server on a port of its own; gone with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> HttpResponse<Body> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (seen.clone(), Arc::new(answer));
        let app = axum::Router::new().fallback(move |request: HttpRequest<Body>| {
            let (kept, answer) = (kept.clone(), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 64 << 20).await.unwrap().to_vec();
                let target = parts.uri.to_string();
                let seen = Seen { method: parts.method.to_string(), target, headers: parts.headers, body };
                kept.lock().unwrap().push(seen.clone());
                answer(&seen)
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    /// Answers 200 to everything.
    pub(crate) async fn fine() -> Self {
        Self::start(|_| reply(200, &[], "fine")).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> HttpResponse<Body> {
    let mut response = HttpResponse::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

pub(crate) fn request(method: &str, url: impl Into<String>) -> Request {
    Request {
        method: method.into(),
        url: url.into(),
        headers: Vec::new(),
        body: Vec::new(),
        credential: None,
        signatures: Vec::new(),
        redirects: Redirects::None,
        window: None,
        timeout_ms: None,
        captures: Vec::new(),
        more: Vec::<Attribute>::new(),
    }
}

/// Short ways to write a request.
pub(crate) trait Build {
    fn with(self, credential: &str) -> Self;
    fn following(self) -> Self;
    fn header(self, name: &str, value: &str) -> Self;
    fn text(self, body: &str) -> Self;
}

impl Build for Request {
    fn with(mut self, credential: &str) -> Self {
        self.credential = Some(credential.into());
        self
    }
    fn following(mut self) -> Self {
        self.redirects = Redirects::Follow;
        self
    }
    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }
    fn text(mut self, body: &str) -> Self {
        self.body.push(BodyPart::Bytes(body.into()));
        self
    }
}

pub(crate) fn body(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

pub(crate) fn answer_header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|header| header.name == name).map(|header| header.value.as_str())
}
