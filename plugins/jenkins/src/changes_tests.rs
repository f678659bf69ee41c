#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;

fn build(number: u64, began: u64, took: Option<u64>) -> Build {
    let ended = took.is_some();
    let value: Value =
        json!({ "number": number, "timestamp": began, "duration": took.unwrap_or(0), "building": !ended });
    serde_json::from_value(value).unwrap()
}

#[test]
fn the_folder_that_all_jobs_are_in_is_the_one_that_is_asked() {
    let rows: [(&[&str], &str, usize); 7] = [
        (&["app", "web"], "", 1),
        (&["team/app", "team/web"], "team", 1),
        (&["team/app", "team/sub/web"], "team", 2),
        (&["team/app", "teams/web"], "", 2),
        (&["a/b/c", "a/b/d", "a/e/f/g"], "a", 3),
        (&["a/b/c", "d"], "", 3),
        (&["repo/dev%2Fmain", "repo/main"], "repo", 1),
    ];
    for (names, expected, levels) in rows {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(shared(&names), expected, "{names:?}");
        let deepest = names.iter().map(|name| below(expected, name).split('/').count()).max().unwrap();
        assert_eq!(deepest, levels, "{names:?}");
    }
    assert_eq!(tree(2).matches("jobs[").count(), 2);
}

#[test]
fn a_job_is_found_at_its_place_whatever_is_beside_it() {
    let held = json!({ "jobs": [
        { "name": "app", "builds": [{ "number": 1 }] },
        { "name": "team", "jobs": [{ "name": "app", "builds": [{ "number": 2 }] }, { "name": "team" }] },
    ] });
    let held: Held = serde_json::from_value(held).unwrap();
    let numbers = |name: &str| held.builds(name).iter().map(|build| build.number).collect::<Vec<_>>();
    let rows: [(&str, &[u64]); 5] =
        [("app", &[1]), ("team/app", &[2]), ("team/team", &[]), ("gone", &[]), ("app/deeper", &[])];
    for (name, expected) in rows {
        assert_eq!(numbers(name), expected, "{name}");
    }
}

#[test]
fn at_first_only_what_goes_on_is_news_and_then_what_ended_since() {
    let mut position = Position::read(None).unwrap();
    let builds = [build(2, 2_000, None), build(1, 1_000, Some(500))];
    assert_eq!(builds.each_ref().map(|it| position.is_news("app", it)), [true, false]);
    position.note("app", &builds);
    position.round_is_over();
    let mut position = Position::read(Some(&position.write().unwrap())).unwrap();
    // What was over at the first look is history for ever; what went on is told once more, however early it ended.
    let later = [build(3, 20_000, Some(5_000)), build(2, 2_000, Some(1)), build(1, 1_000, Some(500))];
    assert_eq!(later.each_ref().map(|it| position.is_news("app", it)), [true, true, false]);
    assert!(!position.is_news("other", &build(2, 1_000, Some(900))), "of another job it would be history");
    position.open.clear();
    position.note("app", &later);
    position.round_is_over();
    let much_later = [build(4, 90_000, Some(1)), build(5, 1_000, Some(1_000))];
    assert_eq!(much_later.each_ref().map(|it| position.is_news("app", it)), [true, false]);
}

#[test]
fn what_ended_in_a_job_while_the_others_were_asked_is_news_of_the_next_round() {
    let mut position = Position { since: Some(1_000), latest: 1_000, ..Position::default() };
    position.note("first", &[build(1, 1_000, Some(1_000))]);
    position.from = JOBS;
    position.note("last", &[build(9, 1_000, Some(500_000))]);
    position.round_is_over();
    assert!(position.is_news("first", &build(2, 3_000, Some(2_000))));
}

#[test]
fn a_position_stays_short_whatever_goes_on() {
    let mut position = Position::default();
    let builds: Vec<Build> = (0..100).map(|number| build(number, 1, None)).collect();
    position.note(&"n".repeat(200), &builds);
    let text = position.write().unwrap();
    assert!(text.len() <= POSITION);
    // The newest are kept.
    assert_eq!(Position::read(Some(&text)).unwrap().open.last().unwrap().1, 99);
    assert!(Position::read(Some("17")).is_err());
}
