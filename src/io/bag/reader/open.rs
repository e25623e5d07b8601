//! Finds the files of a bag and walks through them.

use super::unpack::{Unpacked, unpack};
use super::{LONGEST_MESSAGE, mcap_file, sqlite_file};
use crate::io::bag::metadata::Metadata;
use crate::io::bag::{BagError, cdr, messages::Message};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A topic of a bag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub name: String,
    /// Full name of its type, e.g. `sensor_msgs/msg/Image`.
    pub message_type: String,
}

/// A message as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    /// Index of its topic in [`BagReader::topics`].
    pub topic: usize,
    /// When it was recorded (ns).
    pub stamp_nanos: i64,
    /// Header and CDR.
    pub data: Vec<u8>,
}

/// Messages of a bag; an error ends them.
pub type RawMessages = Box<dyn Iterator<Item = Result<RawMessage, BagError>> + Send>;

/// A bag that can be read, as often as wanted.
#[derive(Debug)]
pub struct BagReader {
    path: PathBuf,
    files: Vec<PathBuf>,
    topics: Vec<TopicInfo>,
    packed_messages: bool,
}

impl BagReader {
    /// Whether a path looks like a bag: a folder with `metadata.yaml` or bag files, or a bag file.
    pub fn is_bag(path: &Path) -> bool {
        if path.is_dir() {
            path.join("metadata.yaml").exists() || bag_files(path).is_ok_and(|files| !files.is_empty())
        } else {
            is_bag_file(path)
        }
    }

    /// Opens a bag: a folder, or a single `.mcap` or `.db3` file (also with `.zstd` behind).
    ///
    /// # Errors
    /// [`BagError`] names the file, what was expected and what was found.
    pub fn open(path: &Path) -> Result<Self, BagError> {
        std::fs::metadata(path).map_err(BagError::io(path))?;
        let metadata_file = path.join("metadata.yaml");
        let mut packed_messages = false;
        let files = if path.is_file() {
            vec![path.to_path_buf()]
        } else if metadata_file.exists() {
            let text = std::fs::read_to_string(&metadata_file).map_err(BagError::io(&metadata_file))?;
            let metadata = Metadata::from_yaml(&text).map_err(BagError::format(&metadata_file))?;
            packed_messages = packs_messages(&metadata, &metadata_file)?;
            let files =
                metadata.relative_file_paths.iter().map(|file| find_file(path, file)).collect::<Result<_, _>>()?;
            known_files(files, &metadata_file)?
        } else {
            bag_files(path)?
        };
        if files.is_empty() {
            let reason = "expected bag files (.mcap or .db3), found none".into();
            return Err(BagError::Format { path: path.into(), reason });
        }
        let mut topics: Vec<TopicInfo> = Vec::new();
        for file in &files {
            let unpacked = unpack(file)?;
            let found = if is_sqlite(file) { sqlite_file::topics(&unpacked)? } else { mcap_file::topics(&unpacked)? };
            for topic in found {
                if !topics.iter().any(|known| known.name == topic.name) {
                    topics.push(topic);
                }
            }
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { path: path.into(), files, topics, packed_messages })
    }

    /// The bag.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The topics, sorted by name.
    pub fn topics(&self) -> &[TopicInfo] {
        &self.topics
    }

    /// The messages of the topics for which `wanted` (one entry per topic) is true, file by file in the order in
    /// which they were recorded.
    pub fn messages(&self, wanted: &[bool]) -> RawMessages {
        let topics: Vec<(String, usize)> = self.topics.iter().map(|topic| topic.name.clone()).zip(0..).collect();
        let wanted: Vec<(String, usize)> =
            topics.into_iter().filter(|(_, index)| wanted.get(*index).copied().unwrap_or(false)).collect();
        let packed_messages = self.packed_messages;
        let messages = self.files.clone().into_iter().flat_map(move |file| open_file(&file, &wanted));
        if !packed_messages {
            return Box::new(messages);
        }
        let path = self.path.clone();
        Box::new(messages.map(move |message| {
            let mut message = message?;
            message.data = unpacked_message(&message.data).map_err(BagError::io(&path))?;
            Ok(message)
        }))
    }

