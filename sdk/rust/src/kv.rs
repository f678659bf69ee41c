//! Small state of one provider, kept by the host. Calls run side by side: write with the version that you read.

use serde::{Serialize, de::DeserializeOwned};

use crate::{error::Result, imports, types::Error};

pub use imports::kv::{Entry, KvError, get, put, remove};

/// How often [`update`] begins again before it gives up.
const ROUNDS: usize = 8;

/// The value of `key` as JSON, with its version.
///
/// ```no_run
/// # fn f() -> novacron_cicd_sdk::Result<()> {
/// let seen: Option<(Vec<u64>, u64)> = novacron_cicd_sdk::kv::read("seen")?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// `internal` where what is there is no `T`.
pub fn read<T: DeserializeOwned>(key: &str) -> Result<Option<(T, u64)>> {
    let Some(entry) = get(key) else { return Ok(None) };
    match serde_json::from_slice(&entry.value) {
        Ok(value) => Ok(Some((value, entry.version))),
        Err(error) => Err(Error::internal(format!("state {key:?} is not readable: {error}"))),
    }
}

/// Changes the value of `key` by compare-and-set: `change` sees what is there (none: nothing) and says what is to be
/// there. It may run more than once.
///
/// ```no_run
/// # fn f() -> novacron_cicd_sdk::Result<()> {
/// let count = novacron_cicd_sdk::kv::update("count", |there: Option<u64>| there.unwrap_or(0) + 1)?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// `internal` where what is there is no `T`, or there is no room; `transient` where others were always faster.
pub fn update<T: Serialize + DeserializeOwned>(key: &str, mut change: impl FnMut(Option<T>) -> T) -> Result<T> {
    for _ in 0..ROUNDS {
        let (there, version) = read(key)?.map_or((None, 0), |(value, version)| (Some(value), version));
        let value = change(there);
        let bytes = serde_json::to_vec(&value).map_err(|error| Error::internal(format!("state {key:?}: {error}")))?;
        match put(key, &bytes, Some(version), None) {
            Ok(_) => return Ok(value),
            Err(KvError::Stale(_)) => {}
            Err(refused) => return Err(Error::from(refused).message(format!("state {key:?} could not be written"))),
        }
    }
    Err(Error::transient(format!("state {key:?} was changed by others {ROUNDS} times in a row")))
}

impl From<KvError> for Error {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Stale(version) => Self::conflict(format!("somebody else wrote version {version}")),
            KvError::Full => Self::internal("this provider's state is full"),
            KvError::TooLarge => Self::internal("the value is too large for the provider's state"),
            KvError::Other(text) => Self::internal(text),
        }
    }
}
