//! The macro that makes a component of a type: its exports, and its manifest.

/// Exports `$provider` with the named interfaces, and embeds the `plugin.toml` beside the crate's `Cargo.toml`.
///
/// Without a list it is the core, `plugin` and `runs`. Every interface that is named must be
/// implemented by its trait; what is not named is not exported, and the host answers `unsupported` for it.
///
/// Outside of wasm nothing is exported, but the traits and the manifest are checked all the same, so that a plugin's
/// own tests are plain `cargo test`.
///
/// ```ignore
/// struct Acme;
/// impl Plugin for Acme { /* ... */ }
/// impl Runs for Acme { /* ... */ }
/// impl RunCancel for Acme { /* ... */ }
///
/// novacron_cicd_sdk::export!(Acme with plugin, runs, run_cancel);
/// ```
#[macro_export]
macro_rules! export {
    ($provider:ident) => {
        $crate::export!($provider with plugin, runs);
    };
    ($provider:ident with $($interface:ident),+ $(,)?) => {
        $(
            const _: () = {
                #[cfg(target_family = "wasm")]
                $crate::interfaces::$interface::export!($provider with_types_in $crate::interfaces::$interface);

                const fn implements<T: $crate::interfaces::$interface::Guest>() {}
                implements::<$provider>();
            };
        )+
        const _: () = {
            const MANIFEST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
            assert!(MANIFEST.len() <= 64 * 1024, "plugin.toml is longer than 64 KiB");

            #[cfg(target_family = "wasm")]
            #[used]
            #[unsafe(link_section = "novacron:plugin")]
            static SECTION: [u8; MANIFEST.len()] =
                *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
        };
    };
}
