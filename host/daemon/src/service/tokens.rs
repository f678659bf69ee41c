//! Tokens of the API: issued, listed, ended, recognised. Only a hash of each is kept.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use novacron_cicd_domain::{
    Timestamp,
    event::EventKind,
    id::TokenId,
    name::Name,
    token::{Role, Token},
};
use novacron_cicd_store::{Listing, Options, Page, Reader, Store, StoreError};
use novacron_cicd_vault::{
    Secret,
    token::{TokenKind, hash, kind_of, mint},
};
use serde_json::{Value, json};

use super::{
    Actor, IssuedToken, NewToken, ServiceError, StateDir,
    host::{Host, audit, event as tell},
    ids::Ids,
};
use crate::engine::{SystemClock, SystemRandom, ports::Clock};

/// Who may talk to the API.
#[derive(Clone)]
pub struct Tokens {
    pub(super) host: Arc<Host>,
}

/// The token of the first start.
const ADMIN: &str = "admin";
/// How old the time of last use gets before it is written again.
const TOUCH: i64 = 60_000;

/// Offline, on the state directory of a host that is down: a new value for the token `admin`, which is made where there
/// is none, and written to `admin.token`.
///
/// # Errors
/// The state is in use by a running host, or cannot be written.
pub async fn reset_admin_token(state_dir: &Path) -> Result<IssuedToken, ServiceError> {
    let dir = StateDir::new(state_dir);
    let store = Store::open(dir.database(), &Options::default())?;
    let id = TokenId(Ids::new(Arc::new(SystemClock), Arc::new(SystemRandom)).next());
    issue_admin(&store, id, &dir.admin_token(), SystemClock.now()).await
}

/// The first admin token, where there is no token at all: `id` is what it is called then.
pub(super) async fn first_admin(
    store: &Store,
    id: TokenId,
    file: PathBuf,
    now: Timestamp,
) -> Result<Option<IssuedToken>, ServiceError> {
    let any = store.read(|state| state.tokens(&Page::first(1))).await?;
    if any.items.is_empty() { issue_admin(store, id, &file, now).await.map(Some) } else { Ok(None) }
}

async fn issue_admin(store: &Store, id: TokenId, file: &Path, now: Timestamp) -> Result<IssuedToken, ServiceError> {
    let (value, hash) = mint(TokenKind::Api)?;
    // The file first: a token that nobody was told is worth nothing, a file with a token that is none is told so.
    keep(file, &value)?;
    let name = Name::new(ADMIN)?;
    let token = store
        .write(move |tx| {
            let token = match tx.token_by_name(ADMIN) {
                Ok(token) => {
                    tx.reset_token(token.id, &hash)?;
                    token
                }
                Err(StoreError::NotFound { .. }) => {
                    let token = new(id, name, Role::Admin, None, now);
                    tx.insert_token(&token, &hash)?;
                    tell(tx, EventKind::TokenCreated, token.id, None, data(&token), now)?;
                    token
                }
                Err(error) => return Err(ServiceError::from(error)),
            };
            audit(tx, "engine", "token.admin", &token.name, json!({}), now)?;
            Ok(token)
        })
        .await?;
    Ok(IssuedToken { token, value })
}

/// Readable by its owner alone, and never half-written.
fn keep(file: &Path, value: &Secret) -> Result<(), ServiceError> {
    let what = || ServiceError::io(format!("write {}", file.display()));
    let beside = file.with_extension("token.new");
    let _ = std::fs::remove_file(&beside);
    let mut open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(what())?;
    open.write_all(value.expose()).and_then(|()| open.write_all(b"\n")).map_err(what())?;
    open.sync_all().map_err(what())?;
    std::fs::rename(&beside, file).map_err(what())
}

fn new(id: TokenId, name: Name, role: Role, expires: Option<Timestamp>, now: Timestamp) -> Token {
    Token { id, name, role, created: now, expires, revoked: None, last_used: None }
}

fn data(token: &Token) -> Value {
    json!({ "token": token.id, "name": token.name, "role": token.role })
}

/// By name, then by id.
fn find(state: &Reader<'_>, key: &str) -> Result<Token, ServiceError> {
    match (state.token_by_name(key), key.parse::<TokenId>()) {
        (Err(StoreError::NotFound { .. }), Ok(id)) => Ok(state.token(id)?),
        (found, _) => Ok(found?),
    }
}

/// Whether it is good now.
fn is_good(token: &Token, now: Timestamp) -> bool {
    token.revoked.is_none() && token.expires.is_none_or(|expires| expires > now)
}

