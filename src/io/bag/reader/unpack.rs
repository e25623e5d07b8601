//! Bag files that are compressed as a whole.

use crate::io::bag::BagError;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A bag file, unpacked where it was packed.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// The file as its user knows it, for messages.
    pub name: PathBuf,
    /// The file to read.
    pub path: PathBuf,
    temporary: bool,
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if self.temporary {
            // It lies in the folder for temporary files, where leftovers are expected.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The file itself, or, if its name ends in `.zstd` (or `.zst`), a temporary copy without compression.
pub(super) fn unpack(file: &Path) -> Result<Unpacked, BagError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let is_packed = file.extension().is_some_and(|ending| ending == "zstd" || ending == "zst");
    if !is_packed {
        return Ok(Unpacked { name: file.into(), path: file.into(), temporary: false });
    }
    let source = File::open(file).map_err(BagError::io(file))?;
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("halfslam-{}-{number}.bag", std::process::id()));
    let unpacked = Unpacked { name: file.into(), path: path.clone(), temporary: true };
    let target = File::create_new(&path).map_err(BagError::io(&path))?;
    zstd::stream::copy_decode(source, target).map_err(BagError::io(file))?;
    Ok(unpacked)
}
