//! Which topic of a bag is what.

use crate::io::bag::TopicInfo;
use crate::io::bag::messages::{
    CameraInfo, CompressedImage, Image, Imu, Message, Odometry, PoseStamped, TfMessage, TransformStamped,
};
use crate::io::sources::SourceOptions;
use crate::sensors::SecondImage;

/// Topics by what they are for, as indices of the bag's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection {
    pub left: usize,
    pub second: Option<usize>,
    pub left_info: Option<usize>,
    pub second_info: Option<usize>,
    pub wheel: Option<usize>,
    pub truth: Option<usize>,
    pub imu: Option<usize>,
    pub tf_static: Option<usize>,
    second_is_depth: bool,
}

impl Selection {
    pub(super) fn kind(&self) -> SecondImage {
        match self.second {
            Some(_) if self.second_is_depth => SecondImage::Depth,
            Some(_) => SecondImage::Right,
            None => SecondImage::None,
        }
    }
}

const IMAGES: &[&str] = &[Image::TYPE, CompressedImage::TYPE];
const TRUTHS: &[&str] = &[Odometry::TYPE, PoseStamped::TYPE, TransformStamped::TYPE];

/// Names of left cameras and of the right ones beside them.
const PAIRS: &[(&str, &str)] = &[("left", "right"), ("infra1", "infra2"), ("cam0", "cam1"), ("camera0", "camera1")];

/// Chooses topics: those of the options, and for empty options those whose names and types fit.
pub(super) fn select(topics: &[TopicInfo], options: &SourceOptions) -> Result<Selection, String> {
    let named = |option: &str, topic: &str, types: &[&str]| -> Result<Option<usize>, String> {
        if topic.is_empty() { Ok(None) } else { find(topics, option, topic, types).map(Some) }
    };
    let left = named("left_topic", &options.left_topic, IMAGES)?;
    let right = named("right_topic", &options.right_topic, IMAGES)?;
    let depth = named("depth_topic", &options.depth_topic, IMAGES)?;
    if right.is_some() && depth.is_some() {
        return Err("expected right_topic or depth_topic, found both".into());
    }
    let (left, second, second_is_depth) = match (left, right, depth) {
        (Some(left), Some(right), _) => (left, Some(right), false),
        (Some(left), _, Some(depth)) => (left, Some(depth), true),
        (Some(left), None, None) => complete(topics, left),
        (None, Some(right), _) => match left_of(topics, right) {
            Some(left) => (left, Some(right), false),
            None => return Err(format!("expected left_topic beside right_topic {}, found none", options.right_topic)),
        },
        (None, _, Some(depth)) => match color(topics) {
            Some(left) => (left, Some(depth), true),
            None => return Err(format!("expected left_topic beside depth_topic {}, found none", options.depth_topic)),
        },
        (None, None, None) => automatic(topics)?,
    };
    let of_type = |message_type: &str| topics.iter().position(|topic| topic.message_type == message_type);
    let truth = named("truth_topic", &options.truth_topic, TRUTHS)?.or_else(|| automatic_truth(topics));
    let wheel = named("wheel_topic", &options.wheel_topic, &[Odometry::TYPE])?;
    let imu = named("imu_topic", &options.imu_topic, &[Imu::TYPE])?;
    Ok(Selection {
        left,
        second,
        left_info: info_beside(topics, left),
        second_info: second.and_then(|second| info_beside(topics, second)),
        wheel: wheel.or_else(|| automatic_wheel(topics, truth)),
        truth,
        imu: imu.or_else(|| of_type(Imu::TYPE)),
        tf_static: topics
            .iter()
            .position(|topic| topic.message_type == TfMessage::TYPE && topic.name.ends_with("tf_static")),
        second_is_depth,
    })
}

/// All topics with their types, for messages.
pub(super) fn list(topics: &[TopicInfo]) -> String {
    let lines: Vec<String> = topics.iter().map(|topic| format!("{} ({})", topic.name, topic.message_type)).collect();
    if lines.is_empty() { "no topics".into() } else { lines.join(", ") }
}

fn find(topics: &[TopicInfo], option: &str, name: &str, types: &[&str]) -> Result<usize, String> {
    let Some(index) = topics.iter().position(|topic| topic.name == name) else {
        return Err(format!("{option}: no topic {name}; there are {}", list(topics)));
    };
    if types.contains(&topics[index].message_type.as_str()) {
        return Ok(index);
    }
    let found = &topics[index].message_type;
    Err(format!("{option}: {name}: expected type {}, found {found}", types.join(" or ")))
}

