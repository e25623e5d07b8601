//! The files of a replay. They appear all at once when everything is written, or not at all.

use super::{Outcome, ReplayError, Summary, report};
use crate::config::Config;
use crate::io::ply::{PlyPoint, write_ply};
use crate::io::{g2o, trajectory};
use crate::map::MapPoint;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A folder for results, checked before the work begins.
pub struct OutputFolder {
    folder: PathBuf,
    unfinished: PathBuf,
}

impl OutputFolder {
    /// Prepares the folder: what it holds stays until new results replace it.
    ///
    /// # Errors
    /// [`ReplayError::Write`] if it cannot be made, or a file is in its place.
    pub fn prepare(folder: &Path) -> Result<Self, ReplayError> {
        let name = folder.file_name().map_or_else(|| "out".into(), |name| name.to_string_lossy().into_owned());
        let parent = match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if folder.is_file() {
            let error = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "expected a folder, found a file");
            return Err(ReplayError::Write { path: folder.into(), error });
        }
        let unfinished = parent.join(format!(".{name}.{}.unfinished", std::process::id()));
        on(&unfinished, fs::create_dir_all(&unfinished))?;
        Ok(Self { folder: folder.into(), unfinished })
    }

    /// Writes every file of an outcome and returns its figures.
    ///
    /// # Errors
    /// [`ReplayError::Write`] names the file; the folder is as it was before.
    pub fn write(self, outcome: &Outcome, config: &Config) -> Result<Summary, ReplayError> {
        let summary = Summary::of(outcome);
        let corrected = outcome.map.trajectory();
        self.file("odometry.tum", |out| trajectory::write_tum(out, &outcome.odometry))?;
        self.file("corrected.tum", |out| trajectory::write_tum(out, &corrected))?;
        if let Some(truth) = &outcome.truth {
            self.file("truth.tum", |out| trajectory::write_tum(out, truth))?;
        }
        self.file("map.ply", |out| write_ply(out, outcome.map.cloud().iter().map(ply_point)))?;
        let graph = self.unfinished.join("graph.g2o");
        on(&graph, g2o::write_graph(&graph, outcome.map.graph()))?;
        self.file("solves.jsonl", |out| {
            outcome.solves.iter().try_for_each(|solve| {
                serde_json::to_writer(&mut *out, solve)?;
                out.write_all(b"\n")
            })
        })?;
        self.file("config.yaml", |out| out.write_all(config.to_yaml().as_bytes()))?;
        self.file("summary.json", |out| {
            serde_json::to_writer_pretty(&mut *out, &summary)?;
            out.write_all(b"\n")
        })?;
        report::draw(&self.unfinished.join("report.svg"), outcome, &summary)?;
        self.publish()?;
        Ok(summary)
    }

    fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<(), ReplayError> {
        let path = self.unfinished.join(name);
        let mut out = BufWriter::new(on(&path, File::create(&path))?);
        on(&path, write(&mut out).and_then(|()| out.flush()))
    }

    fn publish(&self) -> Result<(), ReplayError> {
        on(&self.folder, fs::create_dir_all(&self.folder))?;
        let mut names: Vec<_> = on(&self.unfinished, fs::read_dir(&self.unfinished))?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<_, _>>()
            .or_else(|error| on(&self.unfinished, Err(error)))?;
        names.sort();
        for name in names {
            let target = self.folder.join(&name);
            on(&target, fs::rename(self.unfinished.join(&name), &target))?;
        }
        Ok(())
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        // Best effort: what could not be written whole must not stay.
        let _ = fs::remove_dir_all(&self.unfinished);
    }
}

fn ply_point(point: &MapPoint) -> PlyPoint {
    PlyPoint { p: point.p_map.coords.into(), color: point.color }
}

fn on<T>(path: &Path, result: std::io::Result<T>) -> Result<T, ReplayError> {
    result.map_err(|error| ReplayError::Write { path: path.into(), error })
}
