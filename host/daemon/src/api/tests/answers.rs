//! What a client gets: problems for whatever is wrong, pages, and nothing that it may not see.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use axum::{body::Body, routing};
use http::{Method, Request, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;

use super::host::{Answer, Host};
use crate::api::{self, MEDIA_TYPE};

const ID: &str = "019732a4-7c1e-7f00-8000-000000000001";

#[tokio::test]
async fn whatever_is_wrong_with_a_request_is_a_problem_that_says_so() {
    let host = Host::start().await;
    let json_type = Some("application/json");
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(2 << 20));
    let rows = [
        ("GET", "/nothing", None, "", 404, "http.no-route"),
        ("GET", "/v1/nothing", None, "", 404, "http.no-route"),
        ("PUT", "/v1/runs", None, "", 405, "http.method-not-allowed"),
        ("DELETE", "/healthz", None, "", 405, "http.method-not-allowed"),
        ("POST", "/v1/secrets", None, "{}", 415, "http.unsupported-media-type"),
        ("POST", "/v1/secrets", Some("text/plain"), "{}", 415, "http.unsupported-media-type"),
        ("POST", "/v1/secrets", json_type, &large, 413, "http.body-too-large"),
        ("POST", "/v1/secrets", json_type, "{", 400, "request.invalid-body"),
        ("POST", "/v1/secrets", json_type, "{\"name\": 1, \"value\": \"x\"}", 400, "request.invalid-body"),
        ("POST", "/v1/secrets", json_type, "{\"nam\": \"x\"}", 400, "request.unknown-field"),
        ("POST", "/v1/providers", json_type, "{\"name\": \"x\"}", 400, "request.invalid-body"),
        ("GET", "/v1/runs?limit=0", None, "", 400, "request.invalid-query"),
        ("GET", "/v1/runs?limt=1", None, "", 400, "request.invalid-query"),
        ("GET", "/v1/runs?state=done", None, "", 400, "request.invalid-query"),
        ("GET", "/v1/runs?cursor=broken", None, "", 422, "page.cursor-invalid"),
        ("GET", "/v1/runs/4711", None, "", 400, "request.invalid-path"),
        ("GET", &format!("/v1/runs/{ID}"), None, "", 404, "run.not-found"),
        ("GET", "/v1/providers/x", None, "", 404, "provider.not-found"),
        ("POST", &format!("/v1/operations/{ID}/resolve"), json_type, "{\"action\": \"adopt\"}", 422, "field.invalid"),
    ];
    for (method, path, media_type, body, status, code) in &rows {
        let mut request = host.request(method.parse().unwrap(), path).header("x-request-id", "req-1");
        if let Some(media_type) = media_type {
            request = request.header(header::CONTENT_TYPE, *media_type);
        }
        let answer = Answer::read(host.send(request.body(Body::from((*body).to_owned())).unwrap()).await).await;
        let what = format!("{method} {path}: {}", answer.text);
        assert_eq!(answer.status, *status, "{what}");
        assert_eq!(answer.header("content-type"), MEDIA_TYPE, "{what}");
        assert_eq!(answer.header("x-request-id"), "req-1", "{what}");
        let problem = answer.json();
        assert_eq!(problem["code"], *code, "{what}");
        assert_eq!(problem["status"], *status, "{what}");
        assert_eq!(problem["type"], format!("urn:novacron:cicd:error:{code}"), "{what}");
        assert_eq!(problem["instance"], path.split('?').next().unwrap(), "{what}");
        assert_eq!(problem["request_id"], "req-1", "{what}");
        assert!(problem["detail"].as_str().is_some_and(|text| !text.is_empty() && !text.ends_with('.')), "{what}");
    }
    let unknown = host.post("/v1/tokens", &json!({"name": "x", "role": "viewer", "rol": 1})).await.json();
    assert_eq!(unknown["detail"], "unknown field rol");
    assert_eq!(unknown["hint"], "it can be name, role, expires");
    let allowed = host.send(host.request(Method::PUT, "/v1/runs").body(Body::empty()).unwrap()).await;
    assert_eq!(allowed.headers()[header::ALLOW], "GET,HEAD");
    host.stop().await;
}

#[tokio::test]
async fn a_handler_that_gives_up_is_a_problem_and_takes_nobody_down() {
    let host = Host::start().await;
    let boom = || async {
        if true {
            panic!("the word in the panic stays inside")
        }
    };
    let router = api::wrap(OpenApiRouter::new().route("/boom", routing::get(boom)), host.state.clone());
    for _ in 0..2 {
        let request = Request::get("/boom").body(Body::empty()).unwrap();
        let answer = Answer::read(router.clone().oneshot(request).await.unwrap()).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (500, json!("http.internal")));
        assert!(!answer.text.contains("the word"), "{}", answer.text);
    }
    host.stop().await;
}

#[tokio::test]
async fn every_operation_of_the_document_is_served_and_needs_the_token_that_it_says() {
    let host = Host::start().await;
    let document: Value = serde_json::from_str(api::document::text()).unwrap();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path.replace("{id}", ID).replace("{name}", "x").replace("{job}", "x");
        for (method, operation) in item.as_object().unwrap() {
            let open = operation["security"].as_array().unwrap().is_empty();
            let request = Request::builder().method(method.to_uppercase().as_str()).uri(&concrete);
            let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::empty()).unwrap();
            let status = host.send(request).await.status().as_u16();
            // To whom nothing may be sent says no more than that it is not there.
            let expected = match open {
                true if path.starts_with("/v1/hooks/") => 404,
                true => 200,
                false => 401,
            };
            assert_eq!(status, expected, "{method} {path}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} operations");
    host.stop().await;
}

