//! What comes of an experiment: a verdict, data, pictures.

use super::ReproduceError;
use crate::plot::{BarChart, Chart, SparsityPicture, draw_sparsity};
use std::fs;
use std::path::{Path, PathBuf};

/// One thing that the article says, measured here.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What the article says, in short.
    pub claim: &'static str,
    /// What was found, with its figures.
    pub found: String,
    /// Whether that is what the article says.
    pub holds: bool,
    /// Whether it is about times, which no test can hold.
    pub is_timing: bool,
}

impl Check {
    /// A check of a claim from what was found.
    pub fn new(claim: &'static str, holds: bool, found: String) -> Self {
        Self { claim, found, holds, is_timing: false }
    }

    /// A check of times.
    pub fn of_time(claim: &'static str, holds: bool, found: String) -> Self {
        Self { is_timing: true, ..Self::new(claim, holds, found) }
    }
}

/// Whether the article's statement came out again.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// Each part of the statement.
    pub checks: Vec<Check>,
    /// Why nothing was checked, if so.
    pub skipped: Option<String>,
}

impl Verdict {
    /// What was checked.
    pub fn of(checks: Vec<Check>) -> Self {
        Self { checks, skipped: None }
    }

    /// Whether every part came out.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(reason) = &self.skipped {
            return write!(out, "skipped: {reason}");
        }
        out.write_str(if self.holds() { "holds" } else { "differs" })?;
        for (index, check) in self.checks.iter().enumerate() {
            let answer = if check.holds { "yes" } else { "no" };
            write!(out, "{} {}? {answer}: {}", if index > 0 { ";" } else { ":" }, check.claim, check.found)?;
        }
        Ok(())
    }
}

/// Data of an experiment, written as CSV.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Name of its file, without ending.
    pub name: String,
    /// Names of the columns, with units.
    pub header: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    pub fn new(name: &str, header: &[&str]) -> Self {
        Self { name: name.into(), header: header.iter().map(|word| (*word).into()).collect(), rows: Vec::new() }
    }

    /// Appends a row.
    pub fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    /// The table as CSV (RFC 4180): fields with a comma or a quote are quoted.
    pub fn to_csv(&self) -> String {
        let field = |text: &String| {
            if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.clone() }
        };
        let line = |row: &Vec<String>| row.iter().map(field).collect::<Vec<_>>().join(",") + "\n";
        std::iter::once(&self.header).chain(&self.rows).map(line).collect()
    }
}

/// A picture of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Lines over two axes.
    Chart(Chart),
    /// Bars in groups.
    Bars(BarChart),
    /// Patterns of matrices, side by side.
    Sparsity(Vec<SparsityPicture>),
}

/// What came of an experiment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Whether the article's statement came out again.
    pub verdict: Verdict,
    /// The data.
    pub tables: Vec<Table>,
    /// The pictures, by the names of their files without ending.
    pub pictures: Vec<(String, Picture)>,
}

impl Outcome {
    /// Nothing, for want of something.
    pub(super) fn skipped(reason: String) -> Self {
        Self { verdict: Verdict { skipped: Some(reason), ..Verdict::default() }, ..Self::default() }
    }

    /// Writes pictures (SVG), data (CSV) and the verdict (`NAME.txt`) to a folder, which is made if needed; returns the
    /// files.
    ///
    /// # Errors
    /// [`ReproduceError::Write`] and [`ReproduceError::Plot`] name the file.
    pub fn write(&self, name: &str, folder: &Path) -> Result<Vec<PathBuf>, ReproduceError> {
        let on = |path: &Path, result: std::io::Result<()>| {
            result.map_err(|error| ReproduceError::Write { path: path.into(), error })
        };
        on(folder, fs::create_dir_all(folder))?;
        let mut written = Vec::new();
        for table in &self.tables {
            let path = folder.join(format!("{}.csv", table.name));
            on(&path, fs::write(&path, table.to_csv()))?;
            written.push(path);
        }
        for (name, picture) in &self.pictures {
            let path = folder.join(format!("{name}.svg"));
            match picture {
                Picture::Chart(chart) => chart.draw(&path)?,
                Picture::Bars(bars) => bars.draw(&path)?,
                Picture::Sparsity(pictures) => draw_sparsity(&path, pictures)?,
            }
            written.push(path);
        }
        let path = folder.join(format!("{name}.txt"));
        on(&path, fs::write(&path, format!("{}\n", self.verdict)))?;
        written.push(path);
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_which_part_differs() {
        let check = |claim, holds| Check::new(claim, holds, "1 mm".into());
        let good = Verdict::of(vec![check("a", true)]);
        assert_eq!((good.holds(), good.to_string()), (true, "holds: a? yes: 1 mm".into()));
        let bad = Verdict::of(vec![check("a", true), check("b", false)]);
        assert_eq!((bad.holds(), bad.to_string()), (false, "differs: a? yes: 1 mm; b? no: 1 mm".into()));
    }

    #[test]
    fn a_table_is_csv() {
        let mut table = Table::new("t", &["policy", "error (m)"]);
        table.push(["a, \"b\"".into(), "1".into()]);
        assert_eq!(table.to_csv(), "policy,error (m)\n\"a, \"\"b\"\"\",1\n");
    }
}
