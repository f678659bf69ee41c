//! Why there is no runtime, or no provider to call.

use std::path::PathBuf;

use novacron_cicd_domain::Coded;

use crate::{egress::ScopeError, plugin::PluginError, sandbox::SandboxError};

/// Why there is no runtime, or no provider to call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// There is no engine.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A file or directory of the runtime's own can't be used.
    #[error("{what} {} can't be used: {source}", path.display())]
    Unusable {
        /// What it is for.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key of the cache is no key.
    #[error("the key of the compile cache has {length} bytes and must have 32")]
    CacheKey {
        /// What it has.
        length: usize,
    },
    /// No plugin serves under this id.
    #[error("no plugin {id:?} serves")]
    NoPlugin {
        /// The id that was asked for.
        id: String,
    },
    /// Something in a provider's grants or its plugin's manifest could not be enforced.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A file is no plugin.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

impl Coded for RuntimeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Sandbox(error) => error.code(),
            Self::Unusable { .. } => "runtime.unusable",
            Self::CacheKey { .. } => "runtime.cache-key",
            Self::NoPlugin { .. } => "runtime.no-plugin",
            Self::Scope(error) => error.code(),
            Self::Plugin(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Sandbox(error) => error.hint(),
            Self::Unusable { path, .. } => Some(format!("the daemon's user must own {}", path.display())),
            Self::CacheKey { .. } => Some("derive it from the vault's key".into()),
            Self::NoPlugin { .. } => {
                Some("`novacron-cicd plugin list` shows which serve, and why others do not".into())
            }
            Self::Scope(error) => error.hint(),
            Self::Plugin(error) => error.hint(),
        }
    }
}
