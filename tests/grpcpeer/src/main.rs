//! The provider: answers with the run of twenty jobs that the bench's guest answers with, over a Unix socket.
//!
//! Its first line of output is go-plugin's handshake; it ends when its standard input is closed, so that it never outlives a host.

use std::io::Write as _;

use novacron_cicd_grpcpeer::{
    Graph, Job, Run, RunRef, State, Status, Times,
    runs_server::{Runs, RunsServer},
};
use tokio::{io::AsyncReadExt as _, net::UnixListener};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, transport::Server};

const JOBS: u64 = 20;
const BEGIN: u64 = 1_700_000_000_000;

struct Bench;

#[tonic::async_trait]
impl Runs for Bench {
    async fn get(&self, request: Request<RunRef>) -> Result<Response<Run>, tonic::Status> {
        let jobs: Vec<Job> = (0..JOBS).map(job).collect();
        let finished = jobs.iter().filter_map(|job| job.times.finished).max();
        Ok(Response::new(Run {
            identity: request.into_inner(),
            number: Some("4711".to_owned()),
            name: Some("build and test everything".to_owned()),
            status: succeeded(),
            times: times(BEGIN, finished),
            reference: Some("refs/heads/main".to_owned()),
            commit: Some("3f786850e387550fdab836ed7e6dc881de23001b".to_owned()),
            actor: Some("a-person".to_owned()),
            origin: "unknown".to_owned(),
            url: Some("https://ci.example.com/acme/app/runs/4711".to_owned()),
            correlation: None,
            parameters: Vec::new(),
            graph: Some(Graph { jobs, edges: "exact".to_owned(), complete: true }),
            downstream: Vec::new(),
            more: Vec::new(),
        }))
    }
}

fn job(number: u64) -> Job {
    let begin = BEGIN + number * 1_000;
    Job {
        id: format!("job-{number}"),
        name: format!("stage {number} on linux"),
        stage: None,
        status: succeeded(),
        times: times(begin, Some(begin + 30_000)),
        needs: number.checked_sub(1).map(|before| format!("job-{before}")).into_iter().collect(),
        parent: None,
        runner: None,
        url: None,
        steps: Vec::new(),
        more: Vec::new(),
    }
}

fn succeeded() -> Status {
    Status {
        state: State::Succeeded.into(),
        reason: None,
        platform: "completed/success".to_owned(),
        conditions: Vec::new(),
    }
}

fn times(started: u64, finished: Option<u64>) -> Times {
    Times { created: Some(started), started: Some(started), finished, updated: finished }
}

// One thread serves one connection; with more of them a call was no quicker.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let directory = tempfile::Builder::new().prefix("novacron-cicd-grpcpeer-").tempdir()?;
    let socket = directory.path().join("plugin.sock");
    let connections = UnixListenerStream::new(UnixListener::bind(&socket)?);
    // The version of the handshake, the version of the service, network, address, protocol.
    writeln!(std::io::stdout(), "1|1|unix|{}|grpc", socket.display())?;
    Server::builder().serve_with_incoming_shutdown(RunsServer::new(Bench), connections, input_closed()).await?;
    Ok(())
}

async fn input_closed() {
    let mut buffer = [0; 64];
    let mut input = tokio::io::stdin();
    while matches!(input.read(&mut buffer).await, Ok(length) if length > 0) {}
}
