//! The table of settings, and the check that turns texts into values.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr, time::Duration};

use super::{Config, ConfigError, Limits, LogFormat, PublicTls, Sandbox, Source};

/// How a variable of the environment is looked up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Dotted, as in the file.
    pub key: &'static str,
    /// Its variable.
    pub env: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// What kind of value the file takes.
    pub kind: Kind,
    /// Its default, where the environment may say where homes are.
    pub default: fn(Environment<'_>) -> Vec<String>,
}

/// What kind of value the file takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An integer.
    Number,
    /// `true` or `false`.
    Bool,
    /// Strings; separated by `:` in a variable.
    List,
}

impl Setting {
    pub(super) fn split(&self, text: &str) -> Vec<String> {
        match self.kind {
            Kind::List => text.split(':').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            _ if text.is_empty() => Vec::new(),
            _ => vec![text.to_owned()],
        }
    }
}

/// Variables of ours that are no settings.
pub(super) const OTHER_VARIABLES: &[&str] = &[
    "NOVACRON_CICD_CONFIG",
    "NOVACRON_CICD_URL",
    "NOVACRON_CICD_TOKEN",
    "NOVACRON_CICD_TOKEN_FILE",
    "NOVACRON_CICD_VAULT_KEY",
    "NOVACRON_CICD_FAULT",
];

macro_rules! setting {
    ($key:literal, $env:literal, $kind:ident, $default:expr, $what:literal) => {
        Setting { key: $key, env: $env, what: $what, kind: Kind::$kind, default: $default }
    };
}

/// Every setting, in the order in which people read them.
pub const SETTINGS: &[Setting] = &[
    setting!(
        "listen",
        "NOVACRON_CICD_LISTEN",
        Text,
        |_| vec!["127.0.0.1:8094".into()],
        "ADDRESS:PORT or unix:/PATH where the API listens"
    ),
    setting!(
        "public_listen",
        "NOVACRON_CICD_PUBLIC_LISTEN",
        Text,
        |_| vec![],
        "ADDRESS:PORT or unix:/PATH of a second listener that serves the callbacks of runs and the webhooks of platforms only"
    ),
    setting!(
        "public_url",
        "NOVACRON_CICD_PUBLIC_URL",
        Text,
        |_| vec![],
        "the http or https URL under which platforms and runners reach this daemon; none: the loopback address, for those on this machine"
    ),
    setting!(
        "public_tls_cert",
        "NOVACRON_CICD_PUBLIC_TLS_CERT",
        Text,
        |_| vec![],
        "an absolute path of the certificate chain (PEM) that the second listener shows; read again when it changes"
    ),
    setting!(
        "public_tls_key",
        "NOVACRON_CICD_PUBLIC_TLS_KEY",
        Text,
        |_| vec![],
        "an absolute path of the private key (PEM) of that certificate"
    ),
    setting!(
        "state_dir",
        "NOVACRON_CICD_STATE_DIR",
        Text,
        |environment| vec![state_dir(environment).display().to_string()],
        "an absolute path of a directory where everything is kept"
    ),
    setting!(
        "plugin_dirs",
        "NOVACRON_CICD_PLUGIN_DIRS",
        List,
        |_| vec![],
        "directories where plugins are looked for beside <state_dir>/plugins"
    ),
    setting!("log.format", "NOVACRON_CICD_LOG_FORMAT", Text, |_| vec!["text".into()], "text or json"),
    setting!(
        "log.level",
        "NOVACRON_CICD_LOG_LEVEL",
        Text,
        |_| vec!["info".into()],
        "error, warn, info, debug, trace, or directives such as info,novacron_cicd=debug"
    ),
    setting!(
        "sandbox.pooling",
        "NOVACRON_CICD_SANDBOX_POOLING",
        Bool,
        |_| vec!["true".into()],
        "true or false: whether sandboxes come from a pool, where the machine allows it"
    ),
    setting!(
        "sandbox.memory_mib",
        "NOVACRON_CICD_SANDBOX_MEMORY_MIB",
        Number,
        |_| vec!["256".into()],
        "a number from 16 to 4096: MiB of memory that one call of a plugin may have"
    ),
    setting!(
        "sandbox.call_timeout_seconds",
        "NOVACRON_CICD_SANDBOX_CALL_TIMEOUT_SECONDS",
        Number,
        |_| vec!["60".into()],
        "a number from 1 to 3600: how long one call of a plugin may take"
    ),
    setting!(
        "limits.body_kib",
        "NOVACRON_CICD_LIMITS_BODY_KIB",
        Number,
        |_| vec!["1024".into()],
        "a number from 16 to 65536: KiB of the largest JSON body that is read"
    ),
    setting!(
        "limits.artifact_mib",
        "NOVACRON_CICD_LIMITS_ARTIFACT_MIB",
        Number,
        |_| vec!["4096".into()],
        "a number from 1 to 1048576: MiB of the largest artifact that is taken"
    ),
    setting!(
        "limits.connections",
        "NOVACRON_CICD_LIMITS_CONNECTIONS",
        Number,
        |_| vec!["1024".into()],
        "a number from 1 to 65536: connections that are served at once, on each listener"
    ),
    setting!(
        "limits.shutdown_seconds",
        "NOVACRON_CICD_LIMITS_SHUTDOWN_SECONDS",
        Number,
        |_| vec!["15".into()],
        "a number from 0 to 600: how long a stop waits for answers that are under way"
    ),
    setting!(
        "limits.run_silence_seconds",
        "NOVACRON_CICD_LIMITS_RUN_SILENCE_SECONDS",
        Number,
        |_| vec!["900".into()],
        "a number from 1 to 604800: how long a run that reports by callback may be silent before it is lost"
    ),
    setting!(
        "limits.poll_shortest_seconds",
        "NOVACRON_CICD_LIMITS_POLL_SHORTEST_SECONDS",
        Number,
        |_| vec!["1".into()],
        "a number from 1 to 86400: the time between two looks at a platform on which something changes"
    ),
    setting!(
        "limits.poll_longest_seconds",
        "NOVACRON_CICD_LIMITS_POLL_LONGEST_SECONDS",
        Number,
        |_| vec!["30".into()],
        "a number from 1 to 86400: the time between two looks at a platform on which nothing does"
    ),
    setting!(
        "limits.webhook_days",
        "NOVACRON_CICD_LIMITS_WEBHOOK_DAYS",
        Number,
        |_| vec!["14".into()],
        "a number from 1 to 3650: how long webhook deliveries are kept that were read"
    ),
    setting!(
        "limits.webhook_mib",
        "NOVACRON_CICD_LIMITS_WEBHOOK_MIB",
        Number,
        |_| vec!["1024".into()],
        "a number from 1 to 1048576: MiB of webhook deliveries that are kept after they were read"
    ),
];

