//! How bags lie on the disk: chunk compressions, recordings split over several files.

use crate::bags::{check_stereo, stereo};
use halfslam::io::bag::Compression;
use halfslam::io::sources::{SourceOptions, open};
use std::path::{Path, PathBuf};

/// Copies the messages of an MCAP file to `count` others, in turn from first to last, named as rosbag2 names them.
fn rewrite(file: &Path, folder: &Path, count: usize, compression: Option<mcap::Compression>) -> Vec<PathBuf> {
    let bytes = std::fs::read(file).unwrap();
    let messages: Vec<mcap::Message<'_>> = mcap::MessageStream::new(&bytes).unwrap().map(Result::unwrap).collect();
    let share = messages.len().div_ceil(count);
    let write = |(index, messages): (usize, &[mcap::Message<'_>])| {
        let path = folder.join(format!("tour_{index}.mcap"));
        let options = mcap::WriteOptions::new().compression(compression).chunk_size(Some(4096));
        let mut writer = options.create(std::fs::File::create(&path).unwrap()).unwrap();
        messages.iter().for_each(|message| writer.write(message).unwrap());
        writer.finish().unwrap();
        path
    };
    messages.chunks(share).enumerate().map(write).collect()
}

fn metadata(files: &[PathBuf]) -> String {
    let names: Vec<String> =
        files.iter().map(|file| format!("\n    - {}", file.file_name().unwrap().to_str().unwrap())).collect();
    format!(
        "rosbag2_bagfile_information:\n  version: 5\n  storage_identifier: mcap\n  duration:\n    nanoseconds: 200000000\n  \
         starting_time:\n    nanoseconds_since_epoch: 1700000000000000000\n  message_count: 38\n  \
         topics_with_message_count: []\n  compression_format: \"\"\n  compression_mode: \"\"\n  relative_file_paths:{}\n",
        names.concat()
    )
}

#[test]
fn every_chunk_compression_is_read() {
    let temporary = tempfile::tempdir().unwrap();
    let source = temporary.path().join("bag");
    stereo(&source, Compression::None);
    for compression in [None, Some(mcap::Compression::Zstd), Some(mcap::Compression::Lz4)] {
        let folder = temporary.path().join(format!("{compression:?}"));
        std::fs::create_dir(&folder).unwrap();
        rewrite(&source.join("bag_0.mcap"), &folder, 1, compression);
        check_stereo(open(&folder, &SourceOptions::default()).unwrap());
    }
}

#[test]
fn a_recording_may_be_split_over_many_files() {
    let temporary = tempfile::tempdir().unwrap();
    let source = temporary.path().join("bag");
    stereo(&source, Compression::None);
    let folder = temporary.path().join("split");
    std::fs::create_dir(&folder).unwrap();
    let files = rewrite(&source.join("bag_0.mcap"), &folder, 12, Some(mcap::Compression::Lz4));
    assert!(files.len() > 10, "{files:?}");
    // Without metadata the files' numbers say their order: 10 comes after 2.
    check_stereo(open(&folder, &SourceOptions::default()).unwrap());
    std::fs::write(folder.join("metadata.yaml"), metadata(&files)).unwrap();
    check_stereo(open(&folder, &SourceOptions::default()).unwrap());

    std::fs::remove_file(&files[7]).unwrap();
    let error = open(&folder, &SourceOptions::default()).err().unwrap().to_string();
    assert!(error.contains("tour_7.mcap"), "{error}");
}
