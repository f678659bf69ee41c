//! The shared types, and what the host offers, as generated. The modules beside this one are what a guest writes with.

#![expect(missing_docs, reason = "generated; the documentation is in wit/")]

wit_bindgen::generate!({
    inline: "package novacron:sdk; world imports { include novacron:cicd/host-api@0.1.0; }",
    path: "../../wit",
    additional_derives: [PartialEq, Eq],
    generate_unused_types: true,
    generate_all,
    pub_export_macro: true,
});

#[cfg(target_family = "wasm")]
pub(crate) use novacron::cicd::clock;
pub(crate) use novacron::cicd::{context, http, keys, kv, log, random};

/// Who answers: the host, or a test that stands in for it.
pub(crate) mod host {
    #[cfg(target_family = "wasm")]
    pub(crate) use super::{clock, context, http, log};

    #[cfg(not(target_family = "wasm"))]
    pub(crate) use crate::testing::{clock, context, http, log};
}
