//! GitHub's times (RFC 3339) and ours (milliseconds since the epoch).
//!
//! Pure.

use jiff::Timestamp as Moment;
use novacron_cicd_sdk::types::Timestamp;

/// None where it is none, and before the epoch.
pub(crate) fn read(text: Option<&str>) -> Option<Timestamp> {
    let moment: Moment = text?.parse().ok()?;
    u64::try_from(moment.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_fractions_and_offsets() {
        let rows = [
            (Some("2026-01-01T00:00:00Z"), Some(1_767_225_600_000)),
            (Some("2026-01-01T00:00:00.250Z"), Some(1_767_225_600_250)),
            (Some("2026-01-01T01:00:00.000+01:00"), Some(1_767_225_600_000)),
            (Some("0001-01-01T00:00:00Z"), None),
            (Some("soon"), None),
            (None, None),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }
}
