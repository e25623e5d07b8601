//! `loop_closure_node`: keyframes, or images with anybody's odometry, in; the corrected map and tf out. It estimates
//! nothing itself.

use futures::StreamExt;
use futures::stream::BoxStream;
use halfslam::config::RosOptions;
use halfslam::ros::camera_topics::{CameraMessage, CameraTopics};
use halfslam::ros::convert::keyframe::keyframe_from_msg;
use halfslam::ros::diagnostics::{self, Diagnostics};
use halfslam::ros::keyframe_worker::{KeyframeWorker, PoseHistory};
use halfslam::ros::map_worker::{MapWorker, Outputs, send_transform};
use halfslam::ros::messages::{Keyframe, Odometry};
use halfslam::ros::reset::{self, ResetRequest};
use halfslam::ros::wheel::base_sample;
use halfslam::ros::{Node, RosError, qos, run};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "loop_closure_node";
const KEYFRAME_TOPIC: &str = "keyframes";
const ODOMETRY_TOPIC: &str = "odometry";

enum Input {
    Keyframe(Keyframe),
    Camera(CameraMessage),
    Odometry(Odometry),
    Reset(ResetRequest),
}

/// What turns images into keyframes, when nobody else does.
struct OwnKeyframes {
    camera: CameraTopics,
    history: Arc<PoseHistory>,
    worker: KeyframeWorker,
}

fn main() -> ExitCode {
    run(NAME, start)
}

fn start(node: &mut Node) -> Result<impl Future<Output = Result<(), RosError>> + Send + use<>, RosError> {
    let parameters = node.parameters();
    let options = parameters.config().ros;
    let diagnostics = Arc::new(Diagnostics::new(NAME));
    let outputs = Outputs::advertise(node)?;
    let map = Arc::new(MapWorker::start(&parameters, outputs, diagnostics.clone())?);
    let (mut own, inputs) = subscribe(node, &options, &map, &diagnostics)?;
    let resets = reset::advertise(node)?;
    let mut inputs = futures::stream::select(inputs, resets.map(Input::Reset));
    let reports = diagnostics::publish_reports(node, diagnostics.clone())?;
    let tf_topic = options.publish_tf.then(|| node.publisher("/tf", qos::tf())).transpose()?;
    let (tf_map, clock) = (map.clone(), node.clock());

    let route = async move {
        while let Some(input) = inputs.next().await {
            match (input, &mut own) {
                (Input::Keyframe(message), _) => {
                    diagnostics.heard(KEYFRAME_TOPIC);
                    match keyframe_from_msg(&message) {
                        Ok(keyframe) => map.add(keyframe)?,
                        Err(bad) => diagnostics.reject(KEYFRAME_TOPIC, &bad),
                    }
                }
                (Input::Camera(message), Some(own)) => {
                    if let Some(frame) = own.camera.take(message) {
                        own.worker.add_frame(frame)?;
                    }
                }
                (Input::Odometry(message), Some(own)) => {
                    diagnostics.heard(ODOMETRY_TOPIC);
                    if let Some(sample) = base_sample(&message, ODOMETRY_TOPIC, &own.camera, &diagnostics) {
                        own.history.add(sample);
                    }
                }
                (Input::Reset(request), _) => {
                    if let Some(t_map_base) = reset::answer(request, "the map starts empty with the next keyframe") {
                        map.reset(t_map_base)?;
                    }
                }
                (Input::Camera(_) | Input::Odometry(_), None) => {}
            }
        }
        Ok(())
    };
    let transforms = async move {
        match tf_topic {
            Some(topic) => send_transform(tf_map, topic, clock, options).await,
            None => std::future::pending().await,
        }
    };
    Ok(async {
        tokio::select! {
            result = route => result,
            result = transforms => result,
            result = reports => result,
        }
    })
}

/// Subscribes to keyframes, or to images and odometry, as the options say.
fn subscribe(
    node: &mut Node,
    options: &RosOptions,
    map: &Arc<MapWorker>,
    diagnostics: &Arc<Diagnostics>,
) -> Result<(Option<OwnKeyframes>, BoxStream<'static, Input>), RosError> {
    let timeout = Duration::from_secs_f64(options.topic_timeout_secs);
    if options.input == "keyframes" {
        diagnostics.expect_topic(KEYFRAME_TOPIC, timeout);
        let keyframes = node.subscribe(KEYFRAME_TOPIC, qos::keyframes())?;
        return Ok((None, keyframes.map(Input::Keyframe).boxed()));
    }
    if options.camera == "mono" {
        let reason = "parameter 'ros.camera': mono shows no depth to make a map of by itself; let vo_node make the \
                      keyframes (ros.input keyframes), whose points come from its motion";
        return Err(RosError::Other(reason.into()));
    }
    let (camera, images) = CameraTopics::subscribe(node, options, diagnostics.clone())?;
    let odometry = node.subscribe(ODOMETRY_TOPIC, qos::samples(options))?;
    diagnostics.expect_topic(ODOMETRY_TOPIC, timeout);
    let history = Arc::new(PoseHistory::default());
    let worker = KeyframeWorker::start(&node.parameters(), history.clone(), map.clone(), diagnostics.clone())?;
    let inputs = futures::stream::select(images.map(Input::Camera), odometry.map(Input::Odometry)).boxed();
    Ok((Some(OwnKeyframes { camera, history, worker }), inputs))
}
