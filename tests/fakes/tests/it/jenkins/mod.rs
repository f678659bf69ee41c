//! Plugin `jenkins`.

mod access;
mod changes;
mod credentials;
mod definitions;
mod deployments;
mod judges;
mod listing;
mod logs;
mod runs;
mod whole;

use std::collections::BTreeMap;

use novacron_cicd_domain::platform::{Given, TriggerRequest};
use novacron_cicd_fakes::{
    house::House,
    jenkins::{Item, Jenkins, USER},
};
use novacron_cicd_runtime::Provider;
use serde_json::json;

/// The parameter that carries our token.
const TOKEN: &str = "NOVACRON_CORRELATION";

/// A controller, and the plugin connected to it.
pub(crate) struct Setup {
    pub(crate) jenkins: Jenkins,
    house: House,
    /// With an API token.
    pub(crate) provider: Provider,
}

impl Setup {
    pub(crate) async fn new(items: Vec<Item>) -> Self {
        let (jenkins, house) = (Jenkins::start(items).await, House::new("jenkins").await);
        let provider = house.provider(&jenkins.url(), json!({}), Some(("token", USER)));
        Self { jenkins, house, provider }
    }

    /// With a password.
    pub(crate) fn by_password(&self) -> Provider {
        self.house.provider(&self.jenkins.url(), json!({}), Some(("password", USER)))
    }
}

pub(crate) fn request(pipeline: &str, parameters: &[(&str, &str)]) -> TriggerRequest {
    TriggerRequest {
        pipeline: pipeline.into(),
        reference: None,
        parameters: parameters.iter().map(|(name, value)| ((*name).into(), Given::text(*value))).collect(),
        environment: BTreeMap::new(),
        correlation: "nc-7".into(),
        callback: None,
        more: BTreeMap::new(),
    }
}

/// Parameters with our token among them.
pub(crate) fn tracked() -> Item {
    Item::job("app").with_strings(&[("VERSION", "1.0"), (TOKEN, "")])
}
