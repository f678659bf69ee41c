//! A run as GitHub tells of it.
//!
//! Pure. Of twenty kilobytes for each run only what is named here is read.

use novacron_cicd_sdk::types::Run;

use crate::{names::workflow_key, prelude::*, status};

told! {
    /// One attempt of a run.
    WorkflowRun {
        /// The same over all attempts.
        id: u64,
        run_number: u64, run_attempt: Option<u32>, event: String, status: Option<String>, conclusion: Option<String>,
        path: Option<String>, workflow_id: u64, display_title: Option<String>, head_branch: Option<String>,
        head_sha: String, created_at: Time,
        /// Of this attempt.
        run_started_at: Time,
        updated_at: Time, html_url: Option<String>, actor: Option<Known>, triggering_actor: Option<Known>,
        head_repository: Option<Known>,
    }
}

/// A token of ours: 32 hex digits that stand alone.
fn token(title: &str) -> Option<&str> {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is = |word: &&str| word.len() == 32 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    words.into_iter().find(is)
}

impl WorkflowRun {
    pub(crate) fn attempt(&self) -> u32 {
        self.run_attempt.unwrap_or(1)
    }

    pub(crate) fn key(&self) -> String {
        workflow_key(self.path.as_deref().unwrap_or_default(), self.workflow_id)
    }

    pub(crate) fn identity(&self, repo: &Repo) -> RunRef {
        RunRef {
            pipeline: Id::new(repo, self.key()).to_string(),
            run: self.id.to_string(),
            attempt: Some(self.attempt()),
        }
    }

    /// What the title shows of a token of ours. Only a dispatch has a title that its caller chose.
    pub(crate) fn correlation(&self) -> Option<&str> {
        token(self.display_title.as_deref()?).filter(|_| self.event == "workflow_dispatch")
    }

    pub(crate) fn carries(&self, correlation: &str) -> bool {
        self.event == "workflow_dispatch"
            && self.display_title.as_deref().is_some_and(|title| title.contains(correlation))
    }

    pub(crate) fn has_ended(&self) -> bool {
        !matches!(self.status().state, State::Pending | State::Running | State::Waiting)
    }

    pub(crate) fn status(&self) -> Status {
        status::of(self.status.as_deref(), self.conclusion.as_deref())
    }

