//! What a job's `config.xml` says, and how it is written and changed.
//!
//! Pure. A definition's source is a Jenkinsfile, or a whole `config.xml` where it begins with `<`. Whatever a definition
//! does not name stays as it is. Must be absent: a secret's value. What Jenkins blanked is never posted back: that would
//! destroy it.

use novacron_cicd_sdk::{
    Result,
    pipeline_definitions::Definition,
    types::{Error, Parameter},
};

use crate::{
    settings::Settings,
    xml::{self, Element, element},
};

const PROPERTY: &str = "hudson.model.ParametersDefinitionProperty";
const TRIGGERS: &str = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty";
const TIMER: &str = "hudson.triggers.TimerTrigger";

pub(crate) const FOLDER: &str = "<com.cloudbees.hudson.plugins.folder.Folder/>";

/// A pipeline to begin with (workflow-job, `WorkflowJob`).
const EMPTY: &str = "<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition><keepDependencies>false</keepDependencies>\
    <properties/><triggers/><disabled>false</disabled></flow-definition>";

/// What tells one state of a definition from another. Not for anybody who means harm: FNV-1a, 64 bits.
pub(crate) fn revision(config: &str) -> String {
    let hash = config
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// The definition that a `config.xml` is. One that is not a pipeline's is given as it stands.
/// `upstream` where it is not XML.
pub(crate) fn read(config: &str, full_name: &str) -> Result<Definition> {
    let (location, name) =
        full_name.rsplit_once('/').map_or((None, full_name), |(folder, name)| (Some(folder.to_owned()), name));
    let text = |place: &[&str]| Ok::<_, Error>(xml::find(config, place)?.map(|element| element.text(config)));
    let definition = xml::find(config, &["flow-definition", "definition"])?;
    let is = |class: &str| definition.as_ref().is_some_and(|it| it.is_class(config, class));
    let mut found = Definition {
        name: name.to_owned(),
        repository: None,
        reference: None,
        location,
        source: None,
        parameters: vec![],
        environment: vec![],
        schedules: timers(config)?,
        webhook_url: None,
        more: vec![],
    };
    if is("CpsFlowDefinition") {
        found.source = text(&["*", "definition", "script"])?.map(String::into_bytes);
    } else if is("CpsScmFlowDefinition") {
        found.repository = text(&[&REMOTE[..], &["url"]].concat())?;
        let branch = text(&[&BRANCH[..], &["name"]].concat())?;
        found.reference = branch.map(|name| name.trim_start_matches("*/").trim_start_matches("refs/heads/").to_owned());
    } else {
        found.source = Some(config.as_bytes().to_vec());
    }
    Ok(found)
}

fn timers(config: &str) -> Result<Vec<String>> {
    let places: [&[&str]; 2] =
        [&["*", "properties", TRIGGERS, "triggers", TIMER, "spec"], &["*", "triggers", TIMER, "spec"]];
    let mut specs = Vec::new();
    for place in places {
        let spec = xml::find(config, place)?.map(|element| element.text(config)).unwrap_or_default();
        let lines = spec.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        specs.extend(lines.map(str::to_owned));
    }
    Ok(specs)
}

const REMOTE: [&str; 5] = ["*", "definition", "scm", "userRemoteConfigs", "hudson.plugins.git.UserRemoteConfig"];
const BRANCH: [&str; 5] = ["*", "definition", "scm", "branches", "hudson.plugins.git.BranchSpec"];

/// The `config.xml` of a new job.
pub(crate) fn write(wanted: &Definition, settings: &Settings) -> Result<String> {
    if wanted.source.is_none() && wanted.repository.is_none() {
        return Err(Error::invalid_input("source", "neither a Jenkinsfile nor a repository that has one is named")
            .hint("give a source, or a repository"));
    }
    let made = change(EMPTY, wanted, settings)?;
    // Without other parameters as well: that of our token is there from the first run on.
    if is_config(wanted) { Ok(made) } else { with_parameters(&made, wanted, settings) }
}

fn is_config(wanted: &Definition) -> bool {
    wanted.source.as_deref().is_some_and(|source| source.trim_ascii_start().starts_with(b"<"))
}

/// A `config.xml` with what the definition names in place of what was there.
/// `invalid-input` where a value can't stand in it; `upstream` where the `config.xml` is not XML.
pub(crate) fn change(config: &str, wanted: &Definition, settings: &Settings) -> Result<String> {
    let source = wanted.source.as_deref().map(std::str::from_utf8).transpose();
    let source = source.map_err(|_| Error::invalid_input("source", "it is not UTF-8"))?;
    if source.is_some_and(|text| text.chars().any(|sign| sign.is_control() && !"\t\n\r".contains(sign))) {
        return Err(Error::invalid_input("source", "it holds control characters, which XML has no place for"));
    }
    let mut config = match source {
        Some(text) if is_config(wanted) => {
            if text.contains("<secret-redacted/>") {
                return Err(Error::invalid_input("source", "Jenkins blanked secrets in it, and would lose them")
                    .hint("read it with an account that may configure the job"));
            }
            xml::find(text, &["*"])?;
            text.to_owned()
        }
        Some(script) => with_script(config, script)?,
        None => match &wanted.repository {
            Some(repository) => with_repository(config, repository, wanted.reference.as_deref().unwrap_or("main"))?,
            None => config.to_owned(),
        },
    };
    if !wanted.parameters.is_empty() || !wanted.environment.is_empty() {
        config = with_parameters(&config, wanted, settings)?;
    }
    if !wanted.schedules.is_empty() {
        let spec = element("spec", &wanted.schedules.join("\n"));
        let timer = format!("<{TRIGGERS}><triggers><{TIMER}>{spec}</{TIMER}></triggers></{TRIGGERS}>");
        config = match xml::find(&config, &["*", "properties", TRIGGERS, "triggers"])? {
            Some(_) => xml::put(
                &config,
                &["*", "properties", TRIGGERS, "triggers", TIMER],
                &format!("<{TIMER}>{spec}</{TIMER}>"),
            )?,
            None => xml::put(&config, &["*", "properties", TRIGGERS], &timer)?,
        };
    }
    Ok(config)
}

fn definition_is(config: &str, class: &str) -> Result<bool> {
    Ok(xml::find(config, &["flow-definition", "definition"])?.is_some_and(|it| it.is_class(config, class)))
}

fn with_script(config: &str, script: &str) -> Result<String> {
    let script = element("script", script);
    if definition_is(config, "CpsFlowDefinition")? {
        return xml::put(config, &["*", "definition", "script"], &script);
    }
    let class = "org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition";
    xml::put(
        config,
        &["flow-definition", "definition"],
        &format!("<definition class=\"{class}\">{script}<sandbox>true</sandbox></definition>"),
    )
}

fn with_repository(config: &str, repository: &str, reference: &str) -> Result<String> {
    let (url, name) = (element("url", repository), element("name", &format!("*/{reference}")));
    if definition_is(config, "CpsScmFlowDefinition")? && xml::find(config, &REMOTE)?.is_some() {
        let config = xml::put(config, &[&REMOTE[..], &["url"]].concat(), &url)?;
        return xml::put(&config, &[&BRANCH[..], &["name"]].concat(), &name);
    }
    let class = "org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition";
    let (remote, branch) = (REMOTE[4], BRANCH[4]);
    let scm = format!(
        "<scm class=\"hudson.plugins.git.GitSCM\"><configVersion>2</configVersion><userRemoteConfigs><{remote}>{url}</{remote}>\
         </userRemoteConfigs><branches><{branch}>{name}</{branch}></branches></scm>"
    );
    let definition = format!(
        "<definition class=\"{class}\">{scm}<scriptPath>Jenkinsfile</scriptPath><lightweight>true</lightweight></definition>"
    );
    xml::put(config, &["flow-definition", "definition"], &definition)
}

/// The parameters of a definition, its environment and that of our token. A build finds parameters in its environment, so
/// what is to be there is one with a default. What is there under its name and kind keeps what else it has; a list that
/// names none takes none away.
fn with_parameters(config: &str, wanted: &Definition, settings: &Settings) -> Result<String> {
    let list = xml::find(config, &["*", "properties", PROPERTY, "parameterDefinitions"])?;
    let there = list.as_ref().map_or_else(|| Ok(vec![]), |list| xml::children(config, Some(list)))?;
    let text = |name: &str, default: Option<&str>, description: &str| Parameter {
        name: name.to_owned(),
        kind: "string".into(),
        description: Some(description.to_owned()),
        default: default.map(str::to_owned),
        choices: vec![],
        required: false,
        more: vec![],
    };
    let mut all = wanted.parameters.clone();
    all.extend(
        wanted.environment.iter().map(|it| text(&it.key, Some(&it.value), "A variable of the build's environment")),
    );
    all.push(text(&settings.correlation_parameter, None, "Filled by NovaCron, to find the run again"));
    let mut written = String::new();
    let mut names: Vec<&str> = Vec::new();
    if wanted.parameters.is_empty() {
        for old in &there {
            let kept = &config[old.whole.clone()];
            let name = xml::find(kept, &["*", "name"])?.map(|name| name.text(kept)).unwrap_or_default();
            if all.iter().all(|parameter| parameter.name != name) {
                written.push_str(kept);
            }
        }
    }
    for parameter in &all {
        if !names.contains(&parameter.name.as_str()) {
            names.push(&parameter.name);
            written.push_str(&one(config, parameter, &there)?);
        }
    }
    let definitions = format!("<parameterDefinitions>{written}</parameterDefinitions>");
    match list {
        Some(_) => xml::put(config, &["*", "properties", PROPERTY, "parameterDefinitions"], &definitions),
        None => xml::put(config, &["*", "properties", PROPERTY], &format!("<{PROPERTY}>{definitions}</{PROPERTY}>")),
    }
}

fn one(config: &str, parameter: &Parameter, there: &[Element]) -> Result<String> {
    let kind = match parameter.kind.as_str() {
        "bool" => "Boolean",
        "text" => "Text",
        "choice" => "Choice",
        "secret" => "Password",
        "file" => "File",
        _ => "String",
    };
    let class = format!("hudson.model.{kind}ParameterDefinition");
    let description = element("description", parameter.description.as_deref().unwrap_or_default());
    let default = element("defaultValue", parameter.default.as_deref().unwrap_or_default());
    let choices = parameter.choices.iter().map(|choice| element("string", choice)).collect::<String>();
    let value = match kind {
        "Choice" => {
            format!("<choices class=\"java.util.Arrays$ArrayList\"><a class=\"string-array\">{choices}</a></choices>")
        }
        // A default of a password is a secret, which no definition holds.
        "Password" | "File" => String::new(),
        _ => default,
    };
    for old in there.iter().filter(|old| old.name == class) {
        let mut kept = config[old.whole.clone()].to_owned();
        if xml::find(&kept, &["*", "name"])?.is_none_or(|name| name.text(&kept) != parameter.name) {
            continue;
        }
        kept = xml::put(&kept, &["*", "description"], &description)?;
        let place = if kind == "Choice" { "choices" } else { "defaultValue" };
        return if value.is_empty() { Ok(kept) } else { xml::put(&kept, &["*", place], &value) };
    }
    let trim = if kind == "String" { "<trim>false</trim>" } else { "" };
    Ok(format!("<{class}>{}{description}{value}{trim}</{class}>", element("name", &parameter.name)))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
