//! Checks of single fields that people fill in: URLs, references, names of variables.
//!
//! All of them end up in requests, in configurations or on command lines of others, so what could be taken for something
//! else there (an option, another transport, a second line) is refused here.

use std::collections::BTreeMap;

use url::Url;

use crate::Coded;

/// The longest URL.
pub const URL_LIMIT: usize = 2048;
/// The largest value of a variable or parameter, in bytes.
pub const VALUE_LIMIT: usize = 64 * 1024;
/// The most variables of one pipeline or run.
pub const VARIABLE_LIMIT: usize = 500;

/// A field that can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {value:?} can't be taken: {reason}")]
pub struct FieldError {
    /// Which: `repository`, `environment.PATH`.
    pub field: String,
    /// What was given, cut at 120 characters, without what may be a password.
    pub value: String,
    /// What is wrong with it.
    pub reason: &'static str,
    /// What is allowed.
    pub allowed: &'static str,
}

impl Coded for FieldError {
    fn code(&self) -> &'static str {
        "field.invalid"
    }

    fn hint(&self) -> Option<String> {
        Some(format!("allowed: {}", self.allowed))
    }
}

fn refuse(field: &str, value: &str, reason: &'static str, allowed: &'static str) -> Result<(), FieldError> {
    let value = value.chars().take(120).collect();
    Err(FieldError { field: field.into(), value, reason, allowed })
}

/// Whether text could break a line or hide something.
fn has_control(text: &str) -> bool {
    text.chars().any(|character| character.is_control() || character == '\u{2028}' || character == '\u{2029}')
}

/// Where the source of a pipeline is: a URL (`https`, `http`, `ssh`, `git`, `file`) or `user@host:path`.
///
/// # Errors
/// [`FieldError`]; a URL with a password is refused without repeating it.
pub fn check_repository(value: &str) -> Result<(), FieldError> {
    const FIELD: &str = "repository";
    const ALLOWED: &str = "https://host/path, ssh://user@host/path, user@host:path, git://host/path, file:///path";
    let shown = without_user_info(value);
    let refuse = |reason| refuse(FIELD, &shown, reason, ALLOWED);
    if value.is_empty() {
        return refuse("it is empty");
    }
    if value.len() > URL_LIMIT {
        return refuse("it is longer than 2048 characters");
    }
    if has_control(value) || value.contains(char::is_whitespace) {
        return refuse("it holds white space or a control character");
    }
    if value.starts_with('-') {
        return refuse("it begins like an option");
    }
    if !value.contains("://") {
        return if is_scp_like(value) { Ok(()) } else { refuse("it is neither a URL nor user@host:path") };
    }
    let Ok(url) = Url::parse(value) else { return refuse("it is not a URL") };
    let host = url.host_str().unwrap_or("");
    match url.scheme() {
        "https" | "http" | "ssh" | "git" if host.is_empty() => refuse("it has no host"),
        "https" | "http" | "ssh" | "git" if host.starts_with('-') => refuse("its host begins like an option"),
        "https" | "http" if !url.username().is_empty() || url.password().is_some() => {
            refuse("it holds a user name or a password, which belong into a credential")
        }
        "ssh" | "git" if url.password().is_some() => refuse("it holds a password, which belongs into a credential"),
        "ssh" if url.username().starts_with('-') => refuse("its user name begins like an option"),
        "https" | "http" | "ssh" | "git" => Ok(()),
        "file" if host.is_empty() => Ok(()),
        "file" => refuse("it names a host, which file:// does not take"),
        _ => refuse("its scheme is not one that source is taken from"),
    }
}

/// `user@host:path`, as `git` and `ssh` write it.
fn is_scp_like(value: &str) -> bool {
    let Some((user, rest)) = value.split_once('@') else { return false };
    let Some((host, path)) = rest.split_once(':') else { return false };
    let plain = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    // `ext::` and the like are transports that run commands.
    plain(user) && plain(host) && !path.is_empty() && !path.starts_with(['-', ':'])
}

