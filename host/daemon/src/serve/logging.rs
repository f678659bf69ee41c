//! Log lines: text for people, or JSON with NovaCron's keys; every line masked before it is written.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use novacron_cicd_vault::Masker;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};

use crate::{
    cli::CliError,
    config::{Config, LogFormat},
};

/// The vault's masker, as soon as there is a vault. Until then nothing is known that could be written.
#[derive(Clone, Debug, Default)]
pub(super) struct LateMasker(Arc<OnceLock<Known>>);

struct Known(Arc<ArcSwap<Masker>>);

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

impl LateMasker {
    /// From now on every line goes through it, whatever it is swapped for.
    pub(super) fn know(&self, masker: Arc<ArcSwap<Masker>>) {
        let _ = self.0.set(Known(masker));
    }
}

/// Starts logging as the configuration says.
pub(super) fn start(config: &Config) -> Result<LateMasker, CliError> {
    let masker = LateMasker::default();
    let filter = EnvFilter::try_new(&config.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let started = match config.log_format {
        LogFormat::Text => {
            let terminal = io::IsTerminal::is_terminal(&io::stderr());
            let colours = terminal && std::env::var_os("NO_COLOR").is_none();
            builder.with_ansi(colours).with_writer(Lines { masker: masker.clone(), to: To::Stderr }).try_init()
        }
        LogFormat::Json => builder
            .fmt_fields(JsonFields::new())
            .event_format(Json)
            .with_writer(Lines { masker: masker.clone(), to: To::Stdout })
            .try_init(),
    };
    started
        .map_err(|error| CliError::Io { what: "start logging".into(), source: io::Error::other(error.to_string()) })?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, message, "a part of the daemon gave up");
    }));
    Ok(masker)
}

#[derive(Clone, Copy)]
enum To {
    Stdout,
    Stderr,
}

/// Makes a writer per line.
struct Lines {
    masker: LateMasker,
    to: To,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { masker: self.masker.clone(), to: self.to, text: Vec::new() }
    }
}

/// One line: whole before it is masked, so that nothing hides between two writes.
struct Line {
    masker: LateMasker,
    to: To,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let masked = match self.masker.0.get() {
            Some(Known(masker)) => masker.load().mask_bytes(&self.text).into_owned(),
            None => std::mem::take(&mut self.text),
        };
        // A log that can't be written is no reason to stop serving.
        let _ = match self.to {
            To::Stdout => io::stdout().lock().write_all(&masked),
            To::Stderr => io::stderr().lock().write_all(&masked),
        };
    }
}

/// NovaCron's keys: `timestamp`, `level`, `message`, `service`, `version`, `request_id`, `user_id`, `file`, `function`,
/// `line`, `error`, and all else in `fields`.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Map::new();
        let spans = context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root);
        for span in spans {
            let extensions = span.extensions();
            let text = extensions.get::<FormattedFields<N>>().map(|fields| fields.fields.as_str()).unwrap_or_default();
            if let Ok(Value::Object(own)) = serde_json::from_str(text) {
                fields.extend(own);
            }
        }
        event.record(&mut Collect(&mut fields));
        let metadata = event.metadata();
        let mut line = Map::new();
        line.insert("timestamp".into(), super::api::Time(super::now()).to_string().into());
        line.insert("level".into(), metadata.level().as_str().to_lowercase().into());
        line.insert("message".into(), fields.remove("message").unwrap_or_default());
        line.insert("service".into(), "novacron-cicd".into());
        line.insert("version".into(), env!("CARGO_PKG_VERSION").into());
        for (own, theirs) in [("request_id", "request_id"), ("actor", "user_id"), ("error", "error")] {
            if let Some(value) = fields.remove(own) {
                line.insert(theirs.into(), value);
            }
        }
        line.insert("function".into(), metadata.target().into());
        line.extend(metadata.file().map(|file| ("file".to_owned(), file.into())));
        line.extend(metadata.line().map(|number| ("line".to_owned(), number.into())));
        if !fields.is_empty() {
            line.insert("fields".into(), Value::Object(fields));
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Collect<'a>(&'a mut Map<String, Value>);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::sync::Mutex;

    use novacron_cicd_vault::Secret;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_has_the_keys_that_novacron_reads() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(Json)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", request_id = "r-1", actor = "ops", route = "/v1/runs");
            let _entered = span.enter();
            tracing::warn!(error = "it broke", status = 500u64, "answered");
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let expected = [
            ("level", "warn"),
            ("message", "answered"),
            ("service", "novacron-cicd"),
            ("request_id", "r-1"),
            ("user_id", "ops"),
            ("error", "it broke"),
        ];
        for (key, value) in expected {
            assert_eq!(line[key], value, "{key}");
        }
        assert_eq!(line["fields"], serde_json::json!({"route": "/v1/runs", "status": 500}));
        assert!(
            line["timestamp"].as_str().unwrap().ends_with('Z') && line["line"].is_u64() && line["file"].is_string()
        );
    }

    #[test]
    fn a_line_is_masked_as_a_whole_and_by_the_newest_secrets() {
        let masker = LateMasker::default();
        let secrets = Arc::new(ArcSwap::from_pointee(Masker::new(&[])));
        masker.know(Arc::clone(&secrets));
        let mask = |text: &[&str]| {
            let mut line = Line { masker: masker.clone(), to: To::Stderr, text: Vec::new() };
            for part in text {
                line.write_all(part.as_bytes()).unwrap();
            }
            let Some(Known(known)) = masker.0.get() else { unreachable!("it was told") };
            let masked = known.load().mask_bytes(&line.text).into_owned();
            line.text.clear();
            String::from_utf8(masked).unwrap()
        };
        assert_eq!(mask(&["key hunter2", "hunter2\n"]), "key hunter2hunter2\n");
        secrets.store(Arc::new(Masker::new(&[Secret::new("hunter2hunter2")])));
        assert_eq!(mask(&["key hunter2", "hunter2\n"]), "key ***\n");
    }
}
