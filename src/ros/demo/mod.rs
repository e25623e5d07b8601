//! The demo: both nodes as processes, a recording played to them, and what they publish collected and judged.

mod children;
mod listener;
mod picture;
mod report;
mod session;

pub use report::{Report, write};
pub use session::{DemoError, DemoOptions, run};
