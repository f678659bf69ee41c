//! Tokens of the API: a hash of each, and what its holder may do where.
//!
//! A token's role in all environments is its binding without one. Hashes are never part of an error or an answer.

use novacron_cicd_domain::{
    Timestamp,
    id::TokenId,
    token::{Role, Token},
};
use rusqlite::params;

use crate::{
    Reader, StoreError, Tx,
    page::{List, Listing, Page, Select},
    row::{Columns, millis},
};

const WHAT: &str = "token";
const FROM: &str = "SELECT t.id, t.name, b.role, t.created, t.expires, t.revoked, t.last_used
                    FROM tokens AS t JOIN role_bindings AS b ON b.token = t.id AND b.environment IS NULL";
/// `last_used` is rough, so that reading requests seldom write.
const TOUCH_MILLIS: i64 = 60_000;

/// What a token's holder may do in one environment, or in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleBinding {
    /// What they may do.
    pub role: Role,
    /// Where; none means everywhere.
    pub environment: Option<String>,
}

fn read(columns: &mut Columns<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        id: columns.parse()?,
        name: columns.parse()?,
        role: columns.word(Role::parse)?,
        created: columns.time()?,
        expires: columns.time_opt()?,
        revoked: columns.time_opt()?,
        last_used: columns.time_opt()?,
    })
}

/// Newest first, revoked ones too.
pub(crate) fn select(after: Option<String>, rows: usize) -> Select {
    Select::new(FROM).with("t.id < ", Some(after.unwrap_or_else(crate::page::newest))).order("t.id DESC", rows)
}

impl Reader<'_> {
    /// The token with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn token(&self, id: TokenId) -> Result<Token, StoreError> {
        self.one(&format!("{FROM} WHERE t.id = ?1"), [id.to_string()], read)?
            .ok_or_else(|| StoreError::not_found(WHAT, id))
    }

    /// The token with this name that is not revoked.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn token_by_name(&self, name: &str) -> Result<Token, StoreError> {
        self.one(&format!("{FROM} WHERE t.name = ?1 AND t.revoked IS NULL"), [name], read)?
            .ok_or_else(|| StoreError::not_found(WHAT, name))
    }

    /// The token with this hash, also where it was revoked or has ended: that is the caller's to judge.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn token_by_hash(&self, hash: &str) -> Result<Option<Token>, StoreError> {
        self.one(&format!("{FROM} WHERE t.hash = ?1"), [hash], read)
    }

    /// Tokens, newest first, revoked ones too.
    ///
    /// # Errors
    /// [`StoreError::Cursor`].
    pub fn tokens(&self, page: &Page) -> Result<Listing<Token>, StoreError> {
        self.page(List::Tokens, page, select, read, |token| token.id.to_string())
    }

    /// All that a token's holder may do, the binding for everywhere first.
    ///
    /// # Errors
    /// Where the state can't be read.
    pub fn role_bindings(&self, token: TokenId) -> Result<Vec<RoleBinding>, StoreError> {
        let read = |columns: &mut Columns<'_>| {
            Ok(RoleBinding { role: columns.word(Role::parse)?, environment: columns.get()? })
        };
        let token = token.to_string();
        let mut bindings = self.all(
            "SELECT role, environment FROM role_bindings WHERE token = ?1 AND environment IS NULL",
            [&token],
            read,
        )?;
        bindings.extend(self.all(
            "SELECT role, environment FROM role_bindings WHERE token = ?1 AND environment IS NOT NULL
             ORDER BY environment",
            [&token],
            read,
        )?);
        Ok(bindings)
    }
}

