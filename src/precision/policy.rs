//! A precision policy names the precision of each computation of a solve.

use std::path::Path;

/// The precision of one computation, from the lowest to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// bfloat16: 8 significant bits in the range of `f32`. For storage only: no computation runs in it.
    BF16,
    /// IEEE binary16: 11 significant bits, up to 65,504.
    F16,
    /// IEEE binary32.
    F32,
    /// IEEE binary64.
    F64,
}

impl Precision {
    /// The next higher precision; double is its own.
    pub fn raised(self) -> Self {
        match self {
            Self::BF16 | Self::F16 => Self::F32,
            Self::F32 | Self::F64 => Self::F64,
        }
    }

    /// By how much rounding changes a number at most, as a share of it.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Self::BF16 => 2f64.powi(-8),
            Self::F16 => 2f64.powi(-11),
            Self::F32 => 2f64.powi(-24),
            Self::F64 => 2f64.powi(-53),
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::BF16 => "bf16",
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// The precision of each computation of a solve.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Name, as statistics report it; in a file, the file's name without its ending if it is not given.
    #[serde(default)]
    pub name: String,
    /// Residuals and cost.
    pub residual: Precision,
    /// Jacobian entries as computed.
    pub jacobian: Precision,
    /// Matrix-vector products with the Jacobian (its storage too; sums are kept in the precision of the vectors).
    pub product: Precision,
    /// The preconditioner's factor (its storage; sums are kept in the precision of the vectors).
    pub preconditioner: Precision,
    /// Vectors of the linear solver and the dot products between them.
    pub vectors: Precision,
    /// The update of poses and landmarks.
    pub update: Precision,
    /// Allows half precision where it fails (residual, Jacobian, vectors) and an update below double, to show why; such
    /// a solve is never repeated in a higher precision.
    #[serde(default)]
    pub naive: bool,
    /// Scales unknowns and residuals by powers of two so that half precision holds them; without it their squares leave
    /// its range in most problems.
    #[serde(default = "scaled")]
    pub scaling: bool,
}

