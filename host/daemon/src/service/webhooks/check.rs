//! Whether a delivery is what its sender signed, by the scheme of the plugin's manifest. Pure.

use novacron_cicd_domain::{Timestamp, provider::Provider};
use novacron_cicd_runtime::plugin::{WebhookScheme, Webhooks as Scheme};
use novacron_cicd_vault::{
    Masker, Secret,
    sign::{
        DEFAULT_TOLERANCE_SECONDS, SignError, WebhookHeaders, verify_github, verify_standard_webhooks, verify_token,
    },
};
use sha2::{Digest as _, Sha256};

use super::{Came, Sender, next_slot};
use crate::service::ServiceError;

/// So many headers are kept, each of so many bytes.
const HEADERS: usize = 100;
const HEADER: usize = 8 * 1024;
/// The longest id of a sender that is kept as it is, in bytes.
const KEY: usize = 200;
/// What proves who sent it is of no use afterwards.
const PROOFS: [&str; 7] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-gitlab-token",
    "x-hub-signature",
    "x-hub-signature-256",
    "webhook-signature",
];

fn header<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
    headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
}

/// How this provider's deliveries are checked, and the slots of what they are checked with. A key for signatures that the operator
/// named counts even where the vault has it no more: a token alone is not taken in its place.
pub(super) fn in_force(provider: &Provider, scheme: Scheme) -> (WebhookScheme, [String; 2]) {
    let both = |slot: String| [next_slot(&slot), slot];
    let signing = scheme.signing_slot.map(both);
    match signing.filter(|slots| slots.iter().any(|slot| provider.credentials.contains_key(slot))) {
        Some(slots) => (WebhookScheme::StandardWebhooks, slots),
        None => (scheme.scheme, both(scheme.slot)),
    }
}

/// What can be checked before the body is here: tokens, and whether the address has one.
pub(super) fn address(sender: &Sender, came: Came<'_>) -> Result<(), ServiceError> {
    let token = match (sender.scheme, came.token) {
        (WebhookScheme::Address, token) => token.unwrap_or_default(),
        (_, Some(_)) => return Err(ServiceError::not_found("webhook", sender.provider.name.as_str())),
        (WebhookScheme::Gitlab, None) => header(came.headers, "x-gitlab-token"),
        (WebhookScheme::Token, None) => bearer(header(came.headers, "authorization")),
        (WebhookScheme::StandardWebhooks | WebhookScheme::Github, None) => return Ok(()),
    };
    Ok(verify_token(&sender.secrets.iter().collect::<Vec<_>>(), token)?)
}

fn bearer(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    }
}

/// What is signed: the body, and where the scheme says so its id and its time.
pub(super) fn signature(
    sender: &Sender,
    headers: &[(String, String)],
    body: &[u8],
    now: Timestamp,
) -> Result<(), ServiceError> {
    let secrets: Vec<&Secret> = sender.secrets.iter().collect();
    let checked: Result<(), SignError> = match sender.scheme {
        WebhookScheme::StandardWebhooks => {
            let headers = WebhookHeaders {
                id: header(headers, "webhook-id"),
                timestamp: header(headers, "webhook-timestamp"),
                signature: header(headers, "webhook-signature"),
            };
            verify_standard_webhooks(&secrets, headers, body, now, DEFAULT_TOLERANCE_SECONDS)
        }
        WebhookScheme::Github => verify_github(&secrets, header(headers, "x-hub-signature-256"), body),
        // Before the body came.
        WebhookScheme::Gitlab | WebhookScheme::Token | WebhookScheme::Address => Ok(()),
    };
    Ok(checked?)
}

/// The sender's id of the delivery, which is the same when it is sent again; where it has none, the body stands for itself.
pub(super) fn key(sender: &Sender, headers: &[(String, String)], body: &[u8]) -> String {
    let named = match sender.scheme {
        WebhookScheme::StandardWebhooks => "webhook-id",
        WebhookScheme::Github => "x-github-delivery",
        WebhookScheme::Gitlab | WebhookScheme::Token | WebhookScheme::Address => "idempotency-key",
    };
    match header(headers, named) {
        id if !id.is_empty() && id.len() <= KEY => id.to_owned(),
        _ => format!("sha256:{}", hex::encode(Sha256::digest(body))),
    }
}

