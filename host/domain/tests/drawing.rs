//! Runs drawn for people and for other programs; names are hostile.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    id::{PipelineId, ProviderId, RunId},
    name::Name,
    run::{
        Edges, Graph, Job, Run, Step,
        graph::{dot, mermaid, tree},
    },
    status::{State, Status, Times},
};

const NOW: Timestamp = Timestamp(200_000);

fn run(jobs: Vec<Job>, edges: Edges) -> Run {
    Run {
        id: RunId(uuid::Uuid::nil()),
        pipeline: PipelineId(uuid::Uuid::nil()),
        pipeline_name: Name::new("backend-build").unwrap(),
        provider: ProviderId(uuid::Uuid::nil()),
        origin: "us".into(),
        retry_of: None,
        seen: None,
        external_id: None,
        ticket: None,
        number: Some("42".into()),
        attempt: 2,
        correlation: "c".into(),
        status: Status::ours(State::Running),
        cancel_requested: false,
        times: times(Some(1_000), Some(4_000), None),
        reference: None,
        commit: None,
        actor: None,
        url: None,
        parameters: BTreeMap::new(),
        environment: BTreeMap::new(),
        graph: Some(Graph { jobs, edges, complete: true }),
        version: 1,
    }
}

fn times(created: Option<i64>, started: Option<i64>, finished: Option<i64>) -> Times {
    Times {
        created: created.map(Timestamp),
        started: started.map(Timestamp),
        finished: finished.map(Timestamp),
        updated: None,
    }
}

fn job(id: &str, name: &str, status: Status, times: Times, needs: &[&str]) -> Job {
    Job {
        id: id.into(),
        name: name.into(),
        stage: None,
        status,
        times,
        needs: needs.iter().map(|id| (*id).into()).collect(),
        parent: None,
        runner: None,
        url: None,
        steps: Vec::new(),
    }
}

fn usual(edges: Edges) -> Run {
    let mut compile =
        job("1", "compile", Status::ours(State::Succeeded), times(Some(4_000), Some(7_000), Some(69_000)), &[]);
    compile.stage = Some("build".into());
    compile.steps = vec![
        Step {
            number: 1,
            name: "checkout".into(),
            status: Status::ours(State::Succeeded),
            times: times(None, Some(7_000), Some(7_850)),
        },
        Step { number: 2, name: "make".into(), status: Status::ours(State::Succeeded), times: times(None, None, None) },
    ];
    let test = job("2", "test", Status::ours(State::Running), times(None, Some(69_000), None), &["1"]);
    let mut linux = job(
        "2a",
        "test (linux)",
        Status::ours(State::Failed).because("timeout"),
        times(None, Some(70_000), Some(7_270_000)),
        &[],
    );
    linux.parent = Some("2".into());
    let mut mac = job("2b", "test (mac)", Status::ours(State::Pending), times(Some(140_000), None, None), &[]);
    mac.parent = Some("2".into());
    let deploy = job(
        "3",
        "deploy",
        Status::ours(State::Waiting).because("gate"),
        times(None, None, None),
        &["1", "2", "1", "gone", "3"],
    );
    run(vec![compile, test, linux, mac, deploy], edges)
}

const HOSTILE: [&str; 9] = [
    "quote \" and 'other'",
    "two\nlines\r\nand\ttab",
    "j0 --> j1",
    "<script>alert(1)</script><br/>",
    "\"]; j9[\"x",
    "end %%{init: {}}%% `md` #35; style:#x; \\",
    "\u{1b}[31mred\u{1b}[0m \u{202e}desrever",
    "&quot;\\\" label=<b>",
    "ein sehr langer Name, der nicht in eine Zeile passt und deshalb abgeschnitten wird, wo auch immer er gezeigt wird",
];

fn hostile() -> Run {
    let jobs = HOSTILE.iter().map(|name| {
        job(name, name, Status::ours(State::Failed).because(*name), times(None, None, None), &[HOSTILE[2]])
    });
    run(jobs.collect(), Edges::Exact)
}

