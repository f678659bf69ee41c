//! `novacron-cicd serve`: flags over the configuration, then the daemon.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, Exit, Global, connection};
use crate::config::{self, Config, Given};

/// Flags of the daemon; each beats its setting in the environment and in the file.
#[derive(Debug, Args)]
#[command(
    after_help = "Started with nothing at all it listens on 127.0.0.1:8094, keeps its state in a directory of its own,
and prints the first admin token, once; the command line finds it there by itself.

Examples:
  $ novacron-cicd serve
  $ novacron-cicd serve --listen unix:/run/novacron/cicd.sock --log-format json
  $ novacron-cicd serve --public-listen 0.0.0.0:8097 --public-url https://cicd.example.com"
)]
pub struct Serve {
    /// Where the API listens: ADDRESS:PORT or unix:/PATH
    #[arg(long, value_name = "LISTEN")]
    listen: Option<String>,
    /// A second listener that serves the callbacks of runs only
    #[arg(long, value_name = "LISTEN")]
    public_listen: Option<String>,
    /// The URL under which platforms and runners reach this daemon
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A directory with plugins beside STATE_DIR/plugins. May be repeated
    #[arg(long = "plugin-dir", value_name = "DIR")]
    plugin_dirs: Vec<PathBuf>,
    /// What log lines look like: text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Which log lines are written: error, warn, info, debug, trace, or directives
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Make sandboxes one by one instead of taking them from a pool
    #[arg(long)]
    no_pooling: bool,
}

pub(super) fn run(serve: &Serve, global: &Global) -> Result<Exit, CliError> {
    let config = config(serve, global)?;
    for name in config::unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        super::output::note(&format!("warning: {name} is no variable of novacron-cicd and changes nothing"));
    }
    crate::serve::run(config)?;
    Ok(Exit::Ok)
}

fn config(serve: &Serve, global: &Global) -> Result<Config, CliError> {
    let mut given = Given { file: global.config.clone(), ..Given::default() };
    let mut flag = |key: &'static str, value: Option<String>| {
        if let Some(value) = value {
            given.flags.insert(key, vec![value]);
        }
    };
    flag("listen", serve.listen.clone());
    flag("public_listen", serve.public_listen.clone());
    flag("public_url", serve.public_url.clone());
    flag("log.format", serve.log_format.clone());
    flag("log.level", serve.log_level.clone().or_else(|| global.debug.then(|| "info,novacron_cicd=debug".to_owned())));
    flag("sandbox.pooling", serve.no_pooling.then(|| "false".to_owned()));
    flag("state_dir", global.state_dir.as_deref().map(connection::absolute).transpose()?);
    if !serve.plugin_dirs.is_empty() {
        let directories = serve.plugin_dirs.iter().map(|path| connection::absolute(path)).collect::<Result<_, _>>()?;
        given.flags.insert("plugin_dirs", directories);
    }
    Ok(Config::load(&given, &|name| std::env::var(name).ok())?)
}
