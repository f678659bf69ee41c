//! The contract in Rust: what `wit/` says, as bindings, and nothing else that would make this crate be rebuilt often.
//!
//! `bindings` is generated. Everything that knows wasmtime is here and in the runtime crate.

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
