//! Times on the wire: RFC 3339 in UTC with milliseconds, which people and programs both read.

use novacron_cicd_domain::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Timestamp);

impl Time {
    /// The point in time that a text names.
    ///
    /// # Errors
    /// The text is no RFC 3339 time.
    pub fn parse(text: &str) -> Result<Self, String> {
        let time: jiff::Timestamp =
            text.parse().map_err(|_| format!("{text:?} is no time such as 2026-01-31T12:00:00Z"))?;
        Ok(Self(Timestamp(time.as_millisecond())))
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms", self.0.0),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Takes RFC 3339, and milliseconds since the epoch, which a shell has at hand.
impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Time;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a time such as 2026-01-31T12:00:00Z, or milliseconds since 1970")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
                Time::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, millis: i64) -> Result<Time, E> {
                Ok(Time(Timestamp(millis)))
            }
            fn visit_u64<E: serde::de::Error>(self, millis: u64) -> Result<Time, E> {
                i64::try_from(millis).map(|millis| Time(Timestamp(millis))).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, UTC, milliseconds"))
            .examples([serde_json::json!("2026-01-31T12:00:00.000Z")])
            .into()
    }
}

impl ToSchema for Time {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_time_is_read_from_text_and_from_milliseconds() {
        let rows = [
            ("\"2026-01-31T12:00:00Z\"", "2026-01-31T12:00:00.000Z"),
            ("\"2026-01-31T13:00:00.5+01:00\"", "2026-01-31T12:00:00.500Z"),
            ("1769860800123", "2026-01-31T12:00:00.123Z"),
        ];
        for (given, shown) in rows {
            let time: Time = serde_json::from_str(given).unwrap();
            assert_eq!(time.to_string(), shown);
            assert_eq!(serde_json::to_string(&time).unwrap(), format!("\"{shown}\""));
        }
        assert!(serde_json::from_str::<Time>("\"yesterday\"").unwrap_err().to_string().contains("yesterday"));
    }
}
