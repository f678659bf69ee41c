//! A project's store of variables, secrets among them (`lib/api/ci/variables.rb`).

use serde_json::{Value, json};

use crate::server::Answer;

use super::{
    page::{forbidden, invalid, missing, paged, said, wrong},
    routes::Ask,
    world::World,
};

const FIELDS: [&str; 7] = ["value", "variable_type", "protected", "masked", "raw", "environment_scope", "description"];

pub(super) fn serve(world: &mut World, ask: &Ask<'_>, project: usize, rest: &[&str]) -> Answer {
    if world.level < 40 {
        return forbidden();
    }
    let scope = ask.text("filter[environment_scope]").or_else(|| ask.fields["filter"]["environment_scope"].as_str());
    let list = &world.projects[project].variables;
    let [key] = rest else {
        return match ask.method {
            // What is hidden is shown to nobody again.
            "GET" => paged(world, ask.seen, list.iter().map(shown).collect()),
            _ => create(world, ask, project),
        };
    };
    let of_key = |row: &Value| row["key"] == *key && scope.is_none_or(|scope| row["environment_scope"] == scope);
    let found: Vec<usize> = (0..list.len()).filter(|at| of_key(&list[*at])).collect();
    let at = match found.as_slice() {
        [] => return missing("Variable"),
        [at] => *at,
        _ => {
            return said(
                409,
                "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'",
            );
        }
    };
    match ask.method {
        "GET" => Answer::json(200, &shown(&list[at])),
        "DELETE" => {
            world.projects[project].variables.remove(at);
            Answer::new(204)
        }
        _ => {
            let mut row = list[at].clone();
            row.as_object_mut().unwrap().extend(ask.take(&FIELDS));
            if let Some(refused) = unfit(&row) {
                return refused;
            }
            world.projects[project].variables[at] = row.clone();
            Answer::json(200, &shown(&row))
        }
    }
}

fn shown(row: &Value) -> Value {
    let mut row = row.clone();
    if row["hidden"] == true {
        row["value"] = Value::Null;
    }
    row
}

/// A masked value is one line of at least eight characters out of few (`doc/ci/variables`).
fn unfit(row: &Value) -> Option<Answer> {
    let value = row["value"].as_str().unwrap_or_default();
    let fits =
        value.len() >= 8 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:@-+.~=/".contains(&byte));
    (row["masked"] == true && !fits).then(|| invalid("value", "is invalid"))
}

fn create(world: &mut World, ask: &Ask<'_>, project: usize) -> Answer {
    let Some(key) = ask.text("key") else { return wrong("key is missing") };
    if ask.text("value").is_none() {
        return wrong("value is missing");
    }
    if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') || key.is_empty() {
        return invalid("key", "can contain only letters, digits and '_'.");
    }
    let scope = ask.text("environment_scope").unwrap_or("*");
    let twin = |row: &Value| row["key"] == key && row["environment_scope"] == scope;
    if world.projects[project].variables.iter().any(twin) {
        return invalid("key", &format!("({key}) has already been taken"));
    }
    let hidden = ask.is("masked_and_hidden");
    let mut row = json!({ "key": key, "variable_type": "env_var", "protected": false, "masked": hidden, "hidden": hidden, "raw": false,
        "environment_scope": "*", "description": null });
    row.as_object_mut().unwrap().extend(ask.take(&FIELDS));
    if hidden {
        row["masked"] = json!(true);
    }
    if let Some(refused) = unfit(&row) {
        return refused;
    }
    world.projects[project].variables.push(row.clone());
    Answer::json(201, &shown(&row))
}
