//! Where an item of Jenkins is: from its full name to its path.
//!
//! A full name is a pipeline's id. Its parts are the names as Jenkins stores them, so the branch `dev/main` of a
//! multibranch project is the item `dev%2Fmain` and its path `/job/repo/job/dev%252Fmain`
//! (workflow-multibranch, `WorkflowBranchProjectFactoryTest`): names are encoded once more and never decoded.

use novacron_cicd_sdk::{
    Result,
    http::{Target, encode},
    types::{Error, RunRef},
};

/// An item below the base URL, and what is asked of it: `("a/b", ["api", "json"])` is `/job/a/job/b/api/json`. The empty
/// name is the controller itself.
pub(crate) fn of(full_name: &str, tail: &[&str]) -> Target {
    let mut segments = Vec::new();
    if !full_name.is_empty() {
        for name in full_name.split('/') {
            segments.extend(["job".to_owned(), name.to_owned()]);
        }
    }
    segments.extend(tail.iter().map(|part| (*part).to_owned()));
    segments.into()
}

/// Whether the contract takes it for an id. Jenkins has no such limit; what has a longer name is left out of lists.
pub(crate) fn is_id(name: &str) -> bool {
    (1..=512).contains(&name.len())
}

/// A build, and what is asked of it.
/// `invalid-input` where the run's id is no number of a build.
pub(crate) fn of_build(run: &RunRef, tail: &[&str]) -> Result<Target> {
    number(&run.run)?;
    let mut segments = vec![run.run.as_str()];
    segments.extend(tail);
    Ok(of(&run.pipeline, &segments))
}

/// The number of a build, which is a run's id.
/// `invalid-input` where it is none.
pub(crate) fn number(run: &str) -> Result<u64> {
    let plain = !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { run.parse().ok() } else { None };
    number.ok_or_else(|| Error::invalid_input("run", format!("{run:?} is not the number of a build")))
}

/// The address that a browser finds it at. Built on our own base URL: what Jenkins takes for its own may be the address of
/// a proxy, or none at all.
pub(crate) fn url(base_url: &str, full_name: &str, tail: &[&str]) -> String {
    let mut url = base_url.trim_end_matches('/').to_owned();
    for name in full_name.split('/').filter(|name| !name.is_empty()) {
        url.push_str("/job/");
        url.push_str(&encode(name));
    }
    for part in tail {
        url.push('/');
        url.push_str(&encode(part));
    }
    url.push('/');
    url
}

/// The build at an address, wherever Jenkins takes itself to be: what stands before the first `job/` is passed over.
pub(crate) fn build_at(url: &str) -> Option<RunRef> {
    let (pipeline, number) = names_at(url)?;
    let run = number.filter(|number| self::number(number).is_ok())?.to_owned();
    (!pipeline.is_empty()).then_some(RunRef { pipeline, run, attempt: None })
}

/// The full name of the job at an address, likewise.
pub(crate) fn job_at(url: &str) -> Option<String> {
    names_at(url).filter(|(name, rest)| rest.is_none() && !name.is_empty()).map(|(name, _)| name)
}

/// The full name in an address, and the one part that is behind it.
fn names_at(url: &str) -> Option<(String, Option<&str>)> {
    let path = url.split(['?', '#']).next()?;
    let path = match path.find("/job/") {
        Some(begin) if !path.starts_with("job/") => &path[begin + 1..],
        _ => path,
    };
    let mut names = Vec::new();
    let mut parts = path.trim_end_matches('/').split('/');
    loop {
        match (parts.next(), parts.next()) {
            (Some("job"), Some(name)) => names.push(decoded(name)),
            (rest, None) => return Some((names.join("/"), rest)),
            _ => return None,
        }
    }
}

/// The name of a matrix' cell, from the address of one of its builds: `.../job/m/label=linux,jdk=21/17/`.
pub(crate) fn cell(url: &str) -> Option<String> {
    url.trim_end_matches('/').rsplit('/').nth(1).filter(|name| name.contains('=')).map(decoded)
}

