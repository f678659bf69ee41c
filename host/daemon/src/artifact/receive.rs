//! Taking bytes in: one task reads, one thread writes, one thread hashes.

use std::io::{self, Write};

use bytes::Bytes;
use cap_std::fs::{Dir, OpenOptions};
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{BlobError, Blobs, INCOMING, path, shelf};

/// What is said of bytes before they come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// 64 lower-case hexadecimal digits.
    pub sha256: Option<String>,
    /// In bytes.
    pub size: Option<u64>,
    /// The most that is taken.
    pub most: Option<u64>,
}

/// Bytes that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// In bytes.
    pub size: u64,
}

/// So many pieces may wait for the disk or the hash.
const WAITING: usize = 8;

/// Goes when the bytes have their name, or never get one.
struct Incoming<'d> {
    dir: &'d Dir,
    name: String,
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        // Gone already where it got its name.
        let _ = self.dir.remove_file(&self.name);
    }
}

impl Blobs {
    /// Takes bytes in. When it answers they are on the disk, under their name; on an error nothing of them is.
    ///
    /// # Errors
    /// [`BlobError::Mismatch`] where they are not what was expected, [`BlobError::Broken`] where the stream fails.
    pub async fn receive(
        &self,
        mut bytes: impl Stream<Item = io::Result<Bytes>> + Unpin,
        expected: &Expected,
    ) -> Result<Blob, BlobError> {
        let incoming = Incoming { dir: &self.dir, name: format!("{INCOMING}/{}", Uuid::now_v7().simple()) };
        let (to_disk, mut for_disk) = mpsc::channel::<Bytes>(WAITING);
        let (to_hash, mut for_hash) = mpsc::channel::<Bytes>(WAITING);
        let dir = self.dir.clone();
        let name = incoming.name.clone();
        let disk = tokio::task::spawn_blocking(move || -> io::Result<()> {
            let mut file = dir.open_with(&name, OpenOptions::new().write(true).create_new(true))?;
            while let Some(piece) = for_disk.blocking_recv() {
                file.write_all(&piece)?;
            }
            file.sync_all()
        });
        let hash = tokio::task::spawn_blocking(move || {
            let mut hasher = Sha256::new();
            while let Some(piece) = for_hash.blocking_recv() {
                hasher.update(&piece);
            }
            hex::encode(hasher.finalize())
        });
        let mut size = 0_u64;
        let mut trouble = None;
        let most = expected.size.into_iter().chain(expected.most).min();
        while let Some(piece) = bytes.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    trouble = Some(BlobError::Broken(error));
                    break;
                }
            };
            size += piece.len() as u64;
            if most.is_some_and(|most| size > most) {
                trouble = Some(match expected.size {
                    Some(said) if size > said => mismatch("size", said.to_string(), format!("more than {said}")),
                    _ => BlobError::TooLarge(expected.most.unwrap_or(size)),
                });
                break;
            }
            // A side that ended early says why when it is joined.
            if to_hash.send(piece.clone()).await.is_err() || to_disk.send(piece).await.is_err() {
                break;
            }
        }
        drop((to_disk, to_hash));
        let written = disk.await.map_err(io::Error::other).and_then(|written| written).map_err(BlobError::Io);
        let sha256 = hash.await.map_err(|error| BlobError::Io(io::Error::other(error)))?;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        written?;
        if let Some(said) = expected.size.filter(|said| *said != size) {
            return Err(mismatch("size", said.to_string(), size.to_string()));
        }
        if let Some(said) = expected.sha256.as_ref().filter(|said| !said.eq_ignore_ascii_case(&sha256)) {
            return Err(mismatch("sha256", said.clone(), sha256));
        }
        let (dir, from, digest) = (self.dir.clone(), incoming.name.clone(), sha256.clone());
        tokio::task::spawn_blocking(move || publish(&dir, &from, &digest))
            .await
            .map_err(io::Error::other)
            .and_then(|published| published)
            .map_err(BlobError::Io)?;
        Ok(Blob { sha256, size })
    }
}

/// The name, durably. Bytes that are there already are replaced by the same bytes, freshly checked.
fn publish(dir: &Dir, from: &str, sha256: &str) -> io::Result<()> {
    dir.create_dir_all(shelf(sha256))?;
    dir.rename(from, dir, path(sha256))?;
    dir.open(shelf(sha256))?.sync_all()?;
    dir.open(".")?.sync_all()
}

fn mismatch(what: &'static str, expected: String, found: String) -> BlobError {
    BlobError::Mismatch { what, expected, found }
}
