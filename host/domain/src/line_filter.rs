//! Filters for the lines of a platform's log: what the platform puts around what a build wrote.

use std::borrow::Cow;

/// What is taken off each line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFilter {
    /// Nothing: bytes pass as they are.
    #[default]
    None,
    /// Carriage returns at its end.
    StripCr,
    /// What GitLab's runner writes: the time and stream before it, section markers, carriage returns at its end.
    GitlabRunner,
    /// The time that GitHub puts before it, and the mark at the begin of the file.
    GithubTimestamps,
}

impl LineFilter {
    /// The filter of that name; one of a later contract is none.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "strip-cr" => Self::StripCr,
            "gitlab-runner" => Self::GitlabRunner,
            "github-timestamps" => Self::GithubTimestamps,
            _ => Self::None,
        }
    }

    /// What is left of a line; its newline, where it has one, stays.
    #[must_use]
    pub fn line(self, line: &[u8]) -> Cow<'_, [u8]> {
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text, &b"\n"[..]),
            None => (line, &b""[..]),
        };
        let kept = match self {
            Self::None => return Cow::Borrowed(line),
            Self::StripCr => Cow::Borrowed(without_cr(text)),
            Self::GithubTimestamps => {
                let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
                Cow::Borrowed(text.get(time(text)..).unwrap_or_default())
            }
            Self::GitlabRunner => without_sections(without_cr(text.get(stamp(text)..).unwrap_or_default())),
        };
        if kept.len() + end.len() == line.len() {
            return Cow::Borrowed(line);
        }
        // A line that held nothing but a marker is no line of the build.
        if kept.is_empty() && self == Self::GitlabRunner && !without_cr(text).is_empty() {
            return Cow::Borrowed(b"");
        }
        Cow::Owned([&kept, end].concat())
    }
}

fn without_cr(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    &text[..end]
}

/// How many bytes `2026-01-31T12:00:00.0000000Z ` takes at the begin of a line; 0 where there is none.
fn time(text: &[u8]) -> usize {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.";
    let fits = |(shape, byte): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { shape == byte };
    if text.len() < SHAPE.len() || !SHAPE.iter().zip(text).all(fits) {
        return 0;
    }
    let digits = text[SHAPE.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = SHAPE.len() + digits;
    if text.get(end..end + 2) == Some(b"Z ") { end + 2 } else { 0 }
}

/// The same with the stream behind it: `00O `, `00E `, or `00O+` where the line goes on.
fn stamp(text: &[u8]) -> usize {
    let time = time(text);
    match text.get(time..time + 4) {
        Some([a, b, b'O' | b'E', b' ' | b'+']) if time > 0 && a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            time + 4
        }
        _ => 0,
    }
}

/// Without `section_start:TIME:NAME\r\x1b[0K` and its end.
fn without_sections(text: &[u8]) -> Cow<'_, [u8]> {
    const ERASE: &[u8] = b"\r\x1b[0K";
    let mut kept = Cow::Borrowed(text);
    for word in [&b"section_start:"[..], b"section_end:"] {
        while let Some(begin) = find(&kept, word) {
            let rest = &kept[begin..];
            // The end of the log's last line may be cut: then it is all marker.
            let length = find(rest, ERASE).map_or(rest.len(), |end| end + ERASE.len());
            kept = Cow::Owned([&kept[..begin], &rest[length..]].concat());
        }
    }
    kept
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_off_what_the_platform_put_there_and_nothing_else() {
        let gitlab = "2026-01-31T12:00:00.000000Z 00O ";
        for (filter, line, kept) in [
            ("none", "a\r\n", "a\r\n"),
            ("of-a-later-contract", "a\r\n", "a\r\n"),
            ("strip-cr", "a\r\r\n", "a\n"),
            ("strip-cr", "10%\r20%\r\n", "10%\r20%\n"),
            ("strip-cr", "\r\n", "\n"),
            ("strip-cr", "end\r", "end"),
            ("github-timestamps", "2026-01-31T12:00:00.1234567Z hello\n", "hello\n"),
            ("github-timestamps", "\u{feff}2026-01-31T12:00:00.1234567Z \n", "\n"),
            ("github-timestamps", "2026-01-31 is a day\n", "2026-01-31 is a day\n"),
            ("github-timestamps", "2026-01-31T12:00:00.12Zulu\n", "2026-01-31T12:00:00.12Zulu\n"),
            ("gitlab-runner", &format!("{gitlab}make\r\n"), "make\n"),
            ("gitlab-runner", "section_start:1:build\r\x1b[0K\x1b[36mmake\n", "\x1b[36mmake\n"),
            ("gitlab-runner", "section_end:2:build\r\x1b[0K\n", ""),
            ("gitlab-runner", "section_end:2:a\r\x1b[0Ksection_start:3:b\r\x1b[0Knext\n", "next\n"),
            ("gitlab-runner", "\n", "\n"),
            ("gitlab-runner", "2026-01-31T12:00:00.000000Z no stream\n", "2026-01-31T12:00:00.000000Z no stream\n"),
        ] {
            let found = LineFilter::parse(filter).line(line.as_bytes()).into_owned();
            assert_eq!(String::from_utf8(found), Ok(kept.to_owned()), "{filter} {line:?}");
        }
    }
}
