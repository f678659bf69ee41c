//! A webhook's delivery: what a platform told of its own accord. It is kept as it came, and read afterwards.

use crate::{
    Timestamp,
    id::{DeliveryId, ProviderId},
};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It is kept, and not read yet.
    Stored,
    /// It was read; what it hints at is looked at.
    Decoded,
    /// It can't be read: a dead letter, until it is replayed.
    Dead,
}

impl DeliveryState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Stored, Self::Decoded, Self::Dead];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Decoded => "decoded",
            Self::Dead => "dead",
        }
    }

    /// The state that `word` names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A delivery without its headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Ours.
    pub id: DeliveryId,
    /// Whose.
    pub provider: ProviderId,
    /// The sender's id of it, or `sha256:` and the digest of its body.
    pub key: String,
    /// When it came.
    pub received: Timestamp,
    /// Bytes of its body.
    pub size: u64,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried to be read.
    pub attempts: u32,
    /// When it is to be read; what was put off is read later.
    pub due: Timestamp,
    /// How many runs it hints at.
    pub hints: u32,
    /// A code and a sentence: why it is a dead letter or was put off, or why it says nothing to us.
    pub note: Option<(String, String)>,
    /// 1 at first, one more on every change.
    pub version: i64,
}