/// The setting of that key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The key that was most likely meant: the smallest number of edits, at most a third of the word.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    let (distance, nearest) =
        SETTINGS.iter().map(|setting| (edits(key, setting.key), setting.key)).min_by_key(|(distance, _)| *distance)?;
    (distance <= nearest.len().max(3) / 3).then_some(nearest)
}

fn edits(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

/// `/var/lib/novacron/cicd` for root, `$XDG_STATE_HOME/novacron-cicd` for people.
fn state_dir(environment: Environment<'_>) -> PathBuf {
    let people = || {
        let absolute = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("XDG_STATE_HOME")
            .or_else(|| Some(absolute("HOME")?.join(".local/state")))
            .map(|home| home.join("novacron-cicd"))
    };
    let root = is_root(environment);
    (if root { None } else { people() }).unwrap_or_else(|| "/var/lib/novacron/cicd".into())
}

/// Whether we are root: the owner of our own process's entry says it without a system call of our own.
fn is_root(environment: Environment<'_>) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self")
        .map_or_else(|_| environment("USER").is_some_and(|user| user == "root"), |metadata| metadata.uid() == 0)
}

/// Turns texts into values.
pub(super) fn check(values: BTreeMap<&'static str, (Vec<String>, Source)>) -> Result<Config, ConfigError> {
    let texts = Texts(&values);
    let config = Config {
        listen: texts.required("listen", super::Listen::from_str)?,
        public_listen: texts.optional("public_listen", super::Listen::from_str)?,
        public_url: texts.optional("public_url", public_url)?,
        public_tls: texts.public_tls()?,
        state_dir: texts.required("state_dir", absolute)?,
        plugin_dirs: texts.all("plugin_dirs").iter().map(PathBuf::from).collect(),
        log_format: texts.required("log.format", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("it is neither text nor json".to_owned()),
        })?,
        log_level: texts.required("log.level", |text| {
            tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
        })?,
        sandbox: Sandbox {
            pooling: texts.required("sandbox.pooling", boolean)?,
            memory_mib: texts.required("sandbox.memory_mib", |text| number(text, 16, 4096))?,
            call_timeout: texts.required("sandbox.call_timeout_seconds", |text| seconds(text, 1, 3600))?,
        },
        limits: Limits {
            body_bytes: texts.required("limits.body_kib", |text| number::<u64>(text, 16, 65_536))? << 10,
            artifact_bytes: texts.required("limits.artifact_mib", |text| number::<u64>(text, 1, 1 << 20))? << 20,
            connections: texts.required("limits.connections", |text| number(text, 1, 65_536))?,
            shutdown: texts.required("limits.shutdown_seconds", |text| seconds(text, 0, 600))?,
            run_silence: texts.required("limits.run_silence_seconds", |text| seconds(text, 1, 604_800))?,
            poll: {
                let shortest = texts.required("limits.poll_shortest_seconds", |text| seconds(text, 1, 86_400))?;
                let longest = texts.required("limits.poll_longest_seconds", |text| seconds(text, 1, 86_400))?;
                (shortest, longest.max(shortest))
            },
            webhooks_kept: (
                texts
                    .required("limits.webhook_days", |text| number::<u64>(text, 1, 3650))
                    .map(|days| Duration::from_secs(days * 24 * 60 * 60))?,
                texts.required("limits.webhook_mib", |text| number::<u64>(text, 1, 1 << 20))? << 20,
            ),
        },
        sources: BTreeMap::new(),
    };
    Ok(Config { sources: values, ..config })
}

