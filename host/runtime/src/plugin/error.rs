//! Why a file is no plugin that this host can use. Each says what to do about it.

use novacron_cicd_domain::Coded;

/// Why a file is no plugin that this host can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The file can't be read.
    #[error("the file can't be read: {0}")]
    Unreadable(String),
    /// The file is larger than a plugin may be.
    #[error("the file has {size} bytes, and a plugin may have {limit}")]
    TooLarge {
        /// What it has.
        size: u64,
        /// What it may have.
        limit: u64,
    },
    /// Not WebAssembly at all.
    #[error("the file is not WebAssembly")]
    NotWasm,
    /// A core module, not a component.
    #[error("the file is a core module, not a component")]
    CoreModule,
    /// It ends in the middle.
    #[error("the file ends in the middle, at byte {0}: it was cut short")]
    Truncated(u64),
    /// Not what a component looks like.
    #[error("the file is damaged at byte {offset}: {reason}")]
    Damaged {
        /// Where.
        offset: u64,
        /// What the parser expected.
        reason: String,
    },
    /// No manifest in it.
    #[error("the component has no manifest: there is no custom section novacron:plugin")]
    NoManifest,
    /// More than one manifest in it.
    #[error("the component has {0} manifests, and which one holds can't be known")]
    ManyManifests(usize),
    /// The manifest is larger than it may be.
    #[error("the manifest has {size} bytes, and may have {limit}")]
    ManifestTooLarge {
        /// What it has.
        size: usize,
        /// What it may have.
        limit: usize,
    },
    /// The manifest is not TOML, lacks something, or has something that is not known.
    #[error("the manifest is not right: {reason}")]
    Manifest {
        /// Where and what.
        reason: String,
    },
    /// Built for another version of the contract.
    #[error("the plugin is built for contract {wanted}, and this host offers {offered}")]
    Contract {
        /// What the manifest, or an export, says.
        wanted: String,
        /// What this host offers.
        offered: &'static str,
    },
    /// It imports what no plugin gets.
    #[error("the component imports {0}, which no plugin gets")]
    ForbiddenImport(String),
    /// It imports what this host does not have.
    #[error("the component imports {0}, which this host does not have")]
    UnknownImport(String),
    /// It lacks an interface that every provider has.
    #[error("the component does not export {0}, which every provider has")]
    MissingExport(String),
    /// An import or export has other types than the contract's.
    #[error("{interface} of the component does not fit contract {offered}: {detail}")]
    Mismatch {
        /// Which import or export; `an import` where it can't be told.
        interface: String,
        /// What this host offers.
        offered: &'static str,
        /// What differs.
        detail: String,
    },
    /// The manifest names something that the component does not have.
    #[error("the manifest names {what}, which {why}")]
    NotExported {
        /// What it names, and where.
        what: String,
        /// What is wrong with that.
        why: &'static str,
    },
    /// It needs more than any call may have.
    #[error("the component needs {needs}, and a call may have {limit}")]
    OverLimit {
        /// What it needs.
        needs: String,
        /// What a call may have.
        limit: String,
    },
    /// It can't be compiled.
    #[error("the component can't be compiled: {0}")]
    Compile(String),
    /// It can't be started.
    #[error("the component was tried, and {0}")]
    Smoke(String),
    /// Another file has the same id.
    #[error("the plugin {id} is in {first} too")]
    Duplicate {
        /// The id.
        id: String,
        /// The file that serves.
        first: String,
    },
    /// It asks for more than what was approved.
    #[error("the file of plugin {id} has changed and asks for more: {}", .more.join(", "))]
    Held {
        /// The id.
        id: String,
        /// What it asks for beyond what was approved.
        more: Vec<String>,
    },
    /// Nothing like it waits for approval.
    #[error("no file of plugin {id} with digest {sha256} waits for approval")]
    NotWaiting {
        /// The id that was named.
        id: String,
        /// The digest that was named.
        sha256: String,
    },
}

impl Coded for PluginError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "plugin.unreadable",
            Self::TooLarge { .. } => "plugin.too-large",
            Self::NotWasm => "plugin.not-wasm",
            Self::CoreModule => "plugin.core-module",
            Self::Truncated(_) => "plugin.truncated",
            Self::Damaged { .. } => "plugin.damaged",
            Self::NoManifest => "plugin.no-manifest",
            Self::ManyManifests(_) => "plugin.many-manifests",
            Self::ManifestTooLarge { .. } => "plugin.manifest-too-large",
            Self::Manifest { .. } => "plugin.manifest",
            Self::Contract { .. } => "plugin.contract",
            Self::ForbiddenImport(_) => "plugin.forbidden-import",
            Self::UnknownImport(_) => "plugin.unknown-import",
            Self::MissingExport(_) => "plugin.missing-export",
            Self::Mismatch { .. } => "plugin.mismatch",
            Self::NotExported { .. } => "plugin.not-exported",
            Self::OverLimit { .. } => "plugin.over-limit",
            Self::Compile(_) => "plugin.compile",
            Self::Smoke(_) => "plugin.smoke",
            Self::Duplicate { .. } => "plugin.duplicate",
            Self::Held { .. } => "plugin.held",
            Self::NotWaiting { .. } => "plugin.not-waiting",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable(_) => "the daemon's user must be able to read it".into(),
            Self::TooLarge { .. } => "build it with optimisation for size, and without debug information".into(),
            Self::NotWasm => "a plugin is one .wasm file, built for the target wasm32-wasip2".into(),
            Self::CoreModule => {
                "build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`".into()
            }
            Self::Truncated(_) | Self::Damaged { .. } => "copy or build it again".into(),
            Self::NoManifest => "with the Rust SDK, name plugin.toml in the export macro; else append it: \
                 `wasm-tools custom-section add --name novacron:plugin plugin.toml`"
                .into(),
            Self::ManyManifests(_) => "write it by the SDK's macro or by a tool, not by both".into(),
            Self::ManifestTooLarge { .. } => "shorten the descriptions and the settings' schema".into(),
            Self::Manifest { .. } => "docs/plugin-author.md lists every key".into(),
            Self::Contract { wanted, offered } => format!(
                "use a host that offers contract {wanted}, or build the plugin with an SDK of contract {offered}"
            ),
            Self::ForbiddenImport(_) => {
                "reach the platform by the import novacron:cicd/http; leave out what opens files or sockets".into()
            }
            Self::UnknownImport(_) | Self::Mismatch { .. } => {
                "build it with the SDK of the contract that this host offers".into()
            }
            Self::MissingExport(_) => "implement it; answer `unsupported` where the platform has no way".into(),
            Self::NotExported { .. } => "correct the manifest, or implement the function".into(),
            Self::OverLimit { .. } => "build it smaller".into(),
            Self::Compile(_) | Self::Smoke(_) => "report this to the plugin's author".into(),
            Self::Duplicate { .. } => "remove one of the two files".into(),
            Self::Held { id, .. } => format!("look at what it asks for; `plugin approve {id}` lets it serve"),
            Self::NotWaiting { .. } => {
                "`plugin list` shows what waits, with the digest of its file as it is now".into()
            }
        })
    }
}
