//! Bodies. A secret is a part of its own, never text, so that nothing which came from a platform can pose as one.

use serde::Serialize;

use crate::types::{BodyPart, SecretPart};

use super::encode;

/// How the host writes a secret into the body that surrounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    None,
    /// For the inside of a JSON string; the quotes are the body's.
    Json,
    /// For the text of an XML element or attribute.
    Xml,
    /// For a form value.
    Form,
    /// Percent-encoded.
    Percent,
    /// As standard base64.
    Base64,
}

impl Escape {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Form => "form",
            Self::Percent => "percent",
            Self::Base64 => "base64",
        }
    }
}

/// A body, put together from text, bytes and references to secrets.
///
/// ```
/// use novacron_cicd_sdk::http::{Body, Escape};
///
/// let reference = "secret-1"; // as the host gave it to this call
/// let body = Body::new().text("<secret>").secret(reference, Escape::Xml).text("</secret>");
/// assert_eq!(body.parts().len(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    parts: Vec<BodyPart>,
}

impl Body {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text.
    #[must_use]
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.bytes(text.as_ref().as_bytes())
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: impl AsRef<[u8]>) -> Self {
        match self.parts.last_mut() {
            Some(BodyPart::Bytes(there)) => there.extend_from_slice(bytes.as_ref()),
            _ => self.parts.push(BodyPart::Bytes(bytes.as_ref().to_vec())),
        }
        self
    }

    /// Adds the secret that this call knows by `reference`; the host puts its value there when it sends.
    #[must_use]
    pub fn secret(self, reference: impl Into<String>, escape: Escape) -> Self {
        self.part(reference.into(), escape, None)
    }

    /// Adds the secret, sealed to the captured public key `key` (see [`Capture::public`](super::Capture::public)), as
    /// standard base64.
    #[must_use]
    pub fn sealed(self, reference: impl Into<String>, key: impl Into<String>) -> Self {
        self.part(reference.into(), Escape::Base64, Some(key.into()))
    }

    fn part(mut self, secret: String, escape: Escape, seal_to: Option<String>) -> Self {
        self.parts.push(BodyPart::Secret(SecretPart { secret, escape: escape.word().into(), seal_to }));
        self
    }

    /// One `name=value` more of a form.
    pub(super) fn form(self, name: &str, value: Result<&str, &str>) -> Self {
        let between = if self.parts.is_empty() { "" } else { "&" };
        let begun = self.text(format!("{between}{}=", encode(name)));
        match value {
            Ok(text) => begun.text(encode(text)),
            Err(reference) => begun.secret(reference, Escape::Form),
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn parts(&self) -> &[BodyPart] {
        &self.parts
    }

    pub(super) fn into_parts(self) -> Vec<BodyPart> {
        self.parts
    }
}

/// JSON that may hold references to secrets. What holds none is simpler with
/// [`Request::json`](super::Request::json) on any `Serialize`.
///
/// ```
/// use novacron_cicd_sdk::http::{Json, Request};
///
/// let body = Json::object().field("name", "DEPLOY_KEY").secret("value", "secret-1");
/// let request = Request::put("/variables/DEPLOY_KEY").json_with_secrets(body).build()?;
/// assert_eq!(request.body.len(), 3); // up to the opening quote, the secret, from the closing quote
/// # Ok::<(), novacron_cicd_sdk::types::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Json {
    fields: Vec<(String, Node)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// JSON, written already.
    Plain(String),
    Secret(String, Option<String>),
    Object(Json),
}

impl Json {
    /// An object without fields.
    #[must_use]
    pub fn object() -> Self {
        Self::default()
    }

    /// Sets a field. What can't be written as JSON (a map whose keys are no strings) becomes null.
    #[must_use]
    pub fn field(self, name: impl Into<String>, value: impl Serialize) -> Self {
        let json = serde_json::to_string(&value).unwrap_or_else(|_| "null".into());
        self.set(name.into(), Node::Plain(json))
    }

    /// Sets a field where there is a value.
    #[must_use]
    pub fn maybe(self, name: impl Into<String>, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Sets a field to a string that is a secret.
    #[must_use]
    pub fn secret(self, name: impl Into<String>, reference: impl Into<String>) -> Self {
        self.set(name.into(), Node::Secret(reference.into(), None))
    }

    /// Sets a field to a secret that is sealed to the captured public key `key`, as base64.
    #[must_use]
    pub fn sealed(self, name: impl Into<String>, reference: impl Into<String>, key: impl Into<String>) -> Self {
        self.set(name.into(), Node::Secret(reference.into(), Some(key.into())))
    }

    /// Sets a field to an object.
    #[must_use]
    pub fn nested(self, name: impl Into<String>, object: Self) -> Self {
        self.set(name.into(), Node::Object(object))
    }

    /// A name stands once: the last one counts, as readers of JSON have it.
    fn set(mut self, name: String, node: Node) -> Self {
        self.fields.retain(|(there, _)| *there != name);
        self.fields.push((name, node));
        self
    }

    pub(super) fn write(&self, mut body: Body) -> Body {
        for (index, (name, node)) in self.fields.iter().enumerate() {
            let between = if index == 0 { "{" } else { "," };
            // A string is always written.
            let name = serde_json::to_string(name).unwrap_or_default();
            body = body.text(between).text(name).text(":");
            body = match node {
                Node::Plain(json) => body.text(json),
                Node::Secret(reference, None) => body.text("\"").secret(reference, Escape::Json).text("\""),
                Node::Secret(reference, Some(key)) => body.text("\"").sealed(reference, key).text("\""),
                Node::Object(object) => object.write(body),
            };
        }
        body.text(if self.fields.is_empty() { "{}" } else { "}" })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn shown(body: &Body) -> String {
        let part = |part: &BodyPart| match part {
            BodyPart::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            BodyPart::Secret(part) => format!("<{} {} {:?}>", part.secret, part.escape, part.seal_to),
        };
        body.parts().iter().map(part).collect()
    }

    #[test]
    fn json_escapes_names_and_leaves_secrets_to_the_host() {
        let body = Json::object()
            .field("a\"b", [1, 2])
            .secret("token", "ref-1")
            .nested("in", Json::object().sealed("value", "ref-2", "repo-key").maybe("none", None::<u8>))
            .nested("empty", Json::object())
            .write(Body::new());
        assert_eq!(
            shown(&body),
            r#"{"a\"b":[1,2],"token":"<ref-1 json None>","in":{"value":"<ref-2 base64 Some("repo-key")>"},"empty":{}}"#
        );
    }

    #[test]
    fn a_field_that_is_set_twice_stands_once() {
        let body = Json::object().field("a", 1).secret("a", "r").write(Body::new());
        assert_eq!(shown(&body), r#"{"a":"<r json None>"}"#);
    }

    #[test]
    fn text_that_looks_like_a_part_stays_text() {
        let body = Json::object().field("x", "<r json None>").write(Body::new());
        assert_eq!(body.parts().len(), 1);
    }
}
