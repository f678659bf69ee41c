//! The records of a run as Protocol Buffers, field by field as the contract has them.
#![expect(missing_docs, reason = "documented at the records of the same name in wit/types.wit")]

use prost::{Enumeration, Message};

#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct RunRef {
    #[prost(string, tag = "1")]
    pub pipeline: String,
    #[prost(string, tag = "2")]
    pub run: String,
    #[prost(uint32, optional, tag = "3")]
    pub attempt: Option<u32>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Attribute {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum State {
    Pending = 0,
    Running = 1,
    Waiting = 2,
    Succeeded = 3,
    Failed = 4,
    Canceled = 5,
    Skipped = 6,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Status {
    #[prost(enumeration = "State", tag = "1")]
    pub state: i32,
    #[prost(string, optional, tag = "2")]
    pub reason: Option<String>,
    #[prost(string, tag = "3")]
    pub platform: String,
    #[prost(string, repeated, tag = "4")]
    pub conditions: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Times {
    #[prost(uint64, optional, tag = "1")]
    pub created: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    pub started: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    pub finished: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    pub updated: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Step {
    #[prost(uint32, tag = "1")]
    pub number: u32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, required, tag = "3")]
    pub status: Status,
    #[prost(message, required, tag = "4")]
    pub times: Times,
    #[prost(message, repeated, tag = "5")]
    pub more: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Job {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, optional, tag = "3")]
    pub stage: Option<String>,
    #[prost(message, required, tag = "4")]
    pub status: Status,
    #[prost(message, required, tag = "5")]
    pub times: Times,
    #[prost(string, repeated, tag = "6")]
    pub needs: Vec<String>,
    #[prost(string, optional, tag = "7")]
    pub parent: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub runner: Option<String>,
    #[prost(string, optional, tag = "9")]
    pub url: Option<String>,
    #[prost(message, repeated, tag = "10")]
    pub steps: Vec<Step>,
    #[prost(message, repeated, tag = "11")]
    pub more: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub jobs: Vec<Job>,
    #[prost(string, tag = "2")]
    pub edges: String,
    #[prost(bool, tag = "3")]
    pub complete: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Run {
    #[prost(message, required, tag = "1")]
    pub identity: RunRef,
    #[prost(string, optional, tag = "2")]
    pub number: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub name: Option<String>,
    #[prost(message, required, tag = "4")]
    pub status: Status,
    #[prost(message, required, tag = "5")]
    pub times: Times,
    #[prost(string, optional, tag = "6")]
    pub reference: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub commit: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub actor: Option<String>,
    #[prost(string, tag = "9")]
    pub origin: String,
    #[prost(string, optional, tag = "10")]
    pub url: Option<String>,
    #[prost(string, optional, tag = "11")]
    pub correlation: Option<String>,
    #[prost(message, repeated, tag = "12")]
    pub parameters: Vec<Attribute>,
    #[prost(message, optional, tag = "13")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "14")]
    pub downstream: Vec<RunRef>,
    #[prost(message, repeated, tag = "15")]
    pub more: Vec<Attribute>,
}
