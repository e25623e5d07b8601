//! Fixed transforms between frames.

use crate::geometry::Se3;
use crate::io::bag::messages::TransformStamped;
use std::collections::{BTreeMap, VecDeque};

/// Fixed transforms between frames, from `/tf_static`.
#[derive(Debug, Default)]
pub(super) struct Transforms {
    /// Parent coordinates of each child; the last one said counts.
    t_parent_child: BTreeMap<(String, String), Se3>,
}

fn name(frame: &str) -> String {
    frame.trim_start_matches('/').to_owned()
}

impl Transforms {
    /// Takes a transform; one that is not rigid is ignored.
    pub(super) fn add(&mut self, transform: &TransformStamped) -> bool {
        let Some(t_parent_child) = transform.transform.se3() else { return false };
        let key = (name(&transform.header.frame_id), name(&transform.child_frame_id));
        self.t_parent_child.insert(key, t_parent_child);
        true
    }

    /// Coordinates of `source` into those of `target`, through any chain of frames; `None` if there is no chain.
    pub(super) fn find(&self, target: &str, source: &str) -> Option<Se3> {
        let (target, source) = (name(target), name(source));
        let mut reached = BTreeMap::from([(target.clone(), Se3::identity())]);
        let mut open = VecDeque::from([target]);
        while let Some(frame) = open.pop_front() {
            let t_target_frame = reached[&frame];
            if frame == source {
                return Some(t_target_frame);
            }
            for ((parent, child), t_parent_child) in &self.t_parent_child {
                let (next, t_frame_next) = if *parent == frame {
                    (child, *t_parent_child)
                } else if *child == frame {
                    (parent, t_parent_child.inverse())
                } else {
                    continue;
                };
                if !reached.contains_key(next) {
                    reached.insert(next.clone(), t_target_frame * t_frame_next);
                    open.push_back(next.clone());
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use crate::io::bag::messages::Header;

    fn transform(parent: &str, child: &str, tangent: [f64; 6]) -> TransformStamped {
        let (header, child_frame_id) = (Header::new(0, parent), child.into());
        TransformStamped { header, child_frame_id, transform: se3::exp(&tangent.into()).into() }
    }

    #[test]
    fn chains_go_up_and_down() {
        let mut transforms = Transforms::default();
        let (a, b) = ([1.0, 2.0, 3.0, 0.1, 0.2, 0.3], [0.5, 0.0, -1.0, -0.4, 0.0, 0.2]);
        transforms.add(&transform("chassis", "base_link", a));
        transforms.add(&transform("/chassis", "camera", b));
        transforms.add(&transform("nowhere", "alone", b));
        let expected = se3::exp(&a.into()).inverse() * se3::exp(&b.into());
        let found = transforms.find("base_link", "camera").unwrap();
        assert!((found.to_homogeneous() - expected.to_homogeneous()).norm() < 1e-12);
        assert!(transforms.find("base_link", "alone").is_none());
        let mut broken = transform("a", "b", a);
        broken.transform.rotation.w = f64::NAN;
        assert!(!transforms.add(&broken));
    }
}
