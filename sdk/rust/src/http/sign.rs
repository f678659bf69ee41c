//! What the host makes of a request when it sends it (signatures), and takes out of the answer (captures).

use crate::types::{self, CaptureSource, SignedPart};

/// A keyed digest over what is really sent, which the host puts into a header.
///
/// ```
/// use novacron_cicd_sdk::http::{Request, Signature};
///
/// let signature = Signature::hmac_sha256("signing", "x-hub-signature-256").prefix("sha256=").hex().body();
/// let request = Request::post("/hook").sign(signature).build()?;
/// assert_eq!(request.signatures[0].key, "signing");
/// # Ok::<(), novacron_cicd_sdk::types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(types::Signature);

impl Signature {
    /// HMAC-SHA256 with the key in `slot`, as base64, of nothing yet.
    #[must_use]
    pub fn hmac_sha256(slot: impl Into<String>, header: impl Into<String>) -> Self {
        Self(types::Signature {
            header: header.into(),
            prefix: String::new(),
            key: slot.into(),
            algorithm: "hmac-sha256".into(),
            encoding: "base64".into(),
            message: Vec::new(),
        })
    }

    /// Text before the digest in the header's value.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.0.prefix = prefix.into();
        self
    }

    /// The digest as hex digits instead of base64.
    #[must_use]
    pub fn hex(mut self) -> Self {
        self.0.encoding = "hex".into();
        self
    }

    /// Signs this text next.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.message.push(SignedPart::Text(text.into()));
        self
    }

    /// Signs the body, as it is sent, next.
    #[must_use]
    pub fn body(mut self) -> Self {
        self.0.message.push(SignedPart::Body);
        self
    }

    pub(super) fn into_wit(self) -> types::Signature {
        self.0
    }
}

/// A value of the answer that the host keeps in a slot and blanks before the guest sees the answer.
///
/// ```
/// use novacron_cicd_sdk::http::{Capture, Request};
///
/// let request = Request::post("/user/runners")
///     .capture(Capture::pointer("/token", "runner-token").expires("/token_expires_at"))
///     .build()?;
/// assert_eq!(request.captures[0].into, "runner-token");
/// # Ok::<(), novacron_cicd_sdk::types::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture(types::Capture);

impl Capture {
    fn new(source: CaptureSource, into: impl Into<String>) -> Self {
        Self(types::Capture { source, into: into.into(), expires_pointer: None, public: false })
    }

    /// What stands at a JSON pointer (RFC 6901) of the answer's body.
    #[must_use]
    pub fn pointer(pointer: impl Into<String>, into: impl Into<String>) -> Self {
        Self::new(CaptureSource::Pointer(pointer.into()), into)
    }

    /// The value of a header of the answer.
    #[must_use]
    pub fn header(name: impl Into<String>, into: impl Into<String>) -> Self {
        Self::new(CaptureSource::Header(name.into()), into)
    }

    /// A cookie that the answer sets; a name that ends in `*` takes all that begin so.
    #[must_use]
    pub fn cookie(name: impl Into<String>, into: impl Into<String>) -> Self {
        Self::new(CaptureSource::Cookie(name.into()), into)
    }

    /// The JSON pointer to when the value ends.
    #[must_use]
    pub fn expires(mut self, pointer: impl Into<String>) -> Self {
        self.0.expires_pointer = Some(pointer.into());
        self
    }

    /// The value is public (a key to seal to): it is kept and not blanked.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.0.public = true;
        self
    }

    pub(super) fn into_wit(self) -> types::Capture {
        self.0
    }
}
