//! GitHub's environments and what protects them.
//!
//! GitHub replaces an environment as a whole: what is left out of a change is cleared. So what is there is read first and sent
//! along.

use novacron_cicd_sdk::{
    Environments,
    environments::{Environment, EnvironmentChange, EnvironmentPage, Rule},
};
use serde_json::Value;

use crate::{prelude::*, told::Reviewer};

told! {
    Told {
        name: String, html_url: Option<String>, updated_at: Time, protection_rules: Vec<Protection>,
        deployment_branch_policy: Option<Policy>,
    }
    Protection {
        "type" as kind: String,
        /// In minutes.
        wait_timer: u64,
        prevent_self_review: bool, reviewers: Vec<Reviewer>,
    }
    Policy { protected_branches: bool }
}

fn rule(kind: &str, value: impl Into<String>) -> Rule {
    Rule { kind: kind.into(), value: value.into() }
}

impl Told {
    /// `wait`: minutes; `reviewers`: `User:ID` or `Team:ID`, and `not-self`; `branches`: `protected` or `custom`.
    fn rules(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        for protection in &self.protection_rules {
            match protection.kind.as_str() {
                "wait_timer" => rules.push(rule("wait", protection.wait_timer.to_string())),
                "required_reviewers" => {
                    let who = |it: &Reviewer| format!("{}:{}", it.kind, it.reviewer.id);
                    let own = protection.prevent_self_review.then(|| "not-self".to_owned());
                    let all: Vec<String> = protection.reviewers.iter().map(who).chain(own).collect();
                    rules.push(rule("reviewers", all.join(" ")));
                }
                _ => {}
            }
        }
        if let Some(policy) = &self.deployment_branch_policy {
            rules.push(rule("branches", if policy.protected_branches { "protected" } else { "custom" }));
        }
        rules
    }

    fn environment(&self, id: &Id) -> Environment {
        Environment {
            id: id.to_string(),
            name: self.name.clone(),
            tier: None,
            url: self.html_url.clone(),
            state: Some("available".into()),
            protection: self.rules(),
            updated: self.updated_at.0,
            more: Vec::new(),
        }
    }
}

/// What GitHub is sent for these rules.
/// Errors: `invalid-input` where a rule is none that GitHub has.
fn body(rules: &[Rule]) -> Result<Value> {
    let refuse = |rule: &Rule, what: &str| {
        Error::invalid_input(format!("protection.{}", rule.kind), format!("{:?}: {what}", rule.value))
    };
    let mut body =
        json!({ "wait_timer": 0, "prevent_self_review": false, "reviewers": null, "deployment_branch_policy": null });
    for rule in rules {
        match (rule.kind.as_str(), rule.value.as_str()) {
            ("wait", minutes) => {
                let minutes = minutes.parse::<u32>().ok().filter(|minutes| *minutes <= 43_200);
                body["wait_timer"] = minutes.ok_or_else(|| refuse(rule, "minutes, at most thirty days"))?.into();
            }
            ("reviewers", all) => {
                let mut reviewers = Vec::new();
                for word in all.split_whitespace() {
                    match word.split_once(':').map(|(kind, id)| (kind, id.parse::<u64>())) {
                        _ if word == "not-self" => body["prevent_self_review"] = true.into(),
                        Some((kind @ ("User" | "Team"), Ok(id))) => reviewers.push(json!({ "type": kind, "id": id })),
                        _ => return Err(refuse(rule, "User:ID or Team:ID, with spaces between")),
                    }
                }
                if reviewers.len() > 6 {
                    return Err(refuse(rule, "GitHub takes at most six reviewers"));
                }
                body["reviewers"] = reviewers.into();
            }
            ("branches", which @ ("protected" | "custom")) => {
                let protected = which == "protected";
                body["deployment_branch_policy"] =
                    json!({ "protected_branches": protected, "custom_branch_policies": !protected });
            }
            _ => return Err(refuse(rule, "GitHub has `wait`, `reviewers`, `branches` (`protected` or `custom`)")),
        }
    }
    Ok(body)
}