struct Texts<'a>(&'a BTreeMap<&'static str, (Vec<String>, Source)>);

impl Texts<'_> {
    fn all(&self, key: &'static str) -> &[String] {
        self.0.get(key).map_or(&[], |(texts, _)| texts.as_slice())
    }

    fn optional<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((texts, source)) = self.0.get(key) else { return Ok(None) };
        let Some(text) = texts.last() else { return Ok(None) };
        parse(text).map(Some).map_err(|reason| ConfigError::Value {
            key,
            value: text.clone(),
            from: source.to_string(),
            reason,
        })
    }

    /// A certificate needs its key, and something that shows it.
    fn public_tls(&self) -> Result<Option<PublicTls>, ConfigError> {
        let (certificate, key) = ("public_tls_cert", "public_tls_key");
        let listens = self.optional("public_listen", super::Listen::from_str)?.is_some();
        let lone = |key: &'static str, reason: String| {
            let (texts, source) = self.0.get(key).cloned().unwrap_or((Vec::new(), Source::Default));
            let value = texts.last().cloned().unwrap_or_default();
            Err(ConfigError::Value { key, value, from: source.to_string(), reason })
        };
        match (self.optional(certificate, absolute)?, self.optional(key, absolute)?) {
            (Some(_), None) => lone(certificate, format!("it needs {key} beside it")),
            (None, Some(_)) => lone(key, format!("it needs {certificate} beside it")),
            (Some(_), Some(_)) if !listens => lone(certificate, "there is no public_listen that could show it".into()),
            (Some(certificate), Some(key)) => Ok(Some(PublicTls { certificate, key })),
            (None, None) => Ok(None),
        }
    }

    fn required<T>(&self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        self.optional(key, &parse)?.map_or_else(
            || {
                let from = self.0.get(key).map_or_else(|| "nowhere".to_owned(), |(_, source)| source.to_string());
                Err(ConfigError::Value { key, value: String::new(), from, reason: "it is empty".into() })
            },
            Ok,
        )
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("it is not an absolute path".into()) }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("it is neither true nor false".into()),
    }
}

fn number<T: FromStr + PartialOrd + std::fmt::Display>(text: &str, least: T, most: T) -> Result<T, String> {
    match text.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("it is no number from {least} to {most}")),
    }
}

fn seconds(text: &str, least: u64, most: u64) -> Result<Duration, String> {
    number(text, least, most).map(Duration::from_secs)
}

fn public_url(text: &str) -> Result<url::Url, String> {
    let url = url::Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it begins with neither http:// nor https://".into());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("it has a user, a query or a fragment".into());
    }
    Ok(url)
}
