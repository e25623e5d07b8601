//! Whatever happens to a file, it is read, or what is wrong with it is said and the file is named: no panic, no reading
//! without end, no memory for what a broken number promises.
//!
//! Small sound samples are damaged and read to their end. `PROPTEST_CASES` says how often each (200).

#[path = "mutated_input/bags.rs"]
mod bags;
#[path = "mutated_input/damage.rs"]
mod damage;
#[path = "formats/fixtures.rs"]
#[allow(dead_code)]
mod fixtures;
#[path = "mutated_input/folders.rs"]
mod folders;
#[path = "../benches/meter.rs"]
mod meter;
#[path = "mutated_input/promises.rs"]
mod promises;
#[path = "formats/sqlite.rs"]
mod sqlite;

use damage::Damage;
use halfslam::bundle::{PointBundle, PointCamera};
use halfslam::geometry::Se3;
use halfslam::io::bag::{BagReader, Compression};
use halfslam::io::g2o::{self, Graph};
use halfslam::io::sources::{SourceOptions, open};
use halfslam::io::{bal, libmv, trajectory};
use halfslam::precision::Policy;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Reads a sample to its end; the error is the reader's own text.
type Reader = fn(&Path) -> Result<(), String>;

/// Far more than any sample takes, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(20);
/// Far more than the samples take (MB), and less than a broken number of 32 bits may promise.
const MEMORY_MB: f64 = 800.0;
/// What the system gives to this process at most (bytes of address space): who asks for more than that ends the test.
const ADDRESS_SPACE: u64 = 8 << 30;

/// What a reader says of damaged input.
fn outcome(read: Reader, sample: &Path) -> Result<(), TestCaseError> {
    // One at a time, so that memory is that of this one.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let limit = rustix::process::Rlimit { current: Some(ADDRESS_SPACE), maximum: None };
    let _ = rustix::process::setrlimit(rustix::process::Resource::As, limit);
    let (sender, receiver) = channel();
    let (path, begun_mb) = (sample.to_path_buf(), meter::reset_peak_mb());
    let thread = std::thread::spawn(move || sender.send(read(&path)));
    let result = receiver.recv_timeout(PATIENCE);
    prop_assert!(!matches!(result, Err(RecvTimeoutError::Timeout)), "still reading after {PATIENCE:?}");
    let _ = thread.join();
    let Ok(result) = result else { return Err(TestCaseError::fail("the reader panicked")) };
    let peak_mb = meter::peak_mb() - begun_mb;
    prop_assert!(peak_mb.is_nan() || peak_mb < MEMORY_MB, "{peak_mb} MB more than before");
    if let Err(text) = result {
        // A list of files may have been made to name one anywhere else.
        prop_assert!(text.contains(&*sample.to_string_lossy()) || text.starts_with('/'), "{text}");
    }
    Ok(())
}

/// Damages one of the parts of a sample at a time, and lets the sample be read.
///
/// - `put`: puts a part of this number into its place.
fn survives(sample: &Path, parts: &[Vec<u8>], put: impl Fn(usize, &[u8]), read: Reader) {
    read(sample).expect("the sample is sound");
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200);
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) });
    let damages = (any::<prop::sample::Index>(), prop::collection::vec(Damage::any(), 1..4));
    let run = runner.run(&damages, |(part, damages)| {
        let part = part.index(parts.len());
        let mut bytes = parts[part].clone();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        put(part, &bytes);
        let outcome = outcome(read, sample);
        put(part, &parts[part]);
        outcome.map_err(|error| TestCaseError::fail(format!("part {part}: {error}")))
    });
    if let Err(failure) = run {
        panic!("{}: {failure}", sample.display());
    }
}

/// All files of a folder, also those in folders inside it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// Writes a file anew: one that is cut and written again is brought to the disk at once, which takes far longer.
fn replace(file: &Path, bytes: &[u8]) {
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}

/// Damages the files of a folder.
fn folder_survives(folder: &Path, read: Reader) {
    let files = files(folder);
    let parts: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    survives(folder, &parts, |part, bytes| replace(&files[part], bytes), read);
}

/// Damages a file with this text.
fn text_survives(name: &str, text: impl AsRef<[u8]>, read: Reader) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, &text).unwrap();
    survives(&path, &[text.as_ref().to_vec()], |_, bytes| replace(&path, bytes), read);
}

