//! What only a platform has: each noun's routes and shapes.

pub mod artifacts;
pub mod deployments;
pub mod environments;
pub mod hooks;
pub mod pipelines;
pub mod result;
pub mod runners;
pub mod runs;
pub mod schedules;
pub mod stored;

use std::collections::BTreeMap;

use axum::response::Response;
use http::Uri;
use novacron_cicd_domain::platform::{Given, PageRequest, RemotePage};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use super::{ApiError, ApiState, List, page};

/// Routes of these nouns.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(runs::routes())
        .merge(artifacts::routes())
        .merge(pipelines::routes())
        .merge(schedules::routes())
        .merge(stored::routes())
        .merge(runners::routes())
        .merge(hooks::routes())
        .merge(environments::routes())
        .merge(deployments::routes())
}

/// The page of a platform's list that is asked for.
fn wanted(limit: Option<u32>, cursor: Option<String>) -> Result<PageRequest, ApiError> {
    let wanted = page::wanted(limit, cursor)?;
    Ok(PageRequest { cursor: wanted.after, limit: wanted.limit })
}

/// A page of a platform's list as an answer.
fn paged<T, V: From<T> + Serialize>(uri: &Uri, found: RemotePage<T>) -> Response {
    page::linked(uri, &List { items: found.items.into_iter().map(V::from).collect(), next: found.next })
}

/// A platform's list that has no pages.
fn listed<T, V: From<T>>(found: Vec<T>) -> List<V> {
    List { items: found.into_iter().map(V::from).collect(), next: None }
}

/// Values as they are, and by the names of secrets.
fn given(values: BTreeMap<String, String>, secrets: BTreeMap<String, String>) -> BTreeMap<String, Given> {
    let values = values.into_iter().map(|(name, value)| (name, Given::text(value)));
    values.chain(secrets.into_iter().map(|(name, secret)| (name, Given::secret(secret)))).collect()
}