    fn origin(&self) -> &'static str {
        match self.event.as_str() {
            _ if self.attempt() > 1 => "retry",
            "workflow_dispatch" if self.correlation().is_some() => "api",
            "workflow_dispatch" => "manual",
            "push" | "merge_group" | "create" | "delete" => "push",
            "pull_request" | "pull_request_target" | "pull_request_review" => "pull-request",
            "schedule" => "schedule",
            "repository_dispatch" => "api",
            "workflow_run" | "workflow_call" => "upstream",
            _ => "unknown",
        }
    }

    fn times(&self) -> Times {
        let begun = self.run_started_at.0;
        let waits = matches!(self.status().state, State::Pending | State::Waiting);
        Times {
            created: if self.attempt() > 1 { begun } else { self.created_at.0 },
            started: if waits { None } else { begun },
            // GitHub tells no end: what has ended changes no more.
            finished: if self.has_ended() { self.updated_at.0 } else { None },
            updated: self.updated_at.0,
        }
    }

    /// The run that it is, without its graph.
    pub(crate) fn run(&self, repo: &Repo) -> Run {
        let mut more = vec![attribute("x-event", &self.event)];
        let from = self.head_repository.as_ref().map(|from| from.full_name.as_str()).unwrap_or_default();
        if !from.is_empty() && !from.eq_ignore_ascii_case(&repo.to_string()) {
            more.push(attribute("x-head-repository", from));
        }
        let user = self.triggering_actor.as_ref().or(self.actor.as_ref());
        Run {
            number: Some(self.run_number.to_string()),
            name: self.display_title.clone(),
            times: self.times(),
            reference: self.head_branch.clone(),
            commit: Some(self.head_sha.clone()).filter(|sha| !sha.is_empty()),
            actor: user.map(|user| user.login.clone()),
            origin: self.origin().into(),
            url: self.html_url.clone(),
            correlation: self.correlation().map(str::to_owned),
            more,
            ..Run::new(self.identity(repo), self.status())
        }
    }

    /// Errors: `conflict` where another attempt has begun than the one that was seen, or this one has not ended.
    pub(crate) fn may_be_retried(&self, seen: Option<u32>) -> Result<()> {
        if seen.is_some_and(|seen| seen != self.attempt()) {
            return Err(Error::conflict(format!("run {} is at attempt {} already", self.id, self.attempt())));
        }
        if self.has_ended() {
            return Ok(());
        }
        Err(Error::conflict(format!("run {} has not ended", self.id)).hint("cancel it, or wait for its end"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn repo() -> Repo {
        Repo::parse("acme/app").unwrap()
    }

    fn read(more: &str) -> Run {
        let text = format!(
            r#"{{"id":30433642,"name":"Build","head_branch":"main","head_sha":"acb5","path":".github/workflows/build.yml",
            "run_number":562,"status":"completed","conclusion":"success","workflow_id":159038,"run_attempt":1,
            "created_at":"2026-01-01T00:00:00Z","run_started_at":"2026-01-01T00:00:01Z","updated_at":"2026-01-01T00:01:00Z",
            "html_url":"https://github.com/acme/app/actions/runs/30433642","actor":{{"login":"octocat"}},
            "head_repository":{{"full_name":"Acme/App"}},"event":"push","display_title":"Update README.md"{more}}}"#
        );
        // The last of two fields of one name would be an error: the rows below only add.
        serde_json::from_str::<WorkflowRun>(&text).unwrap().run(&repo())
    }

    #[test]
    fn a_run_is_told_with_its_attempt_and_times() {
        let run = read("");
        let identity = RunRef { pipeline: "acme/app/build.yml".into(), run: "30433642".into(), attempt: Some(1) };
        assert_eq!(
            (run.identity, run.number.as_deref(), run.name.as_deref()),
            (identity, Some("562"), Some("Update README.md"))
        );
        const T: u64 = 1_767_225_600_000;
        let times =
            Times { created: Some(T), started: Some(T + 1000), finished: Some(T + 60_000), updated: Some(T + 60_000) };
        assert_eq!(run.times, times);
        assert_eq!((run.actor.as_deref(), run.commit.as_deref(), run.graph), (Some("octocat"), Some("acb5"), None));
    }

    #[test]
    fn what_started_it_is_told_and_ours_is_known_by_its_token() {
        let ours = "Deploy 0123456789abcdef0123456789abcdef";
        let rows = [
            ("push", "x", 1, "push", false),
            ("pull_request", "x", 1, "pull-request", false),
            ("schedule", "CI", 1, "schedule", false),
            ("workflow_dispatch", "CI", 1, "manual", false),
            ("workflow_dispatch", ours, 1, "api", true),
            ("workflow_dispatch", ours, 2, "retry", true),
            ("push", ours, 1, "push", false),
            ("workflow_run", "x", 1, "upstream", false),
            ("issue_comment", "x", 1, "unknown", false),
        ];
        for (event, title, attempt, origin, known) in rows {
            let run = WorkflowRun {
                event: event.into(),
                display_title: Some(title.into()),
                run_attempt: Some(attempt),
                ..WorkflowRun::default()
            };
            let run = run.run(&repo());
            assert_eq!((run.origin.as_str(), run.correlation.is_some()), (origin, known), "{event} {title} {attempt}");
        }
        for (title, expected) in [
            ("0123456789abcdef0123456789abcdef", true),
            ("CI (0123456789abcdef0123456789abcdef)", true),
            ("acb50123456789abcdef0123456789abcdef0000", false),
            ("0123456789ABCDEF0123456789ABCDEF", false),
        ] {
            assert_eq!(token(title).is_some(), expected, "{title}");
        }
    }

    #[test]
    fn a_fork_is_named_and_a_second_attempt_has_its_own_begin() {
        let run = WorkflowRun {
            head_repository: Some(Known { full_name: "eve/app".into(), ..Known::default() }),
            run_attempt: Some(2),
            created_at: Time(Some(1_767_225_600_000)),
            run_started_at: Time(Some(1_767_312_000_000)),
            status: Some("queued".into()),
            ..WorkflowRun::default()
        };
        let told = run.run(&repo());
        assert_eq!(novacron_cicd_sdk::lookup(&told.more, "x-head-repository"), Some("eve/app"));
        assert_eq!((told.times.created, told.times.started), (Some(1_767_312_000_000), None));
        assert_eq!(run.may_be_retried(Some(1)).unwrap_err().kind, ErrorKind::Conflict);
        assert!(run.may_be_retried(Some(2)).unwrap_err().message.contains("not ended"));
    }
}
