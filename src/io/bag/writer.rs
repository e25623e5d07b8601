//! Writes a bag: MCAP in chunks, readable by ROS 2 from Humble on.

use super::cdr;
use super::messages::Message;
use super::metadata::{BagFile, Metadata, Nanoseconds, SinceEpoch, TopicCount, TopicMetadata};
use super::{BagError, Qos, schema};
use mcap::records::MessageHeader;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Images are some hundred kilobytes each: a chunk holds about ten.
const CHUNK_BYTES: u64 = 4 << 20;
/// The layout that Humble writes, and everything since reads.
const METADATA_VERSION: u32 = 5;

/// How the chunks of a bag are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: fast.
    #[default]
    None,
    /// Zstandard at its default level.
    Zstd,
}

/// A topic of a bag that is being written, with the type of its messages.
#[derive(Debug)]
pub struct Topic<M> {
    index: usize,
    message: PhantomData<fn(M)>,
}
impl<M> Clone for Topic<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Topic<M> {}

/// Writes a bag. The folder appears under its name when the bag is finished; until then it has a name of its own,
/// and it is removed if the writer is dropped before.
pub struct BagWriter {
    folder: PathBuf,
    partial: PathBuf,
    file_name: String,
    writer: Option<mcap::Writer<BufWriter<File>>>,
    topics: Vec<(u16, TopicCount)>,
    first_stamp_nanos: i64,
    last_stamp_nanos: i64,
    buffer: Vec<u8>,
}

impl BagWriter {
    /// Starts a bag in a folder that does not exist yet; its parent does.
    ///
    /// # Errors
    /// [`BagError::Exists`], [`BagError::Io`].
    pub fn create(folder: &Path) -> Result<Self, BagError> {
        Self::create_compressed(folder, Compression::None)
    }

    /// Like [`BagWriter::create`], with a compression of chunks.
    ///
    /// # Errors
    /// As [`BagWriter::create`].
    pub fn create_compressed(folder: &Path, compression: Compression) -> Result<Self, BagError> {
        if folder.exists() {
            return Err(BagError::Exists { path: folder.into() });
        }
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("bag").to_owned();
        let partial = folder.with_file_name(format!(".{name}.partial"));
        if partial.exists() {
            std::fs::remove_dir_all(&partial).map_err(BagError::io(&partial))?;
        }
        std::fs::create_dir(&partial).map_err(BagError::io(&partial))?;
        let file_name = format!("{name}_0.mcap");
        let path = partial.join(&file_name);
        let file = File::create(&path).map_err(BagError::io(&path))?;
        let writer = mcap::WriteOptions::new()
            .profile("ros2")
            .library("halfslam")
            .chunk_size(Some(CHUNK_BYTES))
            .compression((compression == Compression::Zstd).then_some(mcap::Compression::Zstd))
            // Threads would make the bytes depend on the machine.
            .compression_threads(0)
            .create(BufWriter::new(file))
            .map_err(BagError::mcap(&path))?;
        Ok(Self {
            folder: folder.into(),
            partial,
            file_name,
            writer: Some(writer),
            topics: Vec::new(),
            first_stamp_nanos: i64::MAX,
            last_stamp_nanos: i64::MIN,
            buffer: Vec::new(),
        })
    }

    /// Adds a topic. `name` starts with `/`.
    ///
    /// # Errors
    /// [`BagError::Io`] if the file cannot be written, [`BagError::Format`] if there are more topics than MCAP has numbers for.
    pub fn add_topic<M: Message>(&mut self, name: &str, qos: Qos) -> Result<Topic<M>, BagError> {
        let definition = schema(M::TYPE).ok_or_else(|| self.error(format!("{name}: no definition of {}", M::TYPE)))?;
        let index = self.add(name, M::TYPE, &definition, qos)?;
        Ok(Topic { index, message: PhantomData })
    }

    fn add(&mut self, name: &str, message_type: &str, definition: &str, qos: Qos) -> Result<usize, BagError> {
        let metadata = BTreeMap::from([("offered_qos_profiles".to_owned(), qos.to_yaml())]);
        let path = self.partial.join(&self.file_name);
        let writer = self.writer()?;
        let schema = writer.add_schema(message_type, "ros2msg", definition.as_bytes());
        let schema = schema.map_err(BagError::mcap(&path))?;
        let channel = writer.add_channel(schema, name, "cdr", &metadata).map_err(BagError::mcap(&path))?;
        let topic_metadata = TopicMetadata {
            name: name.into(),
            message_type: message_type.into(),
            serialization_format: "cdr".into(),
            offered_qos_profiles: qos.to_yaml().into(),
        };
        self.topics.push((channel, TopicCount { topic_metadata, message_count: 0 }));
        Ok(self.topics.len() - 1)
    }

