//! The convention of a deploy job: a parameterised job that is told by its parameters what goes where.
//!
//! Pure. Jenkins knows no deployments. A build of such a job is one: what it deployed is read from its parameters, so that going back
//! is the same job with the parameters of an earlier build. `docs/jenkins-provider.md` says how a job is declared.

use novacron_cicd_sdk::{
    Result, attribute,
    deployments::DeployRequest,
    lookup,
    types::{Deployment, Error, ParameterValue, Run, RunRef, State, Status, Value},
};
use serde_json::Value as Json;

use crate::{parameters::Parameters, settings::Settings};

/// The parameters of a deploy job.
pub(crate) const ENVIRONMENT: &str = "NOVACRON_ENVIRONMENT";
pub(crate) const TARGET: &str = "NOVACRON_TARGET";
pub(crate) const VERSION: &str = "NOVACRON_ARTIFACT_VERSION";
const SHA256: &str = "NOVACRON_ARTIFACT_SHA256";
const ROLLBACK_OF: &str = "NOVACRON_ROLLBACK_OF";
const CREDENTIAL: &str = "NOVACRON_CREDENTIAL_";

/// The job that deploys to a target.
/// `invalid-input` where neither the target nor the settings name one.
pub(crate) fn job(settings: &Settings, configuration: &str) -> Result<String> {
    let configuration: Json = match configuration {
        "" => Json::Null,
        text => serde_json::from_str(text)
            .map_err(|error| Error::invalid_input("target.configuration", format!("it is no JSON: {error}")))?,
    };
    let named = configuration.get("job").and_then(Json::as_str).map(str::to_owned);
    named.or_else(|| settings.deploy_job.clone()).ok_or_else(|| {
        Error::invalid_input("target.configuration.job", "no job is named that deploys")
            .hint("name one there, or in the provider's setting `deploy-job`")
    })
}

/// Whether a job can be told what to deploy, and be found again by it.
/// `unsupported` where a parameter is missing, which is named.
pub(crate) fn check(settings: &Settings, job: &str, declared: &Parameters) -> Result<()> {
    let missing: Vec<&str> = [ENVIRONMENT, TARGET, VERSION].into_iter().filter(|name| !declared.has(name)).collect();
    let token = settings.correlation_parameter.as_str();
    let missing: Vec<&str> =
        missing.into_iter().chain((!declared.carry_correlation(settings)).then_some(token)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::unsupported("deployments.start")
        .message(format!("{job} is no deploy job: it declares no string parameter {}", missing.join(", ")))
        .hint("declare them in the job; those of a Declarative pipeline are there after its first run"))
}

fn text(name: &str, value: impl Into<String>) -> ParameterValue {
    ParameterValue { name: name.into(), kind: "string".into(), value: Value::Text(value.into()) }
}

/// What a build is given: of the convention what the job declares, and whatever the deployment has parameters for.
/// `invalid-input` where the target has a credential that the job has no parameter for.
pub(crate) fn parameters(request: &DeployRequest, declared: &Parameters) -> Result<Vec<ParameterValue>> {
    let artifact = &request.artifact;
    let mut given = vec![
        text(ENVIRONMENT, &request.environment),
        text(TARGET, &request.target.name),
        text("NOVACRON_TARGET_HOSTS", request.target.hosts.join(",")),
        text("NOVACRON_TARGET_CONFIGURATION", &request.target.configuration),
        text("NOVACRON_ARTIFACT_NAME", &artifact.name),
        text(VERSION, &artifact.version),
    ];
    given.extend(artifact.sha256.as_ref().map(|sha256| text(SHA256, sha256)));
    given.extend(artifact.url.as_ref().map(|url| text("NOVACRON_ARTIFACT_URL", url)));
    given.extend(request.rollback_of.as_ref().map(|older| text(ROLLBACK_OF, older)));
    given.retain(|given| declared.has(&given.name));
    for credential in &request.target.credentials {
        let sign = |sign: char| if sign.is_ascii_alphanumeric() { sign.to_ascii_uppercase() } else { '_' };
        let name = format!("{CREDENTIAL}{}", credential.name.chars().map(sign).collect::<String>());
        if !declared.has(&name) {
            let reason = format!("the deploy job declares no parameter {name} for it");
            return Err(Error::invalid_input(format!("target.credentials.{}", credential.name), reason)
                .hint("a text is the id of one of Jenkins' own credentials; a secret wants a password parameter"));
        }
        given.push(ParameterValue { name, ..credential.clone() });
    }
    given.extend(request.parameters.iter().cloned());
    Ok(given)
}

/// What an earlier build was given, to be given again; `to` is that deployment.
pub(crate) fn again(given: &mut Vec<ParameterValue>, declared: &Parameters, to: &str) {
    given.retain(|given| given.name != ROLLBACK_OF);
    given.extend(declared.has(ROLLBACK_OF).then(|| text(ROLLBACK_OF, to)));
}

/// What a deployment's id names: a build of a job, or its place in the queue. `team/deploy#17`, `team/deploy#queue-143`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Build(RunRef),
    /// The job, and the number of the queue item.
    Queued(String, String),
}

const QUEUE: &str = "queue-";

impl Id {
    pub(crate) fn read(field: &str, text: &str) -> Result<Self> {
        let wrong = || Error::invalid_input(field, "it is not one of this plugin's");
        let (job, number) = text.rsplit_once('#').ok_or_else(wrong)?;
        Ok(match number.strip_prefix(QUEUE) {
            Some(place) => Self::Queued(job.to_owned(), place.to_owned()),
            None => Self::Build(RunRef { pipeline: job.to_owned(), run: number.to_owned(), attempt: None }),
        })
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Build(run) => write!(formatter, "{}#{}", run.pipeline, run.run),
            Self::Queued(job, place) => write!(formatter, "{job}#{QUEUE}{place}"),
        }
    }
}

/// The deployment that a build of a deploy job is; none: it was not told what to deploy.
pub(crate) fn shown(run: Run) -> Option<Deployment> {
    let given = |name: &str| lookup(&run.parameters, name).map(str::to_owned).filter(|text| !text.is_empty());
    let environment = given(ENVIRONMENT)?;
    let named = [("novacron.target", given(TARGET)), ("novacron.correlation", run.correlation.clone())];
    let named = named.into_iter().chain([("x-sha256", given(SHA256)), ("x-rollback-of", given(ROLLBACK_OF))]);
    Some(Deployment {
        id: Id::Build(run.identity.clone()).to_string(),
        environment,
        version: given(VERSION),
        more: named.filter_map(|(key, value)| Some(attribute(key, value?))).collect(),
        status: run.status,
        times: run.times,
        run: Some(run.identity),
        url: run.url,
    })
}

/// One that waits in the queue; `ended`: that left it without a build.
pub(crate) fn queued(job: &str, place: &str, ended: Option<Status>) -> Deployment {
    Deployment {
        id: Id::Queued(job.to_owned(), place.to_owned()).to_string(),
        environment: String::new(),
        status: ended.unwrap_or_else(|| Status::of(State::Pending, "queued").reason("queued")),
        times: novacron_cicd_sdk::types::Times::default(),
        run: None,
        version: None,
        url: None,
        more: vec![],
    }
}

#[cfg(test)]
#[path = "deploy_tests.rs"]
mod tests;