#[test]
fn the_tree_shows_states_times_and_needs() {
    insta::assert_snapshot!(tree(&usual(Edges::Exact), NOW), @r##"
    backend-build #42 (attempt 2)  running           3m 16s, queued 3s
    ├─ compile [build]             succeeded         1m 02s, queued 3s
    │  ├─ 1 checkout               succeeded         850ms
    │  └─ 2 make                   succeeded
    ├─ test                        running           2m 11s; after compile
    │  ├─ test (linux)             failed (timeout)  2h 00m
    │  └─ test (mac)               pending           queued 1m 00s
    └─ deploy                      waiting (gate)    after compile, test, gone
    "##);
}

#[test]
fn the_tree_says_where_needs_are_only_derived_and_where_nothing_is_known() {
    assert!(tree(&usual(Edges::Approximate), NOW).contains("after about compile"));
    let unknown = Run { graph: None, attempt: 1, number: None, ..usual(Edges::None) };
    insta::assert_snapshot!(tree(&unknown, NOW), @r##"
    backend-build                    running  3m 16s, queued 3s
    └─ nothing is known of its jobs
    "##);
}

#[test]
fn a_hostile_name_stays_on_its_line_of_the_tree() {
    let drawn = tree(&hostile(), NOW);
    insta::assert_snapshot!(drawn, @r##"
    backend-build #42 (attempt 2)                        running                            3m 16s, queued 3s
    ├─ quote " and 'other'                               failed (quote " and 'other')       after j0 --> j1
    ├─ two lines and tab                                 failed (two lines and tab)         after j0 --> j1
    ├─ j0 --> j1                                         failed (j0 --> j1)
    ├─ <script>alert(1)</script><br/>                    failed (<script>alert(1)</scrip…)  after j0 --> j1
    ├─ "]; j9["x                                         failed ("]; j9["x)                 after j0 --> j1
    ├─ end %%{init: {}}%% `md` #35; style:#x; \          failed (end %%{init: {}}%% `md…)   after j0 --> j1
    ├─ [31mred [0m desrever                              failed ([31mred [0m desrever)      after j0 --> j1
    ├─ &quot;\" label=<b>                                failed (&quot;\" label=<b>)        after j0 --> j1
    └─ ein sehr langer Name, der nicht in eine Zeile p…  failed (ein sehr langer Name, d…)  after j0 --> j1
    "##);
    assert_eq!(drawn.lines().count(), 1 + HOSTILE.len());
    assert!(!drawn.chars().any(|character| character != '\n' && character.is_control()));
    assert!(!drawn.contains('\u{202e}'));
}

#[test]
fn the_flowchart_is_mermaid() {
    insta::assert_snapshot!(mermaid(&usual(Edges::Exact), NOW), @r##"
    flowchart LR
      j0["compile<br/>succeeded, 1m 02s, queued 3s"]
      j1["test<br/>running, 2m 11s"]
      j2["test (linux)<br/>failed (timeout), 2h 00m"]
      j3["test (mac)<br/>pending, queued 1m 00s"]
      j4["deploy<br/>waiting (gate)"]
      j0 --> j1
      j0 --> j4
      j1 --> j4
      j1 --o j2
      j1 --o j3
      classDef pending fill:white
      class j3 pending
      classDef running fill:lightblue
      class j1 running
      classDef waiting fill:khaki
      class j4 waiting
      classDef succeeded fill:palegreen
      class j0 succeeded
      classDef failed fill:lightpink
      class j2 failed
    "##);
    let approximate = mermaid(&usual(Edges::Approximate), NOW);
    assert!(approximate.contains("j0 -.-> j1") && !approximate.contains("-->"), "{approximate}");
}

#[test]
fn a_hostile_name_is_no_mermaid() {
    let drawn = mermaid(&hostile(), NOW);
    insta::assert_snapshot!(drawn, @r##"
    flowchart LR
      j0["quote #34; and #39;other#39;<br/>failed (quote #34; and #39;other#39;)"]
      j1["two lines and tab<br/>failed (two lines and tab)"]
      j2["j0 --#62; j1<br/>failed (j0 --#62; j1)"]
      j3["#60;script#62;alert(1)#60;/script#62;#60;br/#62;<br/>failed (#60;script#62;alert(1)#60;/scrip…)"]
      j4["#34;#93;#59; j9#91;#34;x<br/>failed (#34;#93;#59; j9#91;#34;x)"]
      j5["end #37;#37;#123;init#58; #123;#125;#125;#37;#37; #96;md#96; #35;35#59; style#58;#35;x#59; #92;<br/>failed (end #37;#37;#123;init#58; #123;#125;#125;#37;#37; #96;md…)"]
      j6["#91;31mred #91;0m desrever<br/>failed (#91;31mred #91;0m desrever)"]
      j7["#38;quot#59;#92;#34; label#61;#60;b#62;<br/>failed (#38;quot#59;#92;#34; label#61;#60;b#62;)"]
      j8["ein sehr langer Name, der nicht in eine Zeile passt und deshalb abgeschnitten w…<br/>failed (ein sehr langer Name, d…)"]
      j2 --> j0
      j2 --> j1
      j2 --> j3
      j2 --> j4
      j2 --> j5
      j2 --> j6
      j2 --> j7
      j2 --> j8
      classDef failed fill:lightpink
      class j0,j1,j2,j3,j4,j5,j6,j7,j8 failed
    "##);
    for (nth, line) in drawn.lines().skip(1).take(HOSTILE.len()).enumerate() {
        let label =
            line.strip_prefix(&format!("  j{nth}[\"")).unwrap().strip_suffix("\"]").unwrap().replace("<br/>", "");
        let plain = |c: char| c.is_alphanumeric() || " -_.,/()+…#;".contains(c);
        assert!(label.chars().all(plain), "{label}");
        // Each # begins a number that ends with the next ;.
        assert!(label.split('#').skip(1).all(|rest| rest.split(';').next().unwrap().parse::<u32>().is_ok()), "{label}");
    }
}

#[test]
fn the_digraph_is_dot() {
    insta::assert_snapshot!(dot(&usual(Edges::Approximate), NOW), @r##"
    digraph run {
      rankdir=LR;
      node [shape=box, style=filled];
      j0 [label="compile\nsucceeded, 1m 02s, queued 3s", fillcolor=palegreen];
      j1 [label="test\nrunning, 2m 11s", fillcolor=lightblue];
      j2 [label="test (linux)\nfailed (timeout), 2h 00m", fillcolor=lightpink];
      j3 [label="test (mac)\npending, queued 1m 00s", fillcolor=white];
      j4 [label="deploy\nwaiting (gate)", fillcolor=khaki];
      j0 -> j1 [style=dashed];
      j0 -> j4 [style=dashed];
      j1 -> j4 [style=dashed];
      j1 -> j2 [style=dotted, arrowhead=none];
      j1 -> j3 [style=dotted, arrowhead=none];
    }
    "##);
    assert!(!dot(&usual(Edges::Exact), NOW).contains("dashed"));
}

#[test]
fn a_hostile_name_is_no_dot() {
    let drawn = dot(&hostile(), NOW);
    insta::assert_snapshot!(drawn, @r##"
    digraph run {
      rankdir=LR;
      node [shape=box, style=filled];
      j0 [label="quote \" and 'other'\nfailed (quote \" and 'other')", fillcolor=lightpink];
      j1 [label="two lines and tab\nfailed (two lines and tab)", fillcolor=lightpink];
      j2 [label="j0 --> j1\nfailed (j0 --> j1)", fillcolor=lightpink];
      j3 [label="<script>alert(1)</script><br/>\nfailed (<script>alert(1)</scrip…)", fillcolor=lightpink];
      j4 [label="\"]; j9[\"x\nfailed (\"]; j9[\"x)", fillcolor=lightpink];
      j5 [label="end %%{init: {}}%% `md` #35; style:#x; \\\nfailed (end %%{init: {}}%% `md…)", fillcolor=lightpink];
      j6 [label="[31mred [0m desrever\nfailed ([31mred [0m desrever)", fillcolor=lightpink];
      j7 [label="&amp;quot;\\\" label=<b>\nfailed (&amp;quot;\\\" label=<b>)", fillcolor=lightpink];
      j8 [label="ein sehr langer Name, der nicht in eine Zeile passt und deshalb abgeschnitten w…\nfailed (ein sehr langer Name, d…)", fillcolor=lightpink];
      j2 -> j0;
      j2 -> j1;
      j2 -> j3;
      j2 -> j4;
      j2 -> j5;
      j2 -> j6;
      j2 -> j7;
      j2 -> j8;
    }
    "##);
    for line in drawn.lines().filter(|line| line.contains("label=")) {
        let inner = line.split_once("label=\"").unwrap().1;
        // What ends the label is the first quote without a backslash of its own.
        let mut escaped = false;
        let end = inner.char_indices().find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        assert_eq!(&inner[end.unwrap().0..], "\", fillcolor=lightpink];");
    }
}

#[test]
fn parts_in_a_circle_or_very_deep_are_all_drawn_once() {
    let plain = |id: &str| job(id, id, Status::ours(State::Running), times(None, None, None), &[]);
    for (what, parents) in [
        ("itself", vec![Some(0)]),
        ("two", vec![Some(1), Some(0)]),
        ("three and a tail", vec![Some(1), Some(2), Some(0), Some(1), None]),
        ("a deep chain", (0..5_000_usize).map(|nth| nth.checked_sub(1)).collect()),
        ("a deep chain from its end", (0..5_000).map(|nth| (nth < 4_999).then_some(nth + 1)).collect()),
    ] {
        let jobs = parents.iter().enumerate().map(|(nth, parent)| Job {
            parent: parent.map(|parent| format!("<{parent}>")),
            ..plain(&format!("<{nth}>"))
        });
        let run = run(jobs.collect(), Edges::None);
        let drawn = tree(&run, NOW);
        assert_eq!(drawn.lines().count(), parents.len() + 1, "{what}");
        for nth in [0, parents.len() / 2, parents.len() - 1] {
            assert_eq!(drawn.matches(&format!("<{nth}>")).count(), 1, "{what}: {nth}");
        }
        assert!(drawn.lines().all(|line| line.chars().count() < 120), "{what}");
        assert_eq!(drawn, tree(&run, NOW), "{what}");
    }
}
