//! Finds the run that a trigger started whose answer was lost.
//!
//! Pure. A job that declares the correlation parameter keeps our token in each queue item and build. One that does not keeps
//! nothing of ours: then every build since that somebody asked for may be it, and is told as one of many, so that a person
//! decides. Must be absent: "there is none" while anything could be it.

use novacron_cicd_sdk::{
    Result,
    types::{Error, RunMatch, RunRef, Timestamp},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{build::Build, client::Client, job::Job, path};

pub(crate) const QUEUE: &str = "items[id,task[url],actions[parameters[name,value]]]";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Queue {
    items: Vec<Item>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    id: u64,
    task: Task,
    actions: Vec<Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Task {
    url: Option<String>,
}

impl Item {
    /// Whether it is of a job, as far as it says so.
    fn is_of(&self, pipeline: &str) -> bool {
        self.task.url.as_deref().and_then(path::job_at).is_none_or(|job| job == pipeline)
    }

    fn carries(&self, name: &str, value: &str) -> bool {
        let given = self.actions.iter().filter_map(|action| action.get("parameters")?.as_array()).flatten();
        given.into_iter().any(|given| {
            let is = |field: &str, text: &str| given.get(field).and_then(Value::as_str) == Some(text);
            is("name", name) && is("value", value)
        })
    }
}

/// Whether older builds have to be read as well: all of these began after `since`.
pub(crate) fn goes_further_back(builds: &[Build], full: usize, since: Timestamp) -> bool {
    builds.len() >= full && builds.iter().all(|build| build.timestamp.is_some_and(|began| began >= since))
}

/// What there is of a run. The queue has to be read before the builds: what leaves it in between is seen in one of them.
/// `transient` while something waits in the queue that may be it, of a job without the parameter.
pub(crate) fn find(
    client: &Client,
    pipeline: &str,
    token: &str,
    since: Timestamp,
    queue: &Queue,
    job: &Job,
) -> Result<RunMatch> {
    let reference =
        |build: &Build| RunRef { pipeline: pipeline.to_owned(), run: build.number.to_string(), attempt: None };
    let parameter = &client.settings.correlation_parameter;
    let builds = || job.builds.iter().chain(&job.all_builds);
    if job.parameters().carry_correlation(&client.settings) {
        let mut ours: Vec<&Build> =
            builds().filter(|build| build.correlation(client).as_deref() == Some(token)).collect();
        // A page that shifted under us shows a build twice.
        ours.dedup_by_key(|build| build.number);
        return match ours.as_slice() {
            [] => match queue.items.iter().find(|item| item.is_of(pipeline) && item.carries(parameter, token)) {
                Some(item) => Ok(RunMatch::Queued(item.id.to_string())),
                None => Ok(RunMatch::None),
            },
            [build] => Ok(RunMatch::One(build.run(client, pipeline))),
            many => Ok(RunMatch::Many(many.iter().map(|build| reference(build)).collect())),
        };
    }
    let since = |build: &&Build| build.timestamp.is_none_or(|began| began >= since);
    let maybe: Vec<RunRef> = builds().filter(since).filter(|build| build.was_asked_for()).map(reference).collect();
    if !maybe.is_empty() {
        return Ok(RunMatch::Many(maybe));
    }
    if job.in_queue {
        let message = format!("a build of {pipeline} waits in Jenkins' queue, and may be it");
        return Err(Error::transient(message)
            .hint(format!("declare a string parameter {parameter} in the job, so that its runs can be told apart")));
    }
    Ok(RunMatch::None)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::ErrorKind;
    use serde_json::json;

    use super::*;
    use crate::settings::Settings;

    const SINCE: Timestamp = 1_000;

    fn client() -> Client {
        Client { base_url: "https://ci.example".into(), settings: Settings::default(), slot: None }
    }

    fn build(number: u64, began: u64, token: Option<&str>, cause: &str) -> Value {
        let given = token.map(|token| json!({ "name": "NOVACRON_CORRELATION", "value": token }));
        json!({ "number": number, "timestamp": began, "building": true, "actions": [
            { "_class": "hudson.model.ParametersAction", "parameters": given.into_iter().collect::<Vec<_>>() },
            { "_class": "hudson.model.CauseAction", "causes": [{ "_class": cause }] },
        ] })
    }

    fn look(declares: bool, builds: Vec<Value>, waits: Option<&str>) -> Result<RunMatch, ErrorKind> {
        let declared = json!([{ "parameterDefinitions": [{ "name": "NOVACRON_CORRELATION", "type": "StringParameterDefinition" }] }]);
        let property = if declares { declared } else { json!([]) };
        let job = json!({ "property": property, "builds": builds, "inQueue": waits.is_some() });
        let items = waits.map(|token| json!({ "id": 9, "actions": [{}, { "parameters": [{ "name": "NOVACRON_CORRELATION", "value": token }] }] }));
        let queue = json!({ "items": items.into_iter().collect::<Vec<_>>() });
        let (queue, job) = (serde_json::from_value(queue).unwrap(), serde_json::from_value(job).unwrap());
        find(&client(), "a", "nc-7", SINCE, &queue, &job).map_err(|error| error.kind)
    }

    const USER: &str = "hudson.model.Cause$UserIdCause";
    const TIMER: &str = "hudson.triggers.TimerTrigger$TimerTriggerCause";

    fn told(found: Result<RunMatch, ErrorKind>) -> Result<Vec<String>, ErrorKind> {
        Ok(match found? {
            RunMatch::None => vec![],
            RunMatch::Queued(ticket) => vec![format!("queued {ticket}")],
            RunMatch::One(run) => vec![format!("= {}", run.identity.run)],
            RunMatch::Many(runs) => runs.into_iter().map(|run| run.run).collect(),
        })
    }

    #[test]
    fn a_run_is_found_by_its_token_wherever_it_is() {
        let others = || vec![build(3, 2_000, Some("nc-8"), USER), build(2, 2_000, None, USER)];
        let with = |build: Value| [vec![build], others()].concat();
        let rows = [
            (others(), None, Ok(vec![])),
            (with(build(4, 2_000, Some("nc-7"), USER)), None, Ok(vec!["= 4"])),
            (with(build(4, 2_000, Some("nc-7"), USER)), Some("nc-7"), Ok(vec!["= 4"])),
            (others(), Some("nc-7"), Ok(vec!["queued 9"])),
            (others(), Some("nc-8"), Ok(vec![])),
            (
                [with(build(5, 2_000, Some("nc-7"), USER)), with(build(4, 2_000, Some("nc-7"), USER))].concat(),
                None,
                Ok(vec!["5", "4"]),
            ),
        ];
        for (builds, waits, expected) in rows {
            let expected = expected.map(|rows| rows.into_iter().map(str::to_owned).collect());
            assert_eq!(told(look(true, builds, waits)), expected);
        }
    }

    #[test]
    fn without_a_token_whatever_may_be_ours_is_shown_and_never_passed_over() {
        let rows = [
            (vec![], None, Ok(vec![])),
            (vec![build(4, 2_000, None, USER)], None, Ok(vec!["4"])),
            (vec![build(4, 2_000, None, USER), build(3, 1_500, None, USER)], None, Ok(vec!["4", "3"])),
            (vec![build(4, 500, None, USER)], None, Ok(vec![])),
            (vec![build(4, 2_000, None, TIMER)], None, Ok(vec![])),
            (vec![], Some("whatever"), Err(ErrorKind::Transient)),
        ];
        for (builds, waits, expected) in rows {
            let expected = expected.map(|rows| rows.into_iter().map(str::to_owned).collect());
            assert_eq!(told(look(false, builds, waits)), expected);
        }
    }

    #[test]
    fn older_builds_are_read_while_all_that_were_seen_began_since() {
        let builds = |times: &[u64]| {
            let builds: Vec<_> = times.iter().map(|began| build(1, *began, None, USER)).collect();
            serde_json::from_value::<Job>(json!({ "builds": builds })).unwrap().builds
        };
        let rows: [(&[u64], bool); 4] =
            [(&[3_000, 2_000], true), (&[3_000, 999], false), (&[3_000], false), (&[], false)];
        for (times, expected) in rows {
            assert_eq!(goes_further_back(&builds(times), 2, SINCE), expected, "{times:?}");
        }
    }
}
