//! How long an iteration of CGNR should take on a machine: its operations and bytes over the machine's rates.
//!
//! Assumptions: on other machines products are computed in half, on the one at hand as this crate's kernels do; operations run at the peak rate of their precision and data stream at the given rate, whichever takes
//! longer; the Jacobian is read once in an iteration; the window stays in the cache or memory that the rate is of; what
//! a GPU's launches or the waiting of small kernels cost is left out, as if many windows were solved at once. So times
//! are lower bounds, and the saving is what bytes and operations allow.

use super::operations::Operations;
use crate::precision::cpu::{VectorUnit, vector_unit};
use crate::precision::{Policy, Precision};

/// Peak rates of a machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Machine {
    pub name: String,
    /// Additions and multiplications per second (10⁹) in half, single and double precision.
    pub gflops: [f64; 3],
    /// Where the window lies, and how fast it comes from there (10⁹ bytes per second).
    pub gbytes: f64,
    pub memory: &'static str,
}

/// The machines that the article's readers may have, by the figures that their makers publish.
pub(super) fn known_machines() -> Vec<Machine> {
    vec![
        // Two 128-bit FMA pipes with FEAT_FP16, 2.4 GHz; 16 bytes per cycle from the second-level cache.
        core("Cortex-A76, 2.4 GHz", 2.4, [32.0, 16.0, 8.0], 16.0),
        // GA10B with 2,048 CUDA cores at 1.3 GHz; half precision at twice, double at 1/64 of single's rate.
        Machine {
            name: "Jetson AGX Orin, GPU".into(),
            gflops: [10_650.0, 5_325.0, 83.0],
            gbytes: 205.0,
            memory: "memory",
        },
        // Without tensor cores: they know no products of this shape.
        Machine { name: "V100, GPU".into(), gflops: [31_400.0, 15_700.0, 7_800.0], gbytes: 900.0, memory: "memory" },
    ]
}

/// One core of the machine that this runs on, by its vector unit and its nominal clock. What is stored in half is
/// computed with vectors in single here, even where the unit could compute in half: so it has single's rate.
pub(super) fn machine_at_hand() -> Machine {
    let (model, ghz) = processor();
    let (flops_per_cycle, bytes_per_cycle) = match vector_unit() {
        VectorUnit::Avx512Fp16 | VectorUnit::Avx512 => ([64.0, 64.0, 32.0], 48.0),
        VectorUnit::Avx2 => ([32.0, 32.0, 16.0], 32.0),
        VectorUnit::NeonFp16 | VectorUnit::Neon => ([16.0, 16.0, 8.0], 16.0),
        VectorUnit::Portable => ([8.0, 8.0, 4.0], 16.0),
    };
    core(&model, ghz, flops_per_cycle, bytes_per_cycle)
}

fn core(name: &str, ghz: f64, flops_per_cycle: [f64; 3], bytes_per_cycle: f64) -> Machine {
    let gflops = flops_per_cycle.map(|flops| flops * ghz);
    Machine { name: name.into(), gflops, gbytes: bytes_per_cycle * ghz, memory: "second-level cache" }
}

/// Name and clock (GHz) of the first processor, as Linux tells.
fn processor() -> (String, f64) {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_string())
    };
    let ghz = field("cpu MHz").and_then(|mhz| mhz.parse::<f64>().ok()).map_or(2.0, |mhz| 1e-3 * mhz);
    (field("model name").unwrap_or_else(|| std::env::consts::ARCH.into()), ghz)
}

/// Numbers that the vectors of an iteration read and write, for each unknown.
const VECTOR_ACCESSES: f64 = 18.0;

impl Machine {
    /// The least time (µs) of an iteration under a policy: products with the Jacobian, and the rest.
    pub(super) fn iteration_us(&self, operations: &Operations, policy: &Policy) -> [f64; 2] {
        let part = |flops: f64, precision: Precision, bytes: f64| {
            (1e-3 * flops / self.gflops[place(precision)]).max(1e-3 * bytes / self.gbytes)
        };
        let bytes = operations.entries * bytes_of(policy.product) + operations.couplings * bytes_of(policy.vectors);
        let products = part(operations.products, policy.product, bytes);
        let bytes = operations.preconditioner_entries * bytes_of(policy.preconditioner)
            + VECTOR_ACCESSES * operations.columns * bytes_of(policy.vectors);
        [products, part(operations.preconditioner + operations.vectors, policy.vectors, bytes)]
    }

    /// The share of single's time that a policy should save in an iteration.
    pub(super) fn saving(&self, operations: &Operations, single: &Policy, policy: &Policy) -> f64 {
        let time = |policy| self.iteration_us(operations, policy).iter().sum::<f64>();
        1.0 - time(policy) / time(single)
    }
}

fn place(precision: Precision) -> usize {
    match precision {
        Precision::BF16 | Precision::F16 => 0,
        Precision::F32 => 1,
        Precision::F64 => 2,
    }
}

fn bytes_of(precision: Precision) -> f64 {
    [2.0, 4.0, 8.0][place(precision)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_operations_and_bytes_of_the_products_are_saved_where_half_is_computed() {
        let operations =
            Operations { products: 4e5, preconditioner: 0.0, vectors: 0.0, entries: 1e5, ..Operations::default() };
        let [single, mixed] = ["single", "mixed"].map(|name| Policy::resolve(name).unwrap());
        for machine in known_machines() {
            assert!((machine.saving(&operations, &single, &mixed) - 0.5).abs() < 1e-9, "{}", machine.name);
        }
        let storage_only = core("", 1.0, [16.0, 16.0, 8.0], 1000.0);
        assert_eq!(storage_only.saving(&operations, &single, &mixed), 0.0);
        assert!(machine_at_hand().iteration_us(&operations, &single)[0] > 0.0);
    }
}
