//! rosbag2 recordings: the common messages, their wire format, and reading and writing bags without ROS.
//!
//! A bag is a folder: `metadata.yaml` and one or several files, MCAP or sqlite3, each with messages in CDR.

pub mod cdr;
mod definition;
mod error;
pub mod messages;
mod metadata;
mod qos;
mod reader;
mod writer;

pub use definition::schema;
pub use error::BagError;
pub use metadata::{BagFile, Metadata, TopicMetadata};
pub use qos::{Durability, Qos, Reliability};
pub use reader::{BagReader, RawMessage, RawMessages, TopicInfo};
pub use writer::{BagWriter, Compression, Topic};
