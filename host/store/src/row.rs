//! Between rows and domain values, column by column in the order of the `SELECT`.
//!
//! What can't be read back is damage ([`StoreError::Corrupt`]) and is named; nothing is guessed.

use std::str::FromStr;

use novacron_cicd_domain::{
    Timestamp,
    status::{State, Status, Times},
};
use rusqlite::{Row, types::FromSql};
use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// Takes one column after the other.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column as it is.
    pub(crate) fn get<T: FromSql>(&mut self) -> Result<T, StoreError> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// An id or name that is stored as text.
    pub(crate) fn parse<T: FromStr>(&mut self) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        let text: String = self.get()?;
        text.parse().map_err(|error| StoreError::corrupt(format!("{text:?}: {error}")))
    }

    /// The same where there may be none.
    pub(crate) fn parse_opt<T: FromStr>(&mut self) -> Result<Option<T>, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        let text: Option<String> = self.get()?;
        text.map(|text| text.parse().map_err(|error| StoreError::corrupt(format!("{text:?}: {error}")))).transpose()
    }

    /// A word of a closed set.
    pub(crate) fn word<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        let word: String = self.get()?;
        parse(&word).ok_or_else(|| StoreError::corrupt(format!("{word:?} is no word of its set")))
    }

    /// A value that is stored as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let text: String = self.get()?;
        serde_json::from_str(&text).map_err(|error| StoreError::corrupt(format!("stored JSON: {error}")))
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.get().map(Timestamp)
    }

    pub(crate) fn time_opt(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>()?.map(Timestamp))
    }

    /// A size or an offset.
    pub(crate) fn unsigned(&mut self) -> Result<u64, StoreError> {
        self.get::<i64>()?.try_into().map_err(|_| StoreError::corrupt("a size is negative"))
    }

    /// A size that may not be known.
    pub(crate) fn unsigned_opt(&mut self) -> Result<Option<u64>, StoreError> {
        let size = self.get::<Option<i64>>()?.map(TryInto::try_into).transpose();
        size.map_err(|_| StoreError::corrupt("a size is negative"))
    }

    /// The columns `state, reason, platform, conditions`.
    pub(crate) fn status(&mut self) -> Result<Status, StoreError> {
        Ok(Status {
            state: self.word(State::parse)?,
            reason: self.get()?,
            platform: self.get()?,
            conditions: self.json()?,
        })
    }

    /// The columns `created, started, finished, updated`.
    pub(crate) fn times(&mut self) -> Result<Times, StoreError> {
        Ok(Times {
            created: self.time_opt()?,
            started: self.time_opt()?,
            finished: self.time_opt()?,
            updated: self.time_opt()?,
        })
    }
}

/// A value as the JSON text that is stored.
pub(crate) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::invalid("value", "as JSON", error.to_string()))
}

/// A size or an offset as it is stored.
pub(crate) fn signed(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::invalid("size", value, "it is larger than 2^63"))
}

/// A time that may be missing, as it is stored.
pub(crate) fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| time.0)
}
