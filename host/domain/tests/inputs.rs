//! What people fill in: parameters, URLs, references, variables.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Coded,
    field::{
        check_environment, check_http_url, check_reference, check_repository, check_variable_name, check_webhook_url,
    },
    parameter::{DECLARATION_LIMIT, Input, Parameter, ParameterKind, check, validate_declarations},
};

fn parameter(name: &str, kind: ParameterKind) -> Parameter {
    let choices = if kind == ParameterKind::Choice { vec!["dev".into(), "staging".into()] } else { Vec::new() };
    Parameter { name: name.into(), kind, description: None, default: None, choices, required: false }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, Input> {
    pairs.iter().map(|(name, value)| ((*name).into(), Input::One((*value).into()))).collect()
}

#[test]
fn each_kind_takes_what_it_should_and_nothing_else() {
    use ParameterKind::{Bool, Choice, Environment, File, Number, Secret, String, Text};
    let large = "x".repeat(64 * 1024 + 1);
    for (kind, good, bad) in [
        (String, &["", "a b", "é\t"][..], &["a\nb", "a\rb", "\0", &large][..]),
        (Text, &["", "a\nb\r\n"], &["a\0b", &large]),
        (Bool, &["true", "false"], &["True", "1", "yes", "", " true"]),
        (Number, &["0", "-1", "12.50", "007"], &["", "-", "1.", ".5", "1e3", "0x10", "NaN", "+1", "1,5", "١", "1 "]),
        (Choice, &["dev", "staging"], &["Dev", "", "dev ", "production"]),
        (File, &["app.tar.gz", "a b"], &["", ".", "..", "a/b", "..\\b", "a\nb"]),
        (Environment, &["production", "eu-1"], &["", "a b", "-x"]),
        (Secret, &["registry-token"], &["", "a b", "s3cr3t value!"]),
    ] {
        let declared = [parameter("p", kind)];
        for value in good {
            assert_eq!(check(&declared, &given(&[("p", value)])).unwrap()["p"], *value, "{kind:?} {value:?}");
        }
        for value in bad {
            let errors = check(&declared, &given(&[("p", value)])).unwrap_err();
            assert_eq!((errors.len(), errors[0].code()), (1, "parameter.ill-typed"), "{kind:?} {value:?}");
            let shown = format!("{} {:?}", errors[0], errors[0].hint());
            assert!(shown.len() < 500, "{shown}");
            assert!(kind != Secret || value.is_empty() || !shown.contains(value), "{shown}");
        }
        assert_eq!(ParameterKind::parse(kind.as_str()), Some(kind));
    }
}

#[test]
fn a_list_is_given_by_its_values_and_is_always_kept_as_an_array() {
    let one = |text: &str| Input::One(text.into());
    let many = |values: &[&str]| Input::Many(values.iter().map(|value| (*value).into()).collect());
    let open = parameter("p", ParameterKind::List);
    let closed = Parameter { choices: vec!["a".into(), "b".into()], ..open.clone() };
    let string = parameter("p", ParameterKind::String);
    let rows = [
        (&open, one("a"), Ok(r#"["a"]"#)),
        (&open, one(""), Ok("[]")),
        (&open, one(r#"["a","b c"]"#), Ok(r#"["a","b c"]"#)),
        (&open, one("[1]"), Ok(r#"["[1]"]"#)),
        (&open, many(&["b", "", "a,b"]), Ok(r#"["b","","a,b"]"#)),
        (&open, many(&[]), Ok("[]")),
        (&open, many(&["a\nb"]), Err("values of one line each")),
        (&closed, many(&["b", "a"]), Ok(r#"["b","a"]"#)),
        (&closed, many(&["b", "c"]), Err(r#"any of "a", "b""#)),
        (&closed, one("c"), Err(r#"any of "a", "b""#)),
        (&string, many(&["a", "b"]), Err("one line")),
        (&string, one(r#"["a"]"#), Ok(r#"["a"]"#)),
    ];
    for (parameter, input, expected) in rows {
        let checked = check(std::slice::from_ref(parameter), &BTreeMap::from([("p".into(), input.clone())]));
        match expected {
            Ok(text) => assert_eq!(checked.unwrap()["p"], text, "{input:?}"),
            Err(allowed) => assert!(checked.unwrap_err()[0].hint().unwrap().contains(allowed), "{input:?}"),
        }
    }
    let with = |default: &str| Parameter { default: Some(default.into()), ..open.clone() };
    assert!(validate_declarations(&[with(r#"["a"]"#)]).is_ok());
    assert!(validate_declarations(&[with("a")]).is_err(), "a declaration is in the form that is kept");
}

#[test]
fn every_error_names_the_parameter_the_value_and_what_is_allowed() {
    let mut required = parameter("TARGET", ParameterKind::Choice);
    required.required = true;
    let declared = [required, parameter("JOBS", ParameterKind::Number)];
    let shown = |pairs: &[(&str, &str)]| -> Vec<String> {
        let errors = check(&declared, &given(pairs)).unwrap_err();
        errors.iter().map(|error| format!("{}: {error} ({})", error.code(), error.hint().unwrap())).collect()
    };
    assert_eq!(
        shown(&[("JOBS", "many"), ("JOB", "3")]),
        [
            r#"parameter.missing: parameter "TARGET" is required and was not given (give one of "dev", "staging")"#,
            r#"parameter.ill-typed: parameter "JOBS" can't be "many": it must be a decimal number, e.g. 3, -1 or 0.5 (give a decimal number, e.g. 3, -1 or 0.5)"#,
            r#"parameter.unknown: parameter "JOB" is not declared by the pipeline (it declares TARGET, JOBS)"#,
        ]
    );
    let errors = check(&[], &given(&[("x", "y")])).unwrap_err();
    assert_eq!(errors[0].hint().unwrap(), "the pipeline takes no parameters");
}

#[test]
fn defaults_fill_in_and_what_is_optional_may_be_absent() {
    let with_default =
        Parameter { default: Some("2".into()), required: true, ..parameter("JOBS", ParameterKind::Number) };
    let declared = [with_default, parameter("NOTE", ParameterKind::Text)];
    assert_eq!(check(&declared, &given(&[])).unwrap(), map(&[("JOBS", "2")]));
    assert_eq!(check(&declared, &given(&[("JOBS", "3"), ("NOTE", "")])).unwrap(), map(&[("JOBS", "3"), ("NOTE", "")]));
}

#[test]
fn declarations_that_make_no_sense_are_refused() {
    let ok = || parameter("p", ParameterKind::String);
    let choice = |choices: &[&str]| Parameter {
        choices: choices.iter().map(|choice| (*choice).into()).collect(),
        ..parameter("p", ParameterKind::Choice)
    };
    let many: Vec<Parameter> =
        (0..=DECLARATION_LIMIT).map(|nth| parameter(&format!("p{nth}"), ParameterKind::String)).collect();
    for (what, declared, errors) in [
        ("nothing", vec![], 0),
        ("one of each", ParameterKind::ALL.iter().map(|kind| parameter(kind.as_str(), *kind)).collect(), 0),
        ("as many as there may be", many[..DECLARATION_LIMIT].to_vec(), 0),
        ("too many", many, 1),
        ("two of one name", vec![ok(), ok()], 1),
        ("no name", vec![parameter("", ParameterKind::String)], 1),
        ("a name that begins with a digit", vec![parameter("1st", ParameterKind::String)], 1),
        ("a name with a space", vec![parameter("a b", ParameterKind::String)], 1),
        ("a long name", vec![parameter(&"n".repeat(129), ParameterKind::String)], 1),
        ("a choice of nothing", vec![choice(&[])], 1),
        ("a choice of the same", vec![choice(&["a", "a"])], 1),
        ("a choice of two lines", vec![choice(&["a\nb"])], 1),
        ("choices of a number", vec![Parameter { kind: ParameterKind::Number, ..choice(&["1"]) }], 1),
        ("a default that is none of its choices", vec![Parameter { default: Some("c".into()), ..choice(&["a"]) }], 1),
        ("a default without choices", vec![Parameter { default: Some("c".into()), ..choice(&[]) }], 1),
        (
            "a default of another kind",
            vec![Parameter { default: Some("x".into()), ..parameter("p", ParameterKind::Bool) }],
            1,
        ),
    ] {
        let found = validate_declarations(&declared).err().unwrap_or_default();
        assert_eq!(found.len(), errors, "{what}: {found:?}");
    }
}

#[test]
fn repositories() {
    for good in [
        "https://git.example/team/app.git",
        "http://10.0.0.7:3000/app",
        "ssh://git@git.example:2222/app.git",
        "git://git.example/app",
        "file:///srv/git/app.git",
        "git@git.example:team/app.git",
    ] {
        assert_eq!(check_repository(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "app",
        "/srv/git/app.git",
        "-oProxyCommand=x",
        "--upload-pack=x",
        "ext::sh -c x",
        "ext::sh",
        "git@ext::sh",
        "a@-host:path",
        "-a@host:path",
        "a@host:-path",
        "git@host:",
        "ssh://-oProxyCommand=x/app",
        "ssh://-l@host/app",
        "https://",
        "ftp://git.example/app",
        "javascript://x/%0aalert(1)",
        "file://host/app",
        "https://git.example/a b",
        "https://git.example/a\nb",
        "https://user:hunter2@git.example/app",
        "https://hunter2@git.example/app",
        "ssh://git:hunter2@git.example/app",
        "https://user:hunt/er2@git.example/app?token=hunter2",
    ] {
        let error = check_repository(bad).expect_err(bad);
        assert_eq!((error.code(), error.field.as_str()), ("field.invalid", "repository"), "{bad}");
        assert!(!format!("{error}").contains("hunter2") && !format!("{error:?}").contains("er2"), "{error}");
        assert!(error.hint().unwrap().starts_with("allowed: https://"));
    }
}

#[test]
fn references() {
    for good in ["main", "v1.2.0", "feature/x", "refs/heads/a-b", "0123abcd", "über", "a@b", "release+1"] {
        assert_eq!(check_reference(good), Ok(()), "{good}");
    }
    let long = "x".repeat(256);
    for bad in [
        "", "-x", "--force", "a..b", "a b", "a\nb", "a~1", "a^", "a:b", "a?b", "a*", "a[b", "a\\b", "@", "a@{1}", "/a",
        "a/", "a//b", ".a", "a/.b", "a.", "a.lock", "a.lock/b", "a\u{7f}", &long,
    ] {
        assert_eq!(check_reference(bad).expect_err(bad).field, "reference");
    }
}

#[test]
fn variables() {
    for good in ["PATH", "_x", "a1", "CI_JOB_2"] {
        assert_eq!(check_variable_name(good), Ok(()), "{good}");
    }
    for bad in ["", "1A", "A-B", "A B", "A=B", "ä", "A\0", &"A".repeat(129)] {
        assert!(check_variable_name(bad).is_err(), "{bad}");
    }
    assert_eq!(check_environment(&map(&[("A", "any\nvalue"), ("B", "")])), Ok(()));
    let large = "hunter2".repeat(10_000);
    let errors = check_environment(&map(&[("A", &large), ("B", "hunter2\0"), ("C D", "x")])).unwrap_err();
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["environment.A", "environment.B", "environment"]);
    assert!(!format!("{errors:?}").contains("hunter2"));
    let many = (0..501).map(|nth| (format!("V{nth}"), String::new())).collect();
    assert_eq!(check_environment(&many).unwrap_err().len(), 1);
}

#[test]
fn webhook_urls() {
    for good in ["https://hooks.example/ci?x=1", "http://127.0.0.1:8080/", "http://[::1]/x", "https://hooks.example"] {
        assert_eq!(check_webhook_url(good), Ok(()), "{good}");
    }
    let long = format!("https://hooks.example/{}", "x".repeat(2048));
    for bad in [
        "",
        "hooks.example",
        "/path",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https://",
        "https://user:hunter2@hooks.example/",
        "https://hunter2@hooks.example/",
        "https://hooks.example/#x",
        "https://hooks.example/ x",
        "https://hooks.example/\nx",
        &long,
    ] {
        let error = check_http_url("callback", bad).expect_err(bad);
        assert_eq!(error.field, "callback");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        assert!(error.value.chars().count() <= 120);
    }
}
