//! `http`: hands requests to the door.

use novacron_cicd_contract::bindings::novacron::cicd::{
    http::{Host, Response, SendError},
    types::Request,
};

use crate::sandbox::CallState;

impl Host for CallState {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, SendError>> {
        if self.pure {
            return Ok(Err(self.no_requests()));
        }
        let begun = self.wait_begun();
        let answer = self.door.send(&self.meter.scope, request).await;
        self.wait_ended(begun);
        Ok(answer.map_err(Into::into))
    }

    async fn send_all(&mut self, requests: Vec<Request>) -> wasmtime::Result<Vec<Result<Response, SendError>>> {
        if self.pure {
            return Ok(requests.iter().map(|_| Err(self.no_requests())).collect());
        }
        let begun = self.wait_begun();
        let answers = self.door.send_all(&self.meter.scope, requests).await;
        self.wait_ended(begun);
        Ok(answers.into_iter().map(|answer| answer.map_err(Into::into)).collect())
    }
}

impl CallState {
    fn no_requests(&self) -> SendError {
        SendError::Denied(format!("{} is a pure function and sends nothing", self.function))
    }
}
