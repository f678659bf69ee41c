#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;
use crate::settings::Settings;

fn client() -> Client {
    Client { base_url: "https://ci.example".into(), settings: Settings::default(), slot: None }
}

fn job(name: &str) -> Value {
    json!({ "_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "name": name, "color": "blue" })
}

fn folder(name: &str, jobs: Vec<Value>) -> Value {
    json!({ "_class": "com.cloudbees.hudson.plugins.folder.Folder", "name": name, "jobs": jobs })
}

/// Answers as Jenkins does: so many levels, ranges and all.
fn answer(root: &Value, place: &Place) -> Value {
    fn cut(jobs: &Value, from: usize, levels: u8) -> Value {
        let one = |item: &Value| {
            let mut item = item.clone();
            if let Some(inner) = item.get("jobs").cloned() {
                item["jobs"] = match levels {
                    1 => json!(
                        inner
                            .as_array()
                            .unwrap()
                            .iter()
                            .take(1)
                            .map(|it| json!({ "name": it["name"] }))
                            .collect::<Vec<_>>()
                    ),
                    more => cut(&inner, 0, more - 1),
                };
            }
            item
        };
        json!(jobs.as_array().unwrap().iter().skip(from).take(RANGE).map(one).collect::<Vec<_>>())
    }
    let mut at = root;
    for name in place.0.split('/').filter(|name| !name.is_empty()) {
        at = at["jobs"].as_array().unwrap().iter().find(|item| item["name"] == name).unwrap();
    }
    json!({ "_class": at["_class"], "jobs": cut(&at["jobs"], place.1, place.2) })
}

/// All names, how many requests it took, and how many bytes the largest answer that was looked at had.
fn walk(root: &Value, limit: u32) -> (Vec<String>, usize, usize) {
    let (mut names, mut requests, mut largest) = (Vec::new(), 0, 0);
    let mut cursor = None;
    loop {
        let mut walk = Walk::begin(cursor.as_deref(), limit).unwrap();
        while let Some(place) = walk.ask() {
            requests += 1;
            let body = answer(root, &place);
            let size = body.to_string().len();
            if size > MOST as usize {
                walk.too_large(place).unwrap();
            } else {
                largest = largest.max(size);
                walk.answered(&client(), place, serde_json::from_value(body).unwrap());
            }
        }
        assert!(walk.found.len() <= limit as usize);
        names.extend(walk.found.iter().map(|pipeline| pipeline.id.clone()));
        cursor = walk.cursor();
        assert!(cursor.as_ref().is_none_or(|cursor| cursor.len() <= 4096));
        if cursor.is_none() {
            return (names, requests, largest);
        }
    }
}

fn grid(folders: usize, inner: usize, jobs: usize) -> Value {
    let level = |count: usize, item: &dyn Fn(usize) -> Value| (0..count).map(item).collect::<Vec<_>>();
    folder(
        "",
        level(folders, &|a| {
            folder(
                &format!("a{a}"),
                level(inner, &|b| folder(&format!("b{b}"), level(jobs, &|c| job(&format!("job-{c}"))))),
            )
        }),
    )
}

#[test]
fn a_thousand_jobs_in_three_levels_take_few_requests() {
    for (limit, most) in [(1000, 1), (100, 10), (7, 286)] {
        let (names, requests, largest) = walk(&grid(10, 10, 10), limit);
        assert_eq!(names.len(), 1000);
        assert_eq!((names[0].as_str(), names[999].as_str()), ("a0/b0/job-0", "a9/b9/job-9"));
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), 1000, "none twice");
        assert!(requests <= most, "{requests} requests for pages of {limit}");
        assert!(largest <= MOST as usize);
    }
}

#[test]
fn nothing_is_missed_below_what_one_request_sees() {
    let deep = |name: &str| {
        folder(name, vec![folder("x", vec![folder("y", vec![folder("z", vec![job("deep")]), job("last")])]), job("j")])
    };
    let root = folder("", vec![job("first"), deep("f"), folder("empty", vec![]), deep("g"), job("end")]);
    let expected = ["first", "f/x/y/z/deep", "f/x/y/last", "f/j", "g/x/y/z/deep", "g/x/y/last", "g/j", "end"];
    for limit in [1, 2, 3, 100] {
        assert_eq!(walk(&root, limit).0, expected, "pages of {limit}");
    }
}

#[test]
fn a_list_longer_than_its_range_goes_on() {
    let many = |prefix: &str| (0..RANGE + 1).map(|number| job(&format!("{prefix}{number}"))).collect::<Vec<_>>();
    let mut jobs = vec![folder("f", many("inner"))];
    jobs.extend(many("outer"));
    for limit in [999, 1000] {
        let (names, _, _) = walk(&folder("", jobs.clone()), limit);
        assert_eq!(names.len(), 2 * (RANGE + 1));
        assert_eq!(names.last().unwrap(), &format!("outer{RANGE}"));
    }
}

#[test]
fn an_answer_that_is_too_large_is_asked_for_in_less() {
    let (names, _, largest) = walk(&grid(3, 40, 200), 1000);
    assert_eq!(names.len(), 24_000);
    assert!(largest <= MOST as usize);
    let mut walk = Walk::begin(None, 10).unwrap();
    assert!(walk.too_large(Place("f".into(), 0, 1)).is_err());
}

#[test]
fn any_class_that_holds_jobs_is_a_folder_and_branches_know_their_names() {
    let root = json!({ "_class": "hudson.model.Hudson", "jobs": [
        { "_class": "org.example.Shelf", "name": "s", "jobs": [{ "_class": "hudson.matrix.MatrixProject", "name": "m", "color": "disabled_anime" }] },
        { "_class": "jenkins.branch.OrganizationFolder", "name": "o", "jobs": [
            { "_class": "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject", "name": "r", "jobs": [
                { "_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "name": "dev%2Fmain", "color": "red" },
            ] },
        ] },
        { "_class": "hudson.model.ExternalJob", "name": "e", "color": null },
    ] });
    let mut walk = Walk::begin(None, 10).unwrap();
    let place = walk.ask().unwrap();
    walk.answered(&client(), place, serde_json::from_value(root).unwrap());
    let rows: Vec<_> = walk.found.iter().map(|it| (it.id.as_str(), it.reference.as_deref(), it.enabled)).collect();
    assert_eq!(rows, [("s/m", None, false), ("o/r/dev%2Fmain", Some("dev/main"), true), ("e", None, true)]);
    assert_eq!(walk.found[1].url.as_deref(), Some("https://ci.example/job/o/job/r/job/dev%252Fmain/"));
    assert_eq!((walk.ask(), walk.cursor()), (None, None));
}

#[test]
fn one_item_is_a_job_or_no_pipeline() {
    let entry = |value| serde_json::from_value::<Entry>(value).unwrap();
    let found = one(&client(), "a/b", &entry(json!({ "_class": "x.FreeStyleProject", "color": "blue" }))).unwrap();
    assert_eq!((found.id.as_str(), found.name.as_str(), found.enabled), ("a/b", "a/b", true));
    assert!(one(&client(), "a", &entry(json!({ "_class": "x.Folder", "jobs": [] }))).is_err());
}

#[test]
fn a_cursor_of_somebody_else_is_refused() {
    assert!(Walk::begin(Some("17"), 10).is_err());
}
