//! The pose graph as markers.

use super::pose::header_msg;
use crate::geometry::Se3;
use crate::pose_graph::{PoseGraph, PoseGraphEdge};
use r2r::geometry_msgs::msg::{Point, Pose, Quaternion, Vector3};
use r2r::std_msgs::msg::ColorRGBA;
use r2r::visualization_msgs::msg::{Marker, MarkerArray};

const KEYFRAME_COLOR: [f32; 4] = [0.95, 0.75, 0.1, 1.0];
const ODOMETRY_COLOR: [f32; 4] = [0.25, 0.55, 0.95, 1.0];
const LOOP_COLOR: [f32; 4] = [0.9, 0.15, 0.15, 1.0];

/// Markers: a point for each keyframe, a line for each edge of the odometry and, in another colour, of a loop.
/// Their namespaces are `keyframes`, `odometry` and `loops`.
pub fn marker_array_from_graph(graph: &PoseGraph, stamp_nanos: i64, frame_id: &str) -> MarkerArray {
    let marker = |namespace: &str, type_: i32, width_m: f64, [r, g, b, a]: [f32; 4], points: Vec<Point>| Marker {
        header: header_msg(stamp_nanos, frame_id),
        ns: namespace.into(),
        id: 0,
        type_,
        // A marker without points is an error to RViz.
        action: if points.is_empty() { Marker::DELETE as i32 } else { Marker::ADD as i32 },
        pose: Pose { orientation: Quaternion { w: 1.0, ..Quaternion::default() }, ..Pose::default() },
        scale: Vector3 { x: width_m, y: width_m, z: width_m },
        color: ColorRGBA { r, g, b, a },
        points,
        ..Marker::default()
    };
    let nodes = graph.nodes.iter().map(point_of).collect();
    MarkerArray {
        markers: vec![
            marker("keyframes", Marker::SPHERE_LIST as i32, 0.06, KEYFRAME_COLOR, nodes),
            marker("odometry", Marker::LINE_LIST as i32, 0.02, ODOMETRY_COLOR, lines(graph, |edge| !edge.robust)),
            marker("loops", Marker::LINE_LIST as i32, 0.03, LOOP_COLOR, lines(graph, |edge| edge.robust)),
        ],
    }
}

fn point_of(t_map_node: &Se3) -> Point {
    let p = &t_map_node.translation.vector;
    Point { x: p.x, y: p.y, z: p.z }
}

fn lines(graph: &PoseGraph, wanted: impl Fn(&PoseGraphEdge) -> bool) -> Vec<Point> {
    let ends = |edge: &PoseGraphEdge| Some([graph.nodes.get(edge.from)?, graph.nodes.get(edge.to)?].map(point_of));
    graph.edges.iter().filter(|edge| wanted(edge)).filter_map(ends).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Matrix6;

    #[test]
    fn loops_are_drawn_apart_from_the_odometry() {
        let edge = |from, to, robust| PoseGraphEdge {
            from,
            to,
            t_from_to: Se3::identity(),
            information: Matrix6::identity(),
            robust,
        };
        let mut graph = PoseGraph::default();
        graph.nodes = (0..3).map(|x| Se3::translation(f64::from(x), 0.0, 0.0)).collect();
        graph.edges = vec![edge(0, 1, false), edge(1, 2, false), edge(0, 2, true)];
        let markers = marker_array_from_graph(&graph, 0, "map").markers;
        assert_eq!(markers.iter().map(|marker| marker.points.len()).collect::<Vec<_>>(), [3, 4, 2]);
        assert_eq!((markers[2].points[0].x, markers[2].points[1].x), (0.0, 2.0));
    }
}