fn scaled() -> bool {
    true
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
            scaling: !naive,
        };
        match name_or_path {
            "double" => Ok(all("double", F64, false)),
            "single" => Ok(Self { update: F64, ..all("single", F32, false) }),
            "mixed" => Ok(Self { product: F16, preconditioner: F16, update: F64, ..all("mixed", F32, false) }),
            "half" => Ok(all("half", F16, true)),
            path if path.ends_with(".yaml") || path.ends_with(".yml") || Path::new(path).is_file() => Self::load(path),
            other => Err(PolicyError::Unknown(other.into())),
        }
    }

    fn load(path: &str) -> Result<Self, PolicyError> {
        let file_error = |reason: String| PolicyError::File { path: path.into(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| file_error(error.to_string()))?;
        let mut policy = Self::from_yaml(&text).map_err(|error| match error {
            PolicyError::File { reason, .. } => file_error(reason),
            other => other,
        })?;
        if policy.name.is_empty() {
            policy.name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        }
        Ok(policy)
    }

    /// Reads a policy from YAML text.
    ///
    /// ```
    /// let policy = halfslam::precision::Policy::from_yaml(
    ///     "{name: mine, residual: f64, jacobian: f32, product: f16, preconditioner: f16, vectors: f32, update: f64}",
    /// );
    /// assert!(policy.is_ok());
    /// ```
    ///
    /// # Errors
    /// [`PolicyError::File`] with the line if it is no policy, [`PolicyError::Nonsense`] if it can't work.
    pub fn from_yaml(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = serde_yaml::from_str(text).map_err(|error| PolicyError::File {
            path: "(text)".into(),
            reason: format!(
                "{error}; expected residual, jacobian, product, preconditioner, vectors and update, each f16, f32 or f64 (product and preconditioner also bf16)"
            ),
        })?;
        policy.validate()?;
        Ok(policy)
    }

    /// Checks that each computation can use what the ones before it deliver.
    ///
    /// # Errors
    /// [`PolicyError::Nonsense`] names the precision that is wrong and the nearest that would be right.
    pub fn validate(&self) -> Result<(), PolicyError> {
        use Precision::{BF16, F32, F64};
        let refuse = |reason: String| Err(PolicyError::Nonsense { name: self.name.clone(), reason });
        for (what, value) in [
            ("residual", self.residual),
            ("jacobian", self.jacobian),
            ("vectors", self.vectors),
            ("update", self.update),
        ] {
            if value == BF16 {
                return refuse(format!(
                    "{what}: bf16 is a storage for product and preconditioner; expected f32 or f64"
                ));
            }
        }
        if !self.naive {
            for (what, value, least) in [
                ("residual", self.residual, F32),
                ("jacobian", self.jacobian, F32),
                ("vectors", self.vectors, F32),
                ("update", self.update, F64),
            ] {
                if value < least {
                    return refuse(format!(
                        "{what}: {value} loses the solution; expected {least} or higher, or 'naive: true' to see it fail"
                    ));
                }
            }
        }
        let lowest = self.product.min(self.preconditioner).min(self.vectors);
        if !self.scaling && !self.naive && lowest < F32 {
            return refuse(format!(
                "scaling: false lets {lowest} overflow; expected scaling: true, or 'naive: true' to see it fail"
            ));
        }
        if self.product > self.jacobian {
            return refuse(format!(
                "product: {} keeps bits that jacobian: {} has already rounded away; expected {} or lower",
                self.product, self.jacobian, self.jacobian
            ));
        }
        for (what, value) in [("product", self.product), ("preconditioner", self.preconditioner)] {
            if value == BF16 && self.vectors < F32 {
                return refuse(format!(
                    "{what}: bf16 reaches beyond the range of the vectors' {}; expected vectors: f32 or f64",
                    self.vectors
                ));
            }
            if value > self.vectors {
                return refuse(format!(
                    "{what}: {value} is rounded to the vectors' {} in every product; expected {} or lower",
                    self.vectors, self.vectors
                ));
            }
        }
        Ok(())
    }

    /// This policy for a solve whose preconditioner is an incomplete factor: half precision is in the triangular solves
    /// then, and products with the Jacobian stay in single at least, unless the policy is naive.
    ///
    /// In a long chain of poses the smallest eigenvalues belong to motions that differ little from one pose to the next:
    /// `J p` cancels to far less than half precision's rounding of `J`, so the model loses the very directions that a
    /// graph is solved for. Single costs little: the factor has several times as many blocks as the Jacobian.
    pub fn with_factor(&self) -> Self {
        let product = if self.naive { self.product } else { self.product.max(Precision::F32) };
        Self { product, ..self.clone() }
    }

    /// The policy in which a failed solve is repeated: every precision of the linear solver one higher, residuals and
    /// Jacobian in double; `None` if all of them are already.
    pub fn raised(&self) -> Option<Self> {
        let jacobian = Precision::F64;
        let vectors = self.vectors.raised();
        let raised = Self {
            residual: Precision::F64,
            jacobian,
            product: self.product.raised().min(vectors),
            preconditioner: self.preconditioner.raised().min(vectors),
            vectors,
            update: Precision::F64,
            ..self.clone()
        };
        (raised != *self).then_some(raised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_policies_are_valid() {
        for name in ["double", "single", "mixed", "half"] {
            let policy = Policy::resolve(name).unwrap();
            assert_eq!(policy.name, name);
            policy.validate().unwrap();
        }
        assert!(matches!(Policy::resolve("quarter"), Err(PolicyError::Unknown(_))));
    }

    #[test]
    fn nonsense_is_refused_with_what_would_be_right() {
        let yaml = |residual, product, vectors, update, naive: &str| {
            Policy::from_yaml(&format!(
                "name: test\nresidual: {residual}\njacobian: f32\nproduct: {product}\npreconditioner: f16\n\
                 vectors: {vectors}\nupdate: {update}\nnaive: {naive}\n"
            ))
        };
        assert!(yaml("f32", "f16", "f32", "f64", "false").is_ok());
        assert!(yaml("f32", "bf16", "f32", "f64", "false").is_ok());
        for (policy, word) in [
            (yaml("f16", "f16", "f32", "f64", "false"), "residual: f16"),
            (yaml("f32", "f16", "f32", "f32", "false"), "update: f32"),
            (yaml("f32", "f64", "f64", "f64", "false"), "product: f64"),
            (yaml("f32", "f32", "f16", "f64", "true"), "product: f32"),
            (yaml("f128", "f32", "f32", "f64", "false"), "f16, f32 or f64"),
            (yaml("bf16", "f16", "f32", "f64", "true"), "residual: bf16"),
            (yaml("f32", "f16", "f32", "bf16", "true"), "update: bf16"),
            (yaml("f32", "bf16", "f16", "f64", "true"), "product: bf16"),
            (yaml("f32", "f16", "f32", "f64", "false\nscaling: false"), "scaling: true"),
        ] {
            let text = policy.unwrap_err().to_string();
            assert!(text.contains(word), "{text}");
        }
        assert!(yaml("f16", "f16", "f32", "f32", "true").is_ok());
        assert!(yaml("f16", "f16", "f32", "f32", "true\nscaling: false").is_ok_and(|policy| !policy.scaling));
        let text = Policy::from_yaml("residual: f32\nresidue: f32\n").unwrap_err().to_string();
        assert!(text.contains("residue") && text.contains("line 2"), "{text}");
    }

    #[test]
    fn a_policy_file_is_named_after_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yaml");
        let body = "{residual: f64, jacobian: f32, product: f16, preconditioner: f16, vectors: f32, update: f64}";
        std::fs::write(&path, body).unwrap();
        assert_eq!(Policy::resolve(path.to_str().unwrap()).unwrap().name, "mine");
        let text = Policy::resolve("/nowhere/policy.yaml").unwrap_err().to_string();
        assert!(text.contains("/nowhere/policy.yaml"), "{text}");
    }

    #[test]
    fn raising_ends_at_double() {
        let mut policy = Policy::resolve("mixed").unwrap();
        let mut steps = 0;
        while let Some(next) = policy.raised() {
            next.validate().unwrap();
            policy = next;
            steps += 1;
        }
        assert_eq!(steps, 2);
        assert_eq!(policy, Policy { name: "mixed".into(), ..Policy::resolve("double").unwrap() });
    }
}
