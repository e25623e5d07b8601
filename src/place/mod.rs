//! Places: descriptors, a bag of words that grows with the session, loop candidates and their geometric verification.
//!
//! - [`Describer`] turns a keyframe's images into ORB features with points: [`DescribedKeyframe`].
//! - [`Recognizer`] finds keyframes that look alike; it learns its words from the keyframes it has seen.
//! - [`Verifier`] finds the relative pose of two keyframes, or says why they do not show one place.

mod describer;
mod descriptor;
mod feature;
mod forest;
mod guided;
mod matching;
mod occurrences;
mod point_depth;
mod ransac;
mod recognizer;
mod refinement;
mod reprojection;
mod spread;
mod stereo_depth;
mod verification;
mod view;

pub use describer::Describer;
pub use descriptor::{Descriptor, hamming};
pub use feature::{DescribedKeyframe, Feature};
pub use recognizer::{Candidate, Recognizer, RecognizerOptions};
pub use verification::{Rejection, RelativePose, VerificationOptions, Verifier};
pub use view::View;

crate::options! {
    /// How places are described and recognized.
    pub struct PlaceOptions {
        /// ORB features per keyframe.
        feature_count: usize = 800usize, "features", 50..=5000, live;
        /// Contrast of a corner to the circle of pixels around it, out of 255 (FAST).
        corner_threshold: usize = 10usize, "grey levels", 1..=100, live;
        /// Nearest distance at which two cameras are searched for a feature's depth.
        stereo_min_depth_m: f64 = 0.4, "m", 0.05..=10.0, live;
    }
    groups {
        /// How keyframes that look alike are found.
        recognizer: RecognizerOptions;
        /// When two keyframes show the same place.
        verification: VerificationOptions;
    }
}
