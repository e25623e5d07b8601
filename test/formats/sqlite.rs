//! Bags in sqlite3.

use halfslam::io::bag::BagReader;
use std::path::Path;

/// The same bag as sqlite3, as rosbag2 lays it out.
pub fn to_sqlite(bag: &Path, file: &Path, pack_messages: bool) {
    let reader = BagReader::open(bag).unwrap();
    let connection = rusqlite::Connection::open(file).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, \
             serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);\
             CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, \
             data BLOB NOT NULL); CREATE INDEX timestamp_idx ON messages (timestamp ASC); BEGIN;",
        )
        .unwrap();
    for (index, topic) in reader.topics().iter().enumerate() {
        let row = (index as i64 + 1, &topic.name, &topic.message_type, "cdr", "");
        connection.execute("INSERT INTO topics VALUES (?, ?, ?, ?, ?)", row).unwrap();
    }
    for message in reader.messages(&vec![true; reader.topics().len()]) {
        let message = message.unwrap();
        let data = if pack_messages { zstd::encode_all(&message.data[..], 0).unwrap() } else { message.data };
        let row = (message.topic as i64 + 1, message.stamp_nanos, data);
        connection.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", row).unwrap();
    }
    connection.execute_batch("COMMIT;").unwrap();
}
