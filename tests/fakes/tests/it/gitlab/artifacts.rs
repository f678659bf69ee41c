//! Packages, and what jobs kept.

use novacron_cicd_fakes::server::Platform as _;
use novacron_cicd_plugin_gitlab_ci::GitLab;
use novacron_cicd_sdk::{
    ArtifactRetention, ArtifactUploads, Artifacts, Pipelines,
    artifact_uploads::{UploadAnswer, UploadRequest},
    types::{ErrorKind, RunRef},
};

use super::{
    APP, DEFINITION, SMALL,
    native::{Bench, operation, page, seen},
};

#[test]
fn packages_are_put_listed_fetched_and_deleted() {
    let bench = Bench::new(SMALL);
    let upload = |bytes: &'static [u8], sha256: &str| {
        let request = UploadRequest {
            run: None,
            name: "out/my app".into(),
            version: Some("1.0".into()),
            size: bytes.len() as u64,
            sha256: sha256.into(),
            media_type: None,
            more: vec![],
        };
        let plan = bench.call(|| GitLab::plan_upload(operation(1), request)).unwrap();
        let mut sent = seen(&plan.request);
        sent.bytes = bytes.into();
        let answer = bench.world.lock().unwrap().answer(&sent);
        let answer = UploadAnswer { status: answer.status, headers: vec![], body: answer.body };
        bench.call(|| GitLab::finish_upload(operation(1), plan.state, answer))
    };
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let made = upload(b"hello", sha256).unwrap();
    assert!(upload(b"other", sha256).is_err(), "GitLab says what it has");
    let listed = bench.call(|| GitLab::list_artifacts(None, page(10))).unwrap().items;
    assert_eq!((listed[0].id.clone(), listed[0].digests[0].hex.as_str()), (made.id.clone(), sha256));
    let plan = bench.call(|| GitLab::plan_download(None, made.id.clone(), None)).unwrap();
    assert_eq!(plan.request.url, "/api/v4/projects/g%2Fsub%2Fapp/packages/generic/out-my-app/1.0/my-app");
    assert_eq!(bench.call(|| GitLab::keep_artifact(operation(1), None, made.id.clone())), Ok(()));
    assert_eq!(bench.call(|| GitLab::delete_artifact(operation(1), None, made.id.clone())), Ok(()));
    assert_eq!(bench.call(|| GitLab::list_artifacts(None, page(10))).unwrap().items.len(), 1);
    let refused = UploadAnswer {
        status: 403,
        headers: vec![],
        body: br#"{"message":"Duplicate package is not allowed"}"#.to_vec(),
    };
    let state = r#"{"name":"a","version":"1","file":"a","sha256":"x"}"#;
    assert_eq!(
        bench.call(|| GitLab::finish_upload(operation(1), state.into(), refused)).unwrap_err().kind,
        ErrorKind::Conflict
    );
}

#[test]
fn a_jobs_archive_is_kept_and_deleted_and_a_moved_project_is_not_taken_for_gone() {
    let bench = Bench::new(DEFINITION);
    let id = bench.world.lock().unwrap().start_by(APP, "push");
    let job = bench.project(|project| project.pipelines[0].jobs[0].id);
    bench.world.lock().unwrap().job(job).unwrap().artifacts = Some(vec![1]);
    bench.world.lock().unwrap().moved.insert("g/old".into(), 1);
    let run = || Some(RunRef { pipeline: "g/old".into(), run: id.to_string(), attempt: None });
    assert_eq!(bench.call(|| GitLab::keep_artifact(operation(1), run(), job.to_string())), Ok(()));
    assert!(bench.world.lock().unwrap().job(job).unwrap().keep);
    assert_eq!(bench.call(|| GitLab::delete_artifact(operation(1), run(), job.to_string())), Ok(()));
    assert_eq!(bench.world.lock().unwrap().job(job).unwrap().artifacts, None);
    assert_eq!(bench.call(|| <GitLab as Pipelines>::get("g/old".into())).unwrap().id, APP);
}
