//! What the daemon is told: built-in defaults, then the file, then the environment, then flags.
//!
//! Every setting has a default, so that `serve` starts with nothing at all. One table ([`SETTINGS`]) says for each
//! setting its key in the file, its variable and its default; the layers only collect texts, and one place turns
//! texts into values. Must be absent: secrets (the vault's key by environment is read by `serve` and never shown).

mod file;
mod settings;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use novacron_cicd_domain::Coded;
pub use settings::{Environment, SETTINGS, Setting};

/// Where the configuration file is, where nobody says otherwise.
pub const DEFAULT_FILE: &str = "/etc/novacron/cicd.toml";
/// The port that no other part of NovaCron has.
pub const DEFAULT_PORT: u16 = 8094;

/// What the daemon is told, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the API listens.
    pub listen: Listen,
    /// Where the callbacks of runs alone are served beside it.
    pub public_listen: Option<Listen>,
    /// What the second listener shows of itself; none: it speaks plain HTTP, to a proxy that does this.
    pub public_tls: Option<PublicTls>,
    /// The address under which platforms and runners reach us.
    pub public_url: Option<url::Url>,
    /// Where everything is kept.
    pub state_dir: PathBuf,
    /// Where plugins are looked for beside `<state_dir>/plugins`.
    pub plugin_dirs: Vec<PathBuf>,
    /// What log lines look like.
    pub log_format: LogFormat,
    /// Which log lines are written: `info`, or directives such as `info,novacron_cicd=debug`.
    pub log_level: String,
    /// Bounds of the sandbox.
    pub sandbox: Sandbox,
    /// Bounds of the listeners.
    pub limits: Limits,
    /// Where each value came from, by key.
    sources: BTreeMap<&'static str, (Vec<String>, Source)>,
}

/// Files of a certificate chain and of its key, in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicTls {
    /// The chain, our own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Bounds of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Whether instances come from a pool, where the machine allows it.
    pub pooling: bool,
    /// How much memory one instance may have.
    pub memory_mib: u32,
    /// How long one call may take.
    pub call_timeout: Duration,
}

/// Bounds of the listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest JSON body that is read.
    pub body_bytes: u64,
    /// The largest artifact that is taken.
    pub artifact_bytes: u64,
    /// How many connections are served at once, on each listener.
    pub connections: usize,
    /// How long a stop waits for answers that are under way.
    pub shutdown: Duration,
    /// How long a run that reports by callback may be silent.
    pub run_silence: Duration,
    /// The shortest and the longest time between two looks at a platform.
    pub poll: (Duration, Duration),
    /// How long webhook deliveries are kept that were read, and how many bytes of them.
    pub webhooks_kept: (Duration, u64),
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port; port 0 takes any that is free.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// What log lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line, with NovaCron's keys.
    Json,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A line of the file.
    File(PathBuf, usize),
    /// A variable of the environment.
    Environment(&'static str),
    /// A flag of the command line.
    Flag,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag => f.write_str("flag"),
        }
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl std::str::FromStr for Listen {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err("the path of a Unix socket is absolute: unix:/run/novacron/cicd.sock".into())
            };
        }
        let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
        text.parse().map(Self::Tcp).map_err(|_| "it is neither ADDRESS:PORT nor unix:/PATH".to_owned())
    }
}

/// Why the daemon can't be told that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("cannot read configuration file {}: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The file is no TOML.
    #[error("{}:{line}: {reason}", path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// 1 at first.
        line: usize,
        /// The parser's words.
        reason: String,
    },
    /// A key that means nothing.
    #[error("{}:{line}: unknown key {key}", path.display())]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// 1 at first.
        line: usize,
        /// Dotted.
        key: String,
        /// The nearest key that means something.
        nearest: Option<&'static str>,
    },
    /// A value that does not fit its key.
    #[error("{key} can't be {value:?} (from {from}): {reason}")]
    Value {
        /// Dotted.
        key: &'static str,
        /// As it was given.
        value: String,
        /// Where it was given.
        from: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Coded for ConfigError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "config.unreadable",
            Self::Syntax { .. } => "config.syntax",
            Self::UnknownKey { .. } => "config.unknown-key",
            Self::Value { .. } => "config.invalid-value",
        }
    }
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => {
                Some("name another file with --config, or leave it out: every setting has a default".into())
            }
            Self::Syntax { .. } => None,
            Self::UnknownKey { nearest: Some(nearest), .. } => {
                Some(format!("did you mean {nearest}? `novacron-cicd config show` lists every key"))
            }
            Self::UnknownKey { .. } => Some("`novacron-cicd config show` lists every key".into()),
            Self::Value { key, .. } => settings::find(key).map(|setting| format!("{key} is {}", setting.what)),
        }
    }
}

/// What is known before the file is read: flags and environment, each by the setting's key.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--config`: then the file has to be there.
    pub file: Option<PathBuf>,
    /// Flags, by key.
    pub flags: BTreeMap<&'static str, Vec<String>>,
}

impl Config {
    /// Puts the layers over each other and checks the result.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and line, variable or flag that is wrong.
    pub fn load(given: &Given, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let mut values: BTreeMap<&'static str, (Vec<String>, Source)> =
            SETTINGS.iter().map(|setting| (setting.key, ((setting.default)(environment), Source::Default))).collect();
        let named = given.file.clone().or_else(|| environment("NOVACRON_CICD_CONFIG").map(PathBuf::from));
        if let Some(path) = named.or_else(|| Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into())) {
            values.extend(file::read(&path)?);
        }
        for setting in SETTINGS {
            if let Some(text) = environment(setting.env) {
                values.insert(setting.key, (setting.split(&text), Source::Environment(setting.env)));
            }
        }
        values.extend(given.flags.iter().map(|(key, texts)| (*key, (texts.clone(), Source::Flag))));
        settings::check(values)
    }

    /// Every setting with its effective value (none: not set) and where that came from.
    pub fn effective(&self) -> impl Iterator<Item = (&'static Setting, Vec<String>, &Source)> {
        SETTINGS.iter().filter_map(|setting| {
            let (texts, source) = self.sources.get(setting.key)?;
            Some((setting, texts.clone(), source))
        })
    }

    /// The same as a configuration file that can be read back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        file::write(self)
    }
}

/// Variables of the environment that look like ours and mean nothing: most likely mistyped.
pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    names
        .filter(|name| name.starts_with("NOVACRON_CICD_"))
        .filter(|name| !SETTINGS.iter().any(|setting| setting.env == name))
        .filter(|name| !settings::OTHER_VARIABLES.contains(&name.as_str()))
        .collect()
}

#[cfg(test)]
mod tests;
