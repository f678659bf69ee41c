//! Where in a JSON text something is not as it should be: `builds[3].number`.
//!
//! serde_json says a line and a column, which nobody can count in an answer that he never saw. The crates that say the path
//! decode every type a second way, and a component would grow by a sixth.

/// The path to what stands at a line and a column, both from 1; empty for the whole.
pub(super) fn path(text: &[u8], line: usize, column: usize) -> String {
    let mut begin = 0;
    for line in text.split(|&byte| byte == b'\n').take(line.saturating_sub(1)) {
        begin += line.len() + 1;
    }
    let text = text.get(..begin + column).unwrap_or(text);
    let mut open: Vec<Place<'_>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let begin = at + 1;
        at = begin;
        match (byte, open.last_mut()) {
            (b'{', _) => open.push(Place::Field(b"")),
            (b'[', _) => open.push(Place::Item(0)),
            (b'}' | b']', _) => drop(open.pop()),
            (b',', Some(Place::Item(index))) => *index += 1,
            (b',', Some(Place::Field(name))) => *name = b"",
            (b'"', within) => {
                let length = string(text.get(begin..).unwrap_or_default());
                at += length + 1;
                if let Some(Place::Field(name @ b"")) = within {
                    *name = text.get(begin..begin + length).unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    let mut path = String::new();
    for place in open {
        match place {
            Place::Item(index) => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
            Place::Field(b"") => {}
            Place::Field(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(std::str::from_utf8(name).unwrap_or("?"));
            }
        }
    }
    path
}

enum Place<'a> {
    Field(&'a [u8]),
    Item(usize),
}

/// How long a string is, after its first quote and without its last; an escape at the very end counts for two.
fn string(rest: &[u8]) -> usize {
    let mut length = 0;
    while let Some(byte) = rest.get(length).filter(|&&byte| byte != b'"') {
        length += if *byte == b'\\' { 2 } else { 1 };
    }
    length
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is for its shape")]
    struct Page {
        items: Vec<Item>,
        next: Option<Box<Page>>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is for its shape")]
    struct Item {
        id: u32,
        #[serde(default)]
        name: String,
    }

    #[test]
    fn the_path_is_that_of_what_is_wrong() {
        let rows = [
            (r#"{"items": [{"id": 1}, {"id": "x"}]}"#, "items[1].id"),
            ("{\n \"items\": [\n  {\"id\": 1},\n  {\"id\": -1, \"name\": \"n\"}]}", "items[1].id"),
            (r#"{"items": [{"id": 1, "name": "a \"quoted, {one}\" [\\"}, {"name": 3}]}"#, "items[1].name"),
            (r#"{"items": [{"id": 1}, {}]}"#, "items[1]"),
            (r#"{"items": [], "next": {"items": 3}}"#, "next.items"),
            (r#"{"items": [], "next": {"items": [["x"]]}}"#, "next.items[0][0]"),
            ("3", ""),
            ("<html>", ""),
            ("", ""),
        ];
        for (text, expected) in rows {
            let error = serde_json::from_str::<Page>(text).map(|_| ()).expect_err(text);
            assert_eq!(path(text.as_bytes(), error.line(), error.column()), expected, "{text}: {error}");
        }
        assert_eq!(path(b"{\"a\": ", 7, 9), "a", "a place that is not there is the end");
    }
}
