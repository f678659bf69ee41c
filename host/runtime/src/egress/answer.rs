//! What comes back: read up to the cap, freed of secrets, cut to the window that was asked for.
//!
//! Redaction comes before the window, over the whole stream: else a guest could ask for an echoed secret three bytes at a
//! time. So a window counts the bytes of the redacted body, the same ones every time.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use novacron_cicd_contract::bindings::novacron::cicd::{
    http::Response,
    types::{Attribute, CaptureSource, Header, Request, Window},
};
use novacron_cicd_vault::{MaskStream, Masker};

use super::{
    Door, StreamAnswer, capture,
    error::SendError,
    kept::{self, Keeping},
    login::LoginState,
    scope::CallScope,
    send::Landed,
};

/// The values that the vault knows, and those of this call.
pub(super) struct Redactor {
    vault: std::sync::Arc<Masker>,
    call: Masker,
}

impl Redactor {
    pub(super) fn new(vault: std::sync::Arc<Masker>, scope: &CallScope) -> Self {
        let known = scope.known();
        Self { vault, call: Masker::new(known.iter().map(|secret| &**secret)) }
    }

    pub(super) fn text(&self, text: &str) -> String {
        self.vault.mask_text(&self.call.mask_text(text)).into_owned()
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.vault.mask_bytes(&self.call.mask_bytes(bytes)).into_owned()
    }

    fn headers(&self, headers: &mut [Header]) {
        capture::blank_cookies(headers);
        for header in headers {
            header.value = self.text(&header.value);
        }
    }
}

/// Keeps a window of what is pushed, and counts the rest.
struct Windowed {
    skip: u64,
    limit: u64,
    total: u64,
    kept: Vec<u8>,
}

impl Windowed {
    fn new(window: Option<Window>, cap: u64) -> Self {
        let (skip, limit) = window.map_or((0, cap), |window| (window.skip, u64::from(window.limit).min(cap)));
        Self { skip, limit, total: 0, kept: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (from, to) = (self.total, self.total + bytes.len() as u64);
        self.total = to;
        let start = self.skip.clamp(from, to) - from;
        let end = self.skip.saturating_add(self.limit).clamp(from, to) - from;
        // Both lie within the piece, so they fit.
        let (start, end) = (usize::try_from(start).unwrap_or_default(), usize::try_from(end).unwrap_or_default());
        self.kept.extend_from_slice(bytes.get(start..end).unwrap_or_default());
    }

    fn is_cut(&self) -> bool {
        self.skip.saturating_add(self.kept.len() as u64) < self.total
    }
}

impl Door {
    /// Reads an answer for a guest, or for a login.
    pub(super) async fn read(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        request: &Request,
        mut landed: Landed,
    ) -> Result<Response, SendError> {
        let result = self.read_all(scope, login, request, &mut landed).await;
        if let Err(error) = &result {
            landed.audit.failed(error);
        }
        result
    }

    async fn read_all(
        &self,
        scope: &CallScope,
        login: Option<&LoginState>,
        request: &Request,
        landed: &mut Landed,
    ) -> Result<Response, SendError> {
        let mut headers = shown(landed.headers());
        if let Some(coded) = headers.iter().find(|header| header.name == "content-encoding")
            && !matches!(coded.value.as_str(), "identity" | "gzip" | "x-gzip")
        {
            let encoding = &coded.value;
            return Err(landed
                .witness
                .failure(format!("the answer is encoded as {encoding}, which was not asked for")));
        }
        let budget = *scope.budget();
        let cap = if request.window.is_some() { budget.window } else { budget.body };
        if request.window.is_none() && landed.response.content_length().is_some_and(|length| length > cap) {
            return Err(SendError::TooLarge(cap));
        }

        let net = capture::Net { scope, login, origin: landed.origin.clone(), now: self.ports().now() };
        let structured = request
            .captures
            .iter()
            .any(|capture| matches!(capture.source, CaptureSource::Pointer(_)) || capture.expires_pointer.is_some());
        let mut whole = true;
        let mut window = Windowed::new(request.window, budget.body);
        if structured {
            let mut body = Vec::new();
            while let Some(piece) = landed.piece(scope).await? {
                if (body.len() + piece.len()) as u64 > budget.body {
                    return Err(SendError::TooLarge(budget.body));
                }
                body.extend_from_slice(&piece);
            }
            let mut json = serde_json::from_slice(&body).ok();
            if net.haul(&request.captures, &mut headers, json.as_mut())
                && let Some(json) = &json
            {
                body = serde_json::to_vec(json)
                    .map_err(|error| landed.witness.failure(format!("the answer can't be written again: {error}")))?;
            }
            window.push(&self.redactor(scope).bytes(&body));
        } else {
            net.haul(&request.captures, &mut headers, None);
            let mut masks = Masks::new(&self.redactor(scope));
            let mut read = 0;
            while let Some(piece) = landed.piece(scope).await? {
                read += piece.len() as u64;
                if read > cap {
                    if request.window.is_none() {
                        return Err(SendError::TooLarge(cap));
                    }
                    whole = false;
                    break;
                }
                window.push(&masks.push(&piece));
            }
            // What is held back may be half a secret: at a cut it is left out.
            if whole {
                window.push(&masks.finish());
            }
        }
        if let Some((key, body)) = landed.keeping.take().map(Keeping::finish) {
            self.kept().put(key, landed.headers(), body);
        }
        let redactor = self.redactor(scope);
        redactor.headers(&mut headers);
        let kept = landed.is_same().then(|| Attribute { key: kept::CACHE.into(), value: "kept".into() });
        Ok(Response {
            status: landed.status(),
            headers,
            total: window.total,
            truncated: !whole || window.is_cut(),
            body: window.kept,
            final_url: redactor.text(&landed.final_url()),
            more: kept.into_iter().collect(),
        })
    }

