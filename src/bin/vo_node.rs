//! `vo_node`: images and wheel odometry in; odometry, tf and keyframes out. It estimates nothing itself.

use futures::StreamExt;
use halfslam::ros::camera_topics::{CameraMessage, CameraTopics};
use halfslam::ros::convert::pose::wheel_sample_from_msg;
use halfslam::ros::diagnostics::{self, Diagnostics};
use halfslam::ros::messages::Odometry;
use halfslam::ros::odometry_worker::{OdometryWorker, Outputs};
use halfslam::ros::{Node, RosError, qos, run};
use std::process::ExitCode;
use std::sync::Arc;

const NAME: &str = "vo_node";
const WHEEL_TOPIC: &str = "wheel_odometry";

enum Input {
    Camera(CameraMessage),
    Wheel(Odometry),
}

fn main() -> ExitCode {
    run(NAME, start)
}

fn start(node: &mut Node) -> Result<impl Future<Output = Result<(), RosError>> + Send + use<>, RosError> {
    let parameters = node.parameters();
    let options = parameters.config().ros;
    let diagnostics = Arc::new(Diagnostics::new(NAME));
    let (mut camera, images) = CameraTopics::subscribe(node, &options, diagnostics.clone())?;
    let wheel = node.subscribe(WHEEL_TOPIC, qos::wheel(&options))?;
    let outputs = Outputs::advertise(node, &options)?;
    let reports = diagnostics::publish_reports(node, diagnostics.clone())?;
    let worker = OdometryWorker::start(&parameters, outputs, diagnostics.clone())?;

    let mut inputs = futures::stream::select(images.map(Input::Camera), wheel.map(Input::Wheel));
    let route = async move {
        while let Some(input) = inputs.next().await {
            match input {
                Input::Camera(message) => {
                    if let Some(frame) = camera.take(message) {
                        worker.add_frame(frame)?;
                    }
                }
                Input::Wheel(message) => match wheel_sample_from_msg(&message) {
                    Ok(sample) => worker.add_wheel(sample),
                    Err(bad) => diagnostics.reject(WHEEL_TOPIC, &bad),
                },
            }
        }
        Ok(())
    };
    Ok(async {
        tokio::select! {
            result = route => result,
            result = reports => result,
        }
    })
}
