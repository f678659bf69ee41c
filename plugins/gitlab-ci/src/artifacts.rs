//! What jobs kept, and generic packages: what belongs to no run.
//!
//! A job's artifacts are one zip (`doc/api/job_artifacts.md`); GitLab takes none from outside, so what is put there is a package
//! (`doc/user/packages/generic_packages`). Of those GitLab tells the digest, of job artifacts it does not.

use novacron_cicd_sdk::{
    ArtifactRetention, ArtifactUploads, Artifacts, Result,
    artifact_uploads::{UploadAnswer, UploadPlan, UploadRequest, Uploaded},
    artifacts::{Artifact, ArtifactPage, DownloadPlan},
    attribute,
    http::{encode, send_all},
    time::Time,
    types::{Digest, Error, Operation, PageRequest, Redirects, RunRef},
};
use serde::{Deserialize, Serialize};

use crate::{
    GitLab,
    client::{self, Client, PAGE},
    projects,
    rows::{Id, Job},
};

/// Packages of a page: each costs a request for its files.
const PACKAGES: u32 = 30;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    id: u64,
    name: String,
    version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PackageFile {
    id: u64,
    package_id: u64,
    file_name: String,
    size: Option<u64>,
    file_sha256: Option<String>,
    created_at: Time,
}

/// A file of a package, by what GitLab calls each: the id of an artifact that belongs to no run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    name: String,
    version: String,
    file: String,
    package: u64,
    number: u64,
}

impl Place {
    fn id(&self) -> String {
        let Self { name, version, file, package, number } = self;
        format!("{}/{}/{}#{package}.{number}", encode(name), encode(version), encode(file))
    }

    fn read(id: &str) -> Result<Self> {
        let wrong = || Error::invalid_input("artifact", format!("{id:?} is no file of a package"));
        let decode = |part: &str| {
            let form = format!("\"{}\"", part.replace('%', "\\u00"));
            // Names of packages and files are ASCII by GitLab's own rules.
            serde_json::from_str::<String>(&form).map_err(|_| wrong())
        };
        let (place, numbers) = id.split_once('#').ok_or_else(wrong)?;
        let (package, number) = numbers.split_once('.').ok_or_else(wrong)?;
        let [name, version, file] = place.split('/').collect::<Vec<_>>()[..] else { return Err(wrong()) };
        let parse = |text: &str| text.parse().map_err(|_| wrong());
        Ok(Self {
            name: decode(name)?,
            version: decode(version)?,
            file: decode(file)?,
            package: parse(package)?,
            number: parse(number)?,
        })
    }
}

/// The archive that a job kept.
fn of_job(job: Job) -> Option<Artifact> {
    let file = job.artifacts_file.as_ref()?;
    let id = job.id.to_string();
    Some(Artifact {
        size: file.size,
        created: job.finished_at.0,
        expires: job.artifacts_expire_at.0,
        job: Some(id.clone()),
        media_type: Some("application/zip".into()),
        more: vec![attribute("x-gitlab-file", file.filename.as_deref().unwrap_or("artifacts.zip"))],
        ..Artifact::new(id, job.name, "archive")
    })
}

fn digest(hex: &str) -> Digest {
    Digest { algorithm: "sha256".into(), hex: hex.to_owned() }
}

fn of_package(package: &Package, file: PackageFile) -> Result<Artifact> {
    let version = package.version.clone().unwrap_or_default();
    let place = Place {
        name: package.name.clone(),
        version: version.clone(),
        file: file.file_name.clone(),
        package: package.id,
        number: file.id,
    };
    let id = place.id();
    if !Id::fits(&id) {
        return Err(Error::upstream("GitLab answered what is not understood: file_name is too long", 200, id));
    }
    Ok(Artifact {
        size: file.size,
        digests: file.file_sha256.as_deref().map(digest).into_iter().collect(),
        created: file.created_at.0,
        more: vec![attribute("novacron.version", version), attribute("x-gitlab-package", &package.name)],
        ..Artifact::new(id, file.file_name, "package")
    })
}

impl Artifacts for GitLab {
    fn list_artifacts(run: Option<RunRef>, page: PageRequest) -> Result<ArtifactPage> {
        let client = Client::here()?;
        let Some(run) = run else { return packages(&client, &page) };
        let below = Client::of_run(&run, &["jobs"])?;
        let (jobs, next) = client.rows::<Job>(client.get(&below), &page, PAGE)?;
        Ok(ArtifactPage { items: jobs.into_iter().filter_map(of_job).collect(), next })
    }

    fn plan_download(run: Option<RunRef>, artifact: String, path: Option<String>) -> Result<DownloadPlan> {
        let client = Client::here()?;
        let (request, encoding) = match run {
            Some(run) => {
                client::numbered("artifact", &artifact)?;
                let mut place = vec!["projects", run.pipeline.as_str(), "jobs", &artifact, "artifacts"];
                place.extend(path.as_deref().into_iter().flat_map(|path| path.split('/')));
                (client.get(&place), if path.is_some() { "raw" } else { "zip" })
            }
            None if path.is_some() => {
                return Err(Error::unsupported("artifacts.paths").message("a file of a package has no files in it"));
            }
            None => {
                let place = Place::read(&artifact)?;
                (client.get(&generic(client.settings.project()?, &place.name, &place.version, &place.file)), "raw")
            }
        };
        let plan = DownloadPlan::raw(request.redirects(Redirects::Follow).build()?);
        Ok(DownloadPlan { encoding: encoding.into(), ..plan })
    }
}

fn generic<'a>(project: &'a str, name: &'a str, version: &'a str, file: &'a str) -> [&'a str; 7] {
    ["projects", project, "packages", "generic", name, version, file]
}

