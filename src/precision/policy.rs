//! A precision policy names the precision of each computation of a solve.

/// The precision of one computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE binary16: 11 significant bits, up to 65,504.
    F16,
    /// IEEE binary32.
    F32,
    /// IEEE binary64.
    F64,
}

/// The precision of each computation of a solve.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Name, as statistics report it.
    pub name: String,
    /// Residuals and cost.
    pub residual: Precision,
    /// Jacobian entries as computed.
    pub jacobian: Precision,
    /// Matrix-vector products with the Jacobian (its storage too).
    pub product: Precision,
    /// The preconditioner's factor and its triangular solves.
    pub preconditioner: Precision,
    /// Vectors of the linear solver and the dot products between them.
    pub vectors: Precision,
    /// The update of poses and landmarks.
    pub update: Precision,
    /// Allows a residual below single and an update below double, to show why they fail.
    #[serde(default)]
    pub naive: bool,
}

/// Why a policy was refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// No policy has this name, and no file does.
    #[error("unknown precision policy '{0}'; expected double, single, mixed, half, or a YAML file")]
    Unknown(String),
    /// The file cannot be read as a policy.
    #[error("precision policy {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The policy asks for something that does not work.
    #[error("precision policy '{name}': {reason}")]
    Nonsense {
        /// The policy's name.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

impl Policy {
    /// The policy of this name (`double`, `single`, `mixed`, `half`), or the one in this YAML file.
    ///
    /// # Errors
    /// [`PolicyError`] says what is wrong with the name or the file.
    pub fn resolve(name_or_path: &str) -> Result<Self, PolicyError> {
        use Precision::{F16, F32, F64};
        let all = |name: &str, precision, naive| Self {
            name: name.into(),
            residual: precision,
            jacobian: precision,
            product: precision,
            preconditioner: precision,
            vectors: precision,
            update: precision,
            naive,
        };
        match name_or_path {
            "double" => Ok(all("double", F64, false)),
            "single" => Ok(Self { update: F64, ..all("single", F32, false) }),
            "mixed" => Ok(Self { product: F16, preconditioner: F16, update: F64, ..all("mixed", F32, false) }),
            "half" => Ok(all("half", F16, true)),
            other => Err(PolicyError::Unknown(other.into())),
        }
    }
}
