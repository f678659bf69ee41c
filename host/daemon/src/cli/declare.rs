//! Parameters on the command line: declared as `NAME[!][:KIND[(a|b)]][=DEFAULT]`, given as `NAME=VALUE`.

use novacron_cicd_domain::parameter::{Input, ParameterKind};

use std::collections::BTreeMap;

use crate::api::{pipelines::ParameterBody, runs::ParameterInput};

/// Reads one declaration.
pub(crate) fn parameter(text: &str) -> Result<ParameterBody, String> {
    let (head, default) = match text.split_once('=') {
        Some((head, default)) => (head, Some(default.to_owned())),
        None => (text, None),
    };
    let (name, kind) = head.split_once(':').unwrap_or((head, ""));
    let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
    let (kind, choices) = match kind.split_once('(') {
        Some((kind, rest)) => {
            let choices = rest.strip_suffix(')').ok_or("its choices do not end with )")?;
            (kind, choices.split('|').map(str::to_owned).collect())
        }
        None => (kind, Vec::new()),
    };
    if name.is_empty() {
        return Err("it has no name".to_owned());
    }
    let kind = word(kind, &choices)?;
    Ok(ParameterBody {
        name: name.to_owned(),
        kind,
        description: None,
        default: default.map(|default| Input::One(default).into_text(kind)),
        choices,
        required,
    })
}

/// What a run is given: a name that is there more than once has a list of values.
pub(crate) fn inputs(pairs: Vec<(String, String)>) -> BTreeMap<String, ParameterInput> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        values.entry(name).or_default().push(value);
    }
    let input = |mut values: Vec<String>| match (values.pop(), values.is_empty()) {
        (Some(only), true) => ParameterInput::One(only),
        (last, _) => ParameterInput::Many(values.into_iter().chain(last).collect()),
    };
    values.into_iter().map(|(name, values)| (name, input(values))).collect()
}

fn word(word: &str, choices: &[String]) -> Result<ParameterKind, String> {
    match word {
        "" if !choices.is_empty() => Ok(ParameterKind::Choice),
        "" => Ok(ParameterKind::String),
        word => serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|_| {
            format!(
                "{word:?} is no kind: it can be string, text, bool, number, choice, list, file, environment or secret"
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn what_is_given_more_than_once_is_a_list() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let given = inputs(vec![pair("A", "1"), pair("B", "x"), pair("A", "2"), pair("A", "1")]);
        let many = |values: [&str; 3]| ParameterInput::Many(values.map(str::to_owned).into());
        assert_eq!((&given["A"], &given["B"]), (&many(["1", "2", "1"]), &ParameterInput::One("x".into())));
    }

    #[test]
    fn a_declaration_is_read_in_all_its_parts() {
        let rows = [
            ("VERSION", "VERSION String required=false default=None choices=[]"),
            ("VERSION!", "VERSION String required=true default=None choices=[]"),
            ("RELEASE:bool=false", "RELEASE Bool required=false default=Some(\"false\") choices=[]"),
            (
                "TIER:choice(dev|prod)=dev",
                "TIER Choice required=false default=Some(\"dev\") choices=[\"dev\", \"prod\"]",
            ),
            ("TIER!:(a|b)", "TIER Choice required=true default=None choices=[\"a\", \"b\"]"),
            ("URL=http://a:1/?b=(c)", "URL String required=false default=Some(\"http://a:1/?b=(c)\") choices=[]"),
            ("ON:list(a|b)=b", r#"ON List required=false default=Some("[\"b\"]") choices=["a", "b"]"#),
            ("KEY:secret", "KEY Secret required=false default=None choices=[]"),
        ];
        for (text, expected) in rows {
            let ParameterBody { name, kind, required, default, choices, .. } = parameter(text).unwrap();
            let shown = format!("{name} {kind:?} required={required} default={default:?} choices={choices:?}");
            assert_eq!(shown, expected, "{text}");
        }
        for (text, reason) in
            [("=x", "it has no name"), ("A:colour", "\"colour\" is no kind"), ("A:choice(a", "do not end")]
        {
            assert!(parameter(text).unwrap_err().contains(reason), "{text}");
        }
    }
}
