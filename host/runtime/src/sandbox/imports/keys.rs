//! `keys`: what is made of a key becomes a slot of this call; neither the key nor what is made of it enters the guest.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use novacron_cicd_contract::bindings::novacron::cicd::keys::{Host, KeyError};
use novacron_cicd_vault::{
    Secret,
    sign::{self, JwtAlgorithm},
};

use crate::{plugin::CredentialKind, sandbox::CallState};

impl Host for CallState {
    async fn sign_jwt(
        &mut self,
        slot: String,
        algorithm: String,
        claims: String,
    ) -> wasmtime::Result<Result<String, KeyError>> {
        self.keys_allowed("keys.sign-jwt")?;
        let begun = self.wait_begun();
        let key = self.key(&slot, &[CredentialKind::Key, CredentialKind::Exchange]).await;
        self.wait_ended(begun);
        Ok(key.and_then(|key| {
            let Some(algorithm) = JwtAlgorithm::parse(&algorithm) else {
                return Err(KeyError::Invalid(format!("the algorithm {algorithm:?} is not RS256, ES256 or HS256")));
            };
            let claims = serde_json::from_str(&claims)
                .map_err(|error| KeyError::Invalid(format!("the claims are not JSON: {error}")))?;
            let token =
                sign::jwt(algorithm, &key, None, &claims).map_err(|error| KeyError::Invalid(error.to_string()))?;
            Ok(self.meter.scope.derive_bearer(&slot, token))
        }))
    }

    async fn hmac(
        &mut self,
        slot: String,
        algorithm: String,
        encoding: String,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<String, KeyError>> {
        self.keys_allowed("keys.hmac")?;
        let begun = self.wait_begun();
        let key = self.key(&slot, &[CredentialKind::Hmac]).await;
        self.wait_ended(begun);
        Ok(key.and_then(|key| {
            if algorithm != "hmac-sha256" {
                return Err(KeyError::Invalid(format!("the algorithm {algorithm:?} is not hmac-sha256")));
            }
            let digest = sign::hmac_sha256(key.expose(), &message);
            let text = match encoding.as_str() {
                "hex" => hex::encode(digest),
                "base64" => STANDARD.encode(digest),
                _ => return Err(KeyError::Invalid(format!("the encoding {encoding:?} is not hex or base64"))),
            };
            self.meter.scope.derive_header(&slot, Secret::new(text)).ok_or_else(|| {
                KeyError::NotAllowed(format!("the manifest names no header for what is made with the slot {slot:?}"))
            })
        }))
    }
}

impl CallState {
    /// A login may be described with the help of keys; a webhook may not.
    fn keys_allowed(&self, import: &'static str) -> wasmtime::Result<()> {
        if self.function == "credentials.describe-login" { Ok(()) } else { self.impure(import) }
    }

    async fn key(&mut self, slot: &str, kinds: &[CredentialKind]) -> Result<Secret, KeyError> {
        let declared = self.environment.manifest.credential(slot);
        let Some(declared) = declared else {
            return Err(KeyError::NoSuchSlot(format!("the manifest has no slot {slot:?}")));
        };
        if !kinds.contains(&declared.kind) {
            let what = format!("the slot {slot:?} is of kind {}, which is no key for this", declared.kind.as_str());
            return Err(KeyError::NotAllowed(what));
        }
        let Some(name) = self.environment.secrets.get(slot) else {
            return Err(KeyError::NoSuchSlot(format!("the provider fills the slot {slot:?} with no secret")));
        };
        let missing = || KeyError::NoSuchSlot(format!("the secret that fills the slot {slot:?} is not there"));
        self.ports.secret(name).await.ok_or_else(missing)
    }
}
