//! What changed in the runs of many pipelines: one request for each repository.
//!
//! GitHub lists runs by when they were made, and can't be asked for what changed. So the newest hundred are read, and those that
//! were active before and are older than these, one by one. A rerun of an older run is not seen so: its webhook tells it, or the
//! next reading of that run.

use std::collections::BTreeMap;

use novacron_cicd_sdk::{RunChanges, http::send_all, run_changes::Changes, types::Run};
use serde::{Deserialize, Serialize};

use crate::{prelude::*, run::WorkflowRun};

/// Older active runs that are kept an eye on, of all repositories together.
const OLDER: usize = 40;

/// Where we stand in one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Standing(
    /// The latest change that was seen.
    Timestamp,
    /// What was active and may be older than the newest hundred.
    Vec<u64>,
);

type Position = BTreeMap<String, Standing>;

/// What is news, and where we stand then. `before` none: what is active is.
fn news(before: Option<&Standing>, runs: Vec<WorkflowRun>) -> (Vec<WorkflowRun>, Standing) {
    let mark = before.map(|standing| standing.0);
    let latest = runs.iter().filter_map(|run| run.updated_at.0).max().max(mark).unwrap_or_default();
    let active = runs.iter().filter(|run| !run.has_ended()).map(|run| run.id).collect();
    let is_news = |run: &WorkflowRun| match mark {
        None => !run.has_ended(),
        // GitHub's times are whole seconds: what changed in the last one again is told again.
        Some(mark) => run.updated_at.0.is_none_or(|updated| updated >= mark),
    };
    (runs.into_iter().filter(is_news).collect(), Standing(latest, active))
}

impl RunChanges for GithubActions {
    fn list_changed(pipelines: Vec<String>, position: Option<String>) -> Result<Changes> {
        let client = Client::here()?;
        let before: Option<Position> = match position {
            Some(text) => Some(serde_json::from_slice(text.as_bytes()).map_err(|_| paging::not_ours("position"))?),
            None => None,
        };
        let wanted = pipelines.iter().map(|pipeline| client.id("pipeline", pipeline)).collect::<Result<Vec<Id>>>()?;
        let mut repos: Vec<Repo> = Vec::new();
        for id in &wanted {
            if !repos.contains(&id.repo) {
                repos.push(id.repo.clone());
            }
        }
        let newest = |repo: &Repo| {
            client.get(at(repo, &["actions", "runs"])).query("exclude_pull_requests", true).query("per_page", 100)
        };
        let mut changed: Vec<Run> = Vec::new();
        let mut after = Position::new();
        let mut left = OLDER;
        for (repo, answer) in repos.iter().zip(send_all(repos.iter().map(newest))) {
            let mut runs = client::taken(answer?)?.json::<List<WorkflowRun>>()?.items;
            let standing = before.as_ref().map(|all| all.get(&repo.to_string()).cloned().unwrap_or_default());
            let is_listed = |id: &u64| runs.iter().any(|run| run.id == *id);
            let older: Vec<u64> =
                standing.iter().flat_map(|it| it.1.iter().copied()).filter(|id| !is_listed(id)).take(left).collect();
            left -= older.len();
            let one = |id: &u64| client.get(at(repo, &["actions", "runs", &id.to_string()]));
            for answer in send_all(older.iter().map(one)) {
                let answer = answer?;
                // It may be deleted meanwhile.
                if answer.status() != 404 {
                    runs.push(client::taken(answer)?.json()?);
                }
            }
            let (news, standing) = news(standing.as_ref(), runs);
            let is_wanted = |run: &&WorkflowRun| wanted.iter().any(|id| id.repo == *repo && id.rest == run.key());
            changed.extend(news.iter().filter(is_wanted).map(|run| run.run(repo)));
            after.insert(repo.to_string(), standing);
        }
        trim(&mut after);
        let position = serde_json::to_string(&after).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Changes { runs: changed, position, more_now: false })
    }
}

/// A cursor is at most four kilobytes: of very many active runs the oldest are let go of. They are the first to be read one by
/// one anyway.
fn trim(position: &mut Position) {
    let each = OLDER / position.len().max(1) + 1;
    for standing in position.values_mut() {
        standing.1.sort_unstable();
        let extra = standing.1.len().saturating_sub(each.max(8));
        standing.1.drain(..extra);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn run(id: u64, second: u32, status: &str) -> WorkflowRun {
        let conclusion = (status == "completed").then(|| "success".to_owned());
        let updated_at = Time(Some(1_767_225_600_000 + u64::from(second) * 1000));
        WorkflowRun { id, updated_at, status: Some(status.into()), conclusion, ..WorkflowRun::default() }
    }

    fn ids(runs: &[WorkflowRun]) -> Vec<u64> {
        runs.iter().map(|run| run.id).collect()
    }

    #[test]
    fn the_first_look_takes_what_is_active_and_later_ones_what_changed() {
        let (first, standing) =
            news(None, vec![run(3, 30, "in_progress"), run(2, 20, "completed"), run(1, 40, "waiting")]);
        assert_eq!((ids(&first), standing.1.clone()), (vec![3, 1], vec![3, 1]));
        let all = vec![run(4, 50, "queued"), run(3, 45, "completed"), run(2, 20, "completed"), run(1, 40, "waiting")];
        let (second, standing) = news(Some(&standing), all.clone());
        assert_eq!((ids(&second), standing.1.clone()), (vec![4, 3, 1], vec![4, 1]));
        let (third, after) = news(Some(&standing), all);
        assert_eq!(ids(&third), [4], "the last second is told again, and nothing else");
        assert_eq!(after, standing);
    }

    #[test]
    fn a_repository_that_has_no_run_yet_has_a_place_to_go_on_from() {
        let (first, standing) = news(None, vec![]);
        assert!(first.is_empty());
        assert_eq!(ids(&news(Some(&standing), vec![run(1, 5, "completed")]).0), [1]);
    }

    #[test]
    fn a_position_stays_small() {
        let many = (0..40).map(|n| {
            (
                format!("organization-{n}/repository-{n}"),
                Standing(1_767_225_600_000, (0..100).map(|id| 20_000_000_000 + id).collect()),
            )
        });
        let mut position: Position = many.take(16).collect();
        trim(&mut position);
        assert!(serde_json::to_string(&position).unwrap().len() < 4096);
        assert_eq!(position.values().next().unwrap().1.last(), Some(&20_000_000_099), "the newest are kept");
    }
}
