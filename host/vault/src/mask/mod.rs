//! Takes known values out of text and streams, in every form in which they usually travel.
//!
//! What is known: each secret as it is, percent- and form-encoded, escaped for JSON and XML, in hexadecimal, and in
//! base64 at all three alignments, so that it is also found inside of a longer encoded text (`user:secret`). A secret of
//! several lines is also known line by line, since logs print lines.
//!
//! What is not: a secret that was compressed, encrypted, reversed, wrapped by an encoder in the middle of it, or printed
//! with spaces between its characters. Values that [`Secret::check_maskable`] refuses are not masked.
//!
//! Every byte of every occurrence goes, also where occurrences overlap: of two matches at one place the longer wins, and
//! matches that overlap become one `***`.

mod automaton;
mod forms;
mod stream;

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use automaton::Automaton;
pub use stream::MaskStream;

use crate::Secret;

/// What stands where a value stood.
pub const REPLACEMENT: &str = "***";

/// Finds the values of a set of secrets. Cheap to clone; made anew when the set changes.
#[derive(Clone, Default)]
pub struct Masker {
    /// none: there is nothing to find.
    automaton: Option<Arc<Automaton>>,
}

impl Masker {
    /// Knows all forms of these secrets.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            forms::add(secret.expose(), &mut patterns);
        }
        Self { automaton: Automaton::new(&patterns).map(Arc::new) }
    }

    /// Whether there is nothing to find.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    /// The text without the values; borrowed where there are none in it.
    #[must_use]
    pub fn mask_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // A secret that is not text can begin in the middle of a character.
            Cow::Owned(masked) => Cow::Owned(match String::from_utf8(masked) {
                Ok(text) => text,
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }

    /// The bytes without the values; borrowed where there are none in them.
    ///
    /// Mask first and cut afterwards: the begin of a value whose end was cut off is not known any more.
    #[must_use]
    pub fn mask_bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let Some(automaton) = &self.automaton else { return Cow::Borrowed(bytes) };
        let mut found = Vec::new();
        automaton.scan(automaton.start(), bytes, 0, &mut found);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for (start, end) in found {
            masked.extend_from_slice(&bytes[from..start]);
            masked.extend_from_slice(REPLACEMENT.as_bytes());
            from = end;
        }
        masked.extend_from_slice(&bytes[from..]);
        Cow::Owned(masked)
    }

    /// Masks what comes piece by piece.
    #[must_use]
    pub fn stream(&self) -> MaskStream {
        MaskStream::new(self.automaton.clone())
    }

    /// Goes on where another stream stopped ([`MaskStream::carry`]), also after a restart or when the secrets changed.
    #[must_use]
    pub fn resume(&self, carry: &Secret) -> (MaskStream, Vec<u8>) {
        let mut stream = self.stream();
        let cleared = stream.restore(carry.expose());
        (stream, cleared)
    }
}