fn path(id: &Id) -> Vec<String> {
    at(&id.repo, &["environments", &id.rest])
}

impl Environments for GithubActions {
    fn list_environments(page: PageRequest) -> Result<EnvironmentPage> {
        let client = Client::here()?;
        let ask = |repo: &Repo| client.get(at(repo, &["environments"]));
        let (items, next) = paging::across(&client.repositories()?, &page, ask, |repo, page: List<Told>| {
            let all = page.map(|told| (Id::new(repo, &told.name), told));
            Ok(all.iter().filter(|(id, _)| id.fits()).map(|(id, told)| told.environment(id)).collect())
        })?;
        Ok(EnvironmentPage { items, next })
    }

    fn get(environment: String) -> Result<Environment> {
        let (client, id) = Client::of("environment", &environment)?;
        Ok(client::fetch::<Told>(client.get(path(&id)))?.environment(&id))
    }

    fn put_environment(_operation: Operation, change: EnvironmentChange) -> Result<Environment> {
        let client = Client::here()?;
        if change.tier.is_some() || change.url.is_some() {
            let hint = "GitHub's environments have a name and protection; an address belongs to each deployment";
            return Err(Error::unsupported("environments.tier").hint(hint));
        }
        let id = match lookup(&change.more, "x-repository") {
            Some(repository) => Id::new(&client.choose("x-repository", Some(repository))?, &change.name),
            // An id of ours is a name too, so that what was listed can be changed.
            None => match client.id("name", &change.name) {
                Ok(id) => id,
                Err(_) => Id::new(&client.choose("x-repository", None)?, &change.name),
            },
        };
        let rules = match change.protection {
            Some(rules) => rules,
            None => client::fetch_maybe::<Told>(client.get(path(&id)))?.map(|told| told.rules()).unwrap_or_default(),
        };
        let told: Told = client::fetch(client.put(path(&id)).json(&body(&rules)?))?;
        Ok(told.environment(&id))
    }

    fn stop_environment(_operation: Operation, _environment: String) -> Result<()> {
        Err(Error::unsupported("environments.stop")
            .message("GitHub's environments can't be stopped")
            .hint("set the status of its deployments to inactive, or delete it"))
    }

    fn delete_environment(_operation: Operation, environment: String) -> Result<()> {
        let (client, id) = Client::of("environment", &environment)?;
        client::removed(client.delete(path(&id)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn protection_is_read_and_written_alike() {
        let text = r#"{"name":"prod","protection_rules":[{"type":"wait_timer","wait_timer":30},
            {"type":"required_reviewers","prevent_self_review":true,"reviewers":[{"type":"User","reviewer":{"id":7}},
            {"type":"Team","reviewer":{"id":8}}]},{"type":"branch_policy"}],
            "deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false}}"#;
        let rules = serde_json::from_str::<Told>(text).unwrap().rules();
        let told: Vec<_> = rules.iter().map(|rule| (rule.kind.as_str(), rule.value.as_str())).collect();
        assert_eq!(told, [("wait", "30"), ("reviewers", "User:7 Team:8 not-self"), ("branches", "protected")]);
        let expected = json!({ "wait_timer": 30, "prevent_self_review": true,
            "reviewers": [{ "type": "User", "id": 7 }, { "type": "Team", "id": 8 }],
            "deployment_branch_policy": { "protected_branches": true, "custom_branch_policies": false } });
        assert_eq!(body(&rules).unwrap(), expected);
    }

    #[test]
    fn a_rule_that_github_does_not_have_is_refused() {
        for (kind, value) in
            [("wait", "soon"), ("wait", "43201"), ("reviewers", "octocat"), ("branches", "main"), ("manual", "")]
        {
            assert!(body(&[rule(kind, value)]).is_err(), "{kind} {value}");
        }
        let seven = (0..7).map(|id| format!("User:{id}")).collect::<Vec<_>>().join(" ");
        assert!(body(&[rule("reviewers", seven)]).is_err());
    }
}
