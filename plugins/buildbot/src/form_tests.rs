#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::types::ErrorKind;
use serde_json::json;

use super::*;

/// As `GET /builders/7/forceschedulers` answered, without what is about a form's looks. A `regex` is always null there.
fn typed() -> ForceScheduler {
    let field = |name: &str, full: &str, kind: &str, default: Json| {
        json!({
            "name": name, "fullName": full, "type": kind, "label": name, "default": default, "required": false,
            "multiple": false, "hide": false, "regex": null, "tooltip": "",
        })
    };
    let group =
        |name: Json, fields: Vec<Json>| json!({ "name": "", "fullName": name, "type": "nested", "fields": fields });
    let mut choice = field("ch", "ch", "list", json!("a"));
    choice["choices"] = json!(["a", "b"]);
    choice["strict"] = json!(true);
    let mut worker = field("workername", "workername", "list", json!(""));
    worker["choices"] = json!([]);
    worker["strict"] = json!(false);
    let mut many = field("many", "many", "list", json!(["a", "b"]));
    many["multiple"] = json!(true);
    let mut fixed = field("fx", "fx", "fixed", json!("z"));
    fixed["hide"] = json!(true);
    let mut hidden = field("hid", "hid", "text", json!("h"));
    hidden["hide"] = json!(true);
    let mut required = field("req", "req", "text", json!(""));
    (required["label"], required["tooltip"], required["required"]) =
        (json!("Required one"), json!("must be"), json!(true));
    let who = ["username", "reason", "priority"].map(|name| field(name, name, "text", json!(""))).into();
    let stamp = ["branch", "revision"].map(|name| field(name, name, "text", json!(""))).into();
    let scheduler = json!({ "name": "typed", "enabled": true, "all_fields": [
        group(json!(null), who), group(json!(null), stamp),
        field("lines", "lines", "int", json!(10)), field("flag", "flag", "bool", json!(true)), choice,
        field("txt", "txt", "textarea", json!("l1\nl2")),
        group(json!("n"), vec![field("in", "n_in", "text", json!("x")), field("f", "n_f", "file", json!(""))]),
        fixed, hidden, worker, required, many, field("odd", "odd", "colour", json!("red")),
    ]});
    serde_json::from_value(scheduler).unwrap()
}

#[test]
fn fields_are_typed_parameters_and_groups_are_flat() {
    let shown = |parameter: Parameter| {
        let default = parameter.default.unwrap_or_default();
        format!("{} {} {default:?} {:?} {}", parameter.name, parameter.kind, parameter.choices, parameter.required)
    };
    let shown: Vec<_> = typed().parameters().into_iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            r#"branch string "" [] false"#,
            r#"revision string "" [] false"#,
            r#"lines number "10" [] false"#,
            r#"flag bool "true" [] false"#,
            r#"ch choice "a" ["a", "b"] false"#,
            r#"txt text "l1\nl2" [] false"#,
            r#"n_in string "x" [] false"#,
            r#"n_f text "" [] false"#,
            r#"workername string "" [] false"#,
            r#"req string "" [] true"#,
            r#"many list "[\"a\",\"b\"]" [] false"#,
            r#"odd colour "red" [] false"#,
        ]
    );
    let description = |name: &str| typed().parameters().into_iter().find(|each| each.name == name).unwrap().description;
    assert_eq!((description("req").as_deref(), description("lines")), (Some("must be"), None));
}

fn value(name: &str, value: &str) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value: Value::Text(value.into()) }
}

fn wanted(parameters: Vec<ParameterValue>, environment: Vec<ParameterValue>) -> TriggerRequest {
    TriggerRequest {
        pipeline: "grp/x".into(),
        reference: None,
        parameters,
        environment,
        correlation: "nc-7".into(),
        callback: None,
        more: vec![],
    }
}

#[test]
fn a_form_is_filled_in_as_buildbot_wants_it() {
    // What has to be in the environment counts, also where a parameter's default came for the same field.
    let parameters =
        [("lines", "7"), ("flag", "false"), ("n_in", "é"), ("many", r#"["b","a"]"#), ("hid", "1"), ("txt", "x")];
    let parameters = parameters.map(|(name, text)| value(name, text)).into();
    let request = wanted(parameters, vec![value("txt", "A=1")]);
    let request = TriggerRequest { reference: Some("feature/x".into()), ..request };
    assert_eq!(
        typed().filled("grp/x", &request).unwrap(),
        json!({
            "builderNames": ["grp/x"], "reason": "novacron nc-7", "branch": "feature/x", "lines": "7", "flag": false,
            "n_in": "é", "many": ["b", "a"], "hid": "1", "txt": "A=1",
        })
    );
    assert_eq!(correlation("novacron nc-7"), Some("nc-7"));
    assert_eq!(correlation("A build was forced by 'op': novacron nc-7 again"), Some("nc-7"));
    assert_eq!((correlation("because"), correlation("novacron ")), (None, None));
}

#[test]
fn what_the_form_can_not_take_is_refused_before_anything_is_sent() {
    let secret = ParameterValue { value: Value::Secret("ref".into()), ..value("lines", "") };
    let unsupported = |feature: &str| ErrorKind::Unsupported(feature.into());
    let mut silent = typed();
    silent.all_fields[0].fields[1].kind = "fixed".into();
    let mut two = typed();
    two.all_fields.push(two.all_fields[1].clone());
    let mut none = typed();
    none.all_fields.remove(1);
    let branch = || TriggerRequest { reference: Some("main".into()), ..wanted(vec![], vec![]) };
    let rows = [
        (typed(), wanted(vec![secret], vec![]), unsupported("secret-parameters")),
        (typed(), wanted(vec![], vec![value("PATH", "x")]), unsupported("runs.environment")),
        (silent, wanted(vec![], vec![]), unsupported("runs.trigger")),
        (none, branch(), unsupported("runs.reference")),
    ];
    for (scheduler, request, kind) in rows {
        assert_eq!(scheduler.filled("b", &request).unwrap_err().kind, kind);
    }
    let fields =
        [("nope", "1"), ("fx", "1"), ("reason", "mine"), ("builderNames", "x"), ("flag", "yes"), ("many", "a\nb")];
    for (name, text) in fields {
        let refused = typed().filled("b", &wanted(vec![value(name, text)], vec![])).unwrap_err();
        assert!(matches!(&refused.kind, ErrorKind::InvalidInput(input) if input.field == name), "{name}");
    }
    assert!(matches!(two.filled("b", &branch()).unwrap_err().kind, ErrorKind::InvalidInput(_)));
}

#[test]
fn the_scheduler_is_the_preferred_or_the_only_one() {
    let scheduler = |name: &str, enabled| ForceScheduler { name: name.into(), enabled, all_fields: vec![] };
    let all = || vec![scheduler("a", true), scheduler("b", true), scheduler("off", false)];
    let rows: [(Vec<ForceScheduler>, &[&str], Option<&str>); 6] = [
        (all(), &["b"], Some("b")),
        (all(), &["x", "b", "a"], Some("b")),
        (all(), &["off"], None),
        (all(), &[], None),
        (vec![scheduler("a", true), scheduler("off", false)], &["x"], Some("a")),
        (vec![scheduler("off", false)], &[], None),
    ];
    for (schedulers, preferred, chosen) in rows {
        let preferred: Vec<String> = preferred.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(
            choose(schedulers, &preferred).ok().map(|scheduler| scheduler.name).as_deref(),
            chosen,
            "{preferred:?}"
        );
    }
}