    /// Writes a message. `stamp_nanos` (ns, not negative) is when it was published and recorded; stamps should not
    /// decrease.
    ///
    /// # Errors
    /// [`BagError::Io`] if the file cannot be written, [`BagError::Format`] if the stamp is negative.
    pub fn write<M: Message>(&mut self, topic: Topic<M>, stamp_nanos: i64, message: &M) -> Result<(), BagError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = match cdr::encode_into(message, &mut buffer) {
            Ok(()) => self.write_bytes(topic.index, stamp_nanos, &buffer),
            Err(error) => Err(self.error(error.to_string())),
        };
        self.buffer = buffer;
        result
    }

    fn write_bytes(&mut self, index: usize, stamp_nanos: i64, bytes: &[u8]) -> Result<(), BagError> {
        let Ok(log_time) = u64::try_from(stamp_nanos) else {
            return Err(self.error(format!("expected a stamp that is not negative, found {stamp_nanos} ns")));
        };
        let path = self.partial.join(&self.file_name);
        let (channel_id, topic) = &mut self.topics[index];
        let header = MessageHeader {
            channel_id: *channel_id,
            sequence: topic.message_count as u32,
            log_time,
            publish_time: log_time,
        };
        topic.message_count += 1;
        self.first_stamp_nanos = self.first_stamp_nanos.min(stamp_nanos);
        self.last_stamp_nanos = self.last_stamp_nanos.max(stamp_nanos);
        self.writer()?.write_to_known_channel(&header, bytes).map_err(BagError::mcap(&path))
    }

    /// Completes the bag and gives its folder the name it was asked for.
    ///
    /// # Errors
    /// [`BagError::Io`], [`BagError::Format`] if something cannot be written; nothing is left then.
    pub fn finish(mut self) -> Result<(), BagError> {
        let path = self.partial.join(&self.file_name);
        self.writer()?.finish().map_err(BagError::mcap(&path))?;
        let file = self.writer.take().map(mcap::Writer::into_inner);
        if let Some(mut file) = file {
            std::io::Write::flush(&mut file).map_err(BagError::io(&path))?;
        }
        let metadata_path = self.partial.join("metadata.yaml");
        let text = self.metadata().to_yaml().map_err(BagError::format(&metadata_path))?;
        std::fs::write(&metadata_path, text).map_err(BagError::io(&metadata_path))?;
        std::fs::rename(&self.partial, &self.folder).map_err(BagError::io(&self.folder))
    }

    fn metadata(&self) -> Metadata {
        let message_count = self.topics.iter().map(|(_, topic)| topic.message_count).sum();
        let (first, last) = if message_count == 0 { (0, 0) } else { (self.first_stamp_nanos, self.last_stamp_nanos) };
        let starting_time = SinceEpoch { nanoseconds_since_epoch: first };
        let duration = Nanoseconds { nanoseconds: last - first };
        Metadata {
            version: METADATA_VERSION,
            storage_identifier: "mcap".into(),
            duration,
            starting_time,
            message_count,
            topics_with_message_count: self.topics.iter().map(|(_, topic)| topic.clone()).collect(),
            compression_format: String::new(),
            compression_mode: String::new(),
            relative_file_paths: vec![self.file_name.clone()],
            files: vec![BagFile { path: self.file_name.clone(), starting_time, duration, message_count }],
        }
    }

    fn writer(&mut self) -> Result<&mut mcap::Writer<BufWriter<File>>, BagError> {
        let path = self.partial.join(&self.file_name);
        self.writer.as_mut().ok_or_else(|| BagError::Format { path, reason: "is finished already".into() })
    }

    fn error(&self, reason: String) -> BagError {
        BagError::Format { path: self.partial.join(&self.file_name), reason }
    }
}

impl Drop for BagWriter {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            drop(writer.into_inner());
        }
        // After `finish` there is nothing under this name; otherwise there is no one left to tell.
        let _ = std::fs::remove_dir_all(&self.partial);
    }
}
