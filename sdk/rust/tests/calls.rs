//! Components made with the SDK are called by the host's own bindings: what comes in, what goes out, what is answered.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod guest;

use novacron_cicd_contract::bindings::{
    exports::novacron::cicd::{plugin, run_cancel, runs},
    novacron::cicd::{clock, context, http, log, random, types},
};
use wasmtime::{
    Config, Engine, Store,
    component::{Component, HasSelf, InstancePre, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The end of a call that a guest knows: one answer for every request, and what was asked.
struct Host {
    settings: &'static str,
    answer: Result<(u16, &'static str), http::SendError>,
    sent: Vec<types::Request>,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
impl types::Host for Host {}
impl clock::Host for Host {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(1_767_225_600_999)
    }
}
impl random::Host for Host {
    fn bytes(&mut self, count: u32) -> wasmtime::Result<Vec<u8>> {
        Ok(vec![0xab; count as usize])
    }
}
impl log::Host for Host {
    fn write(&mut self, _: log::Level, _: String, _: Vec<types::Attribute>) -> wasmtime::Result<()> {
        Ok(())
    }
}
impl context::Host for Host {
    fn get(&mut self) -> wasmtime::Result<context::Provider> {
        Ok(context::Provider {
            name: "ci".into(),
            base_url: "https://ci.example/hook?site=a".into(),
            settings: self.settings.into(),
            credentials: vec![],
            deadline: u64::MAX,
            more: vec![],
        })
    }
}
impl http::Host for Host {
    async fn send(&mut self, request: types::Request) -> wasmtime::Result<Result<http::Response, http::SendError>> {
        self.sent.push(request);
        Ok(self.answer.clone().map(|(status, body)| http::Response {
            status,
            headers: vec![],
            body: body.into(),
            total: body.len() as u64,
            truncated: false,
            final_url: "https://ci.example/hook".into(),
            more: vec![],
        }))
    }
    async fn send_all(
        &mut self,
        requests: Vec<types::Request>,
    ) -> wasmtime::Result<Vec<Result<http::Response, http::SendError>>> {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.send(request).await?);
        }
        Ok(answers)
    }
}

struct Guest(Engine, InstancePre<Host>);

impl Guest {
    fn new(package: &str) -> Self {
        let engine = Engine::new(&Config::new()).unwrap();
        let component = Component::new(&engine, guest::built(package)).unwrap();
        let mut linker = Linker::<Host>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        clock::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).unwrap();
        context::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).unwrap();
        http::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).unwrap();
        log::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).unwrap();
        random::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).unwrap();
        types::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).unwrap();
        let instance = linker.instantiate_pre(&component).unwrap();
        Self(engine, instance)
    }

    fn host(&self, settings: &'static str, answer: Result<(u16, &'static str), http::SendError>) -> Store<Host> {
        let wasi = WasiCtx::builder().build();
        Store::new(&self.0, Host { settings, answer, sent: vec![], wasi, table: ResourceTable::new() })
    }

    async fn trigger(&self, host: &mut Store<Host>) -> Result<types::Ticket, types::Error> {
        let instance = self.1.instantiate_async(&mut *host).await.unwrap();
        let runs = runs::GuestIndices::new(&self.1).unwrap().load(&mut *host, &instance).unwrap();
        let text = types::ParameterValue {
            name: "VERSION".into(),
            kind: "string".into(),
            value: types::Value::Text("1.0".into()),
        };
        let request = runs::TriggerRequest {
            pipeline: "a/b".into(),
            reference: None,
            parameters: vec![text],
            environment: vec![],
            correlation: "nc-7".into(),
            callback: Some(types::Callback { url: "https://nova.example/7".into(), token: "ref".into() }),
            more: vec![],
        };
        runs.call_trigger(&mut *host, &operation(), &request).await.unwrap()
    }
}

fn operation() -> types::Operation {
    types::Operation { id: "op-1".into(), attempt: 1, first_sent: None, more: vec![] }
}

#[tokio::test]
async fn a_trigger_goes_out_as_one_request_and_comes_back_as_a_run() {
    let guest = Guest::new("novacron-cicd-plugin-webhook");
    let mut host = guest.host("{}", Ok((202, r#"{"id":"17"}"#)));
    let ticket = guest.trigger(&mut host).await.unwrap();
    assert!(matches!(ticket, types::Ticket::Run(run) if run.identity.run == "17" && run.identity.pipeline == "a/b"));
    let [request] = host.data().sent.as_slice() else { unreachable!("one request") };
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://ci.example/hook?site=a"));
    assert!(matches!(&request.body[1], types::BodyPart::Secret(part) if part.secret == "ref" && part.escape == "json"));
    let timestamp = request.headers.iter().find(|header| header.name == "webhook-timestamp");
    assert_eq!(timestamp.unwrap().value, "1767225600");
}

#[tokio::test]
async fn what_the_host_refuses_or_loses_comes_back_as_its_kind() {
    let guest = Guest::new("novacron-cicd-plugin-webhook");
    let rows = [
        (Err(http::SendError::NotSent("refused".into())), "Transient"),
        (Err(http::SendError::Interrupted("reset".into())), "OutcomeUnknown"),
        (Ok((401, "")), "Unauthorized"),
        (Ok((502, "")), "OutcomeUnknown"),
    ];
    for (answer, kind) in rows {
        let error = guest.trigger(&mut guest.host("{}", answer)).await.unwrap_err();
        assert_eq!(format!("{:?}", error.kind), format!("ErrorKind::{kind}"));
    }
}

#[tokio::test]
async fn a_check_pings_and_a_cancel_obeys_the_settings() {
    let guest = Guest::new("novacron-cicd-plugin-webhook");
    for (settings, features, sent) in [("{}", vec!["run-cancel"], 2), (r#"{"cancel":false}"#, vec![], 1)] {
        let mut host = guest.host(settings, Ok((204, "")));
        let instance = guest.1.instantiate_async(&mut host).await.unwrap();
        let plugin = plugin::GuestIndices::new(&guest.1).unwrap().load(&mut host, &instance).unwrap();
        assert_eq!(plugin.call_check(&mut host).await.unwrap().unwrap().features, features);
        let cancel = run_cancel::GuestIndices::new(&guest.1).unwrap().load(&mut host, &instance).unwrap();
        let run = types::RunRef { pipeline: "app".into(), run: "17".into(), attempt: None };
        let target = run_cancel::CancelTarget::Run(run);
        let canceled = cancel.call_cancel(&mut host, &operation(), &target).await.unwrap();
        assert_eq!((canceled.is_ok(), host.data().sent.len()), (sent == 2, sent), "{settings}");
    }
}

#[tokio::test]
async fn hello_starts_a_build_by_segments_and_with_its_key() {
    let guest = Guest::new("novacron-cicd-example-hello");
    let mut host = guest.host("{}", Ok((200, r#"{"id":"3","status":"queued"}"#)));
    let ticket = guest.trigger(&mut host).await.unwrap();
    assert!(matches!(ticket, types::Ticket::Run(run) if run.status.state == types::State::Pending));
    let [request] = host.data().sent.as_slice() else { unreachable!("one request") };
    assert_eq!((request.url.as_str(), request.credential.as_deref()), ("/builds/a%2Fb", Some("token")));
    assert_eq!((request.headers[0].name.as_str(), request.headers[0].value.as_str()), ("idempotency-key", "op-1"));
}
