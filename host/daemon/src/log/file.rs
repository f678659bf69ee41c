//! The file of one log: where it is, how bytes get into it for good, how they are read.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

use cap_std::fs::{Dir, OpenOptions};
use sha2::{Digest, Sha256};

use super::{LogError, LogKey};

/// `<run>/<attempt>.run.log`, `<run>/<attempt>.job-<digest>.log`: a job's id is the platform's, and any text.
pub(super) fn path(key: &LogKey) -> String {
    let name = match &key.job {
        None => "run".to_owned(),
        Some(job) => format!("job-{}", hex::encode(&Sha256::digest(job.as_bytes())[..16])),
    };
    format!("{}/{}.{name}.log", key.run, key.attempt)
}

fn failed(file: &str) -> impl Fn(std::io::Error) -> LogError + '_ {
    move |source| LogError::Io { file: file.to_owned(), source }
}

/// Writes `bytes` at `at`, cuts off whatever was behind, and answers when all of it is on the disk.
pub(super) fn write(dir: &Dir, key: &LogKey, at: u64, bytes: &[u8]) -> Result<(), LogError> {
    let path = path(key);
    let failed = failed(&path);
    let folder = key.run.to_string();
    let mut options = OpenOptions::new();
    options.write(true);
    let mut file = match dir.open_with(&path, &options) {
        Err(error) if error.kind() == ErrorKind::NotFound && at == 0 => {
            dir.create_dir_all(&folder).map_err(&failed)?;
            let file = dir.open_with(&path, options.create(true)).map_err(&failed)?;
            // A name is only durable when its directory is.
            sync(dir, &folder).map_err(&failed)?;
            sync(dir, ".").map_err(&failed)?;
            file
        }
        other => other.map_err(&failed)?,
    };
    let length = file.metadata().map_err(&failed)?.len();
    if length < at {
        let message = format!("it has {length} bytes, and {at} were counted");
        return Err(failed(std::io::Error::new(ErrorKind::UnexpectedEof, message)));
    }
    if length > at {
        // Left by a crash between the bytes and their position.
        file.set_len(at).map_err(&failed)?;
    }
    file.seek(SeekFrom::Start(at)).map_err(&failed)?;
    file.write_all(bytes).map_err(&failed)?;
    file.sync_data().map_err(&failed)
}

fn sync(dir: &Dir, folder: &str) -> std::io::Result<()> {
    dir.open(folder)?.sync_all()
}

/// At most `limit` bytes from `at`; fewer only at the end that `written` marks.
pub(super) fn read(dir: &Dir, key: &LogKey, at: u64, limit: u64, written: u64) -> Result<Vec<u8>, LogError> {
    let wanted = limit.min(written.saturating_sub(at));
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let path = path(key);
    let failed = failed(&path);
    let mut file = dir.open(&path).map_err(&failed)?;
    file.seek(SeekFrom::Start(at)).map_err(&failed)?;
    let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
    file.read_exact(&mut bytes).map_err(&failed)?;
    Ok(bytes)
}
