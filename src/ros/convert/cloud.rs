//! The map's points as a cloud.

use super::pose::header_msg;
use crate::map::MapPoint;
use r2r::sensor_msgs::msg::{PointCloud2, PointField};

const POINT_BYTES: usize = 16;

/// A cloud of `x y z` (m) and `rgb` (0x00rrggbb in the bits of a float, as RViz and PCL read it).
pub fn cloud_msg_from_points(points: &[MapPoint], stamp_nanos: i64, frame_id: &str) -> PointCloud2 {
    let mut data = Vec::with_capacity(points.len() * POINT_BYTES);
    for point in points {
        for value in point.p_map.coords.iter() {
            data.extend_from_slice(&value.to_le_bytes());
        }
        let [red, green, blue] = point.color;
        data.extend_from_slice(&[blue, green, red, 0]);
    }
    let field =
        |name: &str, offset| PointField { name: name.into(), offset, datatype: PointField::FLOAT32 as u8, count: 1 };
    PointCloud2 {
        header: header_msg(stamp_nanos, frame_id),
        height: 1,
        width: points.len() as u32,
        fields: vec![field("x", 0), field("y", 4), field("z", 8), field("rgb", 12)],
        is_bigendian: false,
        point_step: POINT_BYTES as u32,
        row_step: (POINT_BYTES * points.len()) as u32,
        data,
        is_dense: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Point3;

    #[test]
    fn points_lie_where_the_fields_say() {
        let points = [[0.0, 0.0, 0.0], [1.5, -2.0, 3.25]]
            .map(|p: [f32; 3]| MapPoint { p_map: Point3::from(p), color: [10, 20, 30] });
        let cloud = cloud_msg_from_points(&points, 5, "map");
        assert_eq!((cloud.width, cloud.row_step, cloud.data.len()), (2, 32, 32));
        let y = &cloud.data[16 + cloud.fields[1].offset as usize..][..4];
        assert_eq!(y, (-2.0f32).to_le_bytes());
        assert_eq!(u32::from_le_bytes(cloud.data[12..16].try_into().unwrap()), 0x000a_141e);
    }
}
