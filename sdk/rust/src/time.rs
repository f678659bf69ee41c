//! Moments, as platforms write them: RFC 3339, with or without a fraction and an offset, also with a blank in place of the `T`, and the
//! dates of HTTP.
//!
//! A crate that knows calendars makes a component a twentieth larger.

use serde::{Deserialize, Deserializer};

use crate::types::Timestamp;

/// A moment in an answer, to derive with; one that is missing, null or not understood is none.
///
/// ```
/// use novacron_cicd_sdk::time::Time;
///
/// #[derive(serde::Deserialize)]
/// struct Row {
///     #[serde(default)]
///     created_at: Time,
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Option<Timestamp>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<String>::deserialize(from)?.as_deref().and_then(parse)))
    }
}

/// Milliseconds since the epoch; none where it is no moment, or one before the epoch.
///
/// ```
/// # use novacron_cicd_sdk::time::parse;
/// assert_eq!(parse("2026-01-01T01:00:00.250+01:00"), Some(1_767_225_600_250));
/// assert_eq!(parse("2016-08-12 15:23:28 UTC"), Some(1_471_015_408_000));
/// ```
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let number = |from: usize, length: usize| text.get(from..from + length)?.parse::<i64>().ok();
    let separators = [(4, b"-"), (7, b"-"), (13, b":"), (16, b":")];
    let fits = |(at, byte): &(usize, &[u8; 1])| text.as_bytes().get(*at) == Some(&byte[0]);
    if !separators.iter().all(fits) || !matches!(text.as_bytes().get(10), Some(b'T' | b' ')) {
        return None;
    }
    let day = days(number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let seconds = ((day * 24 + number(11, 2)?) * 60 + number(14, 2)?) * 60 + number(17, 2)?;
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("", rest),
    };
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let zone = zone.trim();
    let offset = match zone {
        "" | "Z" | "UTC" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let digits: String = zone.trim_start_matches(['+', '-']).chars().filter(|digit| *digit != ':').collect();
            let part = |from: usize| digits.get(from..from + 2)?.parse::<i64>().ok();
            sign * (part(0)? * 60 + part(2)?) * 60
        }
    };
    u64::try_from((seconds - offset) * 1000 + millis).ok()
}

/// A moment as platforms read it: `2026-01-01T00:00:00.000Z`.
#[must_use]
pub fn iso(at: Timestamp) -> String {
    let (day, rest) = (at / 86_400_000, at % 86_400_000);
    let (year, month, date) = civil(i64::try_from(day).unwrap_or(0));
    let (hour, minute, second, millis) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// A `Date` header: `Sun, 06 Nov 1994 08:49:37 GMT`, in milliseconds since the epoch.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// Days since the epoch, by the Gregorian calendar: years that begin in March, in eras of 400.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, in_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let calendar = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(calendar <= 2), calendar, in_year - (153 * month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_however_it_is_written() {
        let rows = [
            ("1970-01-01T00:00:00.000Z", Some(0)),
            ("2026-01-01T00:00:00Z", Some(1_767_225_600_000)),
            ("2016-08-12 15:23:28 UTC", Some(1_471_015_408_000)),
            ("2024-02-29T23:59:59.085Z", Some(1_709_251_199_085)),
            ("2024-03-01T01:59:59.0851234+02:00", Some(1_709_251_199_085)),
            ("2024-02-29 18:59:59 -0500", Some(1_709_251_199_000)),
            ("2024-02-29T23:59:59+é", None),
            ("0001-01-01T00:00:00Z", None),
            ("2024-02-29", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text), expected, "{text:?}");
        }
        let read = |text: &str| serde_json::from_str::<Time>(text).map(|time| time.0).ok();
        assert_eq!(
            (read("null"), read("\"soon\""), read("\"1970-01-01T00:00:01Z\"")),
            (Some(None), Some(None), Some(Some(1000)))
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        for at in [0, 951_782_399_999, 1_709_251_199_085, 1_767_225_600_000, 4_102_444_799_001] {
            assert_eq!(parse(&iso(at)), Some(at), "{}", iso(at));
        }
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        assert_eq!(http_date("yesterday"), None);
    }
}