    /// Decodes a message of one of this bag's topics.
    ///
    /// # Errors
    /// [`BagError::Message`] if it is not what the type says.
    pub fn decode<M: Message>(&self, message: &RawMessage) -> Result<M, BagError> {
        cdr::decode(&message.data).map_err(|error| BagError::Message {
            topic: self.topics.get(message.topic).map(|topic| topic.name.clone()).unwrap_or_default(),
            expected: M::TYPE,
            reason: error.to_string(),
        })
    }
}

/// The messages of one file; one error if it cannot be opened.
fn open_file(file: &Path, wanted: &[(String, usize)]) -> RawMessages {
    let open = || -> Result<RawMessages, BagError> {
        let unpacked: Unpacked = unpack(file)?;
        if is_sqlite(file) { sqlite_file::messages(unpacked, wanted) } else { mcap_file::messages(unpacked, wanted) }
    };
    open().unwrap_or_else(|error| Box::new(std::iter::once(Err(error))))
}

/// A message that was packed by itself.
fn unpacked_message(data: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let most = LONGEST_MESSAGE as u64;
    if zstd::Decoder::new(data)?.take(most + 1).read_to_end(&mut unpacked)? as u64 > most {
        return Err(std::io::Error::other(format!("expected messages of at most {most} bytes, found a longer one")));
    }
    Ok(unpacked)
}

fn packs_messages(metadata: &Metadata, path: &Path) -> Result<bool, BagError> {
    let mode = metadata.compression_mode.to_lowercase();
    match (mode.as_str(), metadata.compression_format.as_str()) {
        ("" | "none", _) | ("file", "zstd") => Ok(false),
        ("message", "zstd") => Ok(true),
        (mode, format) => {
            let reason = format!("expected compression 'zstd' of 'file' or 'message', found '{format}' of '{mode}'");
            Err(BagError::Format { path: path.into(), reason })
        }
    }
}

/// A file that `metadata.yaml` names; older versions put the folder's name before it.
fn find_file(folder: &Path, name: &str) -> Result<PathBuf, BagError> {
    let direct = folder.join(name);
    let beside = Path::new(name).file_name().map(|name| folder.join(name));
    let candidates =
        [Some(direct.clone()), beside.clone(), Some(direct.with_extension("")), beside.map(|p| p.with_extension(""))];
    let found = candidates.into_iter().flatten().find(|path| path.is_file() && path.starts_with(folder));
    found.ok_or_else(|| BagError::Io { path: direct, error: std::io::ErrorKind::NotFound.into() })
}

fn known_files(files: Vec<PathBuf>, metadata: &Path) -> Result<Vec<PathBuf>, BagError> {
    match files.iter().find(|file| !is_bag_file(file)) {
        None => Ok(files),
        Some(file) => {
            let reason = format!("expected files that end in .mcap or .db3, found {}", file.display());
            Err(BagError::Format { path: metadata.into(), reason })
        }
    }
}

fn bag_files(folder: &Path) -> Result<Vec<PathBuf>, BagError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(BagError::io(folder))? {
        files.push(entry.map_err(BagError::io(folder))?.path());
    }
    files.retain(|file| file.is_file() && is_bag_file(file));
    files.sort_by_cached_key(|file| (number_of(file), file.clone()));
    Ok(files)
}

/// The number that rosbag2 gives to a file of a split recording: `tour_12.mcap` has 12.
fn number_of(file: &Path) -> Option<u64> {
    name_without_zstd(file).rsplit_once('.')?.0.rsplit_once('_')?.1.parse().ok()
}

fn name_without_zstd(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_suffix(".zstd").or_else(|| name.strip_suffix(".zst")).unwrap_or(name)
}

fn is_sqlite(path: &Path) -> bool {
    name_without_zstd(path).ends_with(".db3")
}

fn is_bag_file(path: &Path) -> bool {
    is_sqlite(path) || name_without_zstd(path).ends_with(".mcap")
}
