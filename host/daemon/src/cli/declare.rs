//! A parameter's declaration on the command line: `NAME[!][:KIND[(a|b)]][=DEFAULT]`.

use novacron_cicd_domain::parameter::ParameterKind;

use crate::api::pipelines::ParameterBody;

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
    Ok(ParameterBody {
        name: name.to_owned(),
        kind: word(kind, &choices)?,
        description: None,
        default,
        choices,
        required,
    })
}

fn word(word: &str, choices: &[String]) -> Result<ParameterKind, String> {
    match word {
        "" if !choices.is_empty() => Ok(ParameterKind::Choice),
        "" => Ok(ParameterKind::String),
        word => serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|_| {
            format!("{word:?} is no kind: it can be string, text, bool, number, choice, file, environment or secret")
        }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

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