#[tokio::test]
async fn a_token_is_good_for_its_role_until_it_is_revoked() {
    let host = Host::start().await;
    let created = host.post("/v1/tokens", &json!({"name": "looker", "role": "viewer"})).await;
    assert_eq!((created.status, created.header("location")), (201, "/v1/tokens/looker"));
    let viewer = created.json()["value"].as_str().unwrap().to_owned();
    let as_viewer = |method: Method, path: &str, body: &Value| {
        let request =
            Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("bearer {viewer}"));
        request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
    };
    let list = host.send(as_viewer(Method::GET, "/v1/secrets", &Value::Null)).await;
    assert_eq!(list.status().as_u16(), 200);
    let body = json!({"name": "k", "value": "hunter2hunter2"});
    let refused = Answer::read(host.send(as_viewer(Method::POST, "/v1/secrets", &body)).await).await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (403, json!("auth.forbidden")));
    assert!(refused.json()["hint"].as_str().unwrap().contains("admin"), "{}", refused.text);
    let revoke = host.send(host.request(Method::DELETE, "/v1/tokens/looker").body(Body::empty()).unwrap()).await;
    assert_eq!(revoke.status().as_u16(), 200);
    let after = Answer::read(host.send(as_viewer(Method::GET, "/v1/secrets", &Value::Null)).await).await;
    assert_eq!((after.status, after.header("www-authenticate")), (401, "Bearer realm=\"novacron-cicd\""));
    host.stop().await;
}

#[tokio::test]
async fn neither_kind_of_token_is_good_for_the_other_kind_of_route() {
    let host = Host::start().await;
    let run = format!("/v1/callbacks/runs/{ID}");
    let answer = host.get(&run).await;
    assert!(matches!(answer.status, 401 | 403 | 404), "{answer:?}");
    let request = Request::get("/v1/runs").header(header::AUTHORIZATION, "Bearer ncr_AAAAAAAAAAAAAAAAAAAAAAAA");
    let answer = Answer::read(host.send(request.body(Body::empty()).unwrap()).await).await;
    assert_eq!(answer.json()["code"], "auth.unauthorized");
    host.stop().await;
}

#[tokio::test]
async fn the_public_listener_serves_callbacks_and_nothing_else() {
    let host = Host::start().await;
    let rows = [
        ("/healthz", 200),
        ("/v1/runs", 404),
        ("/v1/secrets", 404),
        ("/metrics", 404),
        ("/v1/openapi.json", 404),
        ("/v1/callbacks/runs/019732a4-7c1e-7f00-8000-000000000001", 401),
    ];
    for (path, expected) in rows {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let status = host.public.clone().oneshot(request).await.unwrap().status().as_u16();
        assert_eq!(status, expected, "{path}");
    }
    host.stop().await;
}

#[tokio::test]
async fn a_secret_goes_in_and_never_comes_out() {
    let host = Host::start().await;
    let value = "s3cr3t-0123456789abcdef";
    let mut answers = vec![
        host.post("/v1/secrets", &json!({"name": "k", "value": value})).await,
        host.post("/v1/secrets", &json!({"name": "k", "value": value})).await,
        host.post("/v1/secrets", &json!({"name": "bad name", "value": value})).await,
        host.post("/v1/secrets", &json!({"name": "k2", "valu": value})).await,
        host.post("/v1/secrets", &json!({"name": "k3", "value": [value]})).await,
    ];
    for path in ["/v1/secrets", "/v1/events", "/v1/audit", "/metrics"] {
        answers.push(host.get(path).await);
    }
    assert_eq!(
        answers.iter().map(|answer| answer.status).collect::<Vec<_>>(),
        [201, 409, 422, 400, 400, 200, 200, 200, 200]
    );
    for answer in answers {
        assert!(!answer.text.contains(value), "{answer:?}");
    }
    host.stop().await;
}

#[tokio::test]
async fn the_link_leads_through_all_pages() {
    let host = Host::start().await;
    for name in ["a", "b", "c", "d", "e"] {
        let body = json!({"name": name, "value": "0123456789abcdef"});
        assert_eq!(host.post("/v1/secrets", &body).await.status, 201);
    }
    let (mut path, mut names, mut pages) = ("/v1/secrets?limit=2".to_owned(), Vec::new(), 0);
    loop {
        let page = host.get(&path).await;
        pages += 1;
        let items = page.json()["items"].as_array().unwrap().clone();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let link = page.header("link").to_owned();
        assert_eq!(link.is_empty(), page.json()["next"].is_null());
        let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else { break };
        assert!(next.starts_with("/v1/secrets?limit=2&cursor="), "{next}");
        path = next.to_owned();
    }
    names.sort();
    assert_eq!((names.concat().as_str(), pages), ("abcde", 3));
    host.stop().await;
}

#[tokio::test]
async fn a_host_that_is_stopping_says_that_it_is_not_ready() {
    let host = Host::start().await;
    assert_eq!(host.get("/readyz").await.json()["ready"], true);
    host.stopping.cancel();
    let answer = host.get("/readyz").await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("http.stopping")));
    assert_eq!(answer.header("retry-after"), "1");
    host.stop().await;
}
