//! Answers that are asked for again by their entity tag: where a guest lets it, and the platform said how.
//!
//! Many platforms count an answer of "nothing changed" for less, or not at all (GitHub's primary limit). What is kept is the
//! body as it came, before secrets are blanked: it goes the same way to the guest each time. It lives in memory alone, the
//! longest unused goes first. Must be absent: an answer that is given without asking the platform.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hashlink::LinkedHashMap;
use http::{HeaderMap, HeaderValue, Method, header};
use novacron_cicd_contract::bindings::novacron::cicd::types::{Attribute, Request};
use novacron_cicd_domain::id::ProviderId;

use super::{prepare::Prepared, scope::CallScope};

/// The word of `request.more` that lets an answer be kept, and what the answer's `more` says where it was.
pub(super) const CACHE: &str = "novacron.cache";
/// Bytes of one body that are kept at most.
const ONE: usize = 4 << 20;
/// Bytes of all bodies.
const ALL: usize = 32 << 20;

/// What makes two requests the same. The account is the slot's: a provider that is changed is forgotten.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    provider: ProviderId,
    slot: Option<String>,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Key {
    /// None where the guest does not let the answer be kept, or asks for what must not be: a piece of it, or what
    /// holds a secret to capture.
    pub(super) fn of(scope: &CallScope, request: &Request, prepared: &Prepared) -> Option<Self> {
        let asked = |more: &Attribute| more.key == CACHE && more.value == "revalidate";
        let plain = request.captures.is_empty() && request.window.is_none() && request.signatures.is_empty();
        if prepared.method != Method::GET || !plain || !request.more.iter().any(asked) {
            return None;
        }
        // A guest that names a condition itself wants the platform's own word for it.
        let conditions = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_MATCH, header::RANGE];
        if conditions.iter().any(|name| prepared.headers.contains_key(name)) {
            return None;
        }
        let header = |(name, value): (&http::HeaderName, &HeaderValue)| (name.to_string(), value.as_bytes().to_vec());
        Some(Self {
            provider: scope.provider().provider().id,
            slot: request.credential.clone(),
            url: prepared.url.to_string(),
            headers: prepared.headers.iter().map(header).collect(),
        })
    }
}

/// An answer as it came.
pub(super) struct Entry {
    pub(super) tag: HeaderValue,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Entry {
    /// Its headers, as the platform's "nothing changed" brings them up to date (RFC 9111, 3.2): the limits that are left, a
    /// new tag.
    pub(super) fn refreshed(&self, fresh: &HeaderMap) -> HeaderMap {
        let mut headers = self.headers.clone();
        for name in fresh.keys() {
            if [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_TYPE].contains(name) {
                continue;
            }
            headers.remove(name);
            for value in fresh.get_all(name) {
                headers.append(name.clone(), value.clone());
            }
        }
        headers
    }
}

/// What is kept, the longest unused first.
#[derive(Default)]
pub(super) struct Kept(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    entries: LinkedHashMap<Key, Arc<Entry>>,
    bytes: usize,
}

impl Entries {
    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.body.len();
        }
    }
}

impl Kept {
    pub(super) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        let mut kept = self.lock();
        let entry = kept.entries.get(key).cloned()?;
        kept.entries.to_back(key);
        Some(entry)
    }

    /// Takes an answer; one without an entity tag, or too large to be kept (none), replaces what was there by nothing.
    pub(super) fn put(&self, key: Key, headers: &HeaderMap, body: Option<Vec<u8>>) {
        let mut kept = self.lock();
        kept.remove(&key);
        let (Some(tag), Some(body)) = (headers.get(header::ETAG).cloned(), body) else { return };
        kept.bytes += body.len();
        kept.entries.insert(key, Arc::new(Entry { tag, headers: headers.clone(), body: body.into() }));
        while kept.bytes > ALL {
            let Some((_, oldest)) = kept.entries.pop_front() else { break };
            kept.bytes -= oldest.body.len();
        }
    }

    /// Forgets what belongs to a provider.
    pub(super) fn forget(&self, provider: ProviderId) {
        let mut kept = self.lock();
        let gone: Vec<Key> = kept.entries.keys().filter(|key| key.provider == provider).cloned().collect();
        for key in gone {
            kept.remove(&key);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of an answer while it is read, as long as they may be kept.
pub(super) struct Keeping {
    pub(super) key: Key,
    body: Option<Vec<u8>>,
}

impl Keeping {
    pub(super) fn new(key: Key) -> Self {
        Self { key, body: Some(Vec::new()) }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        self.body = self.body.take().filter(|body| body.len() + piece.len() <= ONE);
        if let Some(body) = &mut self.body {
            body.extend_from_slice(piece);
        }
    }

    /// The whole body; none where it is too large.
    pub(super) fn finish(self) -> (Key, Option<Vec<u8>>) {
        (self.key, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(provider: u128, url: &str) -> Key {
        Key { provider: ProviderId(uuid::Uuid::from_u128(provider)), slot: None, url: url.into(), headers: Vec::new() }
    }

    fn tagged() -> HeaderMap {
        HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("\"1\""))])
    }

    #[test]
    fn the_longest_unused_goes_first_and_no_more_is_kept_than_fits() {
        let kept = Kept::default();
        for number in 0..8 {
            kept.put(key(1, &number.to_string()), &tagged(), Some(vec![0; ONE]));
        }
        assert!(kept.get(&key(1, "0")).is_some(), "all fit");
        kept.put(key(1, "8"), &tagged(), Some(vec![0; ONE]));
        let there = |number: u32| kept.get(&key(1, &number.to_string())).is_some();
        assert!(there(0) && !there(1) && there(2), "the one that was not asked for went");
        kept.put(key(1, "0"), &HeaderMap::new(), Some(vec![0; 1]));
        kept.put(key(1, "2"), &tagged(), None);
        assert!(!there(0) && !there(2), "neither without a tag nor too large");
        kept.put(key(2, "other"), &tagged(), Some(vec![0; 1]));
        kept.forget(ProviderId(uuid::Uuid::from_u128(1)));
        assert!(!there(8) && kept.get(&key(2, "other")).is_some());
        assert_eq!(kept.lock().bytes, 1);
    }
}
