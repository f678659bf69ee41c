//! Where the daemon is and which token it takes: what was said, else what a daemon on this machine left in its state.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CliError, Global};
use crate::config::{Config, Given, Listen};

/// What a daemon leaves in its state directory, so that the command line finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Where the API is: `http://127.0.0.1:8094` or `unix:/path`.
    pub url: String,
    /// The daemon's process.
    pub pid: u32,
    /// The daemon's version.
    pub version: String,
}

/// The marker's file, within the state directory.
pub const MARKER: &str = "daemon.json";
/// The first admin token's file, within the state directory.
pub(super) const ADMIN_TOKEN: &str = "admin.token";

/// Where to connect, and what to show there.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) place: Place,
    pub(crate) token: Option<String>,
}

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Http(url::Url),
    Unix(PathBuf),
}

impl Place {
    /// The address as people write it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Http(url) => url.as_str().trim_end_matches('/').to_owned(),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    fn parse(text: &str) -> Result<Self, CliError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        url.map(Self::Http).ok_or_else(|| {
            CliError::usage(
                format!("{text:?} is no address of a daemon"),
                "use http://HOST:PORT, https://HOST or unix:/PATH",
            )
        })
    }
}

/// The configuration, as far as the command line needs it.
pub(crate) fn config(global: &Global) -> Result<Config, CliError> {
    let mut given = Given { file: global.config.clone(), ..Given::default() };
    if let Some(directory) = &global.state_dir {
        given.flags.insert("state_dir", vec![absolute(directory)?]);
    }
    Ok(Config::load(&given, &|name| std::env::var(name).ok())?)
}

/// A path from the command line, from wherever it was given.
pub(crate) fn absolute(path: &Path) -> Result<String, CliError> {
    let path = std::path::absolute(path).map_err(|source| CliError::io(format!("find {}", path.display()), source))?;
    Ok(path.display().to_string())
}

/// Finds the daemon and its token.
pub(crate) fn find(global: &Global) -> Result<Connection, CliError> {
    let said = global.url.as_deref().filter(|url| !url.is_empty());
    let state = if said.is_some() { config(global).ok() } else { Some(config(global)?) };
    let marker = state.as_ref().and_then(|config| marker(&config.state_dir));
    let place = match (said, &marker, &state) {
        (Some(url), ..) => Place::parse(url)?,
        (None, Some(marker), _) => Place::parse(&marker.url)?,
        (None, None, Some(config)) => configured(&config.listen)?,
        (None, None, None) => Place::parse(&format!("http://127.0.0.1:{}", crate::config::DEFAULT_PORT))?,
    };
    let token = match said_token(global)? {
        Some(token) => Some(token),
        // The token in the state directory belongs to the daemon of that directory, and goes nowhere else.
        None => {
            let local = said.is_none()
                || marker
                    .as_ref()
                    .and_then(|marker| Place::parse(&marker.url).ok())
                    .is_some_and(|local| local == place);
            state.filter(|_| local).and_then(|config| {
                let text = std::fs::read_to_string(config.state_dir.join(ADMIN_TOKEN)).ok()?;
                Some(text.trim().to_owned()).filter(|token| !token.is_empty())
            })
        }
    };
    Ok(Connection { place, token })
}

fn said_token(global: &Global) -> Result<Option<String>, CliError> {
    if let Some(path) = &global.token_file {
        let text = std::fs::read_to_string(path)
            .map_err(|source| CliError::io(format!("read the token file {}", path.display()), source))?;
        return Ok(Some(text.trim().to_owned()));
    }
    Ok(std::env::var("NOVACRON_CICD_TOKEN").ok().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
}

fn marker(state_dir: &Path) -> Option<Marker> {
    serde_json::from_slice(&std::fs::read(state_dir.join(MARKER)).ok()?).ok()
}

fn configured(listen: &Listen) -> Result<Place, CliError> {
    match listen {
        Listen::Unix(path) => Ok(Place::Unix(path.clone())),
        Listen::Tcp(address) => Place::parse(&http_url(*address)),
    }
}

/// The URL under which a listener on this machine is reached from this machine.
pub(crate) fn http_url(mut address: std::net::SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr = match address.ip() {
            std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    format!("http://{address}")
}
