//! Archives of files, made and opened by Python.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use tokio::process::Command;

/// The files as one archive; `place` is a folder for what lies beside.
pub(super) async fn zip(place: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<u8> {
    let (folder, archive) = (place.join("kept"), place.join("kept.zip"));
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    python(Command::new("python3").args(["-m", "zipfile", "--create"]).arg(&archive).arg(".").current_dir(&folder))
        .await;
    std::fs::read(archive).unwrap()
}

/// What is in such an archive.
pub(super) async fn unzip(place: &Path, bytes: &[u8]) -> BTreeMap<PathBuf, Vec<u8>> {
    let (folder, archive) = (place.join("got"), place.join("got.zip"));
    std::fs::write(&archive, bytes).unwrap();
    python(Command::new("python3").args(["-m", "zipfile", "--extract"]).arg(&archive).arg(&folder)).await;
    files(&folder)
}

async fn python(command: &mut Command) {
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Those below a folder, by their path in it.
pub(super) fn files(folder: &std::path::Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(place) = open.pop() {
        for entry in place.read_dir().into_iter().flatten().map(Result::unwrap) {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_owned();
                found.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}
