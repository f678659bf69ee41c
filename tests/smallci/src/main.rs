//! The small CI server as a program. Its first line of output says where it listens, as JSON; it ends on SIGTERM or Ctrl-C.

use std::{io::Write as _, net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use clap::Parser;
use novacron_cicd_smallci::{Config, SmallCi};
use tokio::signal::unix::{SignalKind, signal};

/// A small CI server behind the webhook plugin.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The file that holds what triggers are signed with.
    #[arg(long)]
    secret_file: PathBuf,
    /// Where builds are made.
    #[arg(long)]
    workdir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let secret = std::fs::read_to_string(&arguments.secret_file)
        .with_context(|| format!("reading {}", arguments.secret_file.display()))?;
    let mut config = Config::new(secret.trim());
    config.listen = arguments.listen;
    config.workdir = arguments.workdir;
    let ci = SmallCi::start(config).await?;
    let ready = serde_json::json!({ "hook": ci.hook_url(), "tally": format!("http://{}/tally", ci.address()) });
    writeln!(std::io::stdout(), "{ready}")?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => {}
        it = tokio::signal::ctrl_c() => it?,
    }
    Ok(())
}