/// The headers that are kept: what a plugin may need to read the body.
pub(super) fn kept(masker: &Masker, headers: &[(String, String)]) -> Vec<(String, String)> {
    let wanted = |(name, value): &&(String, String)| !PROOFS.contains(&name.as_str()) && value.len() <= HEADER;
    let masked = |(name, value): &(String, String)| (name.clone(), masker.mask_text(value).into_owned());
    headers.iter().filter(wanted).take(HEADERS).map(masked).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeMap;

    use novacron_cicd_domain::{Coded as _, id::ProviderId, name::Name, provider::CredentialSource};
    use novacron_cicd_vault::sign::{hmac_sha256, standard_webhooks};

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const BODY: &[u8] = br#"{"build":7}"#;

    fn provider() -> Provider {
        Provider {
            id: ProviderId(uuid::Uuid::nil()),
            name: Name::new("ci").unwrap(),
            plugin: "ci".into(),
            base_url: "https://ci.example.com/".parse().unwrap(),
            settings: serde_json::json!({}),
            credentials: BTreeMap::new(),
            grants: novacron_cicd_domain::provider::Grants::default(),
            health: novacron_cicd_domain::provider::Health::default(),
            version: 1,
            created: NOW,
            updated: NOW,
        }
    }

    fn sender(scheme: WebhookScheme, secrets: &[&str]) -> Sender {
        let secrets = secrets.iter().map(|value| Secret::new(*value)).collect();
        Sender { provider: provider(), scheme, secrets }
    }

    /// What becomes of a delivery.
    fn checked(sender: &Sender, headers: &[(&str, &str)], token: Option<&str>) -> &'static str {
        let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let came = Came { headers: &headers, token };
        match address(sender, came).and_then(|()| signature(sender, &headers, BODY, NOW)) {
            Ok(()) => "taken",
            Err(error) => error.code(),
        }
    }

    #[test]
    fn a_delivery_is_taken_by_the_scheme_of_its_plugin_and_by_no_other() {
        use WebhookScheme::{Address, Github, Gitlab, StandardWebhooks, Token};
        let (old, new) = ("the-old-secret-1", "the-new-secret-2");
        let hub = |key: &str| format!("sha256={}", hex::encode(hmac_sha256(key.as_bytes(), BODY)));
        let (hub_old, hub_new, hub_other) = (hub(old), hub(new), hub("another"));
        let signed = |key: &str, seconds| standard_webhooks(&Secret::new(key), "msg-1", seconds, BODY).unwrap();
        let (standard, late) = (signed(new, 1_700_000_000), signed(new, 1_699_999_000));
        let at = |seconds, signature| {
            vec![("webhook-id", "msg-1"), ("webhook-timestamp", seconds), ("webhook-signature", signature)]
        };
        // The scheme, the headers, what stands behind the address, what is said.
        type Row<'a> = (WebhookScheme, Vec<(&'a str, &'a str)>, Option<&'a str>, &'a str);
        let rows: Vec<Row<'_>> = vec![
            (Github, vec![("x-hub-signature-256", &hub_old)], None, "taken"),
            (Github, vec![("x-hub-signature-256", &hub_new)], None, "taken"),
            (Github, vec![("x-hub-signature-256", &hub_other)], None, "signature.mismatch"),
            (Github, vec![("authorization", "Bearer the-old-secret-1")], None, "signature.missing"),
            (Github, vec![("x-hub-signature-256", &hub_new)], Some(new), "webhook.not-found"),
            (StandardWebhooks, at("1700000000", &standard), None, "taken"),
            (StandardWebhooks, at("1699999000", &late), None, "signature.stale"),
            (StandardWebhooks, at("1699999999", &standard), None, "signature.mismatch"),
            (Gitlab, vec![("x-gitlab-token", old)], None, "taken"),
            (Gitlab, vec![("x-gitlab-token", "the-old-secret-")], None, "signature.mismatch"),
            (Gitlab, vec![], None, "signature.missing"),
            (Token, vec![("authorization", "bearer the-new-secret-2")], None, "taken"),
            (Token, vec![("authorization", "Basic the-new-secret-2")], None, "signature.missing"),
            (Address, vec![], Some(new), "taken"),
            (Address, vec![], Some("guessed"), "signature.mismatch"),
            (Address, vec![("authorization", "Bearer the-new-secret-2")], None, "signature.missing"),
        ];
        for (scheme, headers, token, expected) in rows {
            let sender = sender(scheme, &[old, new]);
            assert_eq!(checked(&sender, &headers, token), expected, "{scheme:?} {headers:?} {token:?}");
        }
    }

    #[test]
    fn where_a_key_for_signatures_is_set_no_token_is_taken_in_the_place_of_a_signature() {
        const TOKEN: (&str, &str) = ("x-gitlab-token", "the-token-of-it");
        let key = format!("whsec_{}", "a2V5".repeat(11));
        let signed = |key: &str, seconds| standard_webhooks(&Secret::new(key), "msg-1", seconds, BODY).unwrap();
        let (fresh, late) = (signed(&key, 1_700_000_000), signed(&key, 1_699_999_699));
        let forged = signed("whsec_b3RoZXI=", 1_700_000_000);
        let by = |seconds, signature| {
            vec![TOKEN, ("webhook-id", "msg-1"), ("webhook-timestamp", seconds), ("webhook-signature", signature)]
        };
        // The slots that are filled, the headers, what is said.
        type Row<'a> = (&'a [&'a str], Vec<(&'a str, &'a str)>, &'a str);
        let rows: Vec<Row<'_>> = vec![
            (&["hook"], vec![TOKEN], "taken"),
            (&["hook"], by("1700000000", &fresh)[1..].to_vec(), "signature.missing"),
            (&["signing"], by("1700000000", &fresh)[1..].to_vec(), "taken"),
            (&["signing.next"], by("1700000000", &fresh), "taken"),
            (&["hook", "signing"], by("1700000000", &fresh), "taken"),
            (&["hook", "signing"], vec![TOKEN], "signature.missing"),
            (&["hook", "signing"], by("1700000000", &forged), "signature.mismatch"),
            (&["hook", "signing"], by("1699999699", &late), "signature.stale"),
            (&["hook", "signing"], by("1700000000", &late), "signature.mismatch"),
        ];
        for (filled, headers, expected) in rows {
            let source = || CredentialSource { username: None, secret: "named".into() };
            let credentials = filled.iter().map(|slot| ((*slot).to_owned(), source())).collect();
            let scheme =
                Scheme { scheme: WebhookScheme::Gitlab, slot: "hook".into(), signing_slot: Some("signing".into()) };
            let (scheme, slots) = in_force(&Provider { credentials, ..provider() }, scheme);
            let value = |slot: &&str| if slot.starts_with("signing") { key.as_str() } else { TOKEN.1 };
            let secrets: Vec<_> =
                filled.iter().filter(|slot| slots.iter().any(|known| known == *slot)).map(value).collect();
            let sender = sender(scheme, &secrets);
            assert_eq!(checked(&sender, &headers, None), expected, "{filled:?} {headers:?}");
        }
    }

    #[test]
    fn what_is_sent_again_has_the_same_key_and_what_is_another_has_another() {
        use WebhookScheme::{Github, Token};
        let key = |scheme, name: &str, value: &str, body: &[u8]| {
            super::key(&sender(scheme, &["x"]), &[(name.to_owned(), value.to_owned())], body)
        };
        assert_eq!(key(Github, "x-github-delivery", "d-1", b"a"), "d-1");
        let digest = key(Token, "x-github-delivery", "d-1", b"a");
        assert!(digest.starts_with("sha256:ca978112"), "{digest}");
        assert_eq!(key(Token, "other", "", b"a"), digest);
        assert_ne!(key(Token, "other", "", b"b"), digest);
        assert!(key(Github, "x-github-delivery", &"x".repeat(KEY + 1), b"a").starts_with("sha256:"));
    }

    #[test]
    fn what_proves_who_sent_it_is_not_kept() {
        let value = Secret::new("hidden-value-17");
        let masker = Masker::new([&value]);
        let given = [
            ("x-github-event", "push"),
            ("authorization", "Bearer x"),
            ("x-hub-signature-256", "sha256=aa"),
            ("x-note", "it is hidden-value-17"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let kept: Vec<_> = kept(&masker, &given).into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(kept, ["x-github-event: push", "x-note: it is ***"]);
    }
}
