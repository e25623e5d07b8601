//! `vo_node`: images, wheel odometry and an inertial unit in; odometry, tf and keyframes out. It estimates nothing itself.

use futures::StreamExt;
use halfslam::ros::camera_topics::{CameraMessage, CameraTopics};
use halfslam::ros::convert::imu::imu_sample_from_msg;
use halfslam::ros::diagnostics::{self, Diagnostics};
use halfslam::ros::messages::{Imu, Odometry};
use halfslam::ros::odometry_worker::{OdometryWorker, Outputs};
use halfslam::ros::reset::{self, ResetRequest};
use halfslam::ros::wheel::base_sample;
use halfslam::ros::{Node, RosError, qos, run};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "vo_node";
const WHEEL_TOPIC: &str = "wheel_odometry";
const IMU_TOPIC: &str = "imu";

enum Input {
    Camera(CameraMessage),
    Wheel(Odometry),
    Imu(Imu),
    Reset(ResetRequest),
}

fn main() -> ExitCode {
    run(NAME, start)
}

fn start(node: &mut Node) -> Result<impl Future<Output = Result<(), RosError>> + Send + use<>, RosError> {
    let parameters = node.parameters();
    let options = parameters.config().ros;
    let diagnostics = Arc::new(Diagnostics::new(NAME));
    let (mut camera, images) = CameraTopics::subscribe(node, &options, diagnostics.clone())?;
    if options.camera == "mono" {
        // The scale comes from there.
        diagnostics.expect_topic(WHEEL_TOPIC, Duration::from_secs_f64(options.topic_timeout_secs));
    }
    let wheel = node.subscribe(WHEEL_TOPIC, qos::samples(&options))?;
    let imu = node.subscribe(IMU_TOPIC, qos::samples(&options))?;
    let resets = reset::advertise(node)?;
    let outputs = Outputs::advertise(node, &options)?;
    let reports = diagnostics::publish_reports(node, diagnostics.clone())?;
    let worker = OdometryWorker::start(&parameters, outputs, diagnostics.clone())?;

    let samples = futures::stream::select(wheel.map(Input::Wheel), imu.map(Input::Imu));
    let others = futures::stream::select(samples, resets.map(Input::Reset));
    let mut inputs = futures::stream::select(images.map(Input::Camera), others);
    let route = async move {
        while let Some(input) = inputs.next().await {
            match input {
                Input::Camera(message) => {
                    if let Some(frame) = camera.take(message) {
                        worker.add_frame(frame)?;
                    }
                }
                Input::Wheel(message) => {
                    diagnostics.heard(WHEEL_TOPIC);
                    if let Some(sample) = base_sample(&message, WHEEL_TOPIC, &camera, &diagnostics) {
                        worker.add_wheel(sample);
                    }
                }
                Input::Reset(request) => {
                    if let Some(t_odom_base) = reset::answer(request, "the odometry starts anew with the next frame") {
                        worker.reset(t_odom_base);
                    }
                }
                Input::Imu(message) => {
                    let frame = &message.header.frame_id;
                    let t_base_imu = camera.t_base_frame(frame);
                    // Turned wrongly it would do harm.
                    let missing = t_base_imu.is_none().then(|| {
                        let base = &options.base_frame;
                        format!("no transform from {frame} to {base} on /tf_static: the inertial unit is ignored")
                    });
                    diagnostics.trouble("imu pose", missing);
                    match t_base_imu.map(|t_base_imu| imu_sample_from_msg(&message, &t_base_imu)) {
                        Some(Ok(sample)) => {
                            diagnostics.count("imu samples", 1);
                            worker.add_imu(sample);
                        }
                        Some(Err(bad)) => diagnostics.reject(IMU_TOPIC, &bad),
                        None => {}
                    }
                }
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
