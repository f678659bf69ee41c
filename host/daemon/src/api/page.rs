//! Lists: `limit`, an opaque `cursor`, and `Link: rel="next"`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Uri, header};
use novacron_cicd_store::{Listing, Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ApiError;

/// How many items a page has where the request does not say.
pub(crate) const DEFAULT_LIMIT: u32 = 50;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// Newest first where the list does not say otherwise.
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; none at the end.
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// How many items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub(crate) limit: Option<u32>,
    /// The `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// The page that is asked for.
pub(crate) fn wanted(limit: Option<u32>, cursor: Option<String>) -> Result<Page, ApiError> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > Page::MOST {
        return Err(ApiError::Query {
            reason: format!("limit can't be {limit}: it is no number from 1 to {}", Page::MOST),
        });
    }
    Ok(Page { after: cursor, limit })
}

/// One page as an answer, with the link to the next one.
pub(crate) fn answer<T, D: Serialize>(uri: &Uri, listing: Listing<T>, each: impl FnMut(T) -> D) -> Response {
    let list = List { items: listing.items.into_iter().map(each).collect(), next: listing.next };
    linked(uri, &list)
}

/// A page that is put together already.
pub(crate) fn linked<D: Serialize>(uri: &Uri, list: &List<D>) -> Response {
    let link = list.next.as_deref().and_then(|next| HeaderValue::from_str(&link(uri, next)).ok());
    let mut response = axum::Json(list).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The same path and query with another cursor.
fn link(uri: &Uri, next: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "cursor" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("cursor", next);
    format!("<{}?{}>; rel=\"next\"", uri.path(), query.finish())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_link_keeps_the_query_and_changes_the_cursor() {
        let rows = [
            ("/v1/runs", "</v1/runs?cursor=n+1>; rel=\"next\""),
            ("/v1/runs?limit=2&cursor=old&state=failed", "</v1/runs?limit=2&state=failed&cursor=n+1>; rel=\"next\""),
        ];
        for (uri, expected) in rows {
            assert_eq!(link(&uri.parse().unwrap(), "n 1"), expected);
        }
    }

    #[test]
    fn a_limit_outside_of_the_bounds_is_refused_with_the_bounds() {
        for limit in [0, 501] {
            let error = wanted(Some(limit), None).unwrap_err().to_string();
            assert!(error.contains(&format!("limit can't be {limit}: it is no number from 1 to 500")), "{error}");
        }
        assert_eq!(wanted(None, None).unwrap(), Page { after: None, limit: DEFAULT_LIMIT });
    }
}
