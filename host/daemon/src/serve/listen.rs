//! Listeners: bounded connections, bounded headers, and an orderly end.

use std::{os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::tls::Certificate;
use crate::{
    cli::{CliError, http_url},
    config::Listen,
};

/// How long a client may take to agree on a key.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take to say what it wants; also how long a connection may be idle between requests.
const HEADERS: Duration = Duration::from_secs(60);
/// How long to wait where accepting failed, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// Something that is listened on.
pub(super) enum Bound {
    Tcp(TcpListener, std::net::SocketAddr),
    Tls(TcpListener, std::net::SocketAddr, Arc<Certificate>),
    Unix(UnixListener, SocketFile),
}

/// The file of a socket, which goes with its listener.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Listens.
pub(super) async fn bind(listen: &Listen) -> Result<Bound, CliError> {
    let failed = |source| CliError::Listen { address: listen.to_string(), source };
    match listen {
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            Ok(Bound::Tcp(listener, address))
        }
        Listen::Unix(path) => {
            if path.exists() {
                if UnixStream::connect(path).await.is_ok() {
                    return Err(failed(std::io::Error::from(std::io::ErrorKind::AddrInUse)));
                }
                // Left over by a process that was killed.
                std::fs::remove_file(path).map_err(failed)?;
            }
            let listener = UnixListener::bind(path).map_err(failed)?;
            let file = SocketFile(path.clone());
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
            Ok(Bound::Unix(listener, file))
        }
    }
}

impl Bound {
    /// The same, encrypted; a socket file is for this machine alone and stays as it is.
    pub(super) fn with(self, certificate: Option<Arc<Certificate>>) -> Self {
        match (self, certificate) {
            (Self::Tcp(listener, address), Some(certificate)) => Self::Tls(listener, address, certificate),
            (bound, _) => bound,
        }
    }

    /// The address as the command line takes it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Tcp(_, address) => http_url(*address),
            Self::Tls(_, address, _) => http_url(*address).replacen("http", "https", 1),
            Self::Unix(_, file) => format!("unix:{}", file.0.display()),
        }
    }

    /// The URL under which this machine, and no other, reaches it.
    pub(super) fn loopback(&self) -> Option<url::Url> {
        match self {
            Self::Tcp(_, address) if address.ip().is_loopback() => url::Url::parse(&http_url(*address)).ok(),
            // A certificate is seldom good for the loopback address.
            Self::Tcp(..) | Self::Tls(..) | Self::Unix(..) => None,
        }
    }
}

/// The connections of a listener.
pub(super) struct Connections {
    places: Arc<Semaphore>,
    most: usize,
    tracker: TaskTracker,
    stopping: CancellationToken,
}

impl Connections {
    pub(super) fn new(most: usize, stopping: CancellationToken) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), most, tracker: TaskTracker::new(), stopping }
    }

    /// The same for a second listener: with places of its own, so that neither keeps the other from being reached.
    pub(super) fn public(&self) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(self.most)),
            most: self.most,
            tracker: self.tracker.clone(),
            stopping: self.stopping.clone(),
        })
    }

    /// Accepts until it is told to stop.
    pub(super) async fn accept(self: Arc<Self>, bound: Bound, router: Router) {
        loop {
            let places = Arc::clone(&self.places);
            let place = tokio::select! {
                place = places.acquire_owned() => place,
                () = self.stopping.cancelled() => break,
            };
            let accepted = tokio::select! {
                accepted = next(&bound) => accepted,
                () = self.stopping.cancelled() => break,
            };
            match (accepted, place) {
                (Ok(stream), Ok(place)) => self.serve(stream, router.clone(), place),
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
                (_, Err(_)) => break,
            }
        }
    }

    fn serve(&self, stream: Stream, router: Router, place: tokio::sync::OwnedSemaphorePermit) {
        let stopping = self.stopping.clone();
        self.tracker.spawn(async move {
            match stream {
                Stream::Tcp(stream) => speak(stream, router, stopping).await,
                Stream::Unix(stream) => speak(stream, router, stopping).await,
                // In this task: who is slow here keeps nobody else waiting.
                Stream::Tls(stream, acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => speak(stream, router, stopping).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a connection was not encrypted"),
                    Err(_) => tracing::debug!("a connection was not encrypted in time"),
                },
            }
            drop(place);
        });
    }

    /// Ends when no connection is open any more.
    pub(super) async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Serves one connection to its end.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    stopping: CancellationToken,
) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke off");
    }
}

enum Stream {
    Tcp(tokio::net::TcpStream),
    Tls(tokio::net::TcpStream, tokio_rustls::TlsAcceptor),
    Unix(UnixStream),
}

async fn next(bound: &Bound) -> std::io::Result<Stream> {
    match bound {
        Bound::Tcp(listener, _) => tcp(listener).await.map(Stream::Tcp),
        Bound::Tls(listener, _, certificate) => {
            tcp(listener).await.map(|stream| Stream::Tls(stream, certificate.acceptor()))
        }
        Bound::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
    }
}

async fn tcp(listener: &TcpListener) -> std::io::Result<tokio::net::TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
