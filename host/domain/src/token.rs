//! Who may do what: tokens of the API and their roles.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, id::TokenId, name::Name};

/// What a token's holder may do; each role may do all that the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Viewer,
    /// Run and cancel; change pipelines.
    Operator,
    /// Deploy, promote, roll back.
    Deployer,
    /// Everything: providers, secrets, plugins, tokens.
    Admin,
}

impl Role {
    /// All roles, the weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Deployer, Self::Admin];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Deployer => "deployer",
            Self::Admin => "admin",
        }
    }

    /// The role that `word` names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// A bearer token of the API, without its value: only a hash of that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Ours.
    pub id: TokenId,
    /// Unique among tokens that are not revoked.
    pub name: Name,
    /// What its holder may do.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends of its own accord.
    pub expires: Option<Timestamp>,
    /// When somebody ended it.
    pub revoked: Option<Timestamp>,
    /// Roughly when it was last used.
    pub last_used: Option<Timestamp>,
}