/// Whatever a reader lets through is a rigid transform.
fn check_pose(pose: &Se3) {
    let finite = pose.translation.vector.iter().chain(pose.rotation.coords.iter()).all(|value| value.is_finite());
    assert!(finite && (pose.rotation.coords.norm() - 1.0).abs() < 1e-6, "{pose}");
}

fn read_graph(path: &Path) -> Result<(), String> {
    match g2o::read(path).map_err(|error| error.to_string())?.graph {
        Graph::Space(graph) => {
            graph.nodes.iter().chain(graph.edges.iter().map(|edge| &edge.t_from_to)).for_each(check_pose)
        }
        Graph::Plane(graph) => {
            graph.nodes.iter().for_each(|node| assert!(node.to_homogeneous().iter().all(|v| v.is_finite())))
        }
    }
    Ok(())
}

fn check_bundle<C: PointCamera<2, D>, const D: usize>(bundle: &PointBundle<C, 2>, pose: impl Fn(&C) -> &Se3) {
    bundle.cameras.iter().for_each(|camera| check_pose(pose(camera)));
    assert!(
        bundle.observations.iter().all(|seen| seen.camera < bundle.cameras.len() && seen.point < bundle.points.len())
    );
}

fn replay(sample: &Path) -> Result<(), String> {
    let camera_file = sample.join("camera.yaml");
    let camera_file = if camera_file.exists() { camera_file.to_string_lossy().into_owned() } else { String::new() };
    let recording =
        open(sample, &SourceOptions { camera_file, ..Default::default() }).map_err(|error| error.to_string())?;
    check_pose(&recording.rig.t_base_camera);
    recording.truth.iter().flat_map(|truth| truth.poses()).for_each(|pose| check_pose(&pose.t_world_body));
    let mut events = recording.events;
    let failed = events.find_map(Result::err);
    assert!(failed.is_none() || events.next().is_none(), "an error ends a recording");
    failed.map_or(Ok(()), |error| Err(error.to_string()))
}

fn read_bag(sample: &Path) -> Result<(), String> {
    let bag = BagReader::open(sample).map_err(|error| error.to_string())?;
    bag.messages(&vec![true; bag.topics().len()])
        .try_for_each(|message| message.map(drop))
        .map_err(|error| error.to_string())?;
    replay(sample)
}

#[test]
fn pose_graphs() {
    let space = "# three poses\nVERTEX_SE3:QUAT 0 0 0 0 0 0 0 1\nVERTEX_SE3:QUAT 1 1 0 0 0 0 0.6 0.8\n\
        VERTEX_SE3:QUAT 2 2 0 0 0 0 0 1\nFIX 0\n\
        EDGE_SE3:QUAT 0 1 1 0 0 0 0 0 1 1 0 0 0 0 0 1 0 0 0 0 1 0 0 0 4 0 0 4 0 4\n\
        EDGE_SE3:QUAT 1 2 1 0 0 0 0 0 1 1 0 0 0 0 0 1 0 0 0 0 1 0 0 0 4 0 0 4 0 4\n";
    text_survives("space.g2o", space, read_graph);
    let plane =
        "VERTEX_SE2 0 0 0 0\nVERTEX_SE2 1 1 0 0.5\nEDGE_SE2 0 1 1 0 0.5 1 0 0 1 0 1\nEDGE_SE2 1 2 1 0 0 1 0 0 1 0 1\n";
    text_survives("plane.g2o", plane, read_graph);
    let toro = "VERTEX3 0 0 0 0 0 0 0\nVERTEX3 1 1 0 0 0.1 0.2 0.3\nEDGE3 0 1 1 0 0 0.1 0.2 0.3\n\
        EDGE3 1 2 1 0 0 0 0 0 1 0 0 0 0 0 1 0 0 0 0 1 0 0 0 4 0 0 4 0 4\n";
    text_survives("toro.graph", toro, read_graph);
}

