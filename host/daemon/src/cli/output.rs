//! What people and programs read: tables that fit the terminal, JSON, YAML, errors.

use std::io::{IsTerminal as _, Write as _};

use anstream::{stderr, stdout};
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, TableStyle};
use novacron_cicd_domain::{Coded as _, status::State};
use serde_json::Value;

use super::{CliError, Exit};
use crate::api::Time;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// For programs and people
    Yaml,
}

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) terminal: bool,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, terminal: std::io::stdout().is_terminal() }
    }

    /// Prints a value as JSON or YAML, or lets `table` print it for people.
    pub(crate) fn print(&self, value: &Value, table: impl FnOnce() -> String) -> Result<Exit, CliError> {
        let text = match self.format {
            Format::Table => printable(&table()),
            Format::Json => format!("{value:#}\n"),
            Format::Yaml => serde_yaml_ng::to_string(value).unwrap_or_default(),
        };
        self.write(&text)
    }

    /// Prints a list. On a terminal an empty one, and one that goes on, say so beside it.
    pub(crate) fn list(&self, value: &Value, rows: Rows, more: bool) -> Result<Exit, CliError> {
        let count = rows.rows.len();
        let what = rows.what;
        self.print(value, || rows.render(self.terminal, self.width()))?;
        if self.format == Format::Table && self.terminal {
            if count == 0 {
                note(&format!("no {what}"));
            } else if more {
                note(&format!("{count} {what} shown, and there are more: --limit N"));
            }
        }
        Ok(Exit::Ok)
    }

    /// Writes text to stdout. A reader that has gone away is no error.
    pub(crate) fn write(&self, text: &str) -> Result<Exit, CliError> {
        let mut out = stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::io("write to stdout", error)),
            _ => Ok(Exit::Ok),
        }
    }

    pub(crate) fn width(&self) -> Option<u16> {
        self.terminal.then(|| size().map(|(width, _)| width)).flatten()
    }

    /// A time: how long ago on a terminal, else in full.
    pub(crate) fn time(&self, time: Option<Time>) -> String {
        match time {
            None => "-".into(),
            Some(time) if self.terminal => ago(super::now().since(time.0)),
            Some(time) => time.to_string(),
        }
    }
}

/// Columns and rows of the terminal.
pub(crate) fn size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some((size.ws_col, size.ws_row))
}

/// A line beside the output, for people.
pub(crate) fn note(text: &str) {
    let _ = writeln!(stderr(), "{}", printable(text));
}

/// Code, sentence, hint.
pub(crate) fn error(error: &CliError) {
    let _ = write!(stderr(), "{}", printable(&describe(error)));
}

