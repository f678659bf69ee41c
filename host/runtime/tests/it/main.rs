//! The runtime against guests that really misbehave: one binary, since each links all of wasmtime.

mod approval;
mod calls;
mod credentials;
mod files;
mod house;
mod limits;
mod manifests;
mod secrets;
