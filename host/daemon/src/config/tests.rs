#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn nothing(_: &str) -> Option<String> {
    None
}

fn with_file(text: &str) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cicd.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(&Given { file: Some(path), ..Given::default() }, &nothing)
}

/// The sentence with the directory of this very test taken out.
fn sentence(error: &ConfigError) -> String {
    let text = error.to_string();
    text.split_whitespace()
        .map(|word| word.find("cicd.toml").map_or(word, |at| &word[at..]))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let config = Config::load(&Given::default(), &nothing).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8094");
    assert_eq!(config.public_listen, None);
    assert!(config.state_dir.is_absolute());
    assert!(config.sandbox.pooling);
    assert_eq!(config.effective().count(), SETTINGS.len(), "every setting is shown");
}

#[test]
fn what_the_file_gets_wrong_is_named_with_its_line() {
    let rows = [
        ("listen = \"127.0.0.1:1\"\nlisen = 3\n", "cicd.toml:2: unknown key lisen"),
        ("\n[log]\nlevle = \"info\"\n", "cicd.toml:3: unknown key log.levle"),
        ("[logs]\nlevel = \"info\"\n", "cicd.toml:1: unknown key logs"),
        ("log.format = \"xml\"", "log.format can't be \"xml\" (from cicd.toml:1): it is neither text nor json"),
        ("\nlisten = 8094", "listen can't be \"8094\" (from cicd.toml:2): it is integer, not a string"),
        ("listen = \"8094\"", "listen can't be \"8094\" (from cicd.toml:1): it is neither ADDRESS:PORT nor unix:/PATH"),
        (
            "[limits]\nbody_kib = 1",
            "limits.body_kib can't be \"1\" (from cicd.toml:2): it is no number from 16 to 65536",
        ),
        (
            "public_url = \"ftp://x\"",
            "public_url can't be \"ftp://x\" (from cicd.toml:1): it begins with neither http:// nor https://",
        ),
        (
            "public_tls_cert = \"/c\"",
            "public_tls_cert can't be \"/c\" (from cicd.toml:1): it needs public_tls_key beside it",
        ),
        (
            "public_tls_cert = \"/c\"\npublic_tls_key = \"/k\"",
            "public_tls_cert can't be \"/c\" (from cicd.toml:1): there is no public_listen that could show it",
        ),
        ("state_dir = \"here\"", "state_dir can't be \"here\" (from cicd.toml:1): it is not an absolute path"),
    ];
    for (text, expected) in rows {
        assert_eq!(sentence(&with_file(text).unwrap_err()), expected, "{text}");
    }
    let error = with_file("a = 1\nb = = 2\n").unwrap_err();
    assert!(matches!(error, ConfigError::Syntax { line: 2, .. }), "{error:?}");
}

#[test]
fn a_mistyped_key_is_answered_with_the_one_that_was_meant() {
    let hint = with_file("lisen = \"x\"").unwrap_err().hint().unwrap();
    assert!(hint.contains("did you mean listen?"), "{hint}");
    let hint = with_file("colour = \"x\"").unwrap_err().hint().unwrap();
    assert!(!hint.contains("did you mean"), "{hint}");
}

#[test]
fn a_flag_beats_the_environment_and_that_beats_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cicd.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:1\"\nlog.level = \"warn\"\nlog.format = \"json\"\n").unwrap();
    let environment = |name: &str| match name {
        "NOVACRON_CICD_LISTEN" => Some("127.0.0.1:2".to_owned()),
        "NOVACRON_CICD_LOG_LEVEL" => Some("debug".to_owned()),
        "NOVACRON_CICD_PLUGIN_DIRS" => Some("/a:/b".to_owned()),
        _ => None,
    };
    let flags = BTreeMap::from([("listen", vec!["unix:/run/x.sock".to_owned()])]);
    let config = Config::load(&Given { file: Some(path.clone()), flags }, &environment).unwrap();
    assert_eq!(config.listen, Listen::Unix("/run/x.sock".into()));
    assert_eq!(config.log_level, "debug");
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.plugin_dirs, [PathBuf::from("/a"), PathBuf::from("/b")]);
    let from = |key: &str| config.effective().find(|(setting, ..)| setting.key == key).unwrap().2.clone();
    assert_eq!(from("listen"), Source::Flag);
    assert_eq!(from("log.level"), Source::Environment("NOVACRON_CICD_LOG_LEVEL"));
    assert_eq!(from("log.format"), Source::File(path, 3));
    assert_eq!(from("state_dir"), Source::Default);
}

#[test]
fn the_effective_configuration_can_be_read_back() {
    let config = with_file("plugin_dirs = [\"/a\", \"/b \\\"c\"]\n[limits]\nconnections = 1_000\n").unwrap();
    assert_eq!(config.limits.connections, 1000);
    let again = with_file(&config.to_toml()).unwrap();
    assert_eq!(Config { sources: BTreeMap::new(), ..again }, Config { sources: BTreeMap::new(), ..config });
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let error = Config::load(&Given { file: Some("/nowhere/cicd.toml".into()), ..Given::default() }, &nothing);
    assert!(matches!(error, Err(ConfigError::Unreadable { .. })), "{error:?}");
}

#[test]
fn a_variable_that_looks_like_ours_and_means_nothing_is_found() {
    let names = ["NOVACRON_CICD_LISTEN", "NOVACRON_CICD_LISTN", "NOVACRON_API_URL", "NOVACRON_CICD_TOKEN"];
    assert_eq!(unknown_variables(names.iter().map(ToString::to_string)), ["NOVACRON_CICD_LISTN"]);
}

#[test]
fn every_setting_stands_in_the_operators_page_with_its_variable_and_its_default() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating.md")).unwrap();
    let root = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
    for setting in SETTINGS {
        let default = match (setting.key, (setting.default)(&root)) {
            ("state_dir", _) => "`/var/lib/novacron/cicd` for root, else `~/.local/state/novacron-cicd`".to_owned(),
            (_, values) if values.is_empty() => "none".to_owned(),
            (_, values) => format!("`{}`", values.join(":")),
        };
        let row = format!("| `{}` | `{}` | {default} | {} |", setting.key, setting.env, setting.what);
        assert!(page.lines().any(|line| line == row), "docs/operating.md lacks\n{row}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `") && line.contains("| `NOVACRON_CICD_")).count();
    assert_eq!(rows, SETTINGS.len(), "docs/operating.md has a setting that is none");
}
