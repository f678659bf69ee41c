//! Logs, as they grow, end, shrink and are not there yet.

use novacron_cicd_domain::{
    platform::{LogAnswer, LogAvailability, LogChunk, LogRequest, RunRef},
    status::State,
};
use novacron_cicd_fakes::{
    house::operation,
    jenkins::{Cell, Item},
};
use serde_json::json;

use super::{Setup, request, tracked};

struct Reader {
    setup: Setup,
    job: String,
    cursor: Option<String>,
}

impl Reader {
    /// Of a build that has just begun.
    async fn new() -> Self {
        let setup = Setup::new(vec![tracked()]).await;
        setup.provider.trigger(&operation(), request("app", &[])).await.unwrap();
        setup.jenkins.begin(setup.jenkins.waiting()[0]);
        Self { setup, job: "build".into(), cursor: None }
    }

    fn write(&self, log: &[u8]) {
        self.setup.jenkins.build("app", 1, |build| build.log = Some(log.to_vec()));
    }

    async fn ask(&mut self, limit: u32) -> LogAnswer {
        let run = RunRef { pipeline: "app".into(), run: "1".into(), attempt: None };
        let request = LogRequest { run, job: Some(self.job.clone()), cursor: self.cursor.clone(), limit };
        self.setup.provider.read_log(&request).await.unwrap()
    }

    async fn read(&mut self, limit: u32) -> LogChunk {
        let LogAnswer::Chunk(chunk) = self.ask(limit).await else { unreachable!("a small log is no plan") };
        self.cursor = Some(chunk.next.clone());
        chunk
    }

