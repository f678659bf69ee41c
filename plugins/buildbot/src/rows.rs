//! What Buildbot 4.3 answers, in its own names and as far as it is used here; `/api/v2/application.spec` has all of it.
//!
//! Times are Unix seconds. What may be null is an `Option`.
#![expect(missing_docs, reason = "Buildbot's own names")]

use std::collections::BTreeMap;

use novacron_cicd_sdk::{Result, http::Response, types::Error};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;

/// Each with its value and where it comes from.
pub type Properties = BTreeMap<String, (Value, String)>;

/// A queue place for one builder, and what we call a run: it is there from the first moment, it is what is cancelled,
/// and where a worker is lost Buildbot starts a second build of the same request.
#[derive(Clone, Debug, Deserialize)]
pub struct BuildRequest {
    pub buildrequestid: u64,
    pub buildsetid: u64,
    pub builderid: u64,
    pub complete: bool,
    /// -1 while it is open.
    pub results: Option<i64>,
    pub submitted_at: Option<u64>,
    pub complete_at: Option<u64>,
    /// Those of its buildset, where they were asked for.
    pub properties: Option<Properties>,
}

/// What was asked for at once, of one or more builders.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Buildset {
    pub bsid: u64,
    pub reason: Option<String>,
    pub parent_buildid: Option<u64>,
    pub rebuilt_buildid: Option<u64>,
    pub sourcestamps: Vec<SourceStamp>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SourceStamp {
    pub branch: Option<String>,
    pub revision: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Build {
    pub buildid: u64,
    pub number: u64,
    pub builderid: u64,
    pub buildrequestid: u64,
    pub workerid: Option<u64>,
    pub complete: bool,
    pub results: Option<i64>,
    pub started_at: Option<u64>,
    pub complete_at: Option<u64>,
    pub state_string: String,
    pub properties: Option<Properties>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    pub number: u32,
    pub name: String,
    pub complete: bool,
    pub results: Option<i64>,
    pub started_at: Option<u64>,
    pub complete_at: Option<u64>,
    pub state_string: String,
    pub urls: Vec<Link>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Link {
    #[serde(deserialize_with = "id")]
    pub name: String,
    pub url: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    pub logid: u64,
    pub complete: bool,
    pub num_lines: u64,
    /// `s` with a stream's letter before each line, `t` text, `h` HTML, `d` deleted.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Builder {
    pub builderid: u64,
    #[serde(deserialize_with = "id")]
    pub name: String,
    /// Empty where it has been taken out of the configuration.
    pub masterids: Vec<u64>,
    pub description: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Worker {
    pub workerid: u64,
    #[serde(deserialize_with = "id")]
    pub name: String,
    pub connected_to: Vec<Value>,
    pub paused: bool,
    pub pause_reason: Option<String>,
    pub graceful: bool,
    /// Empty until it has been there once.
    pub workerinfo: BTreeMap<String, Value>,
}

/// A property that is a text and not empty.
pub fn text<'a>(properties: Option<&'a Properties>, name: &str) -> Option<&'a str> {
    properties?.get(name)?.0.as_str().filter(|text| !text.is_empty())
}

/// A name that is an id here: as long as the contract takes one.
fn id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if (1..=512).contains(&text.len()) { Ok(text) } else { Err(D::Error::custom("an id has 1 to 512 bytes")) }
}

/// An answer: one list, under its own name, beside `meta`.
#[derive(Deserialize)]
struct Listed<T> {
    #[serde(alias = "builders", alias = "buildrequests", alias = "builds", alias = "buildsets")]
    #[serde(alias = "forceschedulers", alias = "logchunks", alias = "logs", alias = "steps", alias = "workers")]
    list: Vec<T>,
}

/// The list that an answer holds, or `upstream`.
pub fn list<T: DeserializeOwned>(answer: &Response) -> Result<Vec<T>> {
    Ok(answer.json::<Listed<T>>()?.list)
}

/// The one row of an answer, or `not-found`.
pub fn one<T: DeserializeOwned>(answer: &Response, name: &str) -> Result<T> {
    list(answer)?.into_iter().next().ok_or_else(|| Error::not_found(format!("no {name} was found")))
}
