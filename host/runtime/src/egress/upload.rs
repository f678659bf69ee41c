//! Bytes that go out without being held: opened by their digest, counted on their way, and opened anew where a request is
//! sent once more.
//!
//! Must be absent: bytes that the plugin chose. It says where they go; which bytes go is the host's to say.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::Method;
use hyper::body::{Body, Frame, SizeHint};
use novacron_cicd_contract::bindings::novacron::cicd::types::{Request, SignedPart};
use tokio::time::Instant;

use super::{error::SendError, witness::Testimony};
use crate::ports::HostPorts;

/// Bytes that the host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many there are.
    pub size: u64,
}

/// Refuses a request that can't carry bytes of the host's.
pub(super) fn check(request: &Request, method: &Method) -> Result<(), SendError> {
    let refuse = |why: &str| Err(SendError::BadRequest(format!("a request for an upload {why}")));
    if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        return refuse("is a POST, a PUT or a PATCH");
    }
    if !request.body.is_empty() {
        return refuse("has no body of its own");
    }
    let signs_body = |part: &SignedPart| matches!(part, SignedPart::Body);
    if request.signatures.iter().any(|signature| signature.message.iter().any(signs_body)) {
        return refuse("can't be signed over its body, which is not held");
    }
    Ok(())
}

/// An upload under way, through every sending of its request.
pub(super) struct Flow {
    upload: Upload,
    /// How long nothing may move.
    idle: Duration,
    moved: Mutex<Instant>,
}

impl Flow {
    pub(super) fn new(upload: Upload, idle: Duration) -> Arc<Self> {
        Arc::new(Self { upload, idle, moved: Mutex::new(Instant::now()) })
    }

    pub(super) fn size(&self) -> u64 {
        self.upload.size
    }

    /// Something moved.
    pub(super) fn touch(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// When nothing has moved for too long.
    pub(super) async fn stalled(&self) {
        loop {
            let until = *self.moved.lock().unwrap_or_else(PoisonError::into_inner) + self.idle;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// The bytes from their beginning, as the body of one sending.
    pub(super) async fn pour(
        self: &Arc<Self>,
        ports: &dyn HostPorts,
        testimony: Testimony,
    ) -> Result<(reqwest::Body, Arc<Poured>), SendError> {
        let Upload { sha256, size } = &self.upload;
        let pieces = ports.blob(sha256, *size).await.map_err(|error| unreadable(&error))?;
        self.touch();
        let poured = Arc::new(Poured { left: AtomicU64::new(*size), broken: OnceLock::new() });
        let body = Pouring { flow: self.clone(), poured: poured.clone(), pieces: Mutex::new(pieces), testimony };
        Ok((reqwest::Body::wrap(body), poured))
    }
}

/// What is known of one sending. An earlier one may still be at its end when the next begins.
pub(super) struct Poured {
    left: AtomicU64,
    broken: OnceLock<String>,
}

impl Poured {
    /// Bytes that did not go out.
    pub(super) fn left(&self) -> u64 {
        self.left.load(Ordering::SeqCst)
    }

    /// Why the bytes could not be had, where that is so.
    pub(super) fn broken(&self) -> Option<SendError> {
        self.broken.get().map(unreadable)
    }

    /// Counts a piece that is about to go. What is not as long as was said never goes out whole.
    fn count(&self, piece: Option<io::Result<Bytes>>) -> Option<io::Result<Bytes>> {
        let left = self.left();
        let fault = match piece {
            Some(Ok(piece)) if piece.len() as u64 <= left => {
                self.left.store(left - piece.len() as u64, Ordering::SeqCst);
                return Some(Ok(piece));
            }
            Some(Ok(_)) => "there are more of them than was said".to_owned(),
            Some(Err(error)) => error.to_string(),
            None if left == 0 => return None,
            None => format!("{left} of them are missing"),
        };
        Some(Err(io::Error::other(self.broken.get_or_init(|| fault).clone())))
    }
}

fn unreadable(reason: &impl std::fmt::Display) -> SendError {
    SendError::BadRequest(format!("the bytes that were to be sent can't be had: {reason}"))
}

struct Pouring {
    flow: Arc<Flow>,
    poured: Arc<Poured>,
    /// A stream need not be shared between threads, a body has to be able to.
    pieces: Mutex<BoxStream<'static, io::Result<Bytes>>>,
    testimony: Testimony,
}

impl Body for Pouring {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        this.testimony.give();
        let pieces = this.pieces.get_mut().unwrap_or_else(PoisonError::into_inner);
        let piece = std::task::ready!(pieces.as_mut().poll_next(context));
        this.flow.touch();
        Poll::Ready(this.poured.count(piece).map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.testimony.give();
        self.poured.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.poured.left())
    }
}
