//! The daemon as a process: logs, metrics, the parts wired together, listeners, signals.
//!
//! What it leaves for the command line is `daemon.json` in the state directory, as long as it runs. Must be absent: use
//! cases, and anything that a request could ask for.

mod listen;
mod logging;
mod tls;

use std::{io::Write as _, sync::Arc, time::Duration};

use listen::{Bound, Connections};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use novacron_cicd_domain::Timestamp;
use novacron_cicd_vault::Secret;
use tls::Certificate;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    api::{self, ApiState},
    cli::CliError,
    config::{Config, LogFormat},
    engine::CallbackBase,
    service::{IssuedToken, Services, ServicesConfig, StateDir},
};

/// Serves until it is told to stop.
///
/// # Errors
/// The state can't be used (another host has it, its disk is full, its key is another), or nothing can be listened on.
pub fn run(config: Config) -> Result<(), CliError> {
    let masker = logging::start(&config)?;
    let metrics = metrics()?;
    // A second call finds one installed already, which is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::Io { what: "start the daemon's threads".into(), source })?;
    let result = runtime.block_on(Box::pin(serve(config, masker, metrics)));
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

async fn serve(config: Config, masker: logging::LateMasker, metrics: PrometheusHandle) -> Result<(), CliError> {
    let signals = Signals::new()?;
    // A socket may be in the state directory.
    StateDir::new(&config.state_dir).create()?;
    // Before the engine works: what it sends says where this host is.
    let listeners = Listeners::bind(&config).await?;
    let (services, first) = Services::start(services_config(&config, listeners.callbacks(&config))).await?;
    masker.know(services.masker());
    if let Some(token) = first {
        announce(&config, &services.state_dir(), &token)?;
    }
    let stopping = CancellationToken::new();
    let outcome = listen_until_told(&config, listeners, &services, metrics, &stopping, signals).await;
    // Streams end with this; then the engine lets go of what it has at work.
    stopping.cancel();
    services.stop(config.limits.shutdown).await;
    tracing::info!("stopped");
    outcome
}

/// What is listened on.
struct Listeners {
    main: Bound,
    public: Option<Bound>,
    /// What the public one shows of itself.
    certificate: Option<Arc<Certificate>>,
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Self, CliError> {
        let certificate = config.public_tls.clone().map(Certificate::load).transpose()?.map(Arc::new);
        let main = listen::bind(&config.listen).await?;
        let public = match &config.public_listen {
            Some(listen) => Some(listen::bind(listen).await?.with(certificate.clone())),
            None => None,
        };
        Ok(Self { main, public, certificate })
    }

    /// Where runs call back: what is configured, else what a platform on this machine can reach.
    fn callbacks(&self, config: &Config) -> CallbackBase {
        if let Some(url) = &config.public_url {
            return CallbackBase::Public(url.clone());
        }
        let url = self.public.as_ref().and_then(Bound::loopback).or_else(|| self.main.loopback());
        url.map_or(CallbackBase::None, CallbackBase::Loopback)
    }
}

fn services_config(config: &Config, callbacks: CallbackBase) -> ServicesConfig {
    ServicesConfig {
        plugin_dirs: config.plugin_dirs.clone(),
        vault_key: std::env::var("NOVACRON_CICD_VAULT_KEY").ok().filter(|key| !key.is_empty()).map(Secret::new),
        callbacks,
        pooling: config.sandbox.pooling,
        sandbox_memory: usize::try_from(config.sandbox.memory_mib).ok().and_then(|mib| mib.checked_mul(1 << 20)),
        call_deadline: config.sandbox.call_timeout,
        heartbeat: config.limits.run_silence,
        artifact_limit: config.limits.artifact_bytes,
        poll: config.limits.poll,
        webhooks_kept: config.limits.webhooks_kept,
        ..ServicesConfig::new(config.state_dir.clone())
    }
}

async fn listen_until_told(
    config: &Config,
    Listeners { main, public, certificate }: Listeners,
    services: &Services,
    metrics: PrometheusHandle,
    stopping: &CancellationToken,
    mut signals: Signals,
) -> Result<(), CliError> {
    let upkeep = metrics.clone();
    let state = ApiState::new(services.clone(), config.limits.clone(), stopping.clone(), move || upkeep.render(), now);
    let connections = Arc::new(Connections::new(config.limits.connections, stopping.clone()));
    let marker = Marker::write(&services.state_dir(), &main)?;
    tracing::info!(address = %main.shown(), state = %config.state_dir.display(), version = env!("CARGO_PKG_VERSION"), "listening");
    let mut listeners = tokio::task::JoinSet::new();
    listeners.spawn(Arc::clone(&connections).accept(main, api::router(state.clone())));
    if let Some(public) = public {
        tracing::info!(address = %public.shown(), "listening for callbacks");
        listeners.spawn(connections.public().accept(public, api::public_router(state)));
    }
    let _watching = AbortOnDropHandle::new(tokio::spawn(watch_plugins(services.clone())));
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "stopping: answers under way are finished");
                break;
            }
            _ = tick.tick() => {
                metrics.run_upkeep();
                if let Some(certificate) = &certificate {
                    certificate.refresh();
                }
            }
        }
    }
    stopping.cancel();
    let finished = async {
        while listeners.join_next().await.is_some() {}
        connections.finished().await;
    };
    tokio::select! {
        () = finished => {}
        () = tokio::time::sleep(config.limits.shutdown) => tracing::warn!("answers under way were cut"),
        signal = signals.next() => tracing::warn!(signal, "answers under way were cut"),
    }
    marker.remove();
    Ok(())
}

