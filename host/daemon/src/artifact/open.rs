//! Giving bytes out, checked on the way.

use std::io::{self, Read};

use bytes::Bytes;
use cap_std::fs::File;
use futures_util::{Stream, stream};
use sha2::{Digest, Sha256};

use super::{BlobError, Blobs, path};

const PIECE: usize = 128 * 1024;

/// Bytes that are checked while they are read.
///
/// They are hashed as they go out, and the last piece is held back until the digest is known to be right: so of damaged
/// bytes a reader never gets the whole, but an error in place of the end, and what fits into one piece (128 KiB) is
/// checked before its first byte goes out. To check large bytes before the first one would be to read them twice.
pub struct VerifiedBlob {
    file: File,
    sha256: String,
    size: u64,
}

struct State {
    file: File,
    hasher: Sha256,
    held: Option<Bytes>,
    read: u64,
    sha256: String,
    size: u64,
}

impl Blobs {
    /// Opens the bytes with this digest and size.
    ///
    /// # Errors
    /// [`BlobError::Missing`]; [`BlobError::Mismatch`] where their size is another.
    pub async fn reader(&self, sha256: &str, size: u64) -> Result<VerifiedBlob, BlobError> {
        let (dir, digest) = (self.dir.clone(), sha256.to_owned());
        let (file, length) = tokio::task::spawn_blocking(move || {
            let file = dir.open(path(&digest))?;
            let length = file.metadata()?.len();
            Ok((file, length))
        })
        .await
        .map_err(io::Error::other)
        .and_then(|opened| opened)
        .map_err(|error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => BlobError::Missing(sha256.to_owned()),
            _ => BlobError::Io(error),
        })?;
        if length != size {
            return Err(BlobError::Mismatch { what: "size", expected: size.to_string(), found: length.to_string() });
        }
        Ok(VerifiedBlob { file, sha256: sha256.to_owned(), size })
    }
}

impl VerifiedBlob {
    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes; an error in place of the last piece where they are not what they were.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let Self { file, sha256, size } = self;
        let state = State { file, hasher: Sha256::new(), held: None, read: 0, sha256, size };
        stream::unfold(Some(state), |state| async move {
            let state = state?;
            match tokio::task::spawn_blocking(move || step(state)).await {
                Ok(Ok((piece, state))) => piece.map(|piece| (Ok(piece), state)),
                Ok(Err(error)) => Some((Err(error), None)),
                Err(error) => Some((Err(io::Error::other(error)), None)),
            }
        })
    }
}

/// The next piece that may go out, and how to go on; no piece: the end.
fn step(mut state: State) -> io::Result<(Option<Bytes>, Option<State>)> {
    loop {
        let mut buffer = Vec::with_capacity(PIECE);
        (&mut state.file).take(PIECE as u64).read_to_end(&mut buffer)?;
        if buffer.is_empty() {
            let found = hex::encode(state.hasher.finalize());
            if found != state.sha256 || state.read != state.size {
                let message = format!("the stored bytes have the sha256 {found}, and {} was expected", state.sha256);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            return Ok((state.held, None));
        }
        state.hasher.update(&buffer);
        state.read += buffer.len() as u64;
        if let Some(piece) = state.held.replace(buffer.into()) {
            return Ok((Some(piece), Some(state)));
        }
    }
}
