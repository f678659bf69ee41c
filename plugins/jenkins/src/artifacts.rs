//! What a build kept, and how the host gets it.
//!
//! Pure. A download may be redirected: to a domain of its own for files (`jenkins/security/ResourceDomainRootAction.java`),
//! which refuses requests with credentials, or to object storage. The host drops the credential there, and goes only where
//! the operator granted. Jenkins tells neither size nor a digest that is worth having.

use novacron_cicd_sdk::{
    Result,
    artifacts::{Artifact, ArtifactPage, DownloadPlan},
    types::{Error, PageRequest, Redirects, RunRef},
};
use serde::Deserialize;

use crate::{client::Client, path};

pub(crate) const TREE: &str = "artifacts[fileName,relativePath]";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    artifacts: Vec<File>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    relative_path: String,
}

/// A page of what was kept. An artifact's id is its path below the build's archive.
/// `invalid-input` where the cursor is none of ours.
pub(crate) fn page(kept: Kept, page: &PageRequest) -> Result<ArtifactPage> {
    let from: usize = match &page.cursor {
        Some(cursor) => cursor.parse().map_err(|_| Error::invalid_input("cursor", "it is not one of this plugin's"))?,
        None => 0,
    };
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let to = from.saturating_add(limit);
    let next = (kept.artifacts.len() > to).then(|| to.to_string());
    let paths = kept.artifacts.into_iter().skip(from).take(limit).map(|file| file.relative_path);
    let items = paths.filter(|file| path::is_id(file)).map(artifact).collect();
    Ok(ArtifactPage { items, next })
}

fn artifact(path: String) -> Artifact {
    let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    let kind = if ends(&[".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst"]) {
        "archive"
    } else if ends(&[".jar", ".war", ".deb", ".rpm", ".apk", ".whl", ".nupkg", ".gem", ".crate"]) {
        "package"
    } else {
        "binary"
    };
    Artifact {
        id: path.clone(),
        name: path,
        kind: kind.into(),
        size: None,
        digests: vec![],
        created: None,
        expires: None,
        expired: false,
        job: None,
        media_type: None,
        more: vec![],
    }
}

/// How the host gets one.
/// `invalid-input` where the path leads elsewhere.
pub(crate) fn download(client: &Client, run: &RunRef, artifact: &str) -> Result<DownloadPlan> {
    let mut segments = vec!["artifact"];
    segments.extend(artifact.split('/'));
    Ok(DownloadPlan {
        request: client.get(path::of_build(run, &segments)?).redirects(Redirects::Follow).build()?,
        size: None,
        digests: vec![],
        encoding: "raw".into(),
        expires: None,
        ranges: false,
        more: vec![],
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn artifacts_are_told_by_path_and_page() {
        let text = r#"{"artifacts":[{"fileName":"app","relativePath":"out/app"},{"relativePath":"a.tar.gz"},{"relativePath":"b.deb"}]}"#;
        let ask = |cursor: Option<&str>| {
            let request = PageRequest { cursor: cursor.map(str::to_owned), limit: 2 };
            let page = page(serde_json::from_str(text).unwrap(), &request).unwrap();
            (page.items.into_iter().map(|it| (it.id, it.kind)).collect::<Vec<_>>(), page.next)
        };
        let row = |id: &str, kind: &str| (id.to_owned(), kind.to_owned());
        assert_eq!(ask(None), (vec![row("out/app", "binary"), row("a.tar.gz", "archive")], Some("2".into())));
        assert_eq!(ask(Some("2")), (vec![row("b.deb", "package")], None));
        assert!(page(Kept::default(), &PageRequest { cursor: Some("x".into()), limit: 2 }).is_err());
    }

    #[test]
    fn a_download_goes_to_the_files_own_place_and_follows() {
        let client =
            Client { base_url: "https://ci.example".into(), settings: Settings::default(), slot: Some("token") };
        let run = RunRef { pipeline: "a".into(), run: "17".into(), attempt: None };
        let plan = download(&client, &run, "out dir/app#1").unwrap();
        assert_eq!(plan.request.url, "/job/a/17/artifact/out%20dir/app%231");
        assert_eq!((plan.request.credential.as_deref(), plan.request.redirects), (Some("token"), Redirects::Follow));
        assert!(download(&client, &run, "../../secret").is_err());
    }
}
