//! The configuration file: TOML to texts by key, each with its line; unknown keys are refused.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Config, ConfigError, Source,
    settings::{self, Kind},
};

type Values = BTreeMap<&'static str, (Vec<String>, Source)>;

/// Reads a file that has to be there.
pub(super) fn read(path: &Path) -> Result<Values, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    parse(path, &text)
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Values, ConfigError> {
    let reader = Reader { path, text };
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| reader.line(span.start)),
        reason: error.message().to_owned(),
    })?;
    let mut values = Values::new();
    reader.walk("", table.get_ref(), &mut values)?;
    Ok(values)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
    }

    fn walk(&self, prefix: &str, table: &DeTable<'_>, values: &mut Values) -> Result<(), ConfigError> {
        for (key, value) in table {
            let name =
                if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            let line = self.line(key.span().start);
            match (settings::find(&name), value.get_ref()) {
                (Some(setting), value) => {
                    let texts = texts(setting.kind, value).map_err(|reason| ConfigError::Value {
                        key: setting.key,
                        value: self.text.get(self.span(table, &name, prefix)).unwrap_or_default().to_owned(),
                        from: Source::File(self.path.to_owned(), line).to_string(),
                        reason,
                    })?;
                    values.insert(setting.key, (texts, Source::File(self.path.to_owned(), line)));
                }
                (None, DeValue::Table(inner)) if is_section(&name) => self.walk(&name, inner, values)?,
                (None, _) => {
                    let nearest = settings::nearest(&name);
                    return Err(ConfigError::UnknownKey { path: PathBuf::from(self.path), line, key: name, nearest });
                }
            }
        }
        Ok(())
    }

    /// Where the value of `name` stands in the text, so that an error can quote it as it was written.
    fn span(&self, table: &DeTable<'_>, name: &str, prefix: &str) -> std::ops::Range<usize> {
        let key = name.strip_prefix(prefix).unwrap_or(name).trim_start_matches('.');
        table.iter().find(|(other, _)| other.get_ref() == key).map_or(0..0, |(_, value)| value.span())
    }
}

fn is_section(name: &str) -> bool {
    let prefix = format!("{name}.");
    settings::SETTINGS.iter().any(|setting| setting.key.starts_with(&prefix))
}

fn texts(kind: Kind, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let wanted = |what: &str| format!("it is {}, not {what}", value.type_str());
    match (kind, value) {
        (Kind::Text, DeValue::String(text)) => Ok(vec![text.to_string()]),
        (Kind::Text, _) => Err(wanted("a string")),
        (Kind::Number, DeValue::Integer(number)) => Ok(vec![number.to_string().replace('_', "")]),
        (Kind::Number, _) => Err(wanted("an integer")),
        (Kind::Bool, DeValue::Boolean(bool)) => Ok(vec![bool.to_string()]),
        (Kind::Bool, _) => Err(wanted("true or false")),
        (Kind::List, DeValue::Array(items)) => items
            .iter()
            .map(Spanned::get_ref)
            .map(|item| {
                item.as_str().map(str::to_owned).ok_or_else(|| "it holds something that is not a string".to_owned())
            })
            .collect(),
        (Kind::List, _) => Err(wanted("an array of strings")),
    }
}

/// The effective configuration as a file. What is not set is a comment.
pub(super) fn write(config: &Config) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut section = "";
    for (setting, values, source) in config.effective() {
        let (own_section, key) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if own_section != section {
            section = own_section;
            let _ = writeln!(text, "\n[{section}]");
        }
        let quote = |value: &String| toml::Value::String(value.clone()).to_string();
        let value = match (setting.kind, values.last()) {
            (Kind::List, _) => format!("[{}]", values.iter().map(quote).collect::<Vec<_>>().join(", ")),
            (Kind::Text, Some(value)) => quote(value),
            (_, Some(value)) => value.clone(),
            (_, None) => {
                let _ = writeln!(text, "# {key} is not set: {}", setting.what);
                continue;
            }
        };
        let _ = writeln!(text, "{key} = {value} # {source}");
    }
    text
}
