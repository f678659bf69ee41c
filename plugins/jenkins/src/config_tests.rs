#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use novacron_cicd_sdk::types::ErrorKind;

use super::*;

fn definition() -> Definition {
    Definition {
        name: "app".into(),
        repository: None,
        reference: None,
        location: None,
        source: None,
        parameters: vec![],
        environment: vec![],
        schedules: vec![],
        webhook_url: None,
        more: vec![],
    }
}

fn jenkinsfile(text: &str) -> Definition {
    Definition { source: Some(text.into()), ..definition() }
}

fn parameter(name: &str, kind: &str, default: &str, choices: &[&str]) -> Parameter {
    Parameter {
        name: name.into(),
        kind: kind.into(),
        description: None,
        default: Some(default.into()),
        choices: choices.iter().map(|choice| (*choice).into()).collect(),
        required: false,
        more: vec![],
    }
}

/// As Jenkins wrote it, with what other plugins added.
const THERE: &str = "<?xml version='1.1' encoding='UTF-8'?>
<flow-definition plugin=\"workflow-job@1400\">
  <actions><org.example.Odd plugin=\"odd@1\"><x>&#x1b;</x></org.example.Odd></actions>
  <properties>
    <hudson.model.ParametersDefinitionProperty>
      <parameterDefinitions>
        <hudson.model.StringParameterDefinition>
          <name>VERSION</name><defaultValue>1.0</defaultValue><trim>true</trim><odd/>
        </hudson.model.StringParameterDefinition>
        <org.example.MoonParameterDefinition><name>MOON</name></org.example.MoonParameterDefinition>
      </parameterDefinitions>
    </hudson.model.ParametersDefinitionProperty>
  </properties>
  <definition class=\"org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition\" plugin=\"workflow-cps@1\">
    <script>node { sh &apos;make&apos; }</script>
    <sandbox>false</sandbox>
  </definition>
  <disabled>false</disabled>
</flow-definition>
";

#[test]
fn a_change_of_the_script_changes_nothing_else() {
    let changed = change(THERE, &jenkinsfile("pipeline { a && b < c }"), &Settings::default()).unwrap();
    assert_eq!(changed, THERE.replace("node { sh &apos;make&apos; }", "pipeline { a &amp;&amp; b &lt; c }"));
    assert_eq!(change(THERE, &definition(), &Settings::default()).unwrap(), THERE);
    let read = read(THERE, "team/app").unwrap();
    assert_eq!((read.name.as_str(), read.location.as_deref()), ("app", Some("team")));
    assert_eq!(read.source.as_deref(), Some(b"node { sh 'make' }".as_slice()));
}

#[test]
fn a_script_may_move_to_a_repository_and_back() {
    let at = |reference: Option<&str>| Definition {
        repository: Some("https://git.example/app.git?a&b".into()),
        reference: reference.map(str::to_owned),
        ..definition()
    };
    let moved = change(THERE, &at(Some("dev/main")), &Settings::default()).unwrap();
    let found = read(&moved, "app").unwrap();
    assert_eq!(
        (found.repository.as_deref(), found.reference.as_deref()),
        (Some("https://git.example/app.git?a&b"), Some("dev/main"))
    );
    assert_eq!(found.source, None);
    // A credential that somebody added there stays.
    let kept = moved.replace("</url>", "</url><credentialsId>git</credentialsId>");
    let again = change(
        &kept,
        &Definition { repository: Some("https://git.example/b".into()), ..definition() },
        &Settings::default(),
    )
    .unwrap();
    assert!(
        again.contains("<url>https://git.example/b</url><credentialsId>git</credentialsId>")
            && again.contains("*/main")
    );
    let back = change(&again, &jenkinsfile("node {}"), &Settings::default()).unwrap();
    assert_eq!(read(&back, "app").unwrap().source.as_deref(), Some(b"node {}".as_slice()));
    assert!(back.contains("<org.example.Odd plugin=\"odd@1\"><x>&#x1b;</x></org.example.Odd>"));
}

