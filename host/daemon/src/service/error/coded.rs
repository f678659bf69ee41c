//! The stable code and the hint of every error.

use novacron_cicd_domain::Coded;

use super::{ErrorClass, ServiceError};

impl Coded for ServiceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Name(error) => error.code(),
            Self::Unauthorized { .. } => "auth.unauthorized",
            Self::Forbidden { .. } => "auth.forbidden",
            Self::NotFound { what, .. } => match *what {
                "provider" => "provider.not-found",
                "pipeline" => "pipeline.not-found",
                "run" => "run.not-found",
                "job" => "job.not-found",
                "operation" => "operation.not-found",
                "artifact" => "artifact.not-found",
                "attestation" => "attestation.not-found",
                "secret" => "secret.not-found",
                "token" => "token.not-found",
                "plugin" => "plugin.not-found",
                "log" => "log.not-found",
                "webhook" => "webhook.not-found",
                "subscriber" => "subscriber.not-found",
                "notification" => "notification.not-found",
                _ => "not-found",
            },
            Self::NameTaken { what, .. } => match *what {
                "provider" => "provider.name-taken",
                "pipeline" => "pipeline.name-taken",
                "secret" => "secret.name-taken",
                "token" => "token.name-taken",
                "subscriber" => "subscriber.name-taken",
                _ => "name-taken",
            },
            Self::InUse { what, .. } => match *what {
                "provider" => "provider.in-use",
                "secret" => "secret.in-use",
                _ => "in-use",
            },
            Self::Stale { .. } => "version.stale",
            Self::UnknownPlugin { .. } => "provider.unknown-plugin",
            Self::BrokenPlugin { .. } => "plugin.broken",
            Self::Configuration(_) => "provider.invalid-configuration",
            Self::Parameters(_) => "run.invalid-parameters",
            Self::Several(problems) => problems.first().map_or("invalid", |problem| problem.code),
            Self::Unreachable { .. } => "provider.unreachable",
            Self::Invalid { code, .. } | Self::Conflict { code, .. } => code,
            Self::Unsupported { .. } => "provider.unsupported",
            Self::NoPublicUrl { .. } => "host.no-public-url",
            Self::Call { source, .. } => source.code(),
            Self::LogGap { .. } => "log.gap",
            Self::Mismatch { .. } => "artifact.mismatch",
            Self::TooLarge { .. } => "too-large",
            Self::Store(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Runtime(error) => error.code(),
            Self::NotWaiting(error) => error.code(),
            Self::Io { .. } => match self.class() {
                ErrorClass::Full => "state.full",
                _ => "state.io",
            },
            Self::Hook(error) => error.code(),
            Self::Busy { .. } => "host.busy",
            Self::Stopping => "host.stopping",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Name(error) => return error.hint(),
            Self::Unauthorized { .. } => {
                "send `Authorization: Bearer <token>` with a token that `token list` shows as neither revoked nor expired".into()
            }
            Self::Forbidden { needed, .. } => format!("use a token with the role {} or more", needed.as_str()),
            Self::NotFound { what: "attestation", .. } => {
                "`novacron-cicd artifact attestations` lists those that are there, the first being 0".into()
            }
            Self::NotFound { what, .. } => format!("`novacron-cicd {what} list` shows those that are there"),
            Self::NameTaken { what, .. } => format!("choose another name, or see `novacron-cicd {what} list`"),
            Self::InUse { what: "secret", .. } => "take it out of them first, or rotate it instead".into(),
            Self::InUse { .. } => "delete them first".into(),
            Self::Stale { .. } => "read it again, make the change again, and send the new version".into(),
            Self::UnknownPlugin { known, .. } if known.is_empty() => {
                "no plugin is installed: put a .wasm file into the plugin directory".into()
            }
            Self::UnknownPlugin { known, .. } => format!("installed are: {}", known.join(", ")),
            Self::BrokenPlugin { plugin, .. } => format!("`novacron-cicd plugin inspect {plugin}` says more"),
            Self::Configuration(_) => "`novacron-cicd plugin inspect` lists a plugin's settings and credential slots".into(),
            Self::Parameters(_) => "`novacron-cicd pipeline show` lists what the pipeline takes".into(),
            Self::Several(_) => "correct them and send it again".into(),
            Self::Unreachable { source, .. } => source
                .hint()
                .unwrap_or_else(|| "check the address and the credentials, or add it with `--no-check`".into()),
            Self::Invalid { hint, .. } | Self::Conflict { hint, .. } => return hint.clone(),
            Self::Unsupported { plugin, .. } => {
                format!("`novacron-cicd plugin inspect {plugin}` lists what it can do")
            }
            Self::NoPublicUrl { .. } => "set `public_url` to the address at which that platform reaches this host, as in `serve --public-listen 0.0.0.0:8097 --public-url https://cicd.example.com`".into(),
            Self::Call { source, .. } => return source.hint(),
            Self::LogGap { expected, .. } => format!("send again from offset {expected}"),
            Self::Mismatch { .. } => "nothing of it was kept: send it again".into(),
            Self::TooLarge { .. } => "send less".into(),
            Self::Store(error) => return error.hint(),
            Self::Vault(error) => return error.hint(),
            Self::Runtime(error) => return error.hint(),
            Self::NotWaiting(error) => return error.hint(),
            Self::Io { .. } => "check the state directory: room, owner, permissions".into(),
            Self::Hook(error) => return error.hint(),
            Self::Busy { .. } => "try again in a few seconds".into(),
            Self::Stopping => "try again when it is up".into(),
        };
        Some(hint)
    }
}
