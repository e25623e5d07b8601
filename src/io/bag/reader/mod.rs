//! Reads bags: what topics there are, and their messages in the order in which they were recorded.

mod mcap_file;
mod open;
mod sqlite_file;
mod unpack;

pub use open::{BagReader, RawMessage, RawMessages, TopicInfo};
