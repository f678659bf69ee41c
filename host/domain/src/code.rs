//! What every error of every layer has beside its sentence: a stable code and a hint.

/// A stable identity and a way out, for people and programs alike.
///
/// `Display` of the error is the sentence: lower case, no final period, names the thing and the value.
pub trait Coded: std::error::Error {
    /// Stable, lower-case, dotted: `pipeline.name-taken`. Listed in `docs/errors.md`.
    fn code(&self) -> &'static str;
    /// What the reader can do about it; never empty where something can be done.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// What the engine does with a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing was done: send again, no earlier than this many milliseconds from now where it is said.
    Safe(Option<u64>),
    /// The platform may have acted: only what the recovery class allows.
    Unknown,
    /// It will fail again.
    Never,
}
