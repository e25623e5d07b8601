//! Text files of numbers: one row per line, `#` starts a comment.

use std::path::{Path, PathBuf};

/// Why a text file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file system says no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("{path}: line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What was expected and what was found.
        reason: String,
    },
    /// The file as a whole is not what it should be.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
}

/// A text file, read.
#[derive(Debug)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    text: String,
}

/// A line of a table that is neither empty nor a comment.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    table: &'a Table,
    /// Number of the line, from 1.
    pub number: usize,
    text: &'a str,
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// [`TableError::Io`], also if it is not text.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let text = std::fs::read_to_string(path).map_err(|error| TableError::Io { path: path.into(), error })?;
        Ok(Self { path: path.into(), text })
    }

    /// The lines with content.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let lines = self.text.lines().enumerate().map(|(index, text)| (index + 1, text.trim()));
        let content = lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
        content.map(|(number, text)| Line { table: self, number, text })
    }

    /// An error about the file as a whole.
    pub fn error(&self, reason: impl Into<String>) -> TableError {
        TableError::Content { path: self.path.clone(), reason: reason.into() }
    }
}

impl<'a> Line<'a> {
    /// The words between blanks or commas.
    pub fn words(&self) -> Vec<&'a str> {
        let separated = self.text.split(|c: char| c == ',' || c.is_whitespace());
        separated.filter(|word| !word.is_empty()).collect()
    }

    /// An error about this line.
    pub fn error(&self, reason: impl Into<String>) -> TableError {
        TableError::Line { path: self.table.path.clone(), line: self.number, reason: reason.into() }
    }

    /// The `N` numbers of the line; more are an error unless `more_allowed`.
    ///
    /// # Errors
    /// [`TableError::Line`] says how many there are or which is none.
    pub fn numbers<const N: usize>(&self, more_allowed: bool) -> Result<[f64; N], TableError> {
        self.numbers_of(&self.words(), more_allowed)
    }

    /// Like [`Line::numbers`], of some of its words.
    ///
    /// # Errors
    /// [`TableError::Line`] says how many there are or which is none.
    pub fn numbers_of<const N: usize>(&self, words: &[&str], more_allowed: bool) -> Result<[f64; N], TableError> {
        if words.len() < N || (words.len() > N && !more_allowed) {
            return Err(self.error(format!("expected {N} numbers, found {}", words.len())));
        }
        let mut numbers = [0.0; N];
        for (number, word) in numbers.iter_mut().zip(words) {
            *number = word.parse().map_err(|_| self.error(format!("expected a number, found '{word}'")))?;
        }
        Ok(numbers)
    }

    /// A stamp (ns) from seconds. Decimals are taken as they stand, without the rounding of floating point.
    ///
    /// # Errors
    /// [`TableError::Line`] if it is no time.
    pub fn stamp_nanos(&self, seconds: &str) -> Result<i64, TableError> {
        nanos_from_seconds(seconds).ok_or_else(|| self.error(format!("expected a time in seconds, found '{seconds}'")))
    }
}

/// Nanoseconds from a decimal number of seconds; `None` if it is none or does not fit.
pub fn nanos_from_seconds(seconds: &str) -> Option<i64> {
    let (sign, digits) = match seconds.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, seconds),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let decimal =
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !fraction.contains('.');
    if !decimal {
        // Exponents, as numpy writes them: the point moves before the digits are read.
        let (mantissa, exponent) = digits.split_once(['e', 'E'])?;
        let exponent: i32 = exponent.parse().ok().filter(|exponent| (-30..12).contains(exponent))?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let padded = format!("{:030}{whole}{fraction:0<12}", 0);
        let point = padded.len().checked_add_signed((exponent as isize) - fraction.len().max(12) as isize)?;
        let (whole, fraction) = padded.split_at_checked(point)?;
        let nanos = nanos_from_seconds(&format!("{}.{fraction}", whole.trim_start_matches('0')))?;
        return nanos.checked_mul(sign);
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let ten_digits = format!("{fraction:0<10}");
    let first_ten: i64 = ten_digits.get(..10)?.parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add((first_ten + 5) / 10)?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stamps_are_exact(nanos in -4_000_000_000_000_000_000i64..4_000_000_000_000_000_000) {
            let sign = if nanos < 0 { "-" } else { "" };
            let seconds = format!("{sign}{}.{:09}", nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
            prop_assert_eq!(nanos_from_seconds(&seconds), Some(nanos));
        }

        #[test]
        fn anything_is_a_time_or_none(text in "[-+0-9.eEnaif]{0,20}") {
            let _ = nanos_from_seconds(&text);
        }
    }

    #[test]
    fn exponents_and_rounding() {
        assert_eq!(nanos_from_seconds("1.403715529112143517e+09"), Some(1_403_715_529_112_143_517));
        assert_eq!(nanos_from_seconds("1.037359e-01"), Some(103_735_900));
        assert_eq!(nanos_from_seconds("0.000000e+00"), Some(0));
        assert_eq!(nanos_from_seconds("0.9999999996"), Some(1_000_000_000));
        for nothing in ["", "-", "nan", "1.2.3", "1e99", "12345678901234"] {
            assert_eq!(nanos_from_seconds(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("poses.txt");
        std::fs::write(&path, "# comment\n1 2 3\n\n1 x 3\n1 2\n").unwrap();
        let table = Table::read(&path).unwrap();
        let lines: Vec<Line> = table.lines().collect();
        assert_eq!(lines[0].numbers::<3>(false).unwrap(), [1.0, 2.0, 3.0]);
        assert!(
            lines[1]
                .numbers::<3>(false)
                .unwrap_err()
                .to_string()
                .ends_with("poses.txt: line 4: expected a number, found 'x'")
        );
        assert!(lines[2].numbers::<3>(false).unwrap_err().to_string().ends_with("line 5: expected 3 numbers, found 2"));
    }
}
