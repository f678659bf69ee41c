//! The vault as its users see it: keys on disk, values sealed for their places.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use novacron_cicd_domain::Coded;
use novacron_cicd_vault::{KeySource, Secret, Vault, VaultError};

fn with_key(byte: u8) -> Vault {
    Vault::open(&KeySource::Bytes(Secret::new(vec![byte; 32]))).unwrap()
}

fn in_file(path: &Path) -> Result<Vault, VaultError> {
    Vault::open(&KeySource::File(path.into()))
}

fn code<T>(result: Result<T, VaultError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => {
            assert!(error.hint().is_some(), "{error} has no hint");
            error.code()
        }
    }
}

#[test]
fn a_sealed_value_opens_at_its_place_and_looks_different_every_time() {
    let vault = with_key(7);
    for value in [&b""[..], b"s", b"hunter2-hunter2", &[0xff; 5000]] {
        let sealed = vault.seal("secret/registry", &Secret::new(value)).unwrap();
        assert!(vault.unseal("secret/registry", &sealed).unwrap().matches(value));
        assert_ne!(sealed, vault.seal("secret/registry", &Secret::new(value)).unwrap());
        assert!(value.is_empty() || value.len() < 5 || !sealed.windows(value.len()).any(|window| window == value));
    }
}

#[test]
fn a_value_moved_to_another_place_is_refused() {
    let vault = with_key(7);
    let sealed = vault.seal("secret/staging", &Secret::new("value-of-staging")).unwrap();
    for context in ["secret/production", "secret/stagin", "secret/staging ", ""] {
        assert_eq!(code(vault.unseal(context, &sealed)), "vault.not-authentic", "{context:?}");
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let vault = with_key(7);
    let sealed = vault.seal("place", &Secret::new("some value")).unwrap();
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        let expected = match index {
            0 => "vault.unknown-format",
            1..=8 => "vault.other-key",
            _ => "vault.not-authentic",
        };
        assert_eq!(code(vault.unseal("place", &changed)), expected, "byte {index}");
    }
}

#[test]
fn every_cut_is_noticed() {
    let vault = with_key(7);
    let sealed = vault.seal("place", &Secret::new("some value")).unwrap();
    for length in 0..sealed.len() {
        let expected = if length < 49 { "vault.truncated" } else { "vault.not-authentic" };
        assert_eq!(code(vault.unseal("place", &sealed[..length])), expected, "{length} bytes");
    }
}

#[test]
fn another_key_is_named_and_not_guessed() {
    let (ours, theirs) = (with_key(7), with_key(8));
    let sealed = theirs.seal("place", &Secret::new("some value")).unwrap();
    let error = ours.unseal("place", &sealed).err().unwrap();
    let VaultError::OtherKey { sealed_by, ours: our_id, .. } = &error else { panic!("{error}") };
    assert_eq!((sealed_by, our_id), (&theirs.key_id(), &ours.key_id()));
    assert_eq!(error.code(), "vault.other-key");
}

#[test]
fn the_key_file_is_made_once_with_mode_0600_and_nothing_is_left_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.key");
    let first = in_file(&path).unwrap();
    assert!(first.is_new());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(STANDARD.decode(text.trim_end()).unwrap().len(), 32);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    let sealed = first.seal("place", &Secret::new("some value")).unwrap();
    let second = in_file(&path).unwrap();
    assert!(!second.is_new());
    assert!(second.unseal("place", &sealed).unwrap().matches(b"some value"));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let given = Vault::open(&KeySource::Base64(Secret::new(text))).unwrap();
    assert!(given.unseal("place", &sealed).unwrap().matches(b"some value"));
}

#[test]
fn two_first_starts_side_by_side_end_up_with_one_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.key");
    let vaults: Vec<Vault> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| in_file(&path).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert_eq!(vaults.iter().filter(|vault| vault.is_new()).count(), 1);
    assert!(vaults.iter().all(|vault| vault.key_id() == vaults[0].key_id()));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_key_file_that_others_can_reach_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.key");
    in_file(&path).unwrap();
    for (mode, expected) in [
        (0o600, "ok"),
        (0o400, "ok"),
        (0o640, "vault.key-exposed"),
        (0o604, "vault.key-exposed"),
        (0o660, "vault.key-exposed"),
        (0o601, "vault.key-exposed"),
        (0o644, "vault.key-exposed"),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(code(in_file(&path)), expected, "{mode:o}");
    }
    let shown = in_file(&path).err().unwrap();
    assert!(shown.to_string().contains("0644"), "{shown}");
    assert!(shown.hint().unwrap().starts_with("chmod 600 "));
    // Whoever links to it does not hide its mode.
    let link = directory.path().join("link.key");
    symlink(&path, &link).unwrap();
    assert_eq!(code(in_file(&link)), "vault.key-exposed");
}

#[test]
fn what_is_no_key_is_refused_without_being_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.key");
    let (short, long) = (STANDARD.encode([0x5a; 31]), STANDARD.encode([0x5a; 33]));
    for text in ["", "hunter2", "not base64 at all!", &short, &long, &"A".repeat(5000)] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for source in [KeySource::File(path.clone()), KeySource::Base64(Secret::new(text))] {
            let error = Vault::open(&source).err().unwrap();
            assert_eq!(error.code(), "vault.key-malformed", "{text}");
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(text), "{error}");
        }
    }
    assert_eq!(
        code(Vault::open(&KeySource::Bytes(Secret::new("a password of 31 characters ...")))),
        "vault.key-malformed"
    );
}

#[test]
fn a_key_file_that_can_be_neither_read_nor_made_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/such/directory/vault.key");
    for path in [missing.as_path(), directory.path()] {
        let error = in_file(path).err().unwrap();
        assert_eq!(error.code(), "vault.key-file");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}