fn packages(client: &Client, page: &PageRequest) -> Result<ArtifactPage> {
    let project = client.settings.project()?;
    let first = client.get(&["projects", project, "packages"]).query("package_type", "generic");
    let first = first.query("order_by", "created_at").query("sort", "asc");
    let (packages, next) = client.rows::<Package>(first, page, PACKAGES)?;
    let asked = packages.iter().map(|package| {
        let place = ["projects", project, "packages", &package.id.to_string(), "package_files"];
        client.get(&place).query("per_page", PAGE)
    });
    let mut items = Vec::new();
    for (package, answer) in packages.iter().zip(send_all(asked)) {
        let answer = answer?;
        // A package that was deleted since has no files.
        if answer.status() != 404 {
            let files: Vec<PackageFile> = client::taken(answer)?.json()?;
            for file in files {
                items.push(of_package(package, file)?);
            }
        }
    }
    Ok(ArtifactPage { items, next })
}

#[derive(Debug, Deserialize, Serialize)]
struct Upload {
    name: String,
    version: String,
    file: String,
    sha256: String,
}

/// What GitLab takes for a package's name (`Gitlab::Regex.generic_package_name_regex`).
fn package_name(name: &str) -> String {
    let plain = |at: char| if at.is_ascii_alphanumeric() || "._-".contains(at) { at } else { '-' };
    name.chars().map(plain).collect::<String>().trim_matches(['-', '.']).to_owned()
}

impl ArtifactUploads for GitLab {
    /// The same bytes put twice are one file more of which the newest counts: no harm is done by doing it again.
    fn plan_upload(_operation: Operation, request: UploadRequest) -> Result<UploadPlan> {
        let client = Client::here()?;
        let file = package_name(request.name.rsplit('/').next().unwrap_or(&request.name));
        let name = package_name(&request.name);
        if name.is_empty() || file.is_empty() {
            return Err(Error::invalid_input("name", "a package's name has letters, digits, points and dashes"));
        }
        // Of content alone, where nobody named a version.
        let version = request.version.unwrap_or_else(|| format!("0.0.0-{}", request.sha256.get(..12).unwrap_or("0")));
        let project = projects::set(&client)?;
        let put = client.put(&generic(&project, &name, &version, &file)).query("select", "package_file");
        let state = serde_json::to_string(&Upload { name, version, file, sha256: request.sha256 });
        let state = state.map_err(|error| Error::internal(error.to_string()))?;
        Ok(UploadPlan { request: put.build()?, state, more: vec![] })
    }

    fn finish_upload(_operation: Operation, state: String, answer: UploadAnswer) -> Result<Uploaded> {
        let upload: Upload = serde_json::from_slice(state.as_bytes()).map_err(|_| client::foreign("state"))?;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status {
            200..300 => {}
            400 | 403 if said.contains("uplicate") || said.contains("already") => {
                return Err(Error::conflict(said)
                    .hint("the project refuses packages that are there already: take another version"));
            }
            403 => return Err(Error::forbidden(said, None)),
            413 => return Err(Error::invalid_input("size", "the file is larger than GitLab takes")),
            500.. => return Err(Error::outcome_unknown(said)),
            status => return Err(Error::upstream("the package was not taken", status, said)),
        }
        let file: PackageFile = serde_json::from_slice(&answer.body).unwrap_or_default();
        if file.file_sha256.as_ref().is_some_and(|sha256| *sha256 != upload.sha256) {
            return Err(Error::upstream("GitLab has other bytes than were sent", answer.status, said));
        }
        let Upload { name, version, file: file_name, sha256 } = upload;
        let place = Place { name, version, file: file_name, package: file.package_id, number: file.id };
        Ok(Uploaded { id: place.id(), url: None, digests: vec![digest(&sha256)], more: vec![] })
    }
}

impl ArtifactRetention for GitLab {
    fn delete_artifact(_operation: Operation, run: Option<RunRef>, artifact: String) -> Result<()> {
        let client = Client::here()?;
        let Some(run) = run else {
            let place = Place::read(&artifact)?;
            let (package, number) = (place.package.to_string(), place.number.to_string());
            let project = projects::set(&client)?;
            let file = ["projects", &project, "packages", &package, "package_files", &number];
            return client::gone(client.delete(&file));
        };
        client::numbered("artifact", &artifact)?;
        let project = projects::number(&client, &run.pipeline)?;
        client::gone(client.delete(&["projects", &project, "jobs", &artifact, "artifacts"]))
    }

    fn keep_artifact(_operation: Operation, run: Option<RunRef>, artifact: String) -> Result<()> {
        let client = Client::here()?;
        // A package stays until somebody deletes it.
        let Some(run) = run else { return Place::read(&artifact).map(drop) };
        client::numbered("artifact", &artifact)?;
        let project = projects::number(&client, &run.pipeline)?;
        client::done(client.post(&["projects", &project, "jobs", &artifact, "artifacts", "keep"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_package_is_found_again_by_its_id() -> Result<()> {
        let place =
            Place { name: "my.app".into(), version: "1.0+b 1".into(), file: "a#b/c".into(), package: 3, number: 17 };
        assert_eq!(place.id(), "my.app/1.0%2Bb%201/a%23b%2Fc#3.17");
        assert_eq!(Place::read(&place.id())?, place);
        for wrong in ["17", "a/b#3.17", "a/b/c#3", "a/b/c#x.1", "a/b/%zz#1.2"] {
            assert!(Place::read(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }

    #[test]
    fn names_become_what_gitlab_takes() {
        for (name, expected) in [("app", "app"), ("out/my app", "out-my-app"), ("-a.", "a"), ("é", "")] {
            assert_eq!(package_name(name), expected);
        }
    }
}