/// Whether anybody but `but` could still change everything.
fn other_admin(state: &Reader<'_>, but: TokenId, now: Timestamp) -> Result<bool, StoreError> {
    let mut page = Page::first(Page::MOST);
    loop {
        let listing = state.tokens(&page)?;
        if listing.items.iter().any(|token| token.id != but && token.role == Role::Admin && is_good(token, now)) {
            return Ok(true);
        }
        match listing.next {
            Some(next) => page.after = Some(next),
            None => return Ok(false),
        }
    }
}

impl Tokens {
    /// A new one; its value is shown this once. Admin.
    ///
    /// # Errors
    /// Name taken; an end that is past.
    pub async fn create(&self, actor: &Actor, wanted: NewToken) -> Result<IssuedToken, ServiceError> {
        actor.require(Role::Admin)?;
        let now = self.host.now();
        if wanted.expires.is_some_and(|expires| expires <= now) {
            return Err(ServiceError::invalid("/expires", "token.expires-past", "the token would have ended already"));
        }
        let id = TokenId(self.host.ids.next());
        let token = new(id, Name::new(wanted.name)?, wanted.role, wanted.expires, now);
        let (value, hash) = mint(TokenKind::Api)?;
        let (stored, actor) = (token.clone(), actor.name.clone());
        self.host
            .write(move |tx| {
                tx.insert_token(&stored, &hash)?;
                tell(tx, EventKind::TokenCreated, stored.id, None, data(&stored), now)?;
                audit(tx, &actor, "token.create", &stored.name, json!({ "role": stored.role }), now)?;
                Ok(())
            })
            .await?;
        Ok(IssuedToken { token, value })
    }

    /// Without values; revoked ones too.
    ///
    /// # Errors
    /// A cursor that is none of this list.
    pub async fn list(&self, page: Page) -> Result<Listing<Token>, ServiceError> {
        self.host.read(move |state| Ok(state.tokens(&page)?)).await
    }

    /// Ends one, by name or id. Admin.
    ///
    /// # Errors
    /// The last admin token.
    pub async fn revoke(&self, actor: &Actor, name: &str) -> Result<Token, ServiceError> {
        actor.require(Role::Admin)?;
        let (name, actor, now) = (name.to_owned(), actor.name.clone(), self.host.now());
        self.host
            .write(move |tx| {
                let token = find(tx, &name)?;
                if token.revoked.is_some() {
                    return Ok(token);
                }
                if token.role == Role::Admin && !other_admin(tx, token.id, now)? {
                    return Err(ServiceError::conflict(
                        "token.last-admin",
                        format!("{:?} is the last admin token", token.name.as_str()),
                        "create another one first, or reset this one",
                    ));
                }
                tx.revoke_token(token.id, now)?;
                tell(tx, EventKind::TokenRevoked, token.id, None, data(&token), now)?;
                audit(tx, &actor, "token.revoke", &token.name, json!({}), now)?;
                Ok(tx.token(token.id)?)
            })
            .await
    }

    /// Gives one a new value; the old one is good for nothing from then on. Admin.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also where it was revoked.
    pub async fn reset(&self, actor: &Actor, name: &str) -> Result<IssuedToken, ServiceError> {
        actor.require(Role::Admin)?;
        let (value, hash) = mint(TokenKind::Api)?;
        let (name, actor, now) = (name.to_owned(), actor.name.clone(), self.host.now());
        let token = self
            .host
            .write(move |tx| {
                let token = find(tx, &name)?;
                tx.reset_token(token.id, &hash)?;
                audit(tx, &actor, "token.reset", &token.name, json!({}), now)?;
                Ok(token)
            })
            .await?;
        Ok(IssuedToken { token, value })
    }

    /// Who holds this bearer token.
    ///
    /// # Errors
    /// [`ServiceError::Unauthorized`] says what is wrong with it.
    pub async fn authenticate(&self, bearer: &str) -> Result<Actor, ServiceError> {
        let unauthorized = |reason| Err(ServiceError::Unauthorized { reason });
        if kind_of(bearer) != Some(TokenKind::Api) {
            return unauthorized("this is no token of this API");
        }
        let (hash, now) = (hash(bearer), self.host.now());
        let Some(token) = self.host.store.read(move |state| state.token_by_hash(&hash)).await? else {
            return unauthorized("the token is not known here");
        };
        if token.revoked.is_some() {
            return unauthorized("the token was revoked");
        }
        if !is_good(&token, now) {
            return unauthorized("the token has expired");
        }
        if token.last_used.is_none_or(|used| now.since(used) >= TOUCH) {
            let (store, id) = (self.host.store.clone(), token.id);
            // Nobody waits for it, and a full disk is no reason to lock anybody out.
            tokio::spawn(async move { store.write(move |tx| tx.touch_token(id, now)).await });
        }
        Ok(Actor { token: Some(token.id), name: token.name.to_string(), role: token.role, key: None })
    }
}
