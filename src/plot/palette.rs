//! The colours: the same thing has the same one in every picture.

use plotters::style::RGBColor;

/// What is true.
pub const TRUTH: RGBColor = RGBColor(130, 130, 130);
/// The odometry, drifting.
pub const ODOMETRY: RGBColor = RGBColor(220, 110, 30);
/// The map after its correction.
pub const CORRECTED: RGBColor = RGBColor(30, 90, 200);
/// Loops.
pub const LOOP: RGBColor = RGBColor(40, 160, 60);

/// The colour of a precision policy, and of the direct solver (`cholesky`) beside them; that of other names is violet.
pub fn policy_color(policy: &str) -> RGBColor {
    match policy {
        "double" => RGBColor(20, 20, 20),
        "single" => RGBColor(60, 150, 90),
        "mixed" => RGBColor(30, 90, 200),
        "half" => RGBColor(210, 40, 50),
        "cholesky" => RGBColor(170, 120, 20),
        _ => RGBColor(130, 60, 170),
    }
}
