//! `metadata.yaml`: what a bag says of itself.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Document {
    rosbag2_bagfile_information: Metadata,
}

/// What a bag says of itself; fields that this crate does not use are skipped when reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of this document's layout.
    pub version: u32,
    /// `mcap` or `sqlite3`.
    pub storage_identifier: String,
    /// How long the recording is.
    pub duration: Nanoseconds,
    /// When it starts.
    pub starting_time: SinceEpoch,
    /// Number of messages.
    pub message_count: u64,
    /// The topics.
    pub topics_with_message_count: Vec<TopicCount>,
    /// `zstd` or empty.
    #[serde(default)]
    pub compression_format: String,
    /// `file` or `message` (any case), else empty; MCAP's own compression is not meant.
    #[serde(default)]
    pub compression_mode: String,
    /// The files in order, relative to the folder.
    pub relative_file_paths: Vec<String>,
    /// The files with their times, from version 5 on.
    #[serde(default)]
    pub files: Vec<BagFile>,
}

/// A duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nanoseconds {
    /// (ns)
    pub nanoseconds: i64,
}

/// A time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinceEpoch {
    /// (ns)
    pub nanoseconds_since_epoch: i64,
}

/// One file of a bag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BagFile {
    /// Relative to the folder.
    pub path: String,
    /// When it starts.
    pub starting_time: SinceEpoch,
    /// How long it is.
    pub duration: Nanoseconds,
    /// Number of messages.
    pub message_count: u64,
}

/// A topic and its number of messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicCount {
    /// The topic.
    pub topic_metadata: TopicMetadata,
    /// Number of messages.
    pub message_count: u64,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicMetadata {
    /// Its name.
    pub name: String,
    /// Full name of its type, e.g. `sensor_msgs/msg/Image`.
    #[serde(rename = "type")]
    pub message_type: String,
    /// `cdr`.
    pub serialization_format: String,
    /// A YAML document in a string up to version 8, a list from version 9 on.
    #[serde(default)]
    pub offered_qos_profiles: serde_yaml::Value,
}

impl Metadata {
    /// The document's text.
    ///
    /// # Errors
    /// Not in practice: everything in it can be written.
    pub(super) fn to_yaml(&self) -> Result<String, serde_yaml::Error> {
        serde_yaml::to_string(&Document { rosbag2_bagfile_information: self.clone() })
    }

    /// Reads the document.
    ///
    /// # Errors
    /// Says line and column, and what was expected.
    pub(super) fn from_yaml(text: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(text).map(|document: Document| document.rosbag2_bagfile_information)
    }
}
