//! A value that must not be seen: wiped when it goes, and without any trait by which it would show by accident.

use novacron_cicd_domain::Coded;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The shortest value that can be masked, in bytes; what is shorter is too likely to be part of an honest word.
pub const MINIMUM_LENGTH: usize = 6;

/// A value that must not be seen. It is wiped when it is dropped.
///
/// It can be had only by [`Secret::expose`], which is easy to find in a review:
///
/// ```
/// let secret = novacron_cicd_vault::Secret::new("s3cr3t-value");
/// assert_eq!(secret.expose(), b"s3cr3t-value");
/// ```
///
/// It is not printed:
///
/// ```compile_fail,E0277
/// let secret = novacron_cicd_vault::Secret::new("s3cr3t-value");
/// println!("{secret}");
/// ```
/// ```compile_fail,E0277
/// let secret = novacron_cicd_vault::Secret::new("s3cr3t-value");
/// println!("{secret:?}");
/// ```
///
/// It is not serialised:
///
/// ```compile_fail,E0277
/// let secret = novacron_cicd_vault::Secret::new("s3cr3t-value");
/// serde_json::to_string(&secret);
/// ```
///
/// It is not compared in a time that depends on where the difference is:
///
/// ```compile_fail,E0369
/// let secret = novacron_cicd_vault::Secret::new("s3cr3t-value");
/// let same = secret == secret;
/// ```
///
/// It is not copied without the word [`Secret::duplicate`], so no `derive(Clone)` around it copies it:
///
/// ```compile_fail,E0599
/// let secret = novacron_cicd_vault::Secret::new("s3cr3t-value");
/// let copy: novacron_cicd_vault::Secret = secret.clone();
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a value can't be kept as a secret: masking it would either not work or blank honest text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmaskable {
    /// Shorter than [`MINIMUM_LENGTH`].
    #[error("the secret has {0} bytes, and what has fewer than {MINIMUM_LENGTH} can't be masked in logs")]
    TooShort(usize),
    /// Blank, or one character again and again.
    #[error("the secret is blank or one character again and again, which can't be masked in logs")]
    Monotonous,
}

impl Coded for Unmaskable {
    fn code(&self) -> &'static str {
        match self {
            Self::TooShort(_) => "secret.too-short",
            Self::Monotonous => "secret.monotonous",
        }
    }

    fn hint(&self) -> Option<String> {
        Some("use a longer value that is random, as `openssl rand -hex 20` makes one".into())
    }
}

impl Secret {
    /// Takes the value over; text and bytes alike.
    #[must_use]
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value. What it is written to is the caller's to answer for.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The value as text; none where it is not UTF-8.
    #[must_use]
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// How long it is, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A second one with the same value, wiped on its own.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// Whether it is this value, found in a time that depends on the lengths alone.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        self.0.ct_eq(value).into()
    }

    /// Whether it can be masked wherever it shows up; to be asked before it is kept.
    ///
    /// There is no way around it: a secret that can't be masked would stand in the next log that prints it.
    ///
    /// # Errors
    /// [`Unmaskable`] says why not.
    pub fn check_maskable(&self) -> Result<(), Unmaskable> {
        check_maskable(&self.0)
    }
}

/// See [`Secret::check_maskable`]. White space at the ends does not count: a log need not print it.
pub(crate) fn check_maskable(value: &[u8]) -> Result<(), Unmaskable> {
    let value = value.trim_ascii();
    if value.is_empty() || value.iter().all(|byte| byte == &value[0]) {
        return Err(if value.len() < MINIMUM_LENGTH && !value.is_empty() {
            Unmaskable::TooShort(value.len())
        } else {
            Unmaskable::Monotonous
        });
    }
    if value.len() < MINIMUM_LENGTH {
        return Err(Unmaskable::TooShort(value.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_masked_is_refused_with_the_reason() {
        for (value, expected) in [
            ("s3cr3t", Ok(())),
            ("pass word\n", Ok(())),
            ("line one\nline two\n", Ok(())),
            ("abc", Err(Unmaskable::TooShort(3))),
            ("  abc  \n", Err(Unmaskable::TooShort(3))),
            ("aaa", Err(Unmaskable::TooShort(3))),
            ("", Err(Unmaskable::Monotonous)),
            ("        ", Err(Unmaskable::Monotonous)),
            ("--------", Err(Unmaskable::Monotonous)),
        ] {
            assert_eq!(Secret::new(value).check_maskable(), expected, "{value:?}");
        }
    }

    #[test]
    fn a_duplicate_and_only_the_same_bytes_match() {
        let secret = Secret::new(vec![0xff, 0x00, 0x61]);
        assert!(secret.matches(secret.duplicate().expose()));
        assert!(!secret.matches(&[0xff, 0x00]));
        assert!(!secret.matches(&[0xff, 0x00, 0x62]));
        assert_eq!(secret.expose_str(), None);
        assert_eq!((secret.len(), secret.is_empty()), (3, false));
    }
}