fn is_image(topic: &TopicInfo) -> bool {
    IMAGES.contains(&topic.message_type.as_str())
}

fn is_depth(topic: &TopicInfo) -> bool {
    is_image(topic) && topic.name.contains("depth") && !topic.name.contains("color") && !topic.name.contains("rgb/")
        || is_image(topic) && topic.name.contains("depth_to_color")
}

/// The image topics that fit, best first: rectified before raw, raw before compressed, then by name.
fn images(topics: &[TopicInfo], fits: impl Fn(&TopicInfo) -> bool) -> Vec<usize> {
    let mut found: Vec<usize> = (0..topics.len()).filter(|&i| is_image(&topics[i]) && fits(&topics[i])).collect();
    found.sort_by_key(|&index| {
        let topic = &topics[index];
        let rectified = topic.name.contains("rect");
        let compressed = topic.message_type == CompressedImage::TYPE;
        (!rectified, compressed, topic.name.clone())
    });
    found
}

/// The right topic of a left one, if it has one of the usual names.
fn right_of(topics: &[TopicInfo], left: usize) -> Option<usize> {
    let mirrored = |(left_word, right_word): &(&str, &str)| {
        let name = topics[left].name.replace(left_word, right_word);
        (name != topics[left].name).then(|| topics.iter().position(|topic| topic.name == name && is_image(topic)))?
    };
    PAIRS.iter().find_map(mirrored)
}

fn left_of(topics: &[TopicInfo], right: usize) -> Option<usize> {
    images(topics, |topic| !is_depth(topic)).into_iter().find(|&left| right_of(topics, left) == Some(right))
}

/// An image in colour that belongs to a depth image.
fn color(topics: &[TopicInfo]) -> Option<usize> {
    let candidates = images(topics, |topic| !is_depth(topic));
    let in_color = |&index: &usize| topics[index].name.contains("color") || topics[index].name.contains("rgb");
    candidates.iter().copied().find(in_color).or_else(|| candidates.first().copied())
}

/// A depth image, best one that is aligned with the colour image.
fn depth(topics: &[TopicInfo]) -> Option<usize> {
    let candidates = images(topics, is_depth);
    let aligned = |&index: &usize| {
        ["aligned", "registered", "depth_to_color"].iter().any(|word| topics[index].name.contains(word))
    };
    candidates.iter().copied().find(aligned).or_else(|| candidates.first().copied())
}

/// What belongs to a left topic that the user named.
fn complete(topics: &[TopicInfo], left: usize) -> (usize, Option<usize>, bool) {
    match (right_of(topics, left), depth(topics)) {
        (Some(right), _) => (left, Some(right), false),
        (None, Some(depth)) if depth != left => (left, Some(depth), true),
        _ => (left, None, false),
    }
}

fn automatic(topics: &[TopicInfo]) -> Result<(usize, Option<usize>, bool), String> {
    let candidates = images(topics, |topic| !is_depth(topic));
    let pair = |word: &str| {
        let with_word = candidates.iter().copied().filter(|&index| topics[index].name.contains(word));
        with_word.filter_map(|left| Some((left, Some(right_of(topics, left)?), false))).next()
    };
    if let Some(pair) = pair("left") {
        return Ok(pair);
    }
    if let (Some(color), Some(depth)) = (color(topics), depth(topics)) {
        return Ok((color, Some(depth), true));
    }
    if let Some(pair) = pair("") {
        return Ok(pair);
    }
    match candidates.first() {
        Some(&left) => Ok((left, None, false)),
        None => {
            Err(format!("expected a topic of images ({}), found none; there are {}", IMAGES.join(" or "), list(topics)))
        }
    }
}

fn automatic_truth(topics: &[TopicInfo]) -> Option<usize> {
    let words = ["ground_truth", "groundtruth", "truth", "vicon", "leica", "mocap", "/gt"];
    topics.iter().position(|topic| {
        TRUTHS.contains(&topic.message_type.as_str()) && words.iter().any(|word| topic.name.contains(word))
    })
}

