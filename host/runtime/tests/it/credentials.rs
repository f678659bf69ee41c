//! Credentials that a guest only describes: what it asks for is made by the host, and is good on the platform.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex, atomic::Ordering};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, Uri, header},
};
use novacron_cicd_domain::platform::CallErrorKind;

use crate::house::{House, VALUE, serve};

#[tokio::test]
async fn what_a_guest_has_signed_is_accepted_with_the_public_half_and_never_seen_by_it() {
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = seen.clone();
    let platform = serve(Router::new().fallback(move |headers: HeaderMap| async move {
        *kept.lock().unwrap() = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        // A platform that repeats what it was sent.
        seen_by_the_platform(&headers)
    }))
    .await;
    let house = House::hostile().await;
    let said = house.set("signed").text("12345").at(platform).said().await;
    let sent = seen.lock().unwrap().clone();
    let token = sent.strip_prefix("Bearer ").unwrap();
    let public = include_bytes!("../../../vault/src/sign/jwt/testdata/ec.pub.pem");
    let key = jsonwebtoken::DecodingKey::from_ec_pem(public).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).unwrap();
    assert_eq!(decoded.claims, serde_json::json!({ "iss": "12345" }));
    assert_eq!(said, ["Bearer ***"], "neither the token nor the key is the guest's");
}

fn seen_by_the_platform(headers: &HeaderMap) -> String {
    headers[header::AUTHORIZATION].to_str().unwrap().to_owned()
}

/// Issues numbered tokens against the secret, and takes the newest alone; `refusal` is what the others get.
async fn issuer(refusal: StatusCode) -> (std::net::SocketAddr, Arc<Mutex<Vec<String>>>, Arc<Mutex<u32>>) {
    let (lines, newest) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let (kept, issued) = (lines.clone(), newest.clone());
    let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: String| async move {
        kept.lock().unwrap().push(uri.path().to_owned());
        let mut issued = issued.lock().unwrap();
        if uri.path() == "/token" {
            if body != format!("client_secret={VALUE}") {
                return (StatusCode::UNAUTHORIZED, String::new());
            }
            *issued += 1;
            return (StatusCode::OK, format!(r#"{{"access_token":"issued-token-{issued}"}}"#));
        }
        let good =
            headers.get(header::AUTHORIZATION).is_some_and(|sent| *sent == format!("Bearer issued-token-{issued}"));
        if good { (StatusCode::OK, seen_by_the_platform(&headers)) } else { (refusal, String::new()) }
    });
    (serve(router).await, lines, newest)
}

#[tokio::test]
async fn a_login_that_a_guest_describes_serves_its_calls_and_is_made_again_where_it_is_refused() {
    let (platform, lines, newest) = issuer(StatusCode::UNAUTHORIZED).await;
    let house = House::hostile().await;
    let set = house.set("logged-in").at(platform);
    let configured = set.configured();
    for _ in 0..2 {
        let report = set.call_as(configured.clone()).await.unwrap();
        assert_eq!(report.warnings, ["Bearer ***"]);
    }
    assert_eq!(*lines.lock().unwrap(), ["/token", "/x", "/x"], "one login serves all");
    // The platform ends every session.
    *newest.lock().unwrap() += 1;
    set.call_as(configured).await.unwrap();
    assert_eq!(lines.lock().unwrap()[3..], ["/x", "/token", "/x"], "and once again after a refusal");
}

#[tokio::test]
async fn a_read_that_is_forbidden_makes_no_login_anew() {
    let (platform, lines, newest) = issuer(StatusCode::FORBIDDEN).await;
    let house = House::hostile().await;
    let set = house.set("logged-in").at(platform);
    let configured = set.configured();
    set.call_as(configured.clone()).await.unwrap();
    *newest.lock().unwrap() += 1;
    let error = set.call_as(configured).await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::Forbidden(_)), "{error}");
    assert_eq!(lines.lock().unwrap()[2..], ["/x"], "a platform's no to a known account is an answer");
}

#[tokio::test]
async fn a_guest_that_finds_nobody_behind_its_session_ends_it_once_a_minute_and_reads_again() {
    let (platform, lines, newest) = issuer(StatusCode::OK).await;
    let house = House::hostile().await;
    let set = house.set("known").at(platform);
    let configured = set.configured();
    let called = async || {
        let before = lines.lock().unwrap().len();
        let said = set.call_as(configured.clone()).await.map(|report| report.warnings).map_err(|error| error.kind);
        (said, lines.lock().unwrap()[before..].join(" "))
    };
    let known = || Ok(vec!["Bearer ***".to_owned()]);
    assert_eq!(called().await, (known(), "/token /x".into()));
    *newest.lock().unwrap() += 1;
    assert_eq!(called().await, (Err(CallErrorKind::Unauthorized), "/x".into()), "a login that has just been made");
    house.ports.later.store(60_000, Ordering::Relaxed);
    assert_eq!(called().await, (known(), "/x /token /x".into()));
    *newest.lock().unwrap() += 1;
    assert_eq!(called().await, (Err(CallErrorKind::Unauthorized), "/x".into()), "once a minute");
}

#[tokio::test]
async fn a_call_that_has_changed_something_as_nobody_is_not_made_again_and_the_next_one_logs_in() {
    let (platform, lines, newest) = issuer(StatusCode::OK).await;
    let house = House::hostile().await;
    let set = house.set("known-and-changed").at(platform);
    let configured = set.configured();
    set.call_as(configured.clone()).await.unwrap();
    *newest.lock().unwrap() += 1;
    house.ports.later.store(60_000, Ordering::Relaxed);
    let error = set.call_as(configured.clone()).await.unwrap_err();
    assert_eq!((error.kind, error.sent), (CallErrorKind::Unauthorized, true));
    set.call_as(configured).await.unwrap();
    assert_eq!(*lines.lock().unwrap(), ["/token", "/x", "/x", "/token", "/x"]);
}

#[tokio::test]
async fn what_our_own_policy_refuses_is_told_from_what_the_platform_forbids() {
    use novacron_cicd_domain::{Coded as _, Retry, provider::Grants};

    let platform = serve(Router::new().fallback(|| async { StatusCode::FORBIDDEN })).await;
    let house = House::hostile().await;
    let set = house.set("fetch").at(platform);
    let forbidden = set.error().await;
    assert_eq!((forbidden.code(), forbidden.retry()), ("call.forbidden", Retry::Never), "{forbidden}");
    let mut narrow = set.configured();
    narrow.grants = Grants::default();
    let denied = set.call_as(narrow).await.unwrap_err();
    assert_eq!((denied.code(), denied.retry(), denied.sent), ("egress.denied", Retry::Never, false), "{denied}");
    let hint = denied.hint().unwrap();
    assert!(hint.contains("--grant-network 127.0.0.1/32"), "{hint}");
}