    /// All that can be read at once.
    async fn rest(&mut self, limit: u32) -> String {
        let mut bytes = Vec::new();
        loop {
            let chunk = self.read(limit).await;
            assert!(chunk.bytes.len() <= limit as usize);
            bytes.extend(chunk.bytes);
            if !chunk.more_now {
                return String::from_utf8(bytes).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_log_is_read_as_it_grows_without_a_byte_lost_or_doubled() {
    let mut reader = Reader::new().await;
    assert_eq!(reader.read(100).await.availability, LogAvailability::NotYet);
    reader.write("one\ntwo é\n".as_bytes());
    let chunk = reader.read(100).await;
    assert_eq!((chunk.bytes.as_slice(), chunk.availability), ("one\ntwo é\n".as_bytes(), LogAvailability::Growing));
    assert!(reader.read(100).await.bytes.is_empty());
    reader.write("one\ntwo é\nthree\n".as_bytes());
    reader.setup.jenkins.end("app", 1, "SUCCESS");
    let chunk = reader.read(100).await;
    assert_eq!((chunk.bytes.as_slice(), chunk.availability), (b"three\n".as_slice(), LogAvailability::Complete));
    assert_eq!(reader.read(100).await.availability, LogAvailability::Complete);
}

#[tokio::test]
async fn pieces_of_any_size_make_the_same_log_also_while_it_grows() {
    let text: String = (0..40).map(|line| format!("line {line} é\n")).collect();
    let first = text.find("line 20").unwrap();
    for limit in [1, 2, 7, 64, 1000] {
        let mut reader = Reader::new().await;
        reader.write(&text.as_bytes()[..first]);
        let piece = reader.read(limit).await.bytes;
        reader.write(text.as_bytes());
        let whole = String::from_utf8(piece).unwrap() + &reader.rest(limit).await;
        assert_eq!(whole, text, "pieces of {limit}");
    }
}

#[tokio::test]
async fn a_log_that_began_again_is_read_from_its_beginning_and_said_to() {
    let mut reader = Reader::new().await;
    reader.write(b"a long first try\n");
    reader.read(100).await;
    reader.write(b"anew\n");
    let chunk = reader.read(100).await;
    assert_eq!((chunk.bytes.as_slice(), chunk.reset), (b"anew\n".as_slice(), true));
    assert!(!reader.read(100).await.reset);
}

#[tokio::test]
async fn a_log_that_is_large_is_left_to_the_host() {
    let mut reader = Reader::new().await;
    let line = [b'x'; 1023];
    let log = [line.as_slice(), b"\n"].concat().repeat(9 * 1024);
    reader.write(&log);
    let LogAnswer::Plan(plan) = reader.ask(1024).await else { unreachable!("nine megabytes are a plan") };
    assert_eq!((plan.skip, plan.filter.as_str(), plan.next.as_str()), (0, "strip-cr", "{header:X-Text-Size}"));
    assert_eq!(plan.availability, LogAvailability::Growing);
    // What is almost read is read to its end.
    reader.write(&log[..1 << 20]);
    assert_eq!(reader.rest(256 << 10).await.len(), 1 << 20);
}

#[tokio::test]
async fn a_stage_has_a_log_of_its_own_where_blue_ocean_is() {
    let mut reader = Reader::new().await;
    reader.setup.jenkins.world().plugins = vec!["blueocean-rest".into()];
    reader.setup.jenkins.build("app", 1, |build| {
        let node = json!({ "id": "5", "displayName": "Build", "state": "RUNNING", "edges": [] });
        build.stages = vec![("blueocean-rest".into(), json!([node]))];
        build.stage_logs = vec![("5".into(), b"of this\nstage\n".to_vec())];
    });
    reader.job = "5".into();
    // Nobody has read the run yet: what shows stages is found out by it.
    let piece = reader.read(8).await;
    assert_eq!((piece.bytes.as_slice(), piece.availability), (b"of this".as_slice(), LogAvailability::Growing));
    reader.setup.jenkins.end("app", 1, "SUCCESS");
    assert_eq!(reader.rest(100).await, "\nstage\n");
}

#[tokio::test]
async fn a_cell_of_a_matrix_is_a_job_with_a_log_of_its_own() {
    let matrix = Item { class: "hudson.matrix.MatrixProject".into(), ..Item::job("m") };
    let setup = Setup::new(vec![matrix]).await;
    setup.jenkins.begin_by("m", &[]);
    let cell = |name: &str, result: Option<&str>, log: &str| Cell {
        name: name.into(),
        result: result.map(str::to_owned),
        log: log.into(),
    };
    setup.jenkins.build("m", 1, |build| {
        build.cells =
            vec![cell("jdk=21,label=linux", Some("FAILURE"), "linux broke\n"), cell("jdk=21,label=mac", None, "")];
    });
    let run = RunRef { pipeline: "m".into(), run: "1".into(), attempt: None };
    let graph = setup.provider.get_run(&run).await.unwrap().run.graph.unwrap();
    let rows: Vec<_> =
        graph.jobs.iter().map(|job| (job.id.as_str(), job.parent.as_deref(), job.status.state)).collect();
    let expected = [
        ("build", None, State::Running),
        ("cell:jdk=21,label=linux", Some("build"), State::Failed),
        ("cell:jdk=21,label=mac", Some("build"), State::Running),
    ];
    assert_eq!(rows, expected);
    let request = LogRequest { run, job: Some(rows[1].0.into()), cursor: None, limit: 100 };
    let LogAnswer::Chunk(chunk) = setup.provider.read_log(&request).await.unwrap() else { unreachable!("no plan") };
    assert_eq!((chunk.bytes.as_slice(), chunk.availability), (b"linux broke\n".as_slice(), LogAvailability::Complete));
}

#[tokio::test]
async fn a_stage_has_no_log_of_its_own_elsewhere() {
    let reader = Reader::new().await;
    let run = RunRef { pipeline: "app".into(), run: "1".into(), attempt: None };
    let request = LogRequest { run, job: Some("5".into()), cursor: None, limit: 100 };
    let LogAnswer::Chunk(chunk) = reader.setup.provider.read_log(&request).await.unwrap() else {
        unreachable!("no plan")
    };
    assert_eq!((chunk.bytes.len(), chunk.availability), (0, LogAvailability::Never));
}