fn automatic_wheel(topics: &[TopicInfo], truth: Option<usize>) -> Option<usize> {
    let odometry: Vec<usize> = (0..topics.len())
        .filter(|&index| topics[index].message_type == Odometry::TYPE && Some(index) != truth)
        .collect();
    odometry.iter().copied().find(|&index| topics[index].name.contains("wheel")).or_else(|| odometry.first().copied())
}

/// The calibration beside an image: `camera_info` in place of the last part of its name.
fn info_beside(topics: &[TopicInfo], image: usize) -> Option<usize> {
    let name = &topics[image].name;
    let base = name.strip_suffix("/compressed").or_else(|| name.strip_suffix("/compressedDepth")).unwrap_or(name);
    let parent = base.rsplit_once('/').map_or("", |(parent, _)| parent);
    [format!("{parent}/camera_info"), format!("{base}/camera_info")]
        .iter()
        .find_map(|name| topics.iter().position(|topic| topic.name == *name && topic.message_type == CameraInfo::TYPE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[(&str, &str)]) -> Vec<TopicInfo> {
        let topic = |(name, kind): &(&str, &str)| TopicInfo { name: (*name).into(), message_type: (*kind).into() };
        names.iter().map(topic).collect()
    }

    fn chosen(names: &[(&str, &str)], options: &SourceOptions) -> (String, String, SecondImage) {
        let topics = topics(names);
        let selection = select(&topics, options).unwrap();
        let name = |index: Option<usize>| index.map(|index| topics[index].name.clone()).unwrap_or_default();
        (name(Some(selection.left)), name(selection.second), selection.kind())
    }

    const IMAGE: &str = Image::TYPE;

    #[test]
    fn the_usual_cameras_are_found() {
        let none = SourceOptions::default();
        let stereo = [
            ("/left/image_raw", IMAGE),
            ("/left/image_rect", IMAGE),
            ("/right/image_raw", IMAGE),
            ("/right/image_rect", IMAGE),
        ];
        assert_eq!(chosen(&stereo, &none), ("/left/image_rect".into(), "/right/image_rect".into(), SecondImage::Right));
        let euroc = [("/cam0/image_raw", IMAGE), ("/cam1/image_raw", IMAGE), ("/imu0", Imu::TYPE)];
        assert_eq!(chosen(&euroc, &none).2, SecondImage::Right);
        let realsense = [
            ("/camera/aligned_depth_to_color/image_raw", IMAGE),
            ("/camera/color/image_raw", IMAGE),
            ("/camera/depth/image_rect_raw", IMAGE),
            ("/camera/infra1/image_rect_raw", IMAGE),
            ("/camera/infra2/image_rect_raw", IMAGE),
        ];
        let expected =
            ("/camera/color/image_raw".into(), "/camera/aligned_depth_to_color/image_raw".into(), SecondImage::Depth);
        assert_eq!(chosen(&realsense[..3], &none), expected);
        let kinect = [("/camera/depth_registered/image", IMAGE), ("/camera/rgb/image_color", IMAGE)];
        assert_eq!(chosen(&kinect, &none).2, SecondImage::Depth);
        let infra = SourceOptions { left_topic: "/camera/infra1/image_rect_raw".into(), ..none.clone() };
        assert_eq!(chosen(&realsense, &infra).1, "/camera/infra2/image_rect_raw");
        assert_eq!(chosen(&[("/usb_cam/image_raw/compressed", CompressedImage::TYPE)], &none).2, SecondImage::None);
    }

    #[test]
    fn mistakes_are_answered_with_what_there_is() {
        let topics = topics(&[("/scan", "sensor_msgs/msg/LaserScan"), ("/odom", Odometry::TYPE)]);
        let error = select(&topics, &SourceOptions::default()).unwrap_err();
        assert!(
            error.contains("found none; there are /scan (sensor_msgs/msg/LaserScan), /odom (nav_msgs/msg/Odometry)"),
            "{error}"
        );
        let wrong = SourceOptions { left_topic: "/odom".into(), ..SourceOptions::default() };
        let error = select(&topics, &wrong).unwrap_err();
        assert!(error.contains("left_topic: /odom: expected type sensor_msgs/msg/Image or"), "{error}");
        let wrong = SourceOptions { truth_topic: "/truth".into(), ..SourceOptions::default() };
        assert!(select(&topics, &wrong).unwrap_err().contains("found none") || select(&topics, &wrong).is_err());
    }
}
