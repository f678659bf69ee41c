#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SECONDS: i64 = 1_614_265_330;

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

fn verify(signature: &str, now: i64) -> Result<(), SignError> {
    let headers = WebhookHeaders { id: ID, timestamp: "1614265330", signature };
    verify_standard_webhooks(&[&Secret::new(SECRET)], headers, BODY, at(now), DEFAULT_TOLERANCE_SECONDS)
}

#[test]
fn the_vector_of_standard_webhooks_is_signed_and_accepted() {
    assert_eq!(standard_webhooks(&Secret::new(SECRET), ID, SECONDS, BODY).unwrap(), SIGNATURE);
    assert_eq!(verify(SIGNATURE, SECONDS), Ok(()));
}

#[test]
fn a_secret_without_the_prefix_is_taken_as_it_is() {
    let signed = standard_webhooks(&Secret::new("plain text secret"), "id", 1, b"body").unwrap();
    let expected = STANDARD.encode(hmac_sha256(b"plain text secret", b"id.1.body"));
    assert_eq!(signed, format!("v1,{expected}"));
}

#[test]
fn one_right_signature_among_several_is_enough() {
    let wrong = format!("v1,{}", STANDARD.encode([0; 32]));
    for (header, expected) in [
        (format!("{wrong} {SIGNATURE}"), Ok(())),
        (format!("{SIGNATURE} {wrong}"), Ok(())),
        (format!("v1a,abc {SIGNATURE}"), Ok(())),
        (format!("v1,not-base64! {SIGNATURE}"), Ok(())),
        (wrong.clone(), Err(SignError::Mismatch)),
        (SIGNATURE.replace("v1,", "v2,"), Err(SignError::Mismatch)),
        (SIGNATURE[..30].to_owned(), Err(SignError::Mismatch)),
        ("v1,".to_owned(), Err(SignError::Mismatch)),
        (format!("{}{SIGNATURE}", format!("{wrong} ").repeat(16)), Err(SignError::Mismatch)),
        ("g0hM9SsE".to_owned(), Err(SignError::Malformed("webhook-signature"))),
        (String::new(), Err(SignError::Missing("webhook-signature"))),
    ] {
        assert_eq!(verify(&header, SECONDS), expected, "{header}");
    }
}

#[test]
fn any_of_the_secrets_of_a_rotation_will_do() {
    let headers = WebhookHeaders { id: ID, timestamp: "1614265330", signature: SIGNATURE };
    let (old, new) = (Secret::new(SECRET), Secret::new("the next secret"));
    let verify = |secrets: &[&Secret]| verify_standard_webhooks(secrets, headers, BODY, at(SECONDS), 300);
    assert_eq!(verify(&[&new, &old]), Ok(()));
    assert_eq!(verify(&[&old, &new]), Ok(()));
    assert_eq!(verify(&[&new]), Err(SignError::Mismatch));
    assert_eq!(verify(&[]), Err(SignError::Mismatch));
}

#[test]
fn a_timestamp_too_far_from_now_is_refused_on_both_sides() {
    for (now, expected) in [
        (SECONDS + 300, Ok(())),
        (SECONDS - 300, Ok(())),
        (SECONDS + 301, Err(SignError::Stale { off: 301, tolerance: 300 })),
        (SECONDS - 301, Err(SignError::Stale { off: 301, tolerance: 300 })),
    ] {
        assert_eq!(verify(SIGNATURE, now), expected, "{now}");
    }
}

#[test]
fn changed_parts_do_not_verify() {
    let secret = Secret::new(SECRET);
    for (id, timestamp, body, expected) in [
        ("msg_other", "1614265330", BODY, SignError::Mismatch),
        (ID, "1614265331", BODY, SignError::Mismatch),
        (ID, "1614265330", b"{}", SignError::Mismatch),
        (ID, "+1614265330", BODY, SignError::Malformed("webhook-timestamp")),
        (ID, "-1", BODY, SignError::Malformed("webhook-timestamp")),
        (ID, "soon", BODY, SignError::Malformed("webhook-timestamp")),
        (ID, "99999999999999999999", BODY, SignError::Malformed("webhook-timestamp")),
        (ID, "9223372036854775807", BODY, SignError::Stale { off: 9_223_372_035_240_510_477, tolerance: 300 }),
        (ID, "", BODY, SignError::Missing("webhook-timestamp")),
        ("", "1614265330", BODY, SignError::Missing("webhook-id")),
    ] {
        let headers = WebhookHeaders { id, timestamp, signature: SIGNATURE };
        let result = verify_standard_webhooks(&[&secret], headers, body, at(SECONDS), 300);
        assert_eq!(result, Err(expected), "{id} {timestamp}");
    }
}

#[test]
fn what_would_be_ambiguous_or_no_header_is_not_signed() {
    let secret = Secret::new(SECRET);
    for id in ["", "a.b", "a b", "a\nb", "ä"] {
        assert_eq!(standard_webhooks(&secret, id, 1, b""), Err(SignError::BadHeader("id")), "{id:?}");
    }
    for key in ["whsec_", "whsec_!", ""] {
        let result = standard_webhooks(&Secret::new(key), "id", 1, b"");
        assert!(matches!(result, Err(SignError::BadKey { .. })), "{key:?}: {result:?}");
    }
}

#[test]
fn the_vector_of_github_is_accepted_and_nothing_near_it() {
    let secret = Secret::new("It's a Secret to Everybody");
    let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    for (header, body, expected) in [
        (format!("sha256={digest}"), "Hello, World!", Ok(())),
        (format!("sha256={}", digest.to_uppercase()), "Hello, World!", Ok(())),
        (format!("sha256={digest}"), "Hello, World?", Err(SignError::Mismatch)),
        (format!("sha256={}", &digest[..62]), "Hello, World!", Err(SignError::Mismatch)),
        ("sha256=".to_owned(), "Hello, World!", Err(SignError::Mismatch)),
        (format!("sha1={digest}"), "Hello, World!", Err(SignError::Malformed("x-hub-signature-256"))),
        (digest.to_owned(), "Hello, World!", Err(SignError::Malformed("x-hub-signature-256"))),
        (String::new(), "Hello, World!", Err(SignError::Missing("x-hub-signature-256"))),
    ] {
        assert_eq!(verify_github(&[&secret], &header, body.as_bytes()), expected, "{header}");
    }
    assert_eq!(github(&secret, b"Hello, World!"), Ok(format!("sha256={digest}")));
    assert!(matches!(github(&Secret::new(""), b""), Err(SignError::BadKey { .. })));
    assert!(matches!(verify_github(&[&Secret::new("")], "sha256=00", b""), Err(SignError::BadKey { .. })));
}

#[test]
fn a_plain_token_must_be_the_same() {
    let secret = Secret::new("gitlab-token");
    assert_eq!(verify_token(&[&secret], "gitlab-token"), Ok(()));
    assert_eq!(verify_token(&[&secret], "gitlab-tokem"), Err(SignError::Mismatch));
    assert_eq!(verify_token(&[&secret], ""), Err(SignError::Missing("token")));
    assert!(matches!(verify_token(&[&Secret::new("")], "x"), Err(SignError::BadKey { .. })));
}
