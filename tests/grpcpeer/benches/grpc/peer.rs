//! The host's side of the peer: starts it, reads its handshake, and keeps one connection.

use std::process::Stdio;

use novacron_cicd_domain::platform::{FoundRun, RunRef};
use novacron_cicd_grpcpeer as wire;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use tonic::transport::{Channel, Endpoint};

use crate::convert;

pub(crate) struct Peer {
    process: Child,
    client: wire::runs_client::RunsClient<Channel>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_novacron-cicd-grpcpeer"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let handshake = output.next_line().await.unwrap().unwrap();
        let socket = handshake.strip_prefix("1|1|unix|").and_then(|rest| rest.strip_suffix("|grpc")).unwrap();
        let channel = Endpoint::from_shared(format!("unix:{socket}")).unwrap().connect().await.unwrap();
        Self { process, client: wire::runs_client::RunsClient::new(channel) }
    }

    pub(crate) async fn get_run(&self, run: &RunRef) -> FoundRun {
        let run = wire::RunRef { pipeline: run.pipeline.clone(), run: run.run.clone(), attempt: run.attempt };
        // A client is a handle of its channel; cloning it is how it is shared.
        let answer = self.client.clone().get(run).await.unwrap();
        convert::found(answer.into_inner()).unwrap()
    }

    /// Ends the process, which waits until the last connection is closed.
    pub(crate) async fn end(self) {
        let Self { mut process, client } = self;
        drop(client);
        drop(process.stdin.take());
        assert!(process.wait().await.unwrap().success());
    }
}
