//! Transforms that never change, as `/tf_static` tells them.

use super::BadMessage;
use super::convert::pose::se3_from_transform_msg;
use crate::geometry::Se3;
use r2r::tf2_msgs::msg::TFMessage;
use std::collections::BTreeMap;

/// What `/tf_static` has told so far.
#[derive(Debug, Default, Clone)]
pub struct StaticTransforms {
    /// Child to its parent, and the child's coordinates into the parent's.
    parents: BTreeMap<String, (String, Se3)>,
}

impl StaticTransforms {
    /// Takes in a message; of one child's transforms the last counts.
    ///
    /// # Errors
    /// [`BadMessage`] names the transform that is none; the others are taken.
    pub fn add(&mut self, message: &TFMessage) -> Result<(), BadMessage> {
        let mut result = Ok(());
        for transform in &message.transforms {
            let (parent, child) = (plain(&transform.header.frame_id), plain(&transform.child_frame_id));
            match se3_from_transform_msg(&transform.transform) {
                Ok(t_parent_child) => {
                    self.parents.insert(child.into(), (parent.into(), t_parent_child));
                }
                Err(bad) => result = Err(BadMessage::new(format!("transform from {parent} to {child}: {bad}"))),
            }
        }
        result
    }

    /// Coordinates of `source` into those of `target`; `None` while nothing connects the two.
    pub fn lookup(&self, target: &str, source: &str) -> Option<Se3> {
        let (target_root, t_root_target) = self.root_of(plain(target));
        let (source_root, t_root_source) = self.root_of(plain(source));
        (target_root == source_root).then(|| t_root_target.inverse() * t_root_source)
    }

    fn root_of<'a>(&'a self, frame: &'a str) -> (&'a str, Se3) {
        let (mut root, mut t_root_frame) = (frame, Se3::identity());
        // As many steps as there are transforms: a circle must not hold us up.
        for _ in 0..=self.parents.len() {
            let Some((parent, t_parent_root)) = self.parents.get(root) else { break };
            (root, t_root_frame) = (parent.as_str(), t_parent_root * t_root_frame);
        }
        (root, t_root_frame)
    }
}

/// Old tools put a slash before a frame's name.
fn plain(frame: &str) -> &str {
    frame.strip_prefix('/').unwrap_or(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::convert::pose::transform_stamped_msg;

    fn tree() -> StaticTransforms {
        let mut tree = StaticTransforms::default();
        let transforms = vec![
            transform_stamped_msg(0, "base_link", "mast", &Se3::translation(0.0, 0.0, 1.0)),
            transform_stamped_msg(0, "/mast", "/camera", &Se3::translation(0.2, 0.0, 0.0)),
            transform_stamped_msg(0, "base_link", "imu", &Se3::translation(0.0, 0.5, 0.0)),
        ];
        tree.add(&TFMessage { transforms }).unwrap();
        tree
    }

    #[test]
    fn chains_are_followed_up_and_down() {
        let at = |target: &str, source: &str| tree().lookup(target, source).map(|t| t.translation.vector.into());
        assert_eq!(at("base_link", "camera"), Some([0.2, 0.0, 1.0]));
        assert_eq!(at("imu", "camera"), Some([0.2, -0.5, 1.0]));
        assert_eq!(at("camera", "camera"), Some([0.0, 0.0, 0.0]));
        assert_eq!(at("base_link", "laser"), None);
    }

    #[test]
    fn a_circle_ends() {
        let mut tree = tree();
        let back = transform_stamped_msg(0, "camera", "base_link", &Se3::identity());
        tree.add(&TFMessage { transforms: vec![back] }).unwrap();
        assert_eq!(tree.lookup("laser", "camera"), None);
    }
}
