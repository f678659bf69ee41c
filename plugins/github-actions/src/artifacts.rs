//! What runs and releases keep, and how the host gets it.
//!
//! A run's artifact is a zip that GitHub made, with the digest of that zip. A release's files belong to no run. Downloads are
//! redirected to object storage, which refuses requests with our credential: the host drops it there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_sdk::{
    ArtifactRetention, Artifacts, Attestations,
    artifacts::{Artifact, ArtifactPage, DownloadPlan},
    attestations::{Attestation, AttestationPage},
    types::Digest,
};
use serde_json::Value;

use crate::prelude::*;

told! {
    Kept {
        id: u64, name: String, size_in_bytes: u64, expired: bool, created_at: Time, expires_at: Time,
        /// `sha256:HEX` of the zip; older uploads have none.
        digest: Option<String>,
    }
    /// A release, with its files.
    Release {
        id: u64, tag_name: String, upload_url: String, assets: Vec<Asset>,
    }
    /// A file of a release.
    Asset {
        id: u64, name: String,
        /// `uploaded`; `starter` and `open` are not whole.
        state: String,
        content_type: Option<String>, size: u64, digest: Option<String>, created_at: Time,
        browser_download_url: Option<String>,
    }
}

/// Of `sha256:HEX`.
pub(crate) fn digests(text: Option<&str>) -> Vec<Digest> {
    let split = text.and_then(|text| text.split_once(':'));
    split.map(|(algorithm, hex)| Digest { algorithm: algorithm.into(), hex: hex.into() }).into_iter().collect()
}

impl Kept {
    fn artifact(&self) -> Artifact {
        Artifact {
            size: Some(self.size_in_bytes),
            digests: digests(self.digest.as_deref()),
            created: self.created_at.0,
            expires: self.expires_at.0,
            expired: self.expired,
            media_type: Some("application/zip".into()),
            ..Artifact::new(self.id.to_string(), &self.name, "archive")
        }
    }
}

impl Asset {
    fn artifact(&self, repo: &Repo, release: &Release) -> Artifact {
        Artifact {
            size: Some(self.size),
            digests: digests(self.digest.as_deref()),
            created: self.created_at.0,
            media_type: self.content_type.clone(),
            more: vec![attribute("novacron.version", &release.tag_name)],
            ..Artifact::new(Id::new(repo, self.id).to_string(), &self.name, "binary")
        }
    }
}

fn plan(request: Request, size: u64, digest: Option<&str>, encoding: &str) -> Result<DownloadPlan> {
    Ok(DownloadPlan {
        size: Some(size),
        digests: digests(digest),
        encoding: encoding.into(),
        ..DownloadPlan::raw(request.redirects(Redirects::Follow).build()?)
    })
}

impl Artifacts for GithubActions {
    fn list_artifacts(run: Option<RunRef>, page: PageRequest) -> Result<ArtifactPage> {
        let (items, next) = match run {
            Some(run) => {
                let (client, repo, number) = Client::of_run(&run)?;
                let ask = |path: &Vec<String>| client.get(path.clone());
                let path = at(&repo, &["actions", "runs", &number, "artifacts"]);
                paging::across(&[path], &page, ask, |_, page: List<Kept>| Ok(page.map(|kept| kept.artifact())))?
            }
            // A page counts releases, which have some files each.
            None => {
                let client = Client::here()?;
                let page = PageRequest { limit: page.limit.clamp(1, 10), ..page };
                let ask = |repo: &Repo| client.get(at(repo, &["releases"]));
                paging::across(&client.repositories()?, &page, ask, |repo, page: Vec<Release>| {
                    let files =
                        page.iter().flat_map(|release| release.assets.iter().map(move |asset| (release, asset)));
                    let whole = files.filter(|(_, asset)| asset.state == "uploaded");
                    Ok(whole.map(|(release, asset)| asset.artifact(repo, release)).collect())
                })?
            }
        };
        Ok(ArtifactPage { items, next })
    }

