//! What GitHub sends to a webhook by itself.

use novacron_cicd_vault::sign::hmac_sha256;
use serde_json::json;

use super::{show, world::World};

impl World {
    /// A delivery that says where a run stands, signed with this secret: its headers and its body.
    ///
    /// # Panics
    /// Where there is no such run.
    #[must_use]
    pub fn delivery(&self, run: u64, secret: &str) -> (Vec<(String, String)>, Vec<u8>) {
        let repo = self.repos.iter().find(|repo| repo.runs.iter().any(|it| it.id == run)).unwrap();
        let found = repo.runs.iter().find(|it| it.id == run).unwrap();
        let newest = found.attempts.len();
        let body = json!({
            "action": found.attempts[newest - 1].status, "workflow_run": show::run(&self.base, repo, found, newest),
            "repository": show::full_repository(&self.base, repo, self.now),
        });
        let body = body.to_string().into_bytes();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", "GitHub-Hookshot/044aadd".to_owned()),
            ("x-github-event", "workflow_run".to_owned()),
            ("x-github-delivery", uuid::Uuid::from_u128(run.into()).to_string()),
            ("x-hub-signature-256", format!("sha256={}", hex::encode(hmac_sha256(secret.as_bytes(), &body)))),
        ];
        (headers.map(|(name, value)| (name.to_owned(), value)).to_vec(), body)
    }
}
