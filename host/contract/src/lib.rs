//! The contract in Rust: what `wit/` says, as bindings, and the conversions between them and the domain's types.
//!
//! `bindings` is generated. Nothing else that would make this crate be rebuilt often; must be absent: limits, policy,
//! instances, anything that calls a guest.

mod deployment;
mod error;
mod gate;
mod hook;
mod pipeline;
mod run;
mod runner;
mod schedule;
mod status;
mod stored;
mod ticket;
mod transfer;
mod value;

#[expect(missing_docs, reason = "generated; the documentation is in wit/")]
pub mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "novacron:cicd/provider",
        imports: {
            "novacron:cicd/http.send": async | trappable,
            "novacron:cicd/http.send-all": async | trappable,
            "novacron:cicd/kv": async | trappable,
            "novacron:cicd/keys": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

pub use deployment::deploy_request;
pub use error::fault;
pub use value::{Violation, attributes, cursor, id, to_wit, values};

/// The contract's version: what a manifest's `contract` is compared with.
pub const VERSION: &str = "0.1.0";
/// The package's name with a colon, as imports and exports of a component spell it.
pub const PACKAGE: &str = "novacron:cicd";