    /// Hands an answer on as it comes.
    pub(super) fn open(&self, scope: &CallScope, landed: Landed) -> StreamAnswer {
        let redactor = self.redactor(scope);
        let mut headers = shown(landed.response.headers());
        redactor.headers(&mut headers);
        StreamAnswer {
            status: landed.response.status().as_u16(),
            headers,
            final_url: redactor.text(&landed.final_url()),
            length: landed.response.content_length(),
            body: pieces(scope.cancel().clone(), landed),
        }
    }

    pub(super) fn redactor(&self, scope: &CallScope) -> Redactor {
        Redactor::new(self.ports().masker(), scope)
    }
}

fn pieces(cancel: tokio_util::sync::CancellationToken, landed: Landed) -> BoxStream<'static, Result<Bytes, SendError>> {
    let next = async |(cancel, landed): (tokio_util::sync::CancellationToken, Option<Landed>)| {
        let mut landed = landed?;
        let piece = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(SendError::Interrupted("the transfer was canceled".into())),
            piece = landed.response.chunk() => piece.map_err(|error| landed.broken(&error)),
        };
        match piece {
            Ok(Some(piece)) => {
                landed.audit.received(piece.len() as u64);
                Some((Ok(piece), (cancel, Some(landed))))
            }
            Ok(None) => None,
            Err(error) => {
                landed.audit.failed(&error);
                Some((Err(error), (cancel, None)))
            }
        }
    };
    Box::pin(futures_util::stream::unfold((cancel, Some(landed)), next))
}

/// Two masks in a row, over a stream.
struct Masks {
    call: MaskStream,
    vault: MaskStream,
}

impl Masks {
    fn new(redactor: &Redactor) -> Self {
        Self { call: redactor.call.stream(), vault: redactor.vault.stream() }
    }

    fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.vault.push(&self.call.push(piece))
    }

    fn finish(mut self) -> Vec<u8> {
        let mut rest = self.vault.push(&self.call.finish());
        rest.extend(self.vault.finish());
        rest
    }
}

/// An answer's headers as text; what is not UTF-8 is shown with replacement characters.
pub(super) fn shown(headers: &http::HeaderMap) -> Vec<Header> {
    headers
        .iter()
        .map(|(name, value)| Header {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_keeps_its_part_wherever_the_pieces_end() {
        let body = b"0123456789";
        let rows = [
            (None, 100, "0123456789", false),
            (Some((0, 4)), 100, "0123", true),
            (Some((3, 4)), 100, "3456", true),
            (Some((6, 4)), 100, "6789", false),
            (Some((8, 10)), 100, "89", false),
            (Some((10, 5)), 100, "", false),
            (Some((20, 5)), 100, "", false),
            (Some((2, 0)), 100, "", true),
            (Some((2, 50)), 3, "234", true),
            (Some((u64::MAX, 5)), 100, "", false),
        ];
        for (window, cap, expected, cut) in rows {
            for size in 1..=body.len() {
                let window = window.map(|(skip, limit)| Window { skip, limit });
                let mut windowed = Windowed::new(window, cap);
                body.chunks(size).for_each(|piece| windowed.push(piece));
                assert_eq!(windowed.kept, expected.as_bytes(), "{window:?} in pieces of {size}");
                assert_eq!((windowed.total, windowed.is_cut()), (10, cut), "{window:?} in pieces of {size}");
            }
        }
    }
}