impl Tx<'_> {
    /// Stores a new token by its hash, with its role everywhere.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where a token that is not revoked has its name.
    pub fn insert_token(&mut self, token: &Token, hash: &str) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO tokens (id, name, hash, created, expires, revoked, last_used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                token.id.to_string(),
                token.name.as_str(),
                hash,
                token.created.0,
                millis(token.expires),
                millis(token.revoked),
                millis(token.last_used),
            ],
        )
        .map_err(|error| error.or_conflict(WHAT, &token.name))?;
        self.put_role_binding(token.id, &RoleBinding { role: token.role, environment: None })
    }

    /// Ends a token. One that was ended before keeps its time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn revoke_token(&mut self, id: TokenId, now: Timestamp) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE tokens SET revoked = coalesce(revoked, ?2) WHERE id = ?1",
            params![id.to_string(), now.0],
        )?;
        if changed == 0 { Err(StoreError::not_found(WHAT, id)) } else { Ok(()) }
    }

    /// Gives a token that is not revoked a new value: the old one is good for nothing from then on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn reset_token(&mut self, id: TokenId, hash: &str) -> Result<(), StoreError> {
        let changed = self.execute(
            "UPDATE tokens SET hash = ?2, last_used = NULL WHERE id = ?1 AND revoked IS NULL",
            params![id.to_string(), hash],
        )?;
        if changed == 0 { Err(StoreError::not_found(WHAT, id)) } else { Ok(()) }
    }

    /// Notes that a token was used, at most once a minute. Answers whether it was noted.
    ///
    /// # Errors
    /// Where the state can't be written.
    pub fn touch_token(&mut self, id: TokenId, now: Timestamp) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE tokens SET last_used = ?2 WHERE id = ?1 AND (last_used IS NULL OR last_used <= ?3)",
            params![id.to_string(), now.0, now.plus_millis(-TOUCH_MILLIS).0],
        )?;
        Ok(changed > 0)
    }

    /// Says what a token's holder may do in an environment, or everywhere, in place of what was said before.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the token is not there.
    pub fn put_role_binding(&mut self, token: TokenId, binding: &RoleBinding) -> Result<(), StoreError> {
        let role = binding.role.as_str();
        let outcome = match &binding.environment {
            None => self.execute(
                "INSERT INTO role_bindings (token, role, environment) VALUES (?1, ?2, NULL)
                 ON CONFLICT (token) WHERE environment IS NULL DO UPDATE SET role = excluded.role",
                params![token.to_string(), role],
            ),
            Some(environment) => self.execute(
                "INSERT INTO role_bindings (token, role, environment) VALUES (?1, ?2, ?3)
                 ON CONFLICT (token, environment) WHERE environment IS NOT NULL DO UPDATE SET role = excluded.role",
                params![token.to_string(), role, environment],
            ),
        };
        outcome.map_err(|error| error.or_missing(WHAT, token))?;
        Ok(())
    }

    /// Takes back what was said for one environment. The role everywhere can be changed, not taken back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where nothing was said for it.
    pub fn remove_role_binding(&mut self, token: TokenId, environment: &str) -> Result<(), StoreError> {
        let removed = self.execute(
            "DELETE FROM role_bindings WHERE token = ?1 AND environment = ?2",
            params![token.to_string(), environment],
        )?;
        if removed == 0 {
            return Err(StoreError::not_found("role binding", format!("of {token} in {environment}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        plan::Scratch,
        sample::{self, NOW},
    };

    #[test]
    fn a_token_is_found_by_id_name_and_hash() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        for (n, role) in (1..).zip(Role::ALL) {
            let token = sample::token(n, role);
            tx.insert_token(&token, &format!("hash-{n}")).unwrap();
            assert_eq!(tx.token(token.id).unwrap(), token);
            assert_eq!(tx.token_by_name(token.name.as_str()).unwrap(), token);
            assert_eq!(tx.token_by_hash(&format!("hash-{n}")).unwrap(), Some(token));
        }
        assert_eq!(tx.token_by_hash("hash-9").unwrap(), None);
        let listed = tx.tokens(&Page::default()).unwrap().items;
        assert_eq!(listed.iter().map(|token| token.role).rev().collect::<Vec<_>>(), Role::ALL);
    }

    #[test]
    fn a_revoked_token_keeps_its_time_and_frees_its_name() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let token = sample::token(1, Role::Viewer);
        let again = Token { name: token.name.clone(), ..sample::token(2, Role::Admin) };
        tx.insert_token(&token, "one").unwrap();
        let error = tx.insert_token(&again, "two").unwrap_err();
        assert_eq!(error.to_string(), "token token-1 exists already");
        tx.revoke_token(token.id, NOW).unwrap();
        tx.revoke_token(token.id, NOW.plus_millis(9)).unwrap();
        assert_eq!(tx.token_by_hash("one").unwrap().unwrap().revoked, Some(NOW));
        tx.insert_token(&again, "two").unwrap();
        assert_eq!(tx.token_by_name("token-1").unwrap(), again);
        assert_eq!(tx.reset_token(token.id, "three").unwrap_err(), StoreError::not_found("token", token.id));
    }

    #[test]
    fn a_reset_token_is_found_by_its_new_hash_alone() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let token = sample::token(1, Role::Viewer);
        tx.insert_token(&token, "old").unwrap();
        tx.reset_token(token.id, "new").unwrap();
        assert_eq!(tx.token_by_hash("old").unwrap(), None);
        assert_eq!(tx.token_by_hash("new").unwrap(), Some(Token { last_used: None, ..token }));
    }

    #[test]
    fn use_is_noted_once_a_minute() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let token = Token { last_used: None, ..sample::token(1, Role::Viewer) };
        tx.insert_token(&token, "hash").unwrap();
        for (after, noted) in [(0, true), (1, false), (59_999, false), (60_000, true), (60_001, false)] {
            assert_eq!(tx.touch_token(token.id, NOW.plus_millis(after)).unwrap(), noted, "{after}");
        }
        assert_eq!(tx.token(token.id).unwrap().last_used, Some(NOW.plus_millis(60_000)));
    }

    #[test]
    fn roles_are_bound_to_environments_and_replaced() {
        let scratch = Scratch::new();
        let mut tx = scratch.tx();
        let token = sample::token(1, Role::Viewer);
        tx.insert_token(&token, "hash").unwrap();
        let bind = |role, environment: Option<&str>| RoleBinding { role, environment: environment.map(str::to_owned) };
        for binding in [
            bind(Role::Operator, Some("staging")),
            bind(Role::Operator, Some("dev")),
            bind(Role::Deployer, Some("staging")),
            bind(Role::Operator, None),
        ] {
            tx.put_role_binding(token.id, &binding).unwrap();
        }
        let (all, dev) = (bind(Role::Operator, None), bind(Role::Operator, Some("dev")));
        let expected = [all.clone(), dev.clone(), bind(Role::Deployer, Some("staging"))];
        assert_eq!(tx.role_bindings(token.id).unwrap(), expected);
        assert_eq!(tx.token(token.id).unwrap().role, Role::Operator);
        tx.remove_role_binding(token.id, "staging").unwrap();
        assert_eq!(tx.role_bindings(token.id).unwrap(), [all.clone(), dev]);
        assert!(matches!(tx.remove_role_binding(token.id, "staging"), Err(StoreError::NotFound { .. })));
        let nobody = sample::token(9, Role::Viewer).id;
        assert_eq!(tx.put_role_binding(nobody, &all).unwrap_err(), StoreError::not_found("token", nobody));
    }
}
