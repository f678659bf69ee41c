#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

use super::*;

// Keys that sign nothing but these tests.
const RSA: &str = include_str!("testdata/rsa.pem");
const RSA_PUBLIC: &str = include_str!("testdata/rsa.pub.pem");
const EC: &str = include_str!("testdata/ec.pem");
const EC_PUBLIC: &str = include_str!("testdata/ec.pub.pem");

fn claims() -> Value {
    json!({"iss": "12345", "iat": 1_700_000_000, "exp": 4_000_000_000_u64})
}

fn decode(token: &Secret, key: &DecodingKey, algorithm: Algorithm) -> (Header, Value) {
    let decoded = jsonwebtoken::decode::<Value>(token.expose(), key, &Validation::new(algorithm)).unwrap();
    (decoded.header, decoded.claims)
}

#[test]
fn each_algorithm_signs_what_its_public_half_accepts() {
    let rows = [
        (JwtAlgorithm::Rs256, RSA, DecodingKey::from_rsa_pem(RSA_PUBLIC.as_bytes()).unwrap(), Algorithm::RS256),
        (JwtAlgorithm::Es256, EC, DecodingKey::from_ec_pem(EC_PUBLIC.as_bytes()).unwrap(), Algorithm::ES256),
        (JwtAlgorithm::Hs256, "a shared secret", DecodingKey::from_secret(b"a shared secret"), Algorithm::HS256),
    ];
    for (algorithm, key, public, expected) in rows {
        let token = jwt(algorithm, &Secret::new(key), Some("key-1"), &claims()).unwrap();
        let (header, decoded) = decode(&token, &public, expected);
        assert_eq!(decoded, claims(), "{algorithm:?}");
        assert_eq!((header.kid.as_deref(), header.alg), (Some("key-1"), expected));
        assert_eq!(JwtAlgorithm::parse(algorithm.as_str()), Some(algorithm));
    }
    assert_eq!(JwtAlgorithm::parse("none"), None);
}

#[test]
fn a_key_of_another_kind_is_refused_without_being_repeated() {
    for (algorithm, key) in [
        (JwtAlgorithm::Rs256, "not a key"),
        (JwtAlgorithm::Rs256, EC),
        (JwtAlgorithm::Rs256, RSA_PUBLIC),
        (JwtAlgorithm::Es256, "not a key"),
        (JwtAlgorithm::Es256, RSA),
        (JwtAlgorithm::Hs256, ""),
    ] {
        let error = jwt(algorithm, &Secret::new(key), None, &claims()).err().unwrap();
        assert!(matches!(error, SignError::BadKey { .. }), "{algorithm:?}: {error:?}");
        assert!(key.is_empty() || !error.to_string().contains(key));
    }
}

#[test]
fn claims_that_are_no_object_are_refused() {
    for claims in [json!([]), json!("text"), json!(null)] {
        let result = jwt(JwtAlgorithm::Hs256, &Secret::new("a shared secret"), None, &claims);
        assert_eq!(result.err(), Some(SignError::BadClaims));
    }
}
