//! Pages of lists: keyset cursors that name the list they belong to, and the one builder of list queries.
//!
//! A cursor is opaque to its holder, and refused with a reason where it is broken or another list's. Must be absent:
//! `OFFSET`, counts, and conditions on values that are not bound.

use rusqlite::types::Value;
use sha2::{Digest, Sha256};

use crate::StoreError;

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The cursor that the page before gave; none for the first page.
    pub after: Option<String>,
    /// How many items at most; taken as 1 to [`Page::MOST`].
    pub limit: u32,
}

impl Page {
    /// The most items that one page has, whatever is asked for.
    pub const MOST: u32 = 500;

    /// The first page of at most `limit` items.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    pub(crate) fn size(&self) -> usize {
        self.limit.clamp(1, Self::MOST) as usize
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(50)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; none at the end.
    pub next: Option<String>,
}

/// The lists that can be paged. The test of query plans goes through all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Providers,
    Pipelines,
    Runs,
    Operations,
    Audit,
    Secrets,
    Tokens,
    Artifacts,
    Deliveries,
    Subscribers,
    Notifications,
}

impl List {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 11] = [
        Self::Providers,
        Self::Pipelines,
        Self::Runs,
        Self::Operations,
        Self::Audit,
        Self::Secrets,
        Self::Tokens,
        Self::Artifacts,
        Self::Deliveries,
        Self::Subscribers,
        Self::Notifications,
    ];

    /// What the cursor says of itself, and what people call the list.
    const fn tag(self) -> &'static str {
        match self {
            Self::Providers => "providers",
            Self::Pipelines => "pipelines",
            Self::Runs => "runs",
            Self::Operations => "operations",
            Self::Audit => "audit",
            Self::Secrets => "secrets",
            Self::Tokens => "tokens",
            Self::Artifacts => "artifacts",
            Self::Deliveries => "webhooks",
            Self::Subscribers => "subscribers",
            Self::Notifications => "notifications",
        }
    }

    /// The cursor after the row with this key.
    pub(crate) fn cursor(self, key: &str) -> String {
        let body = format!("{}:{key}", self.tag());
        format!("{}{}", hex::encode(check(&body)), hex::encode(body))
    }

    /// The key that a cursor of this list holds.
    pub(crate) fn key(self, cursor: &str) -> Result<String, StoreError> {
        let refuse = |reason: String| StoreError::Cursor { cursor: cursor.chars().take(40).collect(), reason };
        let broken = || refuse("it is broken".into());
        let bytes = hex::decode(cursor).map_err(|_| broken())?;
        let (sum, body) = bytes.split_at_checked(CHECK).ok_or_else(broken)?;
        let body = std::str::from_utf8(body).map_err(|_| broken())?;
        if sum != check(body) {
            return Err(broken());
        }
        match body.split_once(':') {
            Some((tag, key)) if tag == self.tag() => Ok(key.to_owned()),
            Some((tag, _)) => Err(refuse(format!("it belongs to the list of {tag}, not of {}", self.tag()))),
            None => Err(broken()),
        }
    }
}

/// Greater than every id: where the newest page begins.
pub(crate) fn newest() -> String {
    "~".to_owned()
}

const CHECK: usize = 4;

/// Tells damage, not malice: a cursor grants nothing.
fn check(body: &str) -> [u8; CHECK] {
    let digest = Sha256::digest(body.as_bytes());
    [digest[0], digest[1], digest[2], digest[3]]
}

/// A query that is put together from fixed texts; values are bound, numbered in the order in which they are used.
pub(crate) struct Select {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    has_where: bool,
}

impl Select {
    /// `SELECT columns FROM table`, without conditions.
    pub(crate) fn new(head: &str) -> Self {
        Self { sql: head.to_owned(), values: Vec::new(), has_where: false }
    }

    /// A condition without a value.
    pub(crate) fn only(mut self, condition: &str) -> Self {
        self.sql.push_str(if self.has_where { " AND " } else { " WHERE " });
        self.sql.push_str(condition);
        self.has_where = true;
        self
    }

    /// `condition` is text that ends where the value goes: `state = `. Left out where there is no value.
    pub(crate) fn with(mut self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self = self.only(condition);
            self.bind(value.into());
        }
        self
    }

    /// More of the condition that was added last, and its next value.
    pub(crate) fn followed(mut self, text: &str, value: Value) -> Self {
        self.sql.push_str(text);
        self.bind(value);
        self
    }

    /// The end: order and limit.
    pub(crate) fn order(mut self, order: &str, limit: usize) -> Self {
        self.sql.push_str(" ORDER BY ");
        self.sql.push_str(order);
        self.sql.push_str(" LIMIT ");
        self.bind(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        self
    }

    fn bind(&mut self, value: Value) {
        self.values.push(value);
        self.sql.push('?');
        self.sql.push_str(&self.values.len().to_string());
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_its_key() {
        for key in ["", "a", "0197-x", "with:colon", "ü"] {
            assert_eq!(List::Runs.key(&List::Runs.cursor(key)).unwrap(), key);
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_refused_by_name() {
        let error = List::Runs.key(&List::Secrets.cursor("a")).unwrap_err();
        let StoreError::Cursor { reason, .. } = error else { unreachable!("{error}") };
        assert_eq!(reason, "it belongs to the list of secrets, not of runs");
    }

    #[test]
    fn a_broken_cursor_is_refused() {
        let good = List::Runs.cursor("0197");
        let mut turned = good.clone().into_bytes();
        let last = turned.len() - 1;
        turned[last] = if turned[last] == b'0' { b'1' } else { b'0' };
        for bad in ["", "zz", "00", "0011", &good[..good.len() - 2], &String::from_utf8(turned).unwrap()] {
            let error = List::Runs.key(bad).unwrap_err();
            assert!(error.to_string().ends_with("it is broken"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_page_is_never_empty_and_never_huge() {
        assert_eq!(Page::first(0).size(), 1);
        assert_eq!(Page::first(7).size(), 7);
        assert_eq!(Page::first(u32::MAX).size(), Page::MOST as usize);
    }

    #[test]
    fn conditions_are_numbered_in_order_and_left_out_without_a_value() {
        let select = Select::new("SELECT a FROM t")
            .with("b = ", Some("x".to_owned()))
            .with("c = ", None::<String>)
            .only("d IS NULL")
            .order("a DESC", 3);
        assert_eq!(select.sql, "SELECT a FROM t WHERE b = ?1 AND d IS NULL ORDER BY a DESC LIMIT ?2");
        assert_eq!(select.values, [Value::Text("x".into()), Value::Integer(3)]);
    }
}
