//! Opens the state directory, wires the parts together, starts the engine.

use std::{path::PathBuf, time::Duration};

use novacron_cicd_vault::Secret;

use super::{
    Artifacts, Callbacks, Events, Health, Idempotency, Logs, Operations, Pipelines, Plugins, Providers, Runs, Secrets,
    ServiceError, Tokens,
};

/// What a host is started with.
pub struct ServicesConfig {
    /// Where all state lives; made where it is not there.
    pub state_dir: PathBuf,
    /// Directories with plugins beside `<state>/plugins`.
    pub plugin_dirs: Vec<PathBuf>,
    /// The vault's key, 32 bytes; none: `<state>/vault.key`, made at first start.
    pub vault_key: Option<Secret>,
    /// Where runs reach `/v1/callbacks`; none: providers whose runs call back cannot be triggered.
    pub public_url: Option<url::Url>,
    /// Whether the sandbox may use its pooling allocator.
    pub pooling: bool,
    /// How long one call of a plugin may take.
    pub call_deadline: Duration,
    /// How long a run that calls back may be silent before it counts as lost.
    pub heartbeat: Duration,
    /// How many operations are at work at once.
    pub workers: usize,
    /// How many of them on one provider.
    pub workers_per_provider: usize,
}

impl ServicesConfig {
    /// The defaults, on this state directory.
    #[must_use]
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            state_dir,
            plugin_dirs: Vec::new(),
            vault_key: None,
            public_url: None,
            pooling: true,
            call_deadline: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15 * 60),
            workers: 16,
            workers_per_provider: 4,
        }
    }
}

/// A running host.
#[derive(Clone)]
pub struct Services {
    /// Configured connections.
    pub providers: Providers,
    /// Definitions.
    pub pipelines: Pipelines,
    /// Executions.
    pub runs: Runs,
    /// Bytes with a digest.
    pub artifacts: Artifacts,
    /// Values that only the vault holds.
    pub secrets: Secrets,
    /// Who may talk to the API.
    pub tokens: Tokens,
    /// Durable intents.
    pub operations: Operations,
    /// What is installed.
    pub plugins: Plugins,
    /// What runs say of themselves.
    pub callbacks: Callbacks,
    /// What runs wrote.
    pub logs: Logs,
    /// What happened.
    pub events: Events,
    /// Answers that are given again.
    pub idempotency: Idempotency,
    /// Whether the host can work.
    pub health: Health,
}

impl Services {
    /// Opens the state, loads the plugins, starts the engine. The second value is the first admin token, at first start only.
    ///
    /// # Errors
    /// [`ServiceError`]: the state is locked by another host, broken, or cannot be written.
    pub async fn start(config: ServicesConfig) -> Result<(Self, Option<super::IssuedToken>), ServiceError> { todo!() }

    /// Stops claiming, lets calls under way end for at most `grace`, then cuts them (they are settled by their class at the next start).
    pub async fn stop(&self, grace: Duration) { todo!() }
}
