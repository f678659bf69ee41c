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

pub(crate) use novacron::cicd::{clock, context, http, keys, kv, log, random};