pub(super) fn describe(error: &CliError) -> String {
    let (code, sentence) = match error {
        CliError::Refused(problem) => (problem.code.clone(), problem.detail.clone()),
        _ => (error.code().to_owned(), error.to_string()),
    };
    let mut text = format!("\x1b[1;31merror\x1b[0m \x1b[1m{code}\x1b[0m: {sentence}\n");
    if let CliError::Refused(problem) = error
        && problem.errors.len() > 1
    {
        for item in &problem.errors {
            text.push_str(&format!("  {} {}: {}\n", item.code, item.pointer, item.detail));
        }
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\x1b[36mhint\x1b[0m: {hint}\n"));
    }
    text
}

/// Rows for people.
#[derive(Debug)]
pub(crate) struct Rows {
    what: &'static str,
    header: Vec<&'static str>,
    /// Columns that are never cut: ids, which are of no use without all of them, and states.
    whole: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Rows {
    /// `what` is the plural that notes use. Ids and states are never cut.
    pub(crate) fn new(what: &'static str, header: &[&'static str]) -> Self {
        let whole =
            header.iter().enumerate().filter(|(_, name)| matches!(**name, "ID" | "STATE")).map(|(at, _)| at).collect();
        Self { what, header: header.to_vec(), whole, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Fits `width` on a terminal by cutting cells; elsewhere nothing is cut and nothing is coloured.
    pub(crate) fn render(&self, terminal: bool, width: Option<u16>) -> String {
        if self.rows.is_empty() && terminal {
            return String::new();
        }
        let mut table = Table::new();
        table.load_style(TableStyle::new());
        let bold =
            |name: &&str| if terminal { Cell::new(name).add_attribute(Attribute::Bold) } else { Cell::new(name) };
        let mut header = comfy_table::Row::from(self.header.iter().map(bold).collect::<Vec<_>>());
        if width.is_some() {
            header.max_height(1);
        }
        table.set_header(header);
        for row in &self.rows {
            let cells = row.iter().map(|text| {
                // One row is one line, whatever a platform calls things.
                let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                match State::parse(&text) {
                    Some(state) if terminal => Cell::new(text).fg(colour(state)),
                    _ => Cell::new(text),
                }
            });
            let mut row = comfy_table::Row::from(cells.collect::<Vec<_>>());
            if width.is_some() {
                row.max_height(1);
            }
            table.add_row(row);
        }
        match width {
            Some(width) => {
                table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        table.set_truncation_indicator("…");
        if terminal {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if self.whole.contains(&at) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// The colours that everybody uses for them.
fn colour(state: State) -> Color {
    match state {
        State::Succeeded => Color::DarkGreen,
        State::Failed | State::Ambiguous => Color::DarkRed,
        State::Running => Color::DarkCyan,
        State::Waiting | State::Pending => Color::DarkYellow,
        State::Canceled | State::Skipped => Color::DarkGrey,
    }
}

/// A state's word, coloured; the colours vanish where they can't be shown.
pub(crate) fn paint(state: State) -> String {
    let colour = match state {
        State::Succeeded => 32,
        State::Failed | State::Ambiguous => 31,
        State::Running => 36,
        State::Waiting | State::Pending => 33,
        State::Canceled | State::Skipped => 90,
    };
    format!("\x1b[{colour}m{state}\x1b[0m")
}

/// What may go to a terminal: lines, tabs and colours. What a platform calls things must not move the cursor, set a title
/// or type an answer.
pub(crate) fn printable(text: &str) -> String {
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(c) = rest.chars().next() {
        let colour = rest.strip_prefix("\x1b[").and_then(|codes| {
            let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            codes[end..].starts_with('m').then_some("\x1b[".len() + end + "m".len())
        });
        let taken = colour.unwrap_or(c.len_utf8());
        match colour {
            None if c.is_control() && !matches!(c, '\n' | '\t') => clean.push(' '),
            _ => clean.push_str(&rest[..taken]),
        }
        rest = &rest[taken..];
    }
    clean
}

/// Names and values, one a line.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    fields
        .iter()
        .filter(|(_, value)| !value.is_empty() && value != "-")
        .map(|(name, value)| format!("{:width$} {value}\n", format!("{name}:")))
        .collect()
}

/// How long ago, for people: roughly.
pub(crate) fn ago(millis: i64) -> String {
    let seconds = millis.abs() / 1000;
    let rough = match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    };
    if millis < 0 { format!("in {rough}") } else { format!("{rough} ago") }
}

/// How long, for people: two units at most.
pub(crate) fn length(millis: i64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Bytes, for people.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// A value that may not be there.
pub(crate) fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_platforms_words_nothing_but_lines_and_colours_reaches_a_terminal() {
        let rows = [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\x1b[1;31merror\x1b[0m", "\x1b[1;31merror\x1b[0m"),
            ("a\x1b[2Jb", "a [2Jb"),
            ("a\x1b[3", "a [3"),
            ("a\x1b]0;title\x07b", "a ]0;title b"),
            ("a\rb\u{9b}2Jc\u{7f}", "a b 2Jc "),
            ("grün \x1b[32m✓\x1b[0m", "grün \x1b[32m✓\x1b[0m"),
        ];
        for (text, expected) in rows {
            assert_eq!(printable(text), expected, "{text:?}");
        }
    }
}
