//! All forms of all secrets as one automaton that is fed byte by byte, so that a stream can stop anywhere.
//!
//! Its memory holds the values and is not wiped; it lives as long as the masker.

use std::collections::BTreeSet;

use aho_corasick::{
    Anchored, MatchKind,
    automaton::{Automaton as _, StateID},
    nfa::contiguous::NFA,
};

/// Half-open, counted in bytes.
pub(super) type Span = (usize, usize);

pub(super) struct Automaton {
    nfa: NFA,
    start: StateID,
    /// How much of a form has been seen in each state: what may still become a match. Sorted, to be searched.
    depths: Vec<(StateID, u32)>,
}

impl Automaton {
    /// none: there are no patterns. Patterns that the automaton can't hold (gigabytes of them) are none too.
    pub(super) fn new(patterns: &BTreeSet<Vec<u8>>) -> Option<Self> {
        if patterns.is_empty() {
            return None;
        }
        // All matches are wanted, not the leftmost: overlapping values must go as a whole.
        let nfa = NFA::builder().match_kind(MatchKind::Standard).prefilter(false).build(patterns).ok()?;
        let start = nfa.start_state(Anchored::No).ok()?;
        let mut depths = Vec::new();
        for pattern in patterns {
            let mut state = start;
            for (depth, byte) in (1_u32..).zip(pattern) {
                state = nfa.next_state(Anchored::No, state, *byte);
                depths.push((state, depth));
            }
        }
        depths.sort_unstable();
        depths.dedup();
        Some(Self { nfa, start, depths })
    }

    pub(super) fn start(&self) -> StateID {
        self.start
    }

    /// How many of the last bytes may be the begin of a match.
    pub(super) fn depth(&self, state: StateID) -> usize {
        let found = self.depths.binary_search_by_key(&state, |(state, _)| *state);
        found.map_or(0, |index| self.depths[index].1 as usize)
    }

    /// Reads on from `state`. `found` gets what matched, in order, joined where matches overlap; the first byte is at
    /// `offset`.
    pub(super) fn scan(&self, mut state: StateID, bytes: &[u8], offset: usize, found: &mut Vec<Span>) -> StateID {
        for (index, byte) in bytes.iter().enumerate() {
            state = self.nfa.next_state(Anchored::No, state, *byte);
            if self.nfa.is_special(state) && self.nfa.is_match(state) {
                let end = offset + index + 1;
                join(found, (end.saturating_sub(self.longest(state)), end));
            }
        }
        state
    }

    /// Of the forms that end in a state.
    fn longest(&self, state: StateID) -> usize {
        let lengths =
            (0..self.nfa.match_len(state)).map(|nth| self.nfa.pattern_len(self.nfa.match_pattern(state, nth)));
        lengths.max().unwrap_or(0)
    }
}

/// Matches come in the order of their ends, so only the last ones can overlap with a new one.
fn join(found: &mut Vec<Span>, (mut start, end): Span) {
    while let Some((last_start, _)) = found.pop_if(|(_, last_end)| *last_end > start) {
        start = start.min(last_start);
    }
    found.push((start, end));
}
