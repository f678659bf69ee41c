//! The `tree` parameter of the remote API (`hudson/model/Api/index.jelly`): `jobs[name,builds[number]{0,5}]{,10}`.

use std::iter::Peekable;

use serde_json::{Map, Value};

/// One name of a tree: what is below it, and which of its items.
struct Field {
    name: String,
    below: Vec<Field>,
    range: (usize, usize),
}

/// What `tree` leaves of a value. `_class` is always there; a name that is not is passed over.
///
/// # Errors
/// Where Jenkins would answer 500: the tree can't be read.
pub(super) fn prune(value: &Value, tree: &str) -> Result<Value, String> {
    let mut text = tree.chars().filter(|sign| !sign.is_whitespace()).peekable();
    let fields = read(&mut text)?;
    match text.next() {
        None => Ok(keep(value, &fields)),
        Some(sign) => Err(format!("{sign:?} in the tree {tree}")),
    }
}

fn read(text: &mut Peekable<impl Iterator<Item = char>>) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    loop {
        let mut name = String::new();
        while let Some(sign) = text.next_if(|sign| sign.is_alphanumeric() || *sign == '_') {
            name.push(sign);
        }
        if name.is_empty() {
            return Err("a name is missing in the tree".into());
        }
        let mut field = Field { name, below: Vec::new(), range: (0, usize::MAX) };
        if text.next_if_eq(&'[').is_some() {
            field.below = read(text)?;
            text.next_if_eq(&']').ok_or("a ] is missing in the tree")?;
        }
        if text.next_if_eq(&'{').is_some() {
            let mut range = String::new();
            while let Some(sign) = text.next_if(|sign| *sign != '}') {
                range.push(sign);
            }
            text.next_if_eq(&'}').ok_or("a } is missing in the tree")?;
            field.range = match range.split_once(',') {
                Some((from, to)) => (from.parse().unwrap_or(0), to.parse().unwrap_or(usize::MAX)),
                None => range.parse().map(|only| (only, only + 1)).map_err(|_| "a range of no numbers".to_owned())?,
            };
        }
        fields.push(field);
        if text.next_if_eq(&',').is_none() {
            return Ok(fields);
        }
    }
}

fn keep(value: &Value, fields: &[Field]) -> Value {
    match value {
        Value::Object(object) if !fields.is_empty() => {
            let mut kept = Map::new();
            kept.extend(object.get("_class").map(|class| ("_class".to_owned(), class.clone())));
            for field in fields {
                let Some(there) = object.get(&field.name) else { continue };
                let there = match there {
                    Value::Array(items) => {
                        let (from, to) = field.range;
                        let wanted = items.iter().skip(from).take(to.saturating_sub(from));
                        wanted.map(|item| keep(item, &field.below)).collect()
                    }
                    other => keep(other, &field.below),
                };
                kept.insert(field.name.clone(), there);
            }
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tree_keeps_what_it_names_and_ranges_count() {
        let value = json!({ "_class": "C", "a": 1, "b": [{ "_class": "D", "n": 1, "x": 2 }, { "n": 2 }, { "n": 3 }], "c": null });
        let rows = [
            ("a", json!({ "_class": "C", "a": 1 })),
            ("b[n]{1,}", json!({ "_class": "C", "b": [{ "n": 2 }, { "n": 3 }] })),
            ("b[n]{,1}", json!({ "_class": "C", "b": [{ "_class": "D", "n": 1 }] })),
            ("b[n]{1,2},c", json!({ "_class": "C", "b": [{ "n": 2 }], "c": null })),
            ("b[n]{2},gone", json!({ "_class": "C", "b": [{ "n": 3 }] })),
        ];
        for (tree, expected) in rows {
            assert_eq!(prune(&value, tree).unwrap(), expected, "{tree}");
        }
        for wrong in ["", "a[", "a[b", "a{1", "a]", "a,,b"] {
            assert!(prune(&value, wrong).is_err(), "{wrong}");
        }
    }
}