/// Plugins are taken in while the daemon runs. In a task of its own: compiling one takes a while.
async fn watch_plugins(services: Services) {
    let mut tick = tokio::time::interval(Duration::from_secs(2));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        services.plugins.look().await;
    }
}

/// The first admin token, once: for people, and kept where the command line finds it.
fn announce(config: &Config, state: &StateDir, token: &IssuedToken) -> Result<(), CliError> {
    let file = state.admin_token();
    tracing::info!(file = %file.display(), "made the first admin token");
    // Lines of a service are kept by somebody else: there the file is enough.
    if config.log_format == LogFormat::Text {
        let text = format!(
            "The first admin token, shown this once and kept in {} for the command line:\n\n  {}\n\n",
            file.display(),
            token.value.expose_str().unwrap_or_default()
        );
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|source| CliError::Io { what: "print the first admin token".into(), source })?;
    }
    Ok(())
}

fn metrics() -> Result<PrometheusHandle, CliError> {
    const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let failed = |error: &dyn std::fmt::Display| CliError::Io {
        what: "start metrics".into(),
        source: std::io::Error::other(error.to_string()),
    };
    let recorder = PrometheusBuilder::new().set_buckets(&SECONDS).map_err(|error| failed(&error))?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| failed(&error))?;
    Ok(handle)
}

#[expect(clippy::disallowed_methods, reason = "the process is the edge where time comes in")]
fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// What tells the process to stop.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|source| CliError::Io { what: "listen for signals".into(), source });
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// `daemon.json`: where the command line finds this daemon.
struct Marker(std::path::PathBuf);

impl Marker {
    fn write(state: &StateDir, bound: &Bound) -> Result<Self, CliError> {
        let database = state.database();
        let directory = database.parent().unwrap_or(&database).to_owned();
        let path = directory.join(crate::cli::MARKER);
        let marker = crate::cli::Marker {
            url: bound.shown(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let text = serde_json::to_vec_pretty(&marker).unwrap_or_default();
        let io = |source| CliError::Io { what: format!("write {}", path.display()), source };
        let mut file = tempfile::NamedTempFile::new_in(&directory).map_err(io)?;
        file.write_all(&text).map_err(io)?;
        file.persist(&path).map_err(|error| io(error.error))?;
        Ok(Self(path))
    }

    fn remove(&self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
