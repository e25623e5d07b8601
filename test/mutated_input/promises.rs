//! Numbers that promise more than there is, and orders that are none: what the random damages found, and what they would
//! find once in a long while.

use crate::{bags, folders, outcome, read_bag, replay, sqlite};
use halfslam::io::bag::Compression;
use std::path::{Path, PathBuf};

/// Reads a sample, which must be refused with these words.
fn refused(sample: &Path, read: crate::Reader, words: &str) {
    outcome(read, sample).unwrap();
    let refusal = read(sample).expect_err("a broken sample");
    assert!(refusal.contains(words), "{refusal}");
}

/// A plain bag in a folder.
fn plain(folder: &Path) -> PathBuf {
    let bag = folder.join("bag");
    bags::stereo(&bag, Compression::None);
    bag
}

#[test]
fn the_length_of_a_record_takes_no_memory() {
    let temporary = tempfile::tempdir().unwrap();
    let file = plain(temporary.path()).join("bag_0.mcap");
    let mut bytes = std::fs::read(&file).unwrap();
    // The header's length, behind the file's mark and the record's kind.
    for length in [1u64 << 32, 1 << 62, u64::MAX] {
        bytes[9..17].copy_from_slice(&length.to_le_bytes());
        std::fs::write(&file, &bytes).unwrap();
        refused(&file, read_bag, "bag_0.mcap");
    }
}

#[test]
fn a_message_is_not_unpacked_to_any_size() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("packed");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("packed_0.db3");
    sqlite::to_sqlite(&plain(temporary.path()), &file, true);
    let metadata = "rosbag2_bagfile_information:\n  version: 4\n  storage_identifier: sqlite3\n  duration: {nanoseconds: 1}\n  \
        starting_time: {nanoseconds_since_epoch: 1}\n  message_count: 1\n  topics_with_message_count: []\n  \
        compression_format: zstd\n  compression_mode: message\n  relative_file_paths: [packed_0.db3]\n";
    std::fs::write(folder.join("metadata.yaml"), metadata).unwrap();
    read_bag(&folder).expect("the sample is sound");
    let zeros = std::io::Read::take(std::io::repeat(0), 1 << 30);
    let bomb = zstd::encode_all(zeros, 1).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute("UPDATE messages SET data = ? WHERE id = 5", [&bomb]).unwrap();
    refused(&folder, read_bag, "packed");
}

#[test]
fn an_index_in_the_wrong_order_is_not_read_without_end() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("bag.db3");
    sqlite::to_sqlite(&plain(temporary.path()), &file, false);
    let connection = rusqlite::Connection::open(&file).unwrap();
    // Each message at a time of its own, then an index that runs backwards and says that it does not.
    connection
        .execute_batch(
            "UPDATE messages SET timestamp = timestamp + id; DROP INDEX timestamp_idx; \
             CREATE INDEX timestamp_idx ON messages (timestamp DESC); PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = 'CREATE INDEX timestamp_idx ON messages (timestamp ASC)' \
             WHERE name = 'timestamp_idx';",
        )
        .unwrap();
    drop(connection);
    refused(&file, read_bag, "bag.db3");
}

#[test]
fn a_calibration_of_another_size_makes_no_maps_of_it() {
    let folder = tempfile::tempdir().unwrap();
    folders::euroc(folder.path());
    for camera in ["cam0", "cam1"] {
        let file = folder.path().join("mav0").join(camera).join("sensor.yaml");
        let text = std::fs::read_to_string(&file).unwrap().replace("[16, 12]", "[10000, 8000]");
        std::fs::write(&file, text).unwrap();
    }
    refused(folder.path(), replay, "expected 10000x8000 pixels as the calibration says, found 16x12");
}
