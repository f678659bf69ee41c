//! A row of a provider's table: a function of the contract, the request or the command that leads to it, what must come out, and what
//! must then be so on the platform.

use std::collections::BTreeMap;

use serde_json::Value;

/// What rows before said: a run's id, a schedule's. `{name}` in a path, a body, a command, an expectation stands for one.
pub(super) type Names = BTreeMap<&'static str, String>;

/// What is so on the platform.
type Look<F> = fn(&F, &Names) -> Value;
/// Headers and body of what the platform sends by itself.
type Delivery<F> = fn(&F, &Names) -> (Vec<(String, String)>, Vec<u8>);

/// By what a function is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Api,
    Cli,
}

/// What is asked.
pub(super) enum Call<F> {
    /// `PUT /v1/...`, with a body or null.
    Api(String, Value),
    /// What follows the program's name; quoted where a word has spaces.
    Cli(String),
    /// A webhook, sent to this path.
    Hook(String, Delivery<F>),
}

/// What is done with a platform and asked of the host, in this order.
pub(super) enum Step<F> {
    /// What the platform does of its own accord.
    Drive(fn(&F, &mut Names)),
    Row(Box<Row<F>>),
}

pub(super) struct Row<F> {
    /// None: it prepares what follows.
    pub(super) function: Option<&'static str>,
    pub(super) call: Call<F>,
    /// Places in what comes out, and what stands there.
    pub(super) gives: Vec<(&'static str, Value)>,
    /// Names, and the places in what comes out that they stand for from then on.
    pub(super) keeps: Vec<(&'static str, &'static str)>,
    pub(super) there: Vec<(Look<F>, Value)>,
    /// The host learns of it in its own time: asked again until it is so.
    pub(super) soon: bool,
}

impl<F> Row<F> {
    fn new(function: Option<&'static str>, call: Call<F>) -> Self {
        Self { function, call, gives: Vec::new(), keeps: Vec::new(), there: Vec::new(), soon: false }
    }

    pub(super) fn way(&self) -> Way {
        if matches!(self.call, Call::Cli(_)) { Way::Cli } else { Way::Api }
    }

    /// What comes out has this at that place: a JSON pointer, in which `[name=app]` is the item whose field is so; a slash is `~1`.
    pub(super) fn gives(mut self, place: &'static str, value: impl Into<Value>) -> Self {
        self.gives.push((place, value.into()));
        self
    }

    /// What comes out at that place has this name from now on.
    pub(super) fn keeps(mut self, name: &'static str, place: &'static str) -> Self {
        self.keeps.push((name, place));
        self
    }

    /// The platform shows this afterwards.
    pub(super) fn there(mut self, look: Look<F>, value: impl Into<Value>) -> Self {
        self.there.push((look, value.into()));
        self
    }

    pub(super) fn soon(mut self) -> Self {
        self.soon = true;
        self
    }
}

impl<F> From<Row<F>> for Step<F> {
    fn from(row: Row<F>) -> Self {
        Self::Row(Box::new(row))
    }
}

/// Rows and what the platform does between them.
macro_rules! steps {
    ($($step:expr),* $(,)?) => {
        vec![$($crate::providers::row::Step::from($step)),*]
    };
}
pub(super) use steps;

/// The function, by the API.
pub(super) fn api<F>(function: &'static str, request: &str, body: Value) -> Row<F> {
    Row::new(Some(function), Call::Api(request.into(), body))
}

/// The function, by the command line.
pub(super) fn cli<F>(function: &'static str, words: &str) -> Row<F> {
    Row::new(Some(function), Call::Cli(words.into()))
}

/// What the platform sends by itself.
pub(super) fn hook<F>(function: &'static str, path: &str, delivery: Delivery<F>) -> Row<F> {
    Row::new(Some(function), Call::Hook(path.into(), delivery))
}

/// What is needed for the rows that follow, and shows no function.
pub(super) fn before<F>(request: &str, body: Value) -> Row<F> {
    Row::new(None, Call::Api(request.into(), body))
}

/// What the platform does of its own accord.
pub(super) fn drive<F>(work: fn(&F, &mut Names)) -> Step<F> {
    Step::Drive(work)
}

/// `text` with every `{name}` that has a value, as `form` writes it.
pub(super) fn filled(text: &str, names: &Names, form: impl Fn(&str) -> String) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &form(value)))
}

/// The same in every text of a document.
pub(super) fn filled_in(value: &Value, names: &Names) -> Value {
    match value {
        Value::String(text) => filled(text, names, str::to_owned).into(),
        Value::Array(items) => items.iter().map(|item| filled_in(item, names)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), filled_in(value, names))).collect(),
        other => other.clone(),
    }
}

/// What stands at a place.
pub(super) fn at<'a>(value: &'a Value, place: &str) -> Option<&'a Value> {
    place.split('/').skip(1).try_fold(value, |value, part| {
        match part.strip_prefix('[').and_then(|part| part.strip_suffix(']')?.split_once('=')) {
            Some((field, wanted)) => value.as_array()?.iter().find(|item| item[field] == wanted.replace("~1", "/")),
            None => value.pointer(&format!("/{part}")),
        }
    })
}

/// The words of a command: apart where there are spaces, but for what stands between `'`.
pub(super) fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in command.split('\'').enumerate() {
        match place % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

#[test]
fn a_place_is_found_by_index_by_name_and_by_what_an_item_has() {
    let value = serde_json::json!({ "items": [{ "name": "a" }, { "name": "b", "n": 2 }, { "name": "g/c", "n": 3 }] });
    let rows = [
        ("/items/0/name", Some("\"a\"")),
        ("/items/[name=b]/n", Some("2")),
        ("/items/[name=g~1c]/n", Some("3")),
        ("/items/[name=c]", None),
    ];
    for (place, found) in rows {
        assert_eq!(at(&value, place).map(Value::to_string).as_deref(), found, "{place}");
    }
    assert_eq!(words("put app '0 3 * * *' -p A=1"), ["put", "app", "0 3 * * *", "-p", "A=1"]);
}
