//! Forms of `multipart/form-data`, as Stapler reads them (`RequestImpl.parseMultipartFormData`): a part with a file's name is a
//! file, any other a field, whose bytes are read in the charset that the part names, and else in Latin-1.

use crate::server::Seen;

/// A part of a form.
pub(super) struct Part {
    pub(super) name: String,
    /// none: it is a field.
    pub(super) file: Option<String>,
    pub(super) bytes: Vec<u8>,
    utf8: bool,
}

impl Part {
    pub(super) fn text(&self) -> String {
        if self.utf8 {
            String::from_utf8_lossy(&self.bytes).into_owned()
        } else {
            self.bytes.iter().copied().map(char::from).collect()
        }
    }
}

/// The parts of a body; none where it is no such form.
pub(super) fn parts(seen: &Seen) -> Vec<Part> {
    let kind = seen.header("content-type").unwrap_or_default();
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else { return Vec::new() };
    let boundary = [b"\r\n--", boundary.as_bytes()].concat();
    let body = [b"\r\n", &seen.bytes[..]].concat();
    let mut found = Vec::new();
    let mut rest = cut(&body, &boundary).map(|(_, rest)| rest);
    while let Some((part, after)) = rest.and_then(|rest| cut(rest, &boundary)) {
        found.extend(read(part));
        rest = Some(after);
    }
    found
}

fn read(part: &[u8]) -> Option<Part> {
    let (head, bytes) = cut(part.strip_prefix(b"\r\n")?, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(head).into_owned();
    let word = |name: &str| {
        let (_, after) = head.split_once(&format!("{name}=\""))?;
        Some(after.split('"').next()?.to_owned())
    };
    let utf8 = head.to_lowercase().contains("charset=utf-8");
    Some(Part { name: word("; name")?, file: word("; filename"), bytes: bytes.to_vec(), utf8 })
}

fn cut<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..place], &bytes[place + at.len()..]))
}
