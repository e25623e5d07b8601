//! Files: pose graphs, trajectories, clouds, and recordings of sensors in every common format.

#[cfg(feature = "pipeline")]
pub mod bag;
pub mod bal;
pub mod g2o;
pub mod libmv;
#[cfg(feature = "pipeline")]
pub mod sources;
pub mod ply;
pub mod table;
pub mod trajectory;
