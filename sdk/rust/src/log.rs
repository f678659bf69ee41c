//! Lines for the operator. They stand under the span of this call, so they need not say which provider it is.

use crate::{imports, types::Attribute};

pub use imports::log::Level;

/// Writes one line with its fields. The macros [`debug!`](crate::debug), [`info!`](crate::info),
/// [`warn!`](crate::warn) and [`error!`](crate::error!) are shorter.
///
/// ```no_run
/// use novacron_cicd_sdk::{attribute, log};
///
/// log::write(log::Level::Info, "found the job", &[attribute("job", "build-42")]);
/// ```
pub fn write(level: Level, message: &str, fields: &[Attribute]) {
    imports::host::log::write(level, message, fields);
}

/// A line of the given level: a format string with its arguments, then `; key = value` for fields.
///
/// ```no_run
/// novacron_cicd_sdk::log_line!(novacron_cicd_sdk::log::Level::Trace, "page {}", 2; items = 100);
/// ```
#[macro_export]
macro_rules! log_line {
    ($level:expr, $format:literal $(, $argument:expr)* $(,)? $(; $($key:ident = $value:expr),+ $(,)?)?) => {
        $crate::log::write(
            $level,
            &::std::format!($format $(, $argument)*),
            &[$($($crate::attribute(::std::stringify!($key), ::std::string::ToString::to_string(&$value))),+)?],
        )
    };
}

macro_rules! levels {
    ($($(#[$doc:meta])* $name:ident = $level:ident;)*) => {$(
        levels!(@one ($) $(#[$doc])* $name $level);
    )*};
    (@one ($d:tt) $(#[$doc:meta])* $name:ident $level:ident) => {
        $(#[$doc])*
        #[macro_export]
        macro_rules! $name {
            ($d($d line:tt)*) => { $crate::log_line!($crate::log::Level::$level, $d($d line)*) };
        }
    };
}

levels! {
    /// What only the plugin's author wants to see.
    ///
    /// ```no_run
    /// novacron_cicd_sdk::debug!("asked {} times", 3);
    /// ```
    debug = Debug;
    /// What happened.
    ///
    /// ```no_run
    /// let name = "build";
    /// novacron_cicd_sdk::info!("found job {name}"; runs = 12);
    /// ```
    info = Info;
    /// What is odd and did no harm: a word of the platform that is not known here.
    ///
    /// ```no_run
    /// novacron_cicd_sdk::warn!("unknown status"; word = "waiting_for_godot");
    /// ```
    warn = Warn;
    /// What went wrong and is not answered as an error.
    ///
    /// ```no_run
    /// novacron_cicd_sdk::error!("the platform answered with another project's run");
    /// ```
    error = Error;
}
