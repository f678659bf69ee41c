//! Runs that are looked for, listed, and followed.
//!
//! A pipeline's variables are shown to Maintainers alone (`doc/api/pipelines.md`), one request a pipeline. Where they can't be
//! read, whatever was started by request may be ours, and a person decides. Must be absent: "there is none" while one could be.

use novacron_cicd_sdk::{
    Result, RunChanges, RunListing, RunSearch,
    http::send_all,
    run_changes::Changes,
    run_listing::{RunFilter, RunPage},
    time,
    types::{Error, PageRequest, Run, RunMatch, Timestamp},
};
use serde::{Deserialize, Serialize};

use crate::{
    GitLab,
    client::{self, Client, PAGE},
    rows::{Pipeline, Variable},
    run,
    settings::Correlation,
};

/// Pipelines whose variables are read in one call, at most.
const READ: usize = 24;
/// So many times that in one search: the host allows 64 requests. What is not read may be ours.
const PARTS: usize = 2;
/// Projects that are asked in one call.
const PROJECTS: usize = 24;
/// Pages of one listing in one call.
const PAGES: usize = 12;
/// GitLab's clock and ours may differ by so much, in milliseconds.
const SKEW: Timestamp = 120_000;
/// What is committed late is seen all the same, in milliseconds.
const LATE: Timestamp = 5_000;

/// Variables, where they were asked for and could be read.
type Variables = Option<Vec<Variable>>;

/// The variables of those that were started by request; none where they were not asked for, or are not ours to see.
fn variables(client: &Client, pipeline: &str, rows: &[Pipeline]) -> Result<Vec<Variables>> {
    let mut all = vec![None; rows.len()];
    if client.settings.correlation == Correlation::None {
        return Ok(all);
    }
    let asked: Vec<_> = rows.iter().zip(&mut all).filter(|(row, _)| run::by_request(row)).take(READ).collect();
    let request = |row: &Pipeline| client.get(&["projects", pipeline, "pipelines", &row.id.to_string(), "variables"]);
    let answers = send_all(asked.iter().map(|(row, _)| request(row)));
    for ((_, place), answer) in asked.into_iter().zip(answers) {
        let answer = answer?;
        if !matches!(answer.status(), 403 | 404) {
            *place = Some(client::taken(answer)?.json()?);
        }
    }
    Ok(all)
}

fn told(client: &Client, pipeline: &str, rows: &[Pipeline]) -> Result<Vec<Run>> {
    let variables = variables(client, pipeline, rows)?;
    Ok(rows.iter().zip(variables).map(|(row, given)| run::run(client, pipeline, row, given.as_deref())).collect())
}

/// The pipelines that a token may be of, begun no earlier than `since`: those that surely carry it, and those that may.
pub(crate) fn candidates(
    client: &Client,
    pipeline: &str,
    token: &str,
    since: Timestamp,
) -> Result<(Vec<Run>, Vec<Run>)> {
    let since = since.saturating_sub(SKEW);
    let first = client.get(&["projects", pipeline, "pipelines"]).query("updated_after", time::iso(since));
    let first = first.query("order_by", "id").query("sort", "desc").query("per_page", PAGE).send()?;
    let (mut rows, whole): (Vec<Pipeline>, _) = client.all(client::taken(first)?, PAGES)?;
    rows.retain(|row| run::by_request(row) && row.created_at.0.is_none_or(|created| created >= since));
    // A page that shifted under us shows a pipeline twice.
    rows.dedup_by_key(|row| row.id);
    // The one that was just begun then comes first.
    rows.reverse();
    let (mut ours, mut maybe) = (Vec::new(), Vec::new());
    for (place, part) in rows.chunks(READ).enumerate() {
        let given = if place < PARTS { variables(client, pipeline, part)? } else { vec![None; part.len()] };
        for (row, given) in part.iter().zip(given) {
            let found = run::run(client, pipeline, row, given.as_deref());
            let named = row.name.as_deref().is_some_and(|name| name.contains(token));
            if named || found.correlation.as_deref() == Some(token) {
                ours.push(Run { correlation: Some(token.to_owned()), ..found });
            } else if found.correlation.is_none()
                && (given.is_none() || client.settings.correlation != Correlation::Variable)
            {
                maybe.push(found);
            }
        }
        if !ours.is_empty() {
            break;
        }
    }
    // As many as a person can look at.
    maybe.truncate(READ);
    if ours.is_empty() && maybe.is_empty() && !whole {
        return Err(Error::transient(format!("{pipeline} has had too many pipelines since to tell whether one is it")));
    }
    Ok((ours, maybe))
}

