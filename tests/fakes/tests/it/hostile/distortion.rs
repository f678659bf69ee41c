//! What can become of an answer on its way.

use novacron_cicd_fakes::server::Answer;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

/// One change of an answer.
#[derive(Clone, Debug)]
pub(super) enum Distortion {
    Status(u16),
    /// One of its headers is gone.
    NoHeader(usize),
    /// A header has this value, one that the answer has or one that plugins look for.
    Header(usize, String),
    Empty,
    /// It ends after so many thousandths.
    Cut(usize),
    /// A byte at so many thousandths is another.
    Byte(usize, u8),
    Bytes(Vec<u8>),
    Page,
    /// A value somewhere in the JSON is another.
    Value(usize, Value),
    /// A field or an element is gone.
    Gone(usize),
    /// A list has each of its elements so often.
    Long(usize, usize),
    /// The JSON lies in so many lists.
    Deep(usize),
}

const HEADERS: [&str; 9] =
    ["content-type", "location", "link", "retry-after", "etag", "x-text-size", "x-more-data", "x-error", "set-cookie"];

pub(super) fn distortion() -> impl Strategy<Value = Distortion> {
    use Distortion::*;
    let text = || {
        prop_oneof![
            Just(String::new()),
            Just("-1".to_owned()),
            Just("99999999999999999999".to_owned()),
            "[ -~é-ÿ]{0,40}"
        ]
    };
    prop_oneof![
        2 => prop_oneof![200_u16..600, Just(200), Just(204), Just(302), Just(404), Just(429)].prop_map(Status),
        1 => any::<usize>().prop_map(NoHeader),
        3 => (any::<usize>(), text()).prop_map(|(at, value)| Header(at, value)),
        1 => Just(Empty),
        1 => (0_usize..1000).prop_map(Cut),
        2 => (0_usize..1000, any::<u8>()).prop_map(|(at, byte)| Byte(at, byte)),
        1 => vec(any::<u8>(), 0..200).prop_map(Bytes),
        1 => Just(Page),
        10 => (any::<usize>(), value()).prop_map(|(at, value)| Value(at, value)),
        3 => any::<usize>().prop_map(Gone),
        1 => (any::<usize>(), 2_usize..500).prop_map(|(at, often)| Long(at, often)),
        1 => (1_usize..5000).prop_map(Deep),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!("")),
        "\\PC{0,60}".prop_map(Value::from),
        "[a-z0-9/%.:?#-]{0,60}".prop_map(Value::from),
        (1_usize..20_000).prop_map(|length| Value::from("x".repeat(length))),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, 1, "a", [], {}])),
    ]
}

impl Distortion {
    /// Answers the name of the field whose value is another now.
    pub(super) fn apply(&self, answer: &mut Answer) -> Option<String> {
        match self {
            Self::Status(status) => answer.status = *status,
            Self::NoHeader(at) => {
                if !answer.headers.is_empty() {
                    answer.headers.remove(at % answer.headers.len());
                }
            }
            Self::Header(at, value) => {
                let name = HEADERS[at % HEADERS.len()];
                answer.headers.retain(|(there, _)| there != name);
                answer.headers.push((name.to_owned(), value.clone()));
            }
            Self::Empty => answer.body.clear(),
            Self::Cut(at) => answer.body.truncate(answer.body.len() * at / 1000),
            Self::Byte(at, byte) => {
                let at = answer.body.len() * at / 1000;
                if let Some(there) = answer.body.get_mut(at) {
                    *there = *byte;
                }
            }
            Self::Bytes(bytes) => answer.body.clone_from(bytes),
            Self::Page => *answer = Answer::new(200).body("text/html", "<html><title>Sign in</title>"),
            Self::Value(at, value) => {
                let mut name = None;
                of_json(answer, |json| {
                    let at = at % count(json);
                    name = name_of(json, at);
                    with(json, at, &mut |found| *found = value.clone());
                });
                return name;
            }
            Self::Gone(at) => of_json(answer, |json| {
                let at = at % count(json);
                with(json, at, &mut |found| match found {
                    Value::Object(fields) => {
                        let name = fields.keys().nth(at % fields.len().max(1)).cloned();
                        name.map(|name| fields.remove(&name));
                    }
                    Value::Array(items) => {
                        items.pop();
                    }
                    _ => *found = Value::Null,
                });
            }),
            Self::Long(at, often) => of_json(answer, |json| {
                let at = at % count(json);
                with(json, at, &mut |found| {
                    if let Value::Array(items) = found {
                        *items = std::iter::repeat_n(items.clone(), *often).flatten().collect();
                    }
                });
            }),
            Self::Deep(levels) => {
                answer.body = [vec![b'['; *levels], answer.body.clone(), vec![b']'; *levels]].concat();
            }
        }
        None
    }
}

/// An answer that is no JSON stays as it is.
fn of_json(answer: &mut Answer, change: impl FnOnce(&mut Value)) {
    if let Ok(mut json) = serde_json::from_slice(&answer.body) {
        change(&mut json);
        answer.body = json.to_string().into();
    }
}

/// How many values there are, one in another.
fn count(json: &Value) -> usize {
    1 + match json {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The name of the field that has the value of that number; none: it is in no field.
fn name_of(json: &Value, at: usize) -> Option<String> {
    let mut left = at.checked_sub(1)?;
    let fields: Vec<(Option<&String>, &Value)> = match json {
        Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (Some(name), value)).collect(),
        _ => return None,
    };
    for (name, value) in fields {
        let all = count(value);
        if left < all {
            return name_of(value, left).or_else(|| name.cloned());
        }
        left -= all;
    }
    None
}

/// The value of that number, counted from outside; the rest of the number where it is not among these.
fn with(json: &mut Value, at: usize, change: &mut impl FnMut(&mut Value)) -> Option<usize> {
    if at == 0 {
        change(json);
        return None;
    }
    let mut left = at - 1;
    let inner: Box<dyn Iterator<Item = &mut Value>> = match json {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(fields) => Box::new(fields.values_mut()),
        _ => return Some(left),
    };
    for value in inner {
        left = with(value, left, change)?;
    }
    Some(left)
}
