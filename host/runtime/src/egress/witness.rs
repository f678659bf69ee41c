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

    /// A body that testifies. `on_sent` is called once, before the first byte goes.
    pub(super) fn body(&self, bytes: Bytes, on_sent: impl Fn() + Send + Sync + 'static) -> reqwest::Body {
        reqwest::Body::wrap(Testifying { bytes, witness: self.clone(), on_sent: Box::new(on_sent) })
    }
}

struct Testifying {
    bytes: Bytes,
    witness: Witness,
    on_sent: Box<dyn Fn() + Send + Sync>,
}

impl Testifying {
    fn testify(&self) {
        if !self.witness.sent.swap(true, Ordering::SeqCst) {
            (self.on_sent)();
        }
    }
}

impl Body for Testifying {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.testify();
        let bytes = std::mem::take(&mut self.get_mut().bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.testify();
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
