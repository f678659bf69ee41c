//! What stands before every fake: a listener on loopback, the record of all that was asked, and what a test lets go wrong.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{Router, body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{StatusCode, request::Parts};
use http_body_util::BodyExt as _;
use serde_json::Value;

/// A platform: what it makes of a request, and of itself by it.
pub trait Platform: Send + 'static {
    /// Answers a request to below where it stands. Faults are not its business.
    fn answer(&mut self, request: &Seen) -> Answer;
}

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Path below where the platform stands, and query, as they were encoded.
    pub target: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, as text.
    pub body: String,
    /// Its body, as it came.
    pub bytes: Bytes,
    /// How many bytes of body were answered.
    pub answered: usize,
}

impl Seen {
    fn new(head: &Parts, target: String, bytes: Bytes) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
        Self {
            method: head.method.to_string(),
            target,
            headers: headers.collect(),
            body: text(&bytes),
            bytes,
            answered: 0,
        }
    }

    /// A header of it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }

    /// Its path below where the platform stands, as it was encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A value of its query, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let found = form_urlencoded::parse(query.as_bytes()).find(|(there, _)| there == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// `GET /queue/api/json`: without the query.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path())
    }
}

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is answered with this, and nothing else happens.
    Refuse(u16, Vec<(String, String)>, String),
    /// It is done, and the connection breaks in the answer.
    LoseAnswer,
}

/// An answer in the making.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// With nothing in it.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", media_type)
    }

    /// With this JSON as its body.
    #[must_use]
    pub fn json(status: u16, value: &Value) -> Self {
        Self::new(status).body("application/json; charset=utf-8", value.to_string())
    }

    /// That sends elsewhere.
    #[must_use]
    pub fn to(status: u16, location: &str) -> Self {
        Self::new(status).header("location", location)
    }

    fn into_response(self, broken: bool) -> Response {
        let mut response = Response::builder().status(StatusCode::from_u16(self.status).unwrap());
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        if broken {
            // Half of what was announced, and the connection ends.
            let piece = Ok(Bytes::from_static(b"<"));
            let end = Err(std::io::Error::other("the connection broke"));
            let body = Body::from_stream(futures_util::stream::iter([piece, end]));
            return response.header("content-length", 100).body(body).unwrap();
        }
        response.body(Body::from(self.body)).unwrap()
    }
}

/// What becomes of every answer on its way.
type Distortion = Box<dyn FnMut(&mut Answer) + Send>;

#[derive(Default)]
struct Record {
    seen: Vec<Seen>,
    faults: VecDeque<(String, Fault)>,
    distortion: Option<Distortion>,
}

impl Record {
    /// The fault that a test planned for this request.
    fn fault(&mut self, line: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(needle, _)| line.contains(needle.as_str()))?;
        self.faults.remove(at).map(|(_, fault)| fault)
    }
}

/// A platform on loopback, until it is dropped.
pub struct Server<P> {
    address: SocketAddr,
    mount: &'static str,
    world: Arc<Mutex<P>>,
    record: Arc<Mutex<Record>>,
    task: tokio::task::JoinHandle<()>,
}

impl<P> Drop for Server<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<P: Platform> Server<P> {
    /// Lets a platform stand below `mount`: "", or a path that begins with a slash.
    ///
    /// # Panics
    /// Where loopback can't be listened on.
    pub async fn start(mount: &'static str, world: P) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (world, record) = (Arc::new(Mutex::new(world)), Arc::new(Mutex::new(Record::default())));
        let shared = (world.clone(), record.clone());
        let router = Router::new().fallback(move |request: Request<Body>| {
            let (world, record) = shared.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                serve(&mut *world.lock().unwrap(), &record, mount, &head, body)
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, mount, world, record, task }
    }

    /// Where we reach it, which need not be where it thinks it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.mount)
    }

    /// All that is there, to look at and to change.
    ///
    /// # Panics
    /// Where another test thread failed while it held it.
    pub fn world(&self) -> MutexGuard<'_, P> {
        self.world.lock().unwrap()
    }

    /// The requests so far.
    ///
    /// # Panics
    /// Where another test thread failed while it held them.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.record.lock().unwrap().seen.clone()
    }

    /// The same, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    /// Forgets the requests so far.
    ///
    /// # Panics
    /// As [`Self::seen`].
    pub fn forget_seen(&self) {
        self.record.lock().unwrap().seen.clear();
    }

    /// The next request whose line holds `needle` goes wrong.
    ///
    /// # Panics
    /// As [`Self::seen`].
    pub fn fail(&self, needle: &str, fault: Fault) {
        self.record.lock().unwrap().faults.push_back((needle.to_owned(), fault));
    }
}

impl<P> Server<P> {
    /// From now on `how` changes every answer that the platform gives.
    ///
    /// # Panics
    /// Where another test thread failed while it held the record.
    pub fn distort(&self, how: impl FnMut(&mut Answer) + Send + 'static) {
        self.record.lock().unwrap().distortion = Some(Box::new(how));
    }

    /// Answers go out as they are again.
    ///
    /// # Panics
    /// As [`Self::distort`].
    pub fn undistort(&self) {
        self.record.lock().unwrap().distortion = None;
    }
}

fn serve<P: Platform>(world: &mut P, record: &Mutex<Record>, mount: &str, head: &Parts, body: Bytes) -> Response {
    let whole = head.uri.path_and_query().map_or("", |target| target.as_str());
    let below = whole.strip_prefix(mount);
    let seen = Seen::new(head, below.unwrap_or(whole).to_owned(), body);
    let fault = record.lock().unwrap().fault(&seen.line());
    let mut answer = match &fault {
        Some(Fault::Refuse(status, headers, body)) => {
            Answer { status: *status, headers: headers.clone(), body: body.clone().into() }
        }
        _ if below.is_none() => Answer::new(404),
        _ => world.answer(&seen),
    };
    let mut record = record.lock().unwrap();
    if let Some(distort) = &mut record.distortion {
        distort(&mut answer);
    }
    record.seen.push(Seen { answered: answer.body.len(), ..seen });
    answer.into_response(matches!(fault, Some(Fault::LoseAnswer)))
}
