//! The two questions that clients of CI ask GraphQL: what a pipeline's jobs wait for, and which variables there are. Not a
//! parser: a query is known by the fields that it names.

use serde_json::{Value, json};

use crate::server::Answer;

use super::{
    routes::Ask,
    world::{Project, World},
};

pub(super) fn serve(world: &World, ask: &Ask<'_>) -> Answer {
    let query = ask.text("query").unwrap_or_default();
    let variable = |name: &str| ask.fields["variables"][name].as_str().unwrap_or_default().to_owned();
    // A path that a project had before is not led on here.
    let project = world.projects.iter().find(|project| project.path == variable("p"));
    let found = match project {
        Some(project) if query.contains("schedulingType") => {
            json!({ "pipeline": pipeline(project, &variable("i"), &variable("c")) })
        }
        Some(project) if query.contains("ciVariables") => {
            if world.level < 40 {
                return Answer::json(200, &json!({ "data": { "project": { "ciVariables": null } } }));
            }
            if query.contains("value") {
                return refused("this fake tells no values");
            }
            json!({ "ciVariables": nodes(variables(project), &variable("c")) })
        }
        Some(_) => return refused("this fake does not know that question"),
        None => Value::Null,
    };
    Answer::json(200, &json!({ "data": { "project": found } }))
}

fn refused(text: &str) -> Answer {
    Answer::json(200, &json!({ "errors": [{ "message": text, "locations": [{ "line": 1, "column": 1 }] }] }))
}

/// A page of a hundred behind a cursor.
fn nodes(rows: Vec<Value>, after: &str) -> Value {
    let from = after.parse().unwrap_or(0);
    let (count, shown): (usize, Vec<Value>) = (rows.len(), rows.into_iter().skip(from).take(100).collect());
    let end = from + shown.len();
    json!({ "nodes": shown, "pageInfo": { "endCursor": end.to_string(), "hasNextPage": end < count } })
}

fn variables(project: &Project) -> Vec<Value> {
    let shown = |row: &Value| {
        json!({ "key": row["key"], "variableType": row["variable_type"].as_str().unwrap_or_default().to_uppercase(), "masked": row["masked"],
                "protected": row["protected"], "raw": row["raw"], "environmentScope": row["environment_scope"] })
    };
    project.variables.iter().map(shown).collect()
}

fn pipeline(project: &Project, iid: &str, after: &str) -> Value {
    let Some(row) = project.pipelines.iter().find(|row| row.iid.to_string() == iid) else { return Value::Null };
    let used = row.stages.iter().filter(|stage| row.jobs.iter().any(|job| job.stage == **stage));
    let job = |job: &super::Job| {
        let needs = job.spec.needs.iter().flatten();
        // `needs` names each job that `parallel` made.
        let full = needs.flat_map(|name| {
            row.latest().filter(move |other| other.spec.name == *name).map(|other| json!({ "name": other.name }))
        });
        json!({ "id": format!("gid://gitlab/Ci::Build/{}", job.id), "name": job.name, "stage": { "name": job.stage },
            "schedulingType": if job.spec.needs.is_some() { "dag" } else { "stage" }, "needs": { "nodes": full.collect::<Vec<_>>() } })
    };
    json!({ "stages": { "nodes": used.map(|name| json!({ "name": name })).collect::<Vec<_>>() }, "jobs": nodes(row.latest().map(job).collect(), after) })
}