#[test]
fn reconstructions() {
    let text = "2 1 2\n0 0 -1.5 2.5\n1 0 3 4\n0.1\n-0.2\n0.3\n1\n2\n3\n500\n-1e-7\n1e-13\n0\n0\n0\n0\n0\n-1\n400\n0\n0\n0.5\n0.25\n-4\n";
    text_survives("small.bal", text, |path| {
        bal::read(path)
            .map(|bundle| check_bundle(&bundle, |camera| &camera.t_world_camera))
            .map_err(|error| error.to_string())
    });
    let numbers = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let whole = |number: i32| number.to_le_bytes().to_vec();
    let camera =
        |image| [whole(image), numbers(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.0, 2.0])].concat();
    let marker = |image| [whole(image), whole(5), numbers(&[300.5, 17.0])].concat();
    let lens = numbers(&[500.0, 320.0, 240.0, -0.25, 0.125, 0.0, 0.5, -0.5]);
    let point = [whole(1), whole(5), numbers(&[0.25, -0.5, 4.0])].concat();
    let bytes = [b"vP".to_vec(), lens, whole(2), camera(7), camera(3), point, whole(2), marker(7), marker(3)].concat();
    text_survives("small.libmv", bytes, |path| {
        let read = libmv::read(path).map(|file| check_bundle(&file.bundle, |camera| &camera.t_world_camera));
        read.map_err(|error| error.to_string())
    });
}

#[test]
fn trajectories() {
    for (name, text) in [
        ("tum.txt", "# stamp\n1.5 1 2 3 0 0 0 1\n1.6e0 1 2 3 0.5 0.5 0.5 0.5\n-0.1 0 0 0 0 0 0.6 0.8\n"),
        ("kitti.txt", "1 0 0 0 0 1 0 0 0 0 1 0\n1 0 0 0.5 0 1 0 0 0 0 1 3\n"),
        (
            "euroc.csv",
            "#t\n1403636579763555584,1.0,2.0,3.0,1.0,0.0,0.0,0.0,0,0,0\n1403636579763555585,1,2,3,0.6,0,0,0.8,0,0,0\n",
        ),
    ] {
        text_survives(name, text, |path| {
            let (poses, _) = trajectory::read_poses(path).map_err(|error| error.to_string())?;
            poses.iter().for_each(|pose| check_pose(&pose.t_world_body));
            Ok(())
        });
    }
}

#[test]
fn parameter_files() {
    use halfslam::config::Config;
    text_survives("halfslam.yaml", Config::default().to_yaml(), |path| {
        Config::load(path).map(drop).map_err(|error| error.to_string())
    });
    let policy = include_str!("../config/precision/mixed.yaml");
    text_survives("policy.yaml", policy, |path| {
        Policy::resolve(&path.to_string_lossy()).map(drop).map_err(|error| error.to_string())
    });
}

#[test]
fn folders_of_images() {
    for make in [folders::tum, folders::kitti, folders::euroc, folders::seven_scenes] {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        folder_survives(folder.path(), replay);
    }
}

#[test]
fn bags_of_all_kinds() {
    let temporary = tempfile::tempdir().unwrap();
    for (name, compression) in [("plain", Compression::None), ("packed", Compression::Zstd)] {
        let folder = temporary.path().join(name);
        bags::stereo(&folder, compression);
        folder_survives(&folder, read_bag);
    }
    let folder = temporary.path().join("sqlite");
    std::fs::create_dir(&folder).unwrap();
    sqlite::to_sqlite(&temporary.path().join("plain"), &folder.join("bag_0.db3"), false);
    folder_survives(&folder, read_bag);
}

/// Sums over the file find out most damages of a whole bag: here each message comes through broken.
#[test]
fn messages_in_bags() {
    let temporary = tempfile::tempdir().unwrap();
    let [stereo, rgbd] = ["stereo", "rgbd"].map(|name| temporary.path().join(name));
    bags::stereo(&stereo, Compression::None);
    bags::rgbd(&rgbd);
    for bag in [stereo, rgbd] {
        let file = bag.with_extension("db3");
        sqlite::to_sqlite(&bag, &file, false);
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        let mut statement = connection.prepare("SELECT data FROM messages ORDER BY id").unwrap();
        let parts: Vec<Vec<u8>> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let put = |part: usize, bytes: &[u8]| {
            connection.execute("UPDATE messages SET data = ? WHERE id = ?", (bytes, part as i64 + 1)).unwrap();
        };
        survives(&file, &parts, put, replay);
    }
}