    fn plan_download(run: Option<RunRef>, artifact: String, path: Option<String>) -> Result<DownloadPlan> {
        if path.is_some() {
            return Err(Error::unsupported("artifacts.paths").message("GitHub gives an artifact as one archive"));
        }
        let Some(run) = run else {
            let (client, id) = Client::of("artifact", &artifact)?;
            let path = at(&id.repo, &["releases", "assets", &id.rest]);
            let asset: Asset = client::fetch(client.get(path.clone()))?;
            // Without this media type it is described, and not given.
            let bytes = client.plain(Request::get(path)).header("accept", "application/octet-stream");
            return plan(bytes, asset.size, asset.digest.as_deref(), "raw");
        };
        let (client, repo, _) = Client::of_run(&run)?;
        let kept: Kept = client::fetch(client.get(at(&repo, &["actions", "artifacts", &artifact])))?;
        if kept.expired {
            return Err(Error::not_found(format!("artifact {} has expired", kept.name)));
        }
        let zip = client.get(at(&repo, &["actions", "artifacts", &artifact, "zip"]));
        plan(zip, kept.size_in_bytes, kept.digest.as_deref(), "zip")
    }
}

impl ArtifactRetention for GithubActions {
    fn delete_artifact(_operation: Operation, run: Option<RunRef>, artifact: String) -> Result<()> {
        let (client, path) = match run {
            Some(run) => {
                let (client, repo, _) = Client::of_run(&run)?;
                (client, at(&repo, &["actions", "artifacts", &artifact]))
            }
            None => {
                let (client, id) = Client::of("artifact", &artifact)?;
                (client, at(&id.repo, &["releases", "assets", &id.rest]))
            }
        };
        client::removed(client.delete(path))
    }

    fn keep_artifact(_operation: Operation, _run: Option<RunRef>, _artifact: String) -> Result<()> {
        Err(Error::unsupported("artifact-retention.keep")
            .message("GitHub keeps an artifact as long as it was uploaded to be kept, and no longer")
            .hint("set `retention-days` in the workflow, or copy it to an artifact repository"))
    }
}

/// What a bundle states: it holds an in-toto statement, in base64. Empty where it can't be told.
fn predicate(bundle: &Value) -> String {
    let payload = bundle.pointer("/dsseEnvelope/payload").and_then(Value::as_str);
    let statement = payload.and_then(|payload| STANDARD.decode(payload).ok());
    let statement: Option<Value> = statement.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    text(statement.as_ref().and_then(|statement| statement.get("predicateType")))
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Attestations for GithubActions {
    /// GitHub gives bundles only in a list, so that the host is told where in it each stands.
    fn list_attestations(subject: Digest, repository: Option<String>, page: PageRequest) -> Result<AttestationPage> {
        let client = Client::here()?;
        let repos = match repository {
            Some(repository) => vec![client.choose("repository", Some(&repository))?],
            None => client.repositories()?,
        };
        let digest = format!("{}:{}", subject.algorithm, subject.hex);
        let ask = |repo: &Repo| client.get(at(repo, &["attestations", &digest])).query("per_page", paging::MOST);
        let mut items = Vec::new();
        for repo in &repos {
            let Some(all) = client::fetch_maybe::<List<Value>>(ask(repo))? else { continue };
            for (index, statement) in all.items.iter().enumerate() {
                let Some(bundle) = statement.get("bundle").filter(|bundle| bundle.is_object()) else { continue };
                items.push(Attestation {
                    predicate: predicate(bundle),
                    media_type: text(bundle.get("mediaType")),
                    request: ask(repo).build()?,
                    more: vec![
                        attribute("x-repository", repo.to_string()),
                        attribute("novacron.pointer", format!("/attestations/{index}/bundle")),
                    ],
                });
            }
        }
        items.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
        Ok(AttestationPage { items, next: None })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_artifact_is_a_zip_with_its_digest_and_end() {
        let text = r#"{"artifacts":[{"id":11,"name":"out","size_in_bytes":9,"expired":false,"created_at":"2026-01-01T00:00:00Z",
            "expires_at":"2026-01-01T00:00:01Z","digest":"sha256:ab"},{"id":12,"name":"old","expired":true,"digest":null}]}"#;
        let all: Vec<Artifact> = serde_json::from_str::<List<Kept>>(text).unwrap().map(|kept| kept.artifact());
        assert_eq!(
            (all[0].digests[0].hex.as_str(), all[0].expires, all[0].size),
            ("ab", Some(1_767_225_601_000), Some(9))
        );
        assert!(all[1].expired && all[1].digests.is_empty());
    }

    #[test]
    fn an_attestation_says_what_it_is_of() {
        let payload = STANDARD.encode(r#"{"predicateType":"https://slsa.dev/provenance/v1"}"#);
        let text = format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{{"payload":"{payload}"}}}}"#
        );
        assert_eq!(predicate(&serde_json::from_str(&text).unwrap()), "https://slsa.dev/provenance/v1");
        assert_eq!(predicate(&Value::Null), "");
    }
}
