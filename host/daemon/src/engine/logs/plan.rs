//! A log that the platform hands out as a whole, or from where the last answer ended: the host streams it, line by line
//! through the plan's filter.
//!
//! How much of an answer was taken is as durable as the bytes, so that one that breaks off in the middle is gone on with
//! where it broke off.

use bytes::Bytes;
use futures_util::StreamExt as _;
use novacron_cicd_domain::{LineFilter, platform::LogPlan};

use super::{Copied, Copy, Fault};
use crate::engine::ports::{Call, Opened};

/// So much of an answer is written at once, in bytes.
const PIECE: usize = 256 * 1024;
/// The longest line that waits for its end; a longer one is cut.
const LINE: usize = 64 * 1024;

/// Whether there was anything new.
pub(super) async fn stream(copy: &Copy<'_>, call: Call, copied: &mut Copied, plan: LogPlan) -> Result<bool, Fault> {
    let what = plan.transfer.summary().to_owned();
    let failed = |reason: String| Fault::Passing(format!("{what}: {reason}"), None);
    let Opened { status, headers, mut body } = copy.inner.world.providers.open(call, plan.transfer.clone()).await?;
    match status {
        200 | 206 => {}
        // Nothing lies behind what was asked for.
        416 if !plan.availability.is_final() => return Ok(false),
        416 => body = futures_util::stream::empty().boxed(),
        408 | 425 | 429 | 500.. => return Err(failed(format!("the platform answered {status}"))),
        _ => return Err(Fault::Lasting(format!("{what}: the platform answered {status}"))),
    }
    let skip = plan.skip.max(copied.taken);
    let total = if status == 416 { skip } else { 0 };
    let mut reader = Reader { skip, total, held: Vec::new(), filter: LineFilter::parse(&plan.filter) };
    let mut new = false;
    while let Some(bytes) = body.next().await {
        reader.push(&bytes.map_err(failed)?);
        if reader.held.len() >= PIECE {
            let bytes = reader.lines();
            new |= !bytes.is_empty();
            copied.taken = reader.taken();
            copy.write(bytes, copied.clone(), false, false).await?;
        }
    }
    if reader.total < skip {
        // It was rewritten: the next read begins anew.
        *copied = Copied::default();
        copy.write(Vec::new(), Copied::default(), true, false).await?;
        return Ok(true);
    }
    let complete = plan.availability.is_final();
    let mut bytes = reader.lines();
    // The begin of a line that is still being written is left to the next read, where that can be told to come back to it.
    if complete || !plan.next.contains(TOTAL) || reader.held.len() > LINE {
        bytes.extend(reader.rest());
    }
    let next = Copied { cursor: Some(filled(&plan.next, reader.taken(), &headers)), taken: 0 };
    new |= !bytes.is_empty();
    if complete || !bytes.is_empty() || next != *copied {
        copy.write(bytes, next.clone(), false, complete).await?;
    }
    *copied = next;
    Ok(new)
}

const TOTAL: &str = "{total}";

/// The cursor for the next read.
fn filled(next: &str, total: u64, headers: &[(String, String)]) -> String {
    let mut filled = next.replace(TOTAL, &total.to_string());
    while let Some(begin) = filled.find("{header:")
        && let Some(length) = filled[begin..].find('}')
    {
        let name = &filled[begin + "{header:".len()..begin + length];
        let value = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        // A value is text of the platform: it is put in as it is, and not read again.
        let value = value.map(|(_, value)| value.replace('{', "")).unwrap_or_default();
        filled.replace_range(begin..=begin + length, &value);
    }
    filled
}

/// What comes in, in whole lines.
struct Reader {
    /// Bytes at the begin of the answer that were had before.
    skip: u64,
    /// Bytes that came.
    total: u64,
    /// Of those the ones that were not given out.
    held: Vec<u8>,
    filter: LineFilter,
}

impl Reader {
    fn push(&mut self, bytes: &Bytes) {
        let before = self.skip.saturating_sub(self.total);
        self.total += bytes.len() as u64;
        let from = usize::try_from(before).unwrap_or(usize::MAX).min(bytes.len());
        self.held.extend_from_slice(&bytes[from..]);
    }

    /// How much of the answer is done with.
    fn taken(&self) -> u64 {
        self.total.saturating_sub(self.held.len() as u64)
    }

    /// What is whole.
    fn lines(&mut self) -> Vec<u8> {
        let whole = match self.filter {
            LineFilter::None => self.held.len(),
            _ => match self.held.iter().rposition(|byte| *byte == b'\n') {
                Some(last) => last + 1,
                // What may belong to the line's end stays until more of it is seen.
                None if self.held.len() > LINE => {
                    self.held.iter().rposition(|byte| *byte != b'\r').map_or(0, |at| at + 1)
                }
                None => 0,
            },
        };
        let rest = self.held.split_off(whole);
        let lines = std::mem::replace(&mut self.held, rest);
        self.filtered(&lines)
    }

    /// What is not whole and will not be.
    fn rest(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.held);
        self.filtered(&rest)
    }

    fn filtered(&self, lines: &[u8]) -> Vec<u8> {
        if self.filter == LineFilter::None {
            return lines.to_vec();
        }
        lines.split_inclusive(|byte| *byte == b'\n').flat_map(|line| self.filter.line(line).into_owned()).collect()
    }
}
