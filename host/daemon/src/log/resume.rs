//! The state of a log's masking between two pieces: what may be the begin of a secret is held back, and survives a
//! restart sealed.
//!
//! Two masks stand in a row: the run's own callback token, which is in no vault, then everything that the vault knows.

use std::sync::Arc;

use novacron_cicd_vault::{MaskStream, Masker, Secret};
use serde::{Deserialize, Serialize};

use crate::engine::logs::Copied;

/// The masking of one log, between two pieces.
pub(super) struct Resume {
    /// None: nobody told us the token yet.
    token: Option<(Secret, MaskStream)>,
    known: MaskStream,
    /// What `known` was made from: another one means that the secrets changed.
    masker: Arc<Masker>,
    /// Where a copy from a platform stopped.
    pub(super) copied: Copied,
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Stored {
    token: Vec<u8>,
    known: Vec<u8>,
    cursor: Option<String>,
    #[serde(default)]
    taken: u64,
}

/// A carry that holds nothing.
fn is_nothing(carry: &Secret) -> bool {
    carry.expose().iter().all(|byte| *byte == 0)
}

impl Resume {
    /// Goes on from what was stored; also gives what need not be held back any more.
    pub(super) fn open(stored: Option<&Secret>, token: Option<&Secret>, masker: Arc<Masker>) -> (Self, Vec<u8>) {
        let stored = stored.and_then(|stored| serde_json::from_slice(stored.expose()).ok()).unwrap_or(Stored {
            token: Vec::new(),
            known: Vec::new(),
            cursor: None,
            taken: 0,
        });
        let (known, mut cleared) = masker.resume(&Secret::new(stored.known));
        let mut resume =
            Self { token: None, known, masker, copied: Copied { cursor: stored.cursor, taken: stored.taken } };
        let held = Secret::new(stored.token);
        match token {
            Some(token) => {
                let (stream, free) = Masker::new([token]).resume(&held);
                resume.token = Some((token.duplicate(), stream));
                cleared.extend(resume.known.push(&free));
            }
            None => {
                let (_, free) = Masker::default().resume(&held);
                cleared.extend(resume.known.push(&free));
            }
        }
        (resume, cleared)
    }

    /// The same with the secrets and the token of now.
    pub(super) fn renew(&mut self, token: Option<&Secret>, masker: Arc<Masker>) -> Vec<u8> {
        let same_token = match (&self.token, token) {
            (Some((old, _)), Some(new)) => old.matches(new.expose()),
            (None, None) => true,
            _ => false,
        };
        if same_token && Arc::ptr_eq(&self.masker, &masker) {
            return Vec::new();
        }
        let stored = self.store();
        let kept = token.or(self.token.as_ref().map(|(token, _)| token)).map(Secret::duplicate);
        let (resume, cleared) = Self::open(stored.as_ref(), kept.as_ref(), masker);
        *self = resume;
        cleared
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        match &mut self.token {
            Some((_, stream)) => {
                let cleared = stream.push(bytes);
                self.known.push(&cleared)
            }
            None => self.known.push(bytes),
        }
    }

    /// The end: gives what was held back.
    pub(super) fn finish(self) -> Vec<u8> {
        let Self { token, mut known, .. } = self;
        let rest = token.map(|(_, stream)| stream.finish()).unwrap_or_default();
        let mut cleared = known.push(&rest);
        cleared.extend(known.finish());
        cleared
    }

    /// What has to be kept, in clear; none where that is nothing.
    pub(super) fn store(&self) -> Option<Secret> {
        let token = self.token.as_ref().map(|(_, stream)| stream.carry());
        let known = self.known.carry();
        let empty = token.as_ref().is_none_or(is_nothing) && is_nothing(&known) && self.copied == Copied::default();
        if empty {
            return None;
        }
        let stored = Stored {
            token: token.map(|carry| carry.expose().to_vec()).unwrap_or_default(),
            known: known.expose().to_vec(),
            cursor: self.copied.cursor.clone(),
            taken: self.copied.taken,
        };
        serde_json::to_vec(&stored).ok().map(Secret::new)
    }
}