/// The branch that a branch job is named after: the last name, decoded. Of a name that has nothing encoded it is the name.
pub(crate) fn branch(full_name: &str) -> String {
    decoded(full_name.rsplit('/').next().unwrap_or_default())
}

/// Without its percent signs; what is no UTF-8 then stays as it is.
fn decoded(name: &str) -> String {
    percent_encoding::percent_decode_str(name).decode_utf8().map_or_else(|_| name.to_owned(), Into::into)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::http::Request;

    use super::*;

    fn path(target: Target) -> Result<String> {
        Ok(Request::get(target).build()?.url)
    }

    #[test]
    fn names_are_encoded_as_they_are_stored() {
        let rows = [
            ("", "/api/json"),
            ("app", "/job/app/api/json"),
            ("a/b/c", "/job/a/job/b/job/c/api/json"),
            ("repo/dev%2Fmain", "/job/repo/job/dev%252Fmain/api/json"),
            ("my app/a+b#1", "/job/my%20app/job/a%2Bb%231/api/json"),
            ("büro/job", "/job/b%C3%BCro/job/job/api/json"),
        ];
        for (name, expected) in rows {
            assert_eq!(path(of(name, &["api", "json"])).unwrap(), expected);
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in ["a//b", "/a", "a/", "a/../b", "."] {
            assert!(path(of(name, &["api", "json"])).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_build_is_a_number() {
        let run = |run: &str| RunRef { pipeline: "a/b".into(), run: run.into(), attempt: None };
        assert_eq!(path(of_build(&run("17"), &["stop"]).unwrap()).unwrap(), "/job/a/job/b/17/stop");
        for wrong in ["", "lastBuild", "+1", "1/../2", "99999999999999999999"] {
            assert!(of_build(&run(wrong), &[]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_shown_to_people_stands_on_our_base_url() {
        let rows = [
            ("https://ci.example/", "a/b", "https://ci.example/job/a/job/b/17/"),
            ("https://ci.example/jenkins", "r/dev%2Fx", "https://ci.example/jenkins/job/r/job/dev%252Fx/17/"),
        ];
        for (base, name, expected) in rows {
            assert_eq!(url(base, name, &["17"]), expected);
        }
    }

    #[test]
    fn a_build_is_found_in_its_address() {
        let rows = [
            ("http://x:8080/jenkins/job/a/job/dev%252Fmain/17/", Some(("a/dev%2Fmain", "17"))),
            ("job/my%20app/job/b/3/", Some(("my app/b", "3"))),
            ("/job/a/3", Some(("a", "3"))),
            ("/job/a/", None),
            ("/job/a/lastBuild/", None),
            ("queue/item/3/", None),
            ("3", None),
            ("", None),
        ];
        for (url, expected) in rows {
            let found = build_at(url);
            assert_eq!(found.as_ref().map(|run| (run.pipeline.as_str(), run.run.as_str())), expected, "{url}");
        }
    }

    #[test]
    fn a_job_is_found_in_its_address() {
        let rows = [
            ("http://x:8080/jenkins/job/a/job/dev%252Fmain/", Some("a/dev%2Fmain")),
            ("job/my%20app", Some("my app")),
            ("/job/a/3", None),
            ("http://x/", None),
            ("", None),
        ];
        for (url, expected) in rows {
            assert_eq!(job_at(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_branch_jobs_name_is_the_branch_encoded() {
        let rows = [
            ("repo/dev%2Fmain", "dev/main"),
            ("repo/PR-12", "PR-12"),
            ("main", "main"),
            ("r/100%", "100%"),
            ("r/%zz", "%zz"),
            ("r/%ff", "%ff"),
            ("r/b%C3%BCro", "büro"),
        ];
        for (name, expected) in rows {
            assert_eq!(branch(name), expected);
        }
    }
}
