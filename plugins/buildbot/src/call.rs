//! The edge: what is sent with the account's session, and what is read in more than one request.

use std::collections::BTreeMap;

use novacron_cicd_sdk::types::{Error, Run};
use novacron_cicd_sdk::{Result, context, http, http::Request, http::Response};
use serde_json::Value;

use crate::rows::{self, Build, BuildRequest, Builder, Buildset, Step};
use crate::{answer, message};

fn signed(request: Request) -> Request {
    if context::has_credential(message::SESSION) { request.credential(message::SESSION) } else { request }
}

/// A session that has ended makes nobody of us: reads are answered all the same, with what anybody may see, and nobody
/// lacks every role.
fn known(answer: Response) -> Result<Response> {
    if context::has_credential(message::SESSION) && answer::is_for_nobody(&answer) {
        return Err(Error::unauthorized("the session is not taken any more, and a new login did not help")
            .hint("check the user name and the secret of slot session"));
    }
    Ok(answer)
}

fn accepted(answer: Response) -> Result<Response> {
    if answer.is_success() { Ok(answer) } else { Err(answer::refused(&answer)) }
}

/// Reads.
pub(crate) fn send(request: Request) -> Result<Response> {
    accepted(known(signed(request).send()?)?)
}

/// Controls. What was done is done, whoever we were.
pub(crate) fn control(request: Request) -> Result<Response> {
    let answer = signed(request).send()?;
    if answer.is_success() { Ok(answer) } else { accepted(known(answer)?) }
}

/// Sends reads side by side; the first that fails is the error of all.
pub(crate) fn send_all(requests: impl IntoIterator<Item = Request>) -> Result<Vec<Response>> {
    http::send_all(requests.into_iter().map(signed)).into_iter().map(|answer| accepted(known(answer?)?)).collect()
}

/// What Buildbot's own pages know of itself and of us.
pub(crate) fn config() -> Result<Value> {
    send(Request::get("/config"))?.json()
}

pub(crate) fn builder(name: &str) -> Result<Builder> {
    rows::one(&send(message::read(&["builders", name]))?, "builders")
}

pub(crate) fn builders() -> Result<BTreeMap<u64, Builder>> {
    let all: Vec<Builder> = rows::list(&send(message::read(&["builders"]))?)?;
    Ok(all.into_iter().map(|builder| (builder.builderid, builder)).collect())
}

/// A request with its builds, the first one first. One after the other: of a request that had ended the builds have too.
pub(crate) fn request(id: &str) -> Result<(BuildRequest, Vec<Build>)> {
    let request = rows::one(&send(message::read(&["buildrequests", id]).query("property", "*"))?, "buildrequests")?;
    let builds = message::read(&["buildrequests", id, "builds"]).query("property", "*").query("order", "buildid");
    Ok((request, rows::list(&send(builds)?)?))
}

pub(crate) fn steps(builds: &[Build]) -> Result<Vec<Vec<Step>>> {
    let steps =
        |build: &Build| message::read(&["builds", &build.buildid.to_string(), "steps"]).query("order", "number");
    send_all(builds.iter().map(steps))?.iter().map(rows::list).collect()
}

/// What became of requests, in their order and without graphs: two reads for each hundred of them.
pub(crate) fn runs(requests: &[BuildRequest], builders: &BTreeMap<u64, Builder>, base: &str) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for part in requests.chunks(message::BATCH) {
        let ids: Vec<u64> = part.iter().map(|request| request.buildrequestid).collect();
        let sets: Vec<u64> = part.iter().map(|request| request.buildsetid).collect();
        let builds = message::read_many("builds", "buildrequestid", &ids).query("order", "buildid");
        let builds = ["got_revision", "owners"].iter().fold(builds, |read, name| read.query("property", name));
        let answers = send_all([message::read_many("buildsets", "bsid", &sets), builds])?;
        let sets: Vec<Buildset> = rows::list(&answers[0])?;
        let builds: Vec<Build> = rows::list(&answers[1])?;
        for request in part {
            let Some(builder) = builders.get(&request.builderid) else { continue };
            let set = sets.iter().find(|set| set.bsid == request.buildsetid).cloned().unwrap_or_default();
            let own = |build: &&Build| build.buildrequestid == request.buildrequestid;
            let builds: Vec<Build> = builds.iter().filter(own).cloned().collect();
            runs.push(answer::run(&builder.name, request, &set, &builds, base));
        }
    }
    Ok(runs)
}
