//! An artifact as the platform describes it, in our words.

use std::collections::BTreeMap;

use novacron_cicd_domain::{
    Timestamp,
    artifact::{Artifact, ArtifactKind},
    id::{ArtifactId, RunId},
    platform::RemoteArtifact,
};
use uuid::Uuid;

/// The longest file name there is, in bytes.
const NAME: usize = 255;

/// The row of an artifact whose bytes are the platform's. What its name has of directories goes to the metadata.
pub(crate) fn platform_artifact(run: RunId, attempt: u32, found: RemoteArtifact, at: Timestamp) -> Artifact {
    let mut metadata = BTreeMap::new();
    let name = file_name(&found.name);
    if name != found.name {
        metadata.insert("platform.name".to_owned(), found.name);
    }
    let kind = ArtifactKind::parse(&found.kind);
    if kind.is_none() {
        metadata.insert("platform.kind".to_owned(), found.kind);
    }
    if found.expired {
        metadata.insert("platform.expired".to_owned(), "true".to_owned());
    }
    for (algorithm, hex) in found.digests {
        metadata.insert(format!("platform.{algorithm}"), hex);
    }
    Artifact {
        id: ArtifactId(Uuid::now_v7()),
        name,
        version: None,
        kind: kind.unwrap_or_default(),
        external_id: Some(found.id),
        size: found.size.filter(|size| i64::try_from(*size).is_ok()),
        sha256: None,
        media_type: found.media_type,
        metadata,
        run: Some(run),
        attempt: Some(attempt),
        job: found.job,
        created: found.created.unwrap_or(at),
    }
}

/// The last part of it that can name a file.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !matches!(*part, "" | "." | ".."));
    let mut name: String = last.unwrap_or("artifact").chars().filter(|char| !char.is_control()).collect();
    while name.len() > NAME {
        name.pop();
    }
    if name.is_empty() { "artifact".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_platform_calls_it_is_a_file_name_here() {
        let long = "x".repeat(300);
        for (name, expected) in [
            ("app.tar.gz", "app.tar.gz"),
            ("dist/linux/app", "app"),
            ("../../etc/passwd", "passwd"),
            ("C:\\out\\app.exe", "app.exe"),
            ("dist/", "dist"),
            ("..", "artifact"),
            ("\n", "artifact"),
            ("r\u{e9}sum\u{e9}", "r\u{e9}sum\u{e9}"),
            (&long, &long[..255]),
        ] {
            assert_eq!(file_name(name), expected, "{name:?}");
        }
    }
}