#[test]
fn parameters_are_written_with_our_token_and_keep_what_else_they_have() {
    let wanted = vec![
        parameter("VERSION", "string", "2", &[]),
        parameter("TARGET", "choice", "", &["a&b", "c"]),
        parameter("KEY", "secret", "x", &[]),
    ];
    let changed = change(THERE, &Definition { parameters: wanted, ..definition() }, &Settings::default()).unwrap();
    let names: Vec<_> = xml::children(
        &changed,
        xml::find(&changed, &["*", "properties", PROPERTY, "parameterDefinitions"]).unwrap().as_ref(),
    )
    .unwrap()
    .into_iter()
    .map(|it| it.name.trim_start_matches("hudson.model.").to_owned())
    .collect();
    let kinds = ["String", "Choice", "Password", "String"].map(|kind| format!("{kind}ParameterDefinition"));
    assert_eq!(names, kinds);
    assert!(changed.contains("<defaultValue>2</defaultValue><trim>true</trim><odd/>"), "{changed}");
    assert!(changed.contains("<string>a&amp;b</string><string>c</string>"));
    assert!(changed.contains("<name>NOVACRON_CORRELATION</name>"));
    assert!(!changed.contains("MOON"), "the list is all that there is to be");
}

#[test]
fn a_new_job_has_all_that_was_asked_for_and_our_token() {
    let wanted = Definition { schedules: vec!["H 2 * * *".into(), "H 4 * * *".into()], ..jenkinsfile("node {}") };
    let config = write(&wanted, &Settings::default()).unwrap();
    let found = read(&config, "app").unwrap();
    assert_eq!((found.source.as_deref(), found.schedules), (Some(b"node {}".as_slice()), wanted.schedules.clone()));
    assert!(config.contains("<name>NOVACRON_CORRELATION</name>") && config.contains("<sandbox>true</sandbox>"));
    let later = Definition { schedules: vec!["@daily".into()], ..definition() };
    let changed = change(&config, &later, &Settings::default()).unwrap();
    assert_eq!(read(&changed, "app").unwrap().schedules, ["@daily"]);
}

#[test]
fn a_whole_config_is_taken_as_it_is_and_a_blanked_one_never() {
    let freestyle = "<?xml version='1.1'?>\n<project><builders/></project>";
    assert_eq!(change(THERE, &jenkinsfile(freestyle), &Settings::default()).unwrap(), freestyle);
    assert_eq!(write(&jenkinsfile(freestyle), &Settings::default()).unwrap(), freestyle);
    assert_eq!(read(freestyle, "f").unwrap().source.as_deref(), Some(freestyle.as_bytes()));
    let rows = [
        (jenkinsfile("<project><a><secret-redacted/></a></project>"), "blanked"),
        (jenkinsfile("<project>"), "not XML"),
        (jenkinsfile("echo '\u{1b}'"), "control characters"),
    ];
    for (wanted, part) in rows {
        let error = change(THERE, &wanted, &Settings::default()).unwrap_err();
        assert!(error.message.contains(part), "{} does not say {part}", error.message);
    }
    assert!(matches!(write(&definition(), &Settings::default()).unwrap_err().kind, ErrorKind::InvalidInput(_)));
}

#[test]
fn a_variable_of_the_environment_is_a_parameter_with_a_default_and_takes_no_other_away() {
    let variable = |name: &str| vec![novacron_cicd_sdk::attribute(name, "b & c")];
    let changed =
        change(THERE, &Definition { environment: variable("A"), ..definition() }, &Settings::default()).unwrap();
    assert!(changed.contains("<name>A</name>") && changed.contains("<defaultValue>b &amp; c</defaultValue>"));
    assert!(
        changed.contains("<name>MOON</name>")
            && changed.contains("<defaultValue>1.0</defaultValue><trim>true</trim><odd/>")
    );
    let both =
        Definition { environment: variable("V"), parameters: vec![parameter("V", "text", "d", &[])], ..definition() };
    let changed = change(THERE, &both, &Settings::default()).unwrap();
    assert_eq!(changed.matches("<name>V</name>").count(), 1);
    assert!(changed.contains("TextParameterDefinition") && !changed.contains("MOON"));
}

#[test]
fn a_revision_changes_with_a_byte() {
    assert_eq!(revision(THERE), revision(THERE));
    assert_ne!(revision(THERE), revision(&THERE.replace("false", "true")));
}
