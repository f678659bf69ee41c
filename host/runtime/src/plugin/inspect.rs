//! Looks into a plugin's file before anything of it is compiled or run: what it is, its manifest, what it imports and
//! exports.

use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload};

use super::PluginError;

/// The custom section that holds the manifest.
pub const SECTION: &str = "novacron:plugin";
/// The largest manifest, in bytes.
pub const MANIFEST_LIMIT: usize = 64 << 10;
/// A page of linear memory, in bytes.
const PAGE: u64 = 64 << 10;

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Inspection {
    /// The manifest's text.
    pub(crate) manifest: String,
    /// Names of what it imports.
    pub(crate) imports: Vec<String>,
    /// Names of the instances that it exports.
    pub(crate) exports: Vec<String>,
    /// What it needs at its start.
    pub(crate) needs: Needs,
}

/// What a component needs at its start, as far as its outline says it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// Instances of core modules.
    pub(crate) core_instances: usize,
    /// Linear memories.
    pub(crate) memories: usize,
    /// Bytes of the largest of them.
    pub(crate) memory: u64,
    /// Tables.
    pub(crate) tables: usize,
    /// Elements of the largest of them.
    pub(crate) table_elements: u64,
}

/// Reads the file's outline. Code is skipped, and validated later by the compiler.
pub(crate) fn inspect(bytes: &[u8]) -> Result<Inspection, PluginError> {
    if bytes.len() < 8 && b"\0asm".starts_with(&bytes[..bytes.len().min(4)]) && !bytes.is_empty() {
        return Err(PluginError::Truncated(bytes.len() as u64));
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(PluginError::NotWasm);
    }
    let mut found = Found::default();
    // Whether each enclosing binary is a component, from the outside in.
    let mut nesting: Vec<bool> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| damaged(&error, bytes.len()))? {
            Payload::Version { encoding, .. } => {
                let component = encoding == Encoding::Component;
                if nesting.is_empty() && !component {
                    return Err(PluginError::CoreModule);
                }
                nesting.push(component);
            }
            Payload::End(_) => {
                nesting.pop();
            }
            Payload::CustomSection(section) if section.name() == SECTION => found.manifests.push(section.data()),
            Payload::InstanceSection(section) => {
                for instance in section {
                    let instance = instance.map_err(|error| damaged(&error, bytes.len()))?;
                    let real = matches!(instance, wasmparser::Instance::Instantiate { .. });
                    found.needs.core_instances += usize::from(real);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory.map_err(|error| damaged(&error, bytes.len()))?;
                    found.needs.memories += 1;
                    found.needs.memory = found.needs.memory.max(memory.initial.saturating_mul(PAGE));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table.map_err(|error| damaged(&error, bytes.len()))?;
                    found.needs.tables += 1;
                    found.needs.table_elements = found.needs.table_elements.max(table.ty.initial);
                }
            }
            Payload::ComponentImportSection(section) if nesting.len() == 1 => {
                for import in section {
                    found.imports.push(import.map_err(|error| damaged(&error, bytes.len()))?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if nesting.len() == 1 => {
                for export in section {
                    let export = export.map_err(|error| damaged(&error, bytes.len()))?;
                    if export.kind == ComponentExternalKind::Instance {
                        found.exports.push(export.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    let manifest = match found.manifests.as_slice() {
        [] => return Err(PluginError::NoManifest),
        [one] if one.len() > MANIFEST_LIMIT => {
            return Err(PluginError::ManifestTooLarge { size: one.len(), limit: MANIFEST_LIMIT });
        }
        [one] => std::str::from_utf8(one).map_err(|error| PluginError::Manifest {
            reason: format!("it is not UTF-8 at byte {}", error.valid_up_to()),
        })?,
        many => return Err(PluginError::ManyManifests(many.len())),
    };
    let Found { imports, exports, needs, .. } = found;
    Ok(Inspection { manifest: manifest.to_owned(), imports, exports, needs })
}

#[derive(Default)]
struct Found<'b> {
    manifests: Vec<&'b [u8]>,
    imports: Vec<String>,
    exports: Vec<String>,
    needs: Needs,
}

fn damaged(error: &wasmparser::BinaryReaderError, length: usize) -> PluginError {
    let message = error.message();
    if message.contains("unexpected end") || message.contains("unexpected-end") {
        return PluginError::Truncated(length as u64);
    }
    PluginError::Damaged { offset: error.offset(), reason: message.to_owned() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn section(id: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![id];
        let mut length = body.len();
        loop {
            let low = (length & 0x7f) as u8;
            length >>= 7;
            bytes.push(if length == 0 { low } else { low | 0x80 });
            if length == 0 {
                break;
            }
        }
        bytes.extend_from_slice(body);
        bytes
    }

    fn custom(text: &[u8]) -> Vec<u8> {
        let mut body = vec![SECTION.len() as u8];
        body.extend_from_slice(SECTION.as_bytes());
        body.extend_from_slice(text);
        section(0, &body)
    }

    #[test]
    fn a_manifest_is_found_at_the_top_and_in_a_core_module() {
        let top = [COMPONENT, &custom(b"id = 1")].concat();
        assert_eq!(inspect(&top).unwrap().manifest, "id = 1");
        let module = [MODULE, &custom(b"id = 2")].concat();
        let nested = [COMPONENT, &section(1, &module)].concat();
        assert_eq!(inspect(&nested).unwrap().manifest, "id = 2");
    }

    #[test]
    fn what_is_no_plugin_is_refused_with_what_it_is() {
        let module = [MODULE, &custom(b"x")].concat();
        let both = [COMPONENT, &custom(b"x"), &section(1, &module)].concat();
        let large = custom(&vec![b'#'; MANIFEST_LIMIT + 1]);
        for (bytes, expected) in [
            (Vec::new(), PluginError::NotWasm),
            (b"#!/bin/sh\n".to_vec(), PluginError::NotWasm),
            (b"\0as".to_vec(), PluginError::Truncated(3)),
            (MODULE.to_vec(), PluginError::CoreModule),
            (COMPONENT.to_vec(), PluginError::NoManifest),
            (both, PluginError::ManyManifests(2)),
            (
                [COMPONENT, &large].concat(),
                PluginError::ManifestTooLarge { size: MANIFEST_LIMIT + 1, limit: MANIFEST_LIMIT },
            ),
        ] {
            assert_eq!(inspect(&bytes).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_never_taken() {
        let module = [MODULE, &custom(b"id = 2")].concat();
        let whole = [COMPONENT, &section(1, &module)].concat();
        for length in 0..whole.len() {
            assert!(inspect(&whole[..length]).is_err(), "cut at {length}");
        }
    }
}
