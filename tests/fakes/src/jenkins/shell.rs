//! The `sh` steps of a pipeline, done by this machine's shell. A build's parameters stand in its environment, as Jenkins puts
//! them there (`hudson/model/ParametersAction.java`, `buildEnvironment`).

use std::process::Command;

use super::world::{Build, between};

/// What the steps of a job of this `config.xml` write in a build: `node { sh 'make' }`, one after the other.
pub(super) fn run(config: &str, build: &Build) -> Vec<u8> {
    let script = between(config, "script").unwrap_or_default();
    let script = [("&apos;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
        .iter()
        .fold(script, |script, (escaped, sign)| script.replace(escaped, sign));
    let given = build.actions.iter().filter_map(|action| action["parameters"].as_array()).flatten();
    let variables = given.filter_map(|given| Some((given["name"].as_str()?, given["value"].as_str()?)));
    let variables: Vec<(&str, &str)> = variables.collect();
    let mut log = b"Started by user\n".to_vec();
    for step in script.split("sh '").skip(1) {
        let step = step.split('\'').next().unwrap_or_default();
        log.extend(format!("+ {step}\n").into_bytes());
        let done = Command::new("sh").arg("-c").arg(step).env_clear().envs(variables.iter().copied()).output().unwrap();
        log.extend([done.stdout, done.stderr].concat());
    }
    log
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_step_finds_the_parameters_in_its_environment_and_nothing_else() {
        let config = "<definition><script>node { sh &apos;echo stage is $STAGE in $HOME&apos; }</script></definition>";
        let actions: Vec<Value> = vec![json!({}), json!({ "parameters": [{ "name": "STAGE", "value": "prod" }] })];
        let log = run(config, &Build { actions, ..Build::default() });
        assert_eq!(
            String::from_utf8_lossy(&log),
            "Started by user\n+ echo stage is $STAGE in $HOME\nstage is prod in\n"
        );
    }
}
