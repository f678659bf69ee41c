//! Masking of what comes in pieces: the same result wherever the pieces were cut.

use std::sync::Arc;

use aho_corasick::automaton::StateID;
use zeroize::Zeroizing;

use super::{
    REPLACEMENT,
    automaton::{Automaton, Span},
};
use crate::Secret;

/// Masks a stream. It holds back only what may be the begin of a value, at most the longest form of one.
pub struct MaskStream {
    automaton: Option<(Arc<Automaton>, StateID)>,
    /// What is held back.
    held: Zeroizing<Vec<u8>>,
    /// Matches within `held`, in order.
    found: Vec<Span>,
    /// Whether the first of `found` began before `held`, so that its replacement is out already.
    open: bool,
}

/// Of a carry's head: how many of the held bytes belong to a match that is out already.
const HEAD: usize = 8;

impl MaskStream {
    pub(super) fn new(automaton: Option<Arc<Automaton>>) -> Self {
        let automaton = automaton.map(|automaton| {
            let start = automaton.start();
            (automaton, start)
        });
        Self { automaton, held: Zeroizing::default(), found: Vec::new(), open: false }
    }

    /// Takes the next piece; gives what can be shown now.
    #[must_use = "what is given back is the masked stream"]
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let Some((automaton, state)) = &mut self.automaton else {
            let mut all = std::mem::take(&mut *self.held);
            all.extend_from_slice(piece);
            return all;
        };
        let offset = self.held.len();
        self.held.extend_from_slice(piece);
        *state = automaton.scan(*state, piece, offset, &mut self.found);
        let undecided = automaton.depth(*state);
        self.release(self.held.len() - undecided)
    }

    /// Ends the stream: gives what was held back.
    #[must_use = "what is given back is the rest of the masked stream"]
    pub fn finish(mut self) -> Vec<u8> {
        self.release(self.held.len())
    }

    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// All that [`super::Masker::resume`] needs to go on, in clear: it may be the begin of a value, so it is kept sealed.
    #[must_use]
    pub fn carry(&self) -> Secret {
        let covered = if self.open { self.found.first().map_or(0, |(_, end)| *end) } else { 0 };
        let mut carry = Vec::with_capacity(HEAD + self.held.len());
        carry.extend_from_slice(&(covered as u64).to_le_bytes());
        carry.extend_from_slice(&self.held);
        Secret::new(carry)
    }

    /// The counterpart of `carry`; what is too short to be one is an empty one.
    pub(super) fn restore(&mut self, carry: &[u8]) -> Vec<u8> {
        let Some((head, held)) = carry.split_first_chunk::<HEAD>() else { return Vec::new() };
        let covered = usize::try_from(u64::from_le_bytes(*head)).unwrap_or(usize::MAX).min(held.len());
        if covered > 0 {
            self.found.push((0, covered));
            self.open = true;
        }
        if self.automaton.is_none() {
            // Nothing is secret any more, but what had begun to be replaced stays replaced.
            self.held.extend_from_slice(held);
            return self.release(held.len());
        }
        self.push(held)
    }

    /// Gives the bytes before `cut`, which no later match can reach back to.
    fn release(&mut self, cut: usize) -> Vec<u8> {
        let mut shown = Vec::with_capacity(cut);
        let mut from = 0;
        let mut kept = Vec::new();
        let mut open = false;
        for (nth, (start, end)) in std::mem::take(&mut self.found).into_iter().enumerate() {
            if start >= cut && !(nth == 0 && self.open) {
                kept.push((start - cut, end - cut));
                continue;
            }
            if nth > 0 || !self.open {
                shown.extend_from_slice(&self.held[from..start]);
                shown.extend_from_slice(REPLACEMENT.as_bytes());
            }
            from = end.min(cut);
            if end > cut {
                kept.push((0, end - cut));
                open = true;
            }
        }
        shown.extend_from_slice(&self.held[from..cut]);
        self.held.drain(..cut);
        self.found = kept;
        self.open = open;
        shown
    }
}
