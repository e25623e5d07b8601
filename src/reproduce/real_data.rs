//! Real graphs and recordings in a data folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Folders of a data folder that are looked into.
pub(super) const GRAPHS: &str = "pose_graphs";
pub(super) const SEQUENCES: &str = "sequences";
const TRAJECTORIES: &str = "trajectories";

/// The folder `kind` of the data folder; why there is nothing to do if it is not there.
pub(super) fn folder(data: Option<&Path>, kind: &str) -> Result<PathBuf, String> {
    let Some(data) = data else { return Err("no data folder (--data, or HALFSLAM_DATA)".into()) };
    let folder = data.join(kind);
    if folder.is_dir() { Ok(folder) } else { Err(format!("{} is not there", folder.display())) }
}

/// All files below a folder with one of these endings, in order.
pub(super) fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in children(folder) {
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if path.extension().and_then(OsStr::to_str).is_some_and(|ending| endings.contains(&ending)) {
            found.push(path);
        }
    }
    found
}

/// The folders in a folder, in order.
pub(super) fn folders(folder: &Path) -> Vec<PathBuf> {
    children(folder).into_iter().filter(|path| path.is_dir()).collect()
}

/// KITTI's true poses of a graph whose nodes are frames of one of its drives: of a graph `…_05`, a file `05.txt` below
/// the data folder's trajectories.
pub(super) fn kitti_truth(data: &Path, graph: &Path) -> Option<PathBuf> {
    let (_, drive) = graph.file_stem()?.to_str()?.rsplit_once('_')?;
    let is_drive = |path: &PathBuf| path.file_stem().and_then(OsStr::to_str) == Some(drive);
    files(&data.join(TRAJECTORIES), &["txt"]).into_iter().find(is_drive)
}

/// What a folder cannot tell is left out: whoever reads a file in it says what is wrong.
fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_there_is_and_says_what_there_is_not() {
        let data = tempfile::tempdir().unwrap();
        assert!(folder(None, GRAPHS).unwrap_err().contains("--data"));
        assert!(folder(Some(data.path()), GRAPHS).unwrap_err().ends_with("pose_graphs is not there"));
        let graphs = data.path().join(GRAPHS);
        let truth = data.path().join("trajectories/kitti");
        std::fs::create_dir_all(graphs.join("b")).unwrap();
        std::fs::create_dir_all(&truth).unwrap();
        for path in [graphs.join("b/kitti_05.g2o"), graphs.join("a.g2o"), graphs.join("a.md"), truth.join("05.txt")] {
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(folder(Some(data.path()), GRAPHS).as_deref(), Ok(graphs.as_path()));
        let found = files(&graphs, &["g2o", "graph"]);
        assert_eq!(found, [graphs.join("a.g2o"), graphs.join("b/kitti_05.g2o")]);
        assert_eq!(folders(&graphs), [graphs.join("b")]);
        assert_eq!(kitti_truth(data.path(), &found[0]), None);
        assert_eq!(kitti_truth(data.path(), &found[1]), Some(truth.join("05.txt")));
    }
}
