//! Reads of a platform that a user waits for: the plugin's own typed calls, with nothing of ours between.

use async_trait::async_trait;
use novacron_cicd_domain::platform::CallError;
use novacron_cicd_runtime::Provider as Callable;

use crate::engine::ports::Call;

/// Where platforms are reached; a port, so that the use cases are tested without a plugin.
#[async_trait]
pub(crate) trait Reach: Send + Sync + 'static {
    /// A provider ready to be called; nothing is sent by this. `function` is for the error alone.
    async fn reach(&self, call: Call, function: &str) -> Result<Callable, CallError>;
}
