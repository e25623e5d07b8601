//! Reads bags: what topics there are, and their messages in the order in which they were recorded.

mod mcap_file;
mod open;
mod sqlite_file;
mod unpack;

/// A message is never longer (bytes): what says to be is broken, and would take memory by its word alone.
const LONGEST_MESSAGE: usize = 1 << 29;

pub use open::{BagReader, RawMessage, RawMessages, TopicInfo};
