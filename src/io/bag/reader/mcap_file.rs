//! Bag files in MCAP.

use super::unpack::Unpacked;
use super::{LONGEST_MESSAGE, RawMessage, RawMessages, TopicInfo};
use crate::io::bag::BagError;
use mcap::McapError;
use mcap::io::MessageReader;
use mcap::sans_io::{LinearReaderOptions, SummaryReadEvent, SummaryReader};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

/// Length of a file without content (bytes): the mark at both ends, a header, a data end and a footer record.
const SHORTEST: u64 = 8 + 17 + 13 + 29 + 8;

fn open(file: &Unpacked) -> Result<BufReader<File>, BagError> {
    Ok(BufReader::with_capacity(1 << 16, File::open(&file.path).map_err(BagError::io(&file.name))?))
}

fn reader(file: &Unpacked) -> Result<MessageReader<BufReader<File>>, BagError> {
    let options = LinearReaderOptions::default().with_record_length_limit(LONGEST_MESSAGE);
    Ok(MessageReader::new_with_options(open(file)?, options))
}

/// The topics that the file's summary names, or, without one, those of its messages.
pub(super) fn topics(file: &Unpacked) -> Result<Vec<TopicInfo>, BagError> {
    let length = std::fs::metadata(&file.path).map_err(BagError::io(&file.name))?.len();
    if length < SHORTEST {
        return Err(broken(&file.name, McapError::UnexpectedEof));
    }
    let channels = match summary(open(file)?) {
        Ok(Some(summary)) if !summary.channels.is_empty() => summary.channels.into_values().collect(),
        Ok(_) | Err(McapError::BadFooter) => {
            let mut channels = BTreeMap::new();
            for message in reader(file)? {
                let message = message.map_err(|error| broken(&file.name, error))?;
                channels.entry(message.channel.id).or_insert(message.channel);
            }
            channels.into_values().collect::<Vec<_>>()
        }
        Err(error) => return Err(broken(&file.name, error)),
    };
    Ok(channels
        .into_iter()
        .map(|channel| TopicInfo {
            name: channel.topic.clone(),
            message_type: channel.schema.as_ref().map(|schema| full_type(&schema.name)).unwrap_or_default(),
        })
        .collect())
}

/// `package/msg/Type`, also from the older `package/Type`.
fn full_type(name: &str) -> String {
    match name.split_once('/') {
        Some((package, message_type)) if !message_type.contains('/') => format!("{package}/msg/{message_type}"),
        _ => name.to_owned(),
    }
}

fn summary(mut source: BufReader<File>) -> Result<Option<mcap::Summary>, McapError> {
    let mut reader = SummaryReader::new();
    while let Some(event) = reader.next_event() {
        match event? {
            SummaryReadEvent::ReadRequest(count) => {
                let read = source.read(reader.insert(count))?;
                reader.notify_read(read);
            }
            SummaryReadEvent::SeekRequest(to) => {
                let position = source.seek(to)?;
                reader.notify_seeked(position);
            }
        }
    }
    Ok(reader.finish())
}

pub(super) fn messages(file: Unpacked, wanted: &[(String, usize)]) -> Result<RawMessages, BagError> {
    let wanted: BTreeMap<String, usize> = wanted.iter().cloned().collect();
    Ok(Box::new(reader(&file)?.filter_map(move |message| match message {
        Ok(message) => {
            let topic = *wanted.get(&message.channel.topic)?;
            if message.channel.message_encoding != "cdr" {
                let (name, found) = (&message.channel.topic, &message.channel.message_encoding);
                let reason = format!("{name}: expected messages in cdr, found '{found}'");
                return Some(Err(BagError::Format { path: file.name.clone(), reason }));
            }
            let stamp_nanos = i64::try_from(message.log_time).unwrap_or(i64::MAX);
            Some(Ok(RawMessage { topic, stamp_nanos, data: message.data.into_owned() }))
        }
        Err(error) => Some(Err(broken(&file.name, error))),
    })))
}

fn broken(file: &Path, error: McapError) -> BagError {
    let reason = match error {
        McapError::UnexpectedEof | McapError::UnexpectedEoc | McapError::BadFooter => {
            format!(
                "expected a complete MCAP file, found one that is cut off ({error}); `mcap recover` saves what is left"
            )
        }
        McapError::BadMagic => "expected an MCAP file, found something else, or a file that is cut off (no MCAP mark \
                                at its beginning or end); `mcap recover` saves what is left"
            .into(),
        _ => return BagError::mcap(file)(error),
    };
    BagError::Format { path: file.into(), reason }
}