impl RunSearch for GitLab {
    fn find_by_correlation(pipeline: String, correlation: String, since: Timestamp) -> Result<RunMatch> {
        let (mut ours, maybe) = candidates(&Client::here()?, &pipeline, &correlation, since)?;
        let many = |runs: Vec<Run>| RunMatch::Many(runs.into_iter().map(|run| run.identity).collect());
        Ok(match (ours.len(), maybe.is_empty()) {
            (0, true) => RunMatch::None,
            (0, false) => many(maybe),
            (1, _) => ours.pop().map_or(RunMatch::None, RunMatch::One),
            _ => many(ours),
        })
    }
}

impl RunListing for GitLab {
    /// Children of other pipelines are not among them (`doc/api/pipelines.md`): they are their parents' `downstream`.
    fn list_runs(filter: RunFilter, page: PageRequest) -> Result<RunPage> {
        let client = Client::here()?;
        let pipeline = match filter.pipeline {
            Some(pipeline) => pipeline,
            None => client.settings.project()?.to_owned(),
        };
        let first = client.get(&["projects", &pipeline, "pipelines"]).query("order_by", "id").query("sort", "desc");
        let first = first.query_maybe("ref", filter.reference.as_ref());
        let (rows, next) = client.rows::<Pipeline>(first, &page, PAGE)?;
        Ok(RunPage { items: told(&client, &pipeline, &rows)?, next })
    }
}

/// Where a reader of changes stands. A round asks every project once; what it asks is of the moment when it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// What changed after this; none: what is active now.
    at: Option<Timestamp>,
    /// The first project that this round has not asked.
    from: usize,
    /// What the next round is to ask for.
    next: Option<Timestamp>,
}

impl RunChanges for GitLab {
    fn list_changed(pipelines: Vec<String>, position: Option<String>) -> Result<Changes> {
        let client = Client::here()?;
        let mut here: Position = position
            .as_deref()
            .map_or(Ok(Position::default()), |text| serde_json::from_slice(text.as_bytes()))
            .map_err(|_| client::foreign("position"))?;
        let part = pipelines.iter().skip(here.from).take(PROJECTS);
        let asked = part.clone().map(|pipeline| {
            let request = client.get(&["projects", pipeline, "pipelines"]).query("order_by", "updated_at");
            let request = request.query("sort", if here.at.is_some() { "asc" } else { "desc" }).query("per_page", PAGE);
            request.query_maybe("updated_after", here.at.map(time::iso))
        });
        let answers = send_all(asked);
        let (mut runs, mut left, mut behind) = (Vec::new(), READ, None);
        for (pipeline, answer) in part.zip(answers) {
            let answer = answer?;
            // A project that went away or has CI/CD switched off has no changes; the others do.
            if matches!(answer.status(), 403 | 404) && answer.header("retry-after").is_none() {
                continue;
            }
            let answer = client::taken(answer)?;
            here.next = here.next.or_else(|| Some(time::http_date(answer.header("date")?)?.saturating_sub(LATE)));
            let truncated = here.at.is_some() && client::next(&answer).is_some();
            let mut rows: Vec<Pipeline> = answer.json()?;
            if truncated {
                behind = behind.or(Some(u64::MAX)).min(rows.last().and_then(|row| row.updated_at.0));
            }
            rows.retain(|row| here.at.is_some() || !run::has_ended(&row.status));
            let (ask, rest) = rows.split_at(left.min(rows.len()));
            left -= ask.len();
            runs.extend(told(&client, pipeline, ask)?);
            runs.extend(rest.iter().map(|row| run::run(&client, pipeline, row, None)));
        }
        here.next = match (here.next, behind) {
            (Some(next), Some(behind)) => Some(next.min(behind)),
            (next, behind) => next.or(behind),
        };
        here.from += PROJECTS;
        let more_now = here.from < pipelines.len() || behind.is_some();
        if here.from >= pipelines.len() {
            here = Position {
                at: here.next.or(here.at).or_else(|| Some(client::now().saturating_sub(SKEW))),
                ..Position::default()
            };
        }
        let position = serde_json::to_string(&here).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Changes { runs, position, more_now })
    }
}
