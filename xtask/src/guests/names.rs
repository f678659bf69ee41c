//! The names of a component's functions, for people.
//!
//! A trap's backtrace says where by these names. As they come from the compiler they are a sixth of a large component: mangled, with every
//! type parameter spelled out. Here each becomes what a reader looks for, cut in its middle where it is long. Nothing else of the component
//! is changed: every other section is copied as it is.

use anyhow::{Context as _, ensure};
use wasm_encoder::{Encode as _, NameMap, NameSection, Section as _};
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// The most characters of a name that stays whole; and how many stay of a longer one: of what crate it is, and what it is in there.
const WHOLE: usize = 56;
const HEAD: usize = 12;
const TAIL: usize = 31;

/// Of a binary, component or module: what comes before its sections.
const PREAMBLE: usize = 8;
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;

/// The component with short names; the same where they are short.
pub(super) fn shorten(component: &[u8]) -> anyhow::Result<Vec<u8>> {
    rewritten(component, |id, data| match id {
        CORE_MODULE => rewritten(data, |id, data| match custom(id, data)? {
            Some(("name", names)) => Ok(Some(Rewritten::Names(functions(names)?))),
            _ => Ok(None),
        })
        .map(|module| Some(Rewritten::Data(module))),
        // What the parts of a component are called: no backtrace says them.
        _ => Ok(custom(id, data)?.filter(|(name, _)| *name == "component-name").map(|_| Rewritten::Nothing)),
    })
}

/// What stands in place of a section.
enum Rewritten {
    Data(Vec<u8>),
    Names(NameSection),
    Nothing,
}

/// A component or module, each section of which stays as it is unless `change` says what stands in its place.
fn rewritten(
    binary: &[u8],
    change: impl Fn(u8, &[u8]) -> anyhow::Result<Option<Rewritten>>,
) -> anyhow::Result<Vec<u8>> {
    ensure!(binary.starts_with(b"\0asm") && binary.len() >= PREAMBLE, "it is no WebAssembly");
    let mut out = binary[..PREAMBLE].to_vec();
    let mut reader = BinaryReader::new(&binary[PREAMBLE..], 0);
    while !reader.eof() {
        let (id, size) = (reader.read_u8()?, reader.read_var_u32()?);
        let data = reader.read_bytes(usize::try_from(size)?)?;
        match change(id, data)? {
            None => {
                out.push(id);
                data.encode(&mut out);
            }
            Some(Rewritten::Data(data)) => {
                out.push(id);
                data.as_slice().encode(&mut out);
            }
            Some(Rewritten::Names(names)) => names.append_to(&mut out),
            Some(Rewritten::Nothing) => {}
        }
    }
    Ok(out)
}

/// The name and the data of a custom section.
fn custom(id: u8, data: &[u8]) -> anyhow::Result<Option<(&str, &[u8])>> {
    if id != CUSTOM {
        return Ok(None);
    }
    let mut reader = BinaryReader::new(data, 0);
    let name = reader.read_string().context("a custom section has no name")?;
    Ok(Some((name, &data[data.len() - reader.bytes_remaining()..])))
}

fn functions(section: &[u8]) -> anyhow::Result<NameSection> {
    let mut short = NameMap::new();
    for part in NameSectionReader::new(BinaryReader::new(section, 0)) {
        if let Name::Function(names) = part? {
            for name in names {
                let name = name?;
                short.append(name.index, &readable(name.name));
            }
        }
    }
    let mut names = NameSection::new();
    names.functions(&short);
    Ok(names)
}

/// A name as people write it, without the compiler's hash.
fn readable(name: &str) -> String {
    let whole = format!("{:#}", rustc_demangle::demangle(name));
    let length = whole.chars().count();
    if length <= WHOLE {
        return whole;
    }
    let (head, tail) = (whole.chars().take(HEAD), whole.chars().skip(length - TAIL));
    head.chain(['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_a_reader_looks_for() {
        let rows = [
            ("_ZN4demo4plan17h8b56680cc9ab5969E", "demo::plan"),
            ("novacron:cicd/runs@0.1.0#get", "novacron:cicd/runs@0.1.0#get"),
            ("novacron_cicd_guest_hostile::behaviour::misbehave", "novacron_cicd_guest_hostile::behaviour::misbehave"),
            (
                "_ZN17novacron_cicd_sdk10interfaces8webhooks7exports8novacron4cicd8webhooks19_export_decode_cabi17h91df9aa2a882e6dfE",
                "novacron_cic…::webhooks::_export_decode_cabi",
            ),
        ];
        for (name, expected) in rows {
            assert_eq!(readable(name), expected);
        }
    }
}
