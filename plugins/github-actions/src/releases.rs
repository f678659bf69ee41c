//! Files that are put to GitHub: to a release, since a run's own artifacts can be made by that run alone.
//!
//! A release's upload address is of another host on github.com (`uploads.github.com`): it is taken from the release, and has to
//! be granted.

use novacron_cicd_sdk::{
    ArtifactUploads,
    artifact_uploads::{UploadAnswer, UploadPlan, UploadRequest, Uploaded},
};
use serde::Serialize;

use crate::{
    artifacts::{Asset, Release, digests},
    prelude::*,
};

told! {
    /// What is handed from the plan to the end.
    #[derive(Serialize)]
    Begun { repository: String, release: u64, name: String, sha256: String }
}

fn by_tag(client: &Client, repo: &Repo, tag: &str) -> Result<Option<Release>> {
    client::fetch_maybe(client.get(at(repo, &["releases", "tags", tag])))
}

/// The release of a tag, made where it is not there.
fn release(client: &Client, repo: &Repo, tag: &str, target: Option<&str>) -> Result<Release> {
    if let Some(there) = by_tag(client, repo, tag)? {
        return Ok(there);
    }
    let mut body = json!({ "tag_name": tag, "name": tag });
    if let Some(target) = target {
        body["target_commitish"] = target.into();
    }
    match client::fetch(client.post(at(repo, &["releases"])).json(&body)) {
        // Somebody was quicker.
        Err(error) if error.kind == ErrorKind::Conflict => by_tag(client, repo, tag)?.ok_or(error),
        other => other,
    }
}

/// Of `https://uploads.github.com/repos/.../assets{?name,label}`.
fn address(template: &str) -> &str {
    template.split('{').next().unwrap_or(template)
}

/// GitHub writes other names than those that it is given: what is no letter, digit, `.`, `_`, `-`, `+` or `@` becomes a dot.
fn shown_as(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-+@".contains(letter);
    name.chars().map(|letter| if plain(letter) { letter } else { '.' }).collect()
}

fn uploaded(repo: &Repo, asset: &Asset) -> Uploaded {
    Uploaded {
        id: Id::new(repo, asset.id).to_string(),
        url: asset.browser_download_url.clone(),
        digests: digests(asset.digest.as_deref()),
        more: vec![attribute("x-name", &asset.name)],
    }
}

impl ArtifactUploads for GithubActions {
    fn plan_upload(_operation: Operation, request: UploadRequest) -> Result<UploadPlan> {
        if request.run.is_some() {
            return Err(Error::unsupported("artifact-uploads.run")
                .message("GitHub lets nobody but a run itself upload its artifacts")
                .hint("name no run, and a version: the file is put to the release of that tag"));
        }
        let client = Client::here()?;
        let repo = client.choose("x-repository", lookup(&request.more, "x-repository"))?;
        let none = || Error::invalid_input("version", "it is needed: it names the tag of the release");
        let tag = request.version.as_deref().ok_or_else(none)?;
        let release = release(&client, &repo, tag, lookup(&request.more, "x-commit"))?;
        // What an upload that broke off left there stands in the way of the next.
        let name = shown_as(&request.name);
        for broken in release.assets.iter().filter(|it| it.name == name && it.state != "uploaded") {
            client::removed(client.delete(at(&repo, &["releases", "assets", &broken.id.to_string()])))?;
        }
        let state = Begun { repository: repo.to_string(), release: release.id, name, sha256: request.sha256 };
        let target = client.plain(Request::post(address(&release.upload_url))).query("name", &request.name);
        let kind = request.media_type.as_deref().unwrap_or("application/octet-stream");
        let upload = target.header("accept", "application/vnd.github+json").header("content-type", kind);
        Ok(UploadPlan {
            request: upload.build()?,
            state: serde_json::to_string(&state).map_err(|error| Error::internal(error.to_string()))?,
            more: Vec::new(),
        })
    }

    fn finish_upload(_operation: Operation, state: String, answer: UploadAnswer) -> Result<Uploaded> {
        let client = Client::here()?;
        let state: Begun = serde_json::from_slice(state.as_bytes()).map_err(|_| paging::not_ours("state"))?;
        let repo = client.choose("state", Some(&state.repository))?;
        if let (201, Ok(asset)) = (answer.status, serde_json::from_slice::<Asset>(&answer.body)) {
            return Ok(uploaded(&repo, &asset));
        }
        // A name that is taken may be taken by the very same file: by us, before an answer was lost.
        let release: Release = client::fetch(client.get(at(&repo, &["releases", &state.release.to_string()])))?;
        let there = release.assets.iter().find(|asset| asset.name == state.name);
        let same = format!("sha256:{}", state.sha256);
        match there {
            Some(asset) if asset.state == "uploaded" && asset.digest.as_deref() == Some(&same) => {
                Ok(uploaded(&repo, asset))
            }
            Some(asset) if asset.state == "uploaded" => {
                let message = format!("the release {} has another file {}", release.tag_name, asset.name);
                Err(Error::conflict(message).hint("delete it, or upload under another version"))
            }
            _ if answer.status >= 500 => Err(Error::transient("GitHub did not take the file: send it again")),
            _ => {
                let text = String::from_utf8_lossy(&answer.body);
                Err(Error::upstream("GitHub did not take the file", answer.status, text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_goes_where_the_release_says() {
        assert_eq!(
            address("https://uploads.github.com/repos/a/b/releases/1/assets{?name,label}"),
            "https://uploads.github.com/repos/a/b/releases/1/assets"
        );
        assert_eq!(address("https://x/assets"), "https://x/assets");
    }

    #[test]
    fn a_name_is_shown_as_github_writes_it() {
        for (given, shown) in [("app-1.0+x.tar.gz", "app-1.0+x.tar.gz"), ("my app (1).zip", "my.app..1..zip")] {
            assert_eq!(shown_as(given), shown);
        }
    }
}
