//! Files of every format: what is written is read again, and broken files are named, not feared.

#[path = "formats/bag_writer.rs"]
mod bag_writer;
