//! Files of every format: what is written is read again, and broken files are named, not feared.

#[path = "formats/bag_files.rs"]
mod bag_files;
#[path = "formats/bag_writer.rs"]
mod bag_writer;
#[path = "formats/bags.rs"]
mod bags;
#[path = "formats/cameras.rs"]
mod cameras;
#[path = "formats/euroc.rs"]
mod euroc;
#[path = "formats/fixtures.rs"]
mod fixtures;
#[path = "formats/kitti.rs"]
mod kitti;
#[path = "formats/seven_scenes.rs"]
mod seven_scenes;
#[path = "formats/sqlite.rs"]
mod sqlite;
#[path = "formats/tum.rs"]
mod tum;