/// A branch, tag or commit: what `git check-ref-format --allow-onelevel` takes, and no option.
///
/// # Errors
/// [`FieldError`]
pub fn check_reference(value: &str) -> Result<(), FieldError> {
    const ALLOWED: &str = "a branch, a tag or a commit, e.g. main, v1.2.0, refs/heads/feature/x";
    let refuse = |reason| refuse("reference", value, reason, ALLOWED);
    if value.is_empty() {
        return refuse("it is empty");
    }
    if value.len() > 255 {
        return refuse("it is longer than 255 characters");
    }
    if has_control(value) || value.contains([' ', '~', '^', ':', '?', '*', '[', '\\']) {
        return refuse("it holds a space, a control character or one of ~ ^ : ? * [ \\");
    }
    if value.starts_with('-') {
        return refuse("it begins like an option");
    }
    if value.contains("..") || value.contains("@{") || value == "@" {
        return refuse("it holds .. or @{");
    }
    if value.ends_with('.')
        || value.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"))
    {
        return refuse("it ends with a dot, or a part of it is empty, begins with a dot or ends with .lock");
    }
    Ok(())
}

/// Variables of a build's environment: their names, values and number.
///
/// # Errors
/// One [`FieldError`] for each that can't be taken; values are not repeated.
pub fn check_environment(variables: &BTreeMap<String, String>) -> Result<(), Vec<FieldError>> {
    const VALUES: &str = "at most 64 KiB without a zero byte";
    let mut errors = Vec::new();
    if variables.len() > VARIABLE_LIMIT {
        errors.extend(refuse("environment", "", "it has too many variables", "at most 500 variables").err());
    }
    for (name, value) in variables {
        errors.extend(check_variable_name(name).err());
        let field = format!("environment.{}", name.chars().take(120).collect::<String>());
        if value.len() > VALUE_LIMIT {
            errors.extend(refuse(&field, "", "its value is larger than 64 KiB", VALUES).err());
        } else if value.contains('\0') {
            errors.extend(refuse(&field, "", "its value holds a zero byte", VALUES).err());
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The name of an environment variable, as POSIX shells take it.
///
/// # Errors
/// [`FieldError`]
pub fn check_variable_name(name: &str) -> Result<(), FieldError> {
    const ALLOWED: &str = "a letter or _ first, then letters, digits and _; at most 128 characters";
    let refuse = |reason| refuse("environment", name, reason, ALLOWED);
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    match name.as_bytes() {
        [] => refuse("the name is empty"),
        name if name.len() > 128 => refuse("the name is longer than 128 characters"),
        [head, ..] if !first(*head) => refuse("the name does not begin with a letter or _"),
        name if !name.iter().all(|byte| first(*byte) || byte.is_ascii_digit()) => {
            refuse("the name holds a character other than letters, digits and _")
        }
        _ => Ok(()),
    }
}

/// Where something is told of a pipeline's runs.
///
/// # Errors
/// [`FieldError`]; a URL with a password is refused without repeating it.
pub fn check_webhook_url(value: &str) -> Result<(), FieldError> {
    check_http_url("webhook_url", value)
}

/// An absolute `http` or `https` URL without user, password and fragment. Whether its address may be dialled is decided
/// when it is: a name can lead elsewhere by then.
///
/// # Errors
/// [`FieldError`]; a URL with a password is refused without repeating it.
pub fn check_http_url(field: &str, value: &str) -> Result<(), FieldError> {
    const ALLOWED: &str = "https://host/path or http://host/path, without user, password and fragment";
    let shown = without_user_info(value);
    let refuse = |reason| refuse(field, &shown, reason, ALLOWED);
    if value.len() > URL_LIMIT {
        return refuse("it is longer than 2048 characters");
    }
    // The parser would drop line feeds and tabs in silence.
    if has_control(value) || value.contains(char::is_whitespace) {
        return refuse("it holds white space or a control character");
    }
    let Ok(url) = Url::parse(value) else { return refuse("it is not a URL") };
    if !matches!(url.scheme(), "http" | "https") {
        return refuse("its scheme is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("it holds a user name or a password, which belong into a credential");
    }
    if url.fragment().is_some() {
        return refuse("it has a fragment, which is never sent");
    }
    Ok(())
}

/// The text without what stands between `//` and the last `@` before the path, and without a query.
fn without_user_info(value: &str) -> String {
    let value = value.split(['?', '#']).next().unwrap_or("");
    let Some((scheme, rest)) = value.split_once("://") else { return value.into() };
    // The longest reach: a password may hold a slash by mistake.
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://…@{host}"),
        None => value.into(),
    }
}
