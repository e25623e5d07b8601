//! Files of every format: what is written is read again, and broken files are named, not feared.

#[path = "formats/bag_writer.rs"]
mod bag_writer;
#[path = "formats/fixtures.rs"]
mod fixtures;
#[path = "formats/kitti.rs"]
mod kitti;
#[path = "formats/seven_scenes.rs"]
mod seven_scenes;
