//! Did a byte of the request leave this machine?
//!
//! The HTTP client asks the body whether it is at its end just before it writes the request's head, and never earlier. So a
//! body that was never asked belongs to a request of which nothing was sent, whatever went wrong after.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::error::SendError;

/// What is known of one request.
#[derive(Clone, Default)]
pub(super) struct Witness {
    sent: Arc<AtomicBool>,
}

impl Witness {
    /// Whether a byte may have left.
    pub(super) fn sent(&self) -> bool {
        self.sent.load(Ordering::SeqCst)
    }

    /// The error that `text` is, given what is known.
    pub(super) fn failure(&self, text: String) -> SendError {
        if self.sent() { SendError::Interrupted(text) } else { SendError::NotSent(text) }
    }

    /// What a body tells it by. `on_sent` is called once, before the first byte goes.
    pub(super) fn testimony(&self, on_sent: impl Fn() + Send + Sync + 'static) -> Testimony {
        Testimony { witness: self.clone(), on_sent: Box::new(on_sent) }
    }
}

/// What a body tells its witness by.
pub(super) struct Testimony {
    witness: Witness,
    on_sent: Box<dyn Fn() + Send + Sync>,
}

impl Testimony {
    /// A byte may leave from here on.
    pub(super) fn give(&self) {
        if !self.witness.sent.swap(true, Ordering::SeqCst) {
            (self.on_sent)();
        }
    }

    /// A body that is held, and testifies.
    pub(super) fn body(self, bytes: Bytes) -> reqwest::Body {
        reqwest::Body::wrap(Testifying { bytes, testimony: self })
    }
}

struct Testifying {
    bytes: Bytes,
    testimony: Testimony,
}

impl Body for Testifying {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.testimony.give();
        let bytes = std::mem::take(&mut self.get_mut().bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.testimony.give();
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
