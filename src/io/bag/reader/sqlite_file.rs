//! Bag files in sqlite3.

use super::unpack::Unpacked;
use super::{RawMessage, RawMessages, TopicInfo};
use crate::io::bag::BagError;
use rusqlite::{Connection, OpenFlags};
use std::collections::VecDeque;

/// Messages that are read at once: images are large.
const PAGE: i64 = 16;

fn open(file: &Unpacked) -> Result<Connection, BagError> {
    Connection::open_with_flags(&file.path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| broken(file, &error))
}

fn broken(file: &Unpacked, error: &rusqlite::Error) -> BagError {
    let reason = format!("expected a complete sqlite3 bag with tables topics and messages; sqlite says: {error}");
    BagError::Format { path: file.name.clone(), reason }
}

/// Number, name, type and serialization of each topic.
fn rows(file: &Unpacked, connection: &Connection) -> Result<Vec<(i64, TopicInfo, String)>, BagError> {
    let read = || -> rusqlite::Result<Vec<(i64, TopicInfo, String)>> {
        let mut statement =
            connection.prepare("SELECT id, name, type, serialization_format FROM topics ORDER BY id")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, TopicInfo { name: row.get(1)?, message_type: row.get(2)? }, row.get(3)?))
        })?;
        rows.collect()
    };
    read().map_err(|error| broken(file, &error))
}

pub(super) fn topics(file: &Unpacked) -> Result<Vec<TopicInfo>, BagError> {
    let connection = open(file)?;
    Ok(rows(file, &connection)?.into_iter().map(|(_, topic, _)| topic).collect())
}

pub(super) fn messages(file: Unpacked, wanted: &[(String, usize)]) -> Result<RawMessages, BagError> {
    let connection = open(&file)?;
    let mut topics = Vec::new();
    for (id, topic, format) in rows(&file, &connection)? {
        let Some((name, index)) = wanted.iter().find(|(name, _)| *name == topic.name) else { continue };
        if format != "cdr" {
            let reason = format!("{name}: expected messages in cdr, found '{format}'");
            return Err(BagError::Format { path: file.name.clone(), reason });
        }
        topics.push((id, *index));
    }
    Ok(Box::new(Pages { file, connection, topics, last: (i64::MIN, i64::MIN), page: VecDeque::new(), done: false }))
}

/// The messages, page by page in order of time.
struct Pages {
    file: Unpacked,
    connection: Connection,
    /// Number of the topic in the file, and its index.
    topics: Vec<(i64, usize)>,
    /// Stamp and number of the last message that was read.
    last: (i64, i64),
    page: VecDeque<RawMessage>,
    done: bool,
}

impl Pages {
    /// Reads a page, and says whether its messages come after those before: a broken index leads in circles.
    fn read(&mut self) -> rusqlite::Result<bool> {
        let ids: Vec<String> = self.topics.iter().map(|(id, _)| id.to_string()).collect();
        let query = format!(
            "SELECT id, topic_id, timestamp, data FROM messages \
             WHERE topic_id IN ({}) AND timestamp >= ?1 AND (timestamp > ?1 OR id > ?2) \
             ORDER BY timestamp, id LIMIT {PAGE}",
            ids.join(", ")
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let mut rows = statement.query(self.last)?;
        while let Some(row) = rows.next()? {
            let (id, topic_id, stamp_nanos): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if (stamp_nanos, id) <= self.last {
                return Ok(false);
            }
            let Some((_, topic)) = self.topics.iter().find(|(known, _)| *known == topic_id) else { continue };
            self.page.push_back(RawMessage { topic: *topic, stamp_nanos, data: row.get(3)? });
            self.last = (stamp_nanos, id);
        }
        Ok(true)
    }
}

impl Iterator for Pages {
    type Item = Result<RawMessage, BagError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.done {
            let error = match self.read() {
                Ok(true) => None,
                Ok(false) => {
                    let reason =
                        "expected messages in order of time; the index is broken (PRAGMA integrity_check; REINDEX)";
                    Some(BagError::Format { path: self.file.name.clone(), reason: reason.into() })
                }
                Err(error) => Some(broken(&self.file, &error)),
            };
            self.done = error.is_some() || self.page.is_empty();
            if let Some(error) = error {
                self.page.clear();
                return Some(Err(error));
            }
        }
        self.page.pop_front().map(Ok)
    }
}
