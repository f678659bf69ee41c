//! What Buildbot itself says of its builds, and what a person does at its web page: by its REST API, past the host.

use std::time::Duration;

use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use super::{Buildbot, PASSWORD, PATIENCE, USER, process::PAUSE};

impl Buildbot {
    /// What it says that it is: `Buildbot 4.3.0`, with the version of the worker that came.
    pub(crate) async fn version(&self) -> String {
        let config: Value = self.http.get(format!("{}/config", self.url())).send().await.unwrap().json().await.unwrap();
        let versions = config["versions"].as_array().unwrap();
        let own = versions.iter().find(|pair| pair[0] == "Buildbot").expect("it says its version");
        let worker = self.get("workers/w1").await;
        let of_worker = worker["workers"][0]["workerinfo"]["version"].as_str().expect("so does a worker");
        format!("Buildbot {}, worker {of_worker}", own[1].as_str().unwrap())
    }

    /// What stands at this path of the REST API.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.try_get(path).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(super) async fn try_get(&self, path: &str) -> reqwest::Result<Value> {
        let answer = self.http.get(format!("{}/api/v2/{path}", self.url())).send().await?;
        answer.error_for_status()?.json().await
    }

    /// All builds of a builder, in their order.
    pub(crate) async fn builds(&self, builder: &str) -> Vec<Value> {
        let path = format!("builders/{}/builds?order=number&property=*", self.builder(builder).await);
        self.get(&path).await["builds"].as_array().unwrap().clone()
    }

    /// Everything that was ever asked of it.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        self.get("buildrequests?order=buildrequestid").await["buildrequests"].as_array().unwrap().clone()
    }

    async fn builder(&self, name: &str) -> u64 {
        let builders = self.get("builders").await;
        let found = builders["builders"].as_array().unwrap().iter().find(|builder| builder["name"] == name);
        found.and_then(|builder| builder["builderid"].as_u64()).unwrap_or_else(|| panic!("no builder is called {name}"))
    }

    /// What a person does who forces a build; the id of the build request.
    pub(crate) async fn force(&self, builder: &str, fields: &Value) -> u64 {
        let builder = self.builder(builder).await;
        let schedulers = self.get(&format!("builders/{builder}/forceschedulers")).await;
        let scheduler = schedulers["forceschedulers"][0]["name"].as_str().expect("it can be forced").to_owned();
        let mut fields = fields.clone();
        fields["builderid"] = json!(builder);
        let answer = self.control(&format!("forceschedulers/{scheduler}"), "force", &fields).await;
        answer[1][builder.to_string()].as_u64().unwrap_or_else(|| panic!("{answer:#}"))
    }

    /// What a person does who presses a button.
    pub(crate) async fn control(&self, path: &str, method: &str, parameters: &Value) -> Value {
        let cookie = self.session().await;
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let request = self.http.post(format!("{}/api/v2/{path}", self.url())).header(COOKIE, cookie).json(&call);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer["error"].is_null(), "{path} {method}: {answer:#}");
        answer["result"].clone()
    }

    /// The cookie of a session that has just been opened.
    pub(crate) async fn session(&self) -> String {
        let login = self.http.get(format!("{}/auth/login", self.url())).basic_auth(USER, Some(PASSWORD));
        let login = login.send().await.unwrap();
        // It sets the cookie twice: first that of nobody, then that of the user.
        let cookies = login.headers().get_all(SET_COOKIE);
        let cookie = cookies.iter().next_back().expect("a login sets a cookie").to_str().unwrap();
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    /// Waits until it no longer takes a session for its user's, and that is as long as sessions live.
    pub(crate) async fn end_of(&self, session: &str) {
        let life = Duration::from_secs(self.session.into());
        let ended = tokio::time::timeout(life + PATIENCE, async {
            while self.user(session).await == USER {
                tokio::time::sleep(PAUSE).await;
            }
        });
        ended.await.expect("a session ends when its time is up");
    }

    async fn user(&self, session: &str) -> Value {
        let config = self.http.get(format!("{}/config", self.url())).header(COOKIE, session).send().await.unwrap();
        let config: Value = config.json().await.unwrap();
        config["user"]["username"].clone()
    }
}
