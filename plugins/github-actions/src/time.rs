//! GitHub's times (RFC 3339) and ours (milliseconds since the epoch).
//!
//! Pure. A crate that knows calendars makes this plugin a twentieth larger; GitHub writes one form.

use novacron_cicd_sdk::types::Timestamp;
use serde::{Deserialize, Deserializer};

/// A time of an answer; one that is missing or is none is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) Option<Timestamp>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<String>::deserialize(from)?.and_then(|text| parse(&text))))
    }
}

/// Days from the epoch to a day of the Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// None where it is none, and before the epoch.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = Some(text).filter(|text| text.is_ascii())?;
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let is = |at: usize, sign: u8| text.as_bytes().get(at) == Some(&sign);
    if !(is(4, b'-') && is(7, b'-') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let clock = (number(11, 13)? * 60 + number(14, 16)?) * 60 + number(17, 19)?;
    let mut millis = (days(number(0, 4)?, number(5, 7)?, number(8, 10)?) * 86_400 + clock) * 1000;
    let mut rest = &text[19..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        millis += format!("{:0<3}", &fraction[..digits])[..3].parse::<i64>().ok()?;
        rest = &fraction[digits..];
    }
    let sign = match rest.chars().next()? {
        'Z' => 0,
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    if sign != 0 {
        let (hours, minutes) = rest[1..].split_once(':')?;
        millis -= sign * (i64::from(hours.parse::<u8>().ok()?) * 60 + i64::from(minutes.parse::<u8>().ok()?)) * 60_000;
    }
    u64::try_from(millis).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_fractions_and_offsets() {
        let rows = [
            ("2026-01-01T00:00:00Z", Some(1_767_225_600_000)),
            ("2026-01-01T00:00:00.250Z", Some(1_767_225_600_250)),
            ("2026-01-01T01:00:00.000+01:00", Some(1_767_225_600_000)),
            ("2025-12-31T18:30:00-05:30", Some(1_767_225_600_000)),
            ("2024-02-29T23:59:59.9999999Z", Some(1_709_251_199_999)),
            ("2000-03-01T00:00:00.5Z", Some(951_868_800_500)),
            ("0001-01-01T00:00:00Z", None),
            ("2026-01-01 00:00", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01T00:00:00+é", None),
            ("soon", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
