//! Folders of images in the layouts of the data sets, as small as they can be.

use crate::fixtures::{euroc_motion, save_depth, save_gray, save_rgb, write};
use std::path::Path;

const SIZE: (u32, u32) = (16, 12);

/// A camera file that turns the pixels of the whole way: distortion, a depth camera of its own, a mount.
const CAMERA_FILE: &str = "width: 16\nheight: 12\nfx: 20.0\nfy: 21.0\ncx: 8.0\ncy: 6.0\n\
    distortion_model: radtan\ndistortion: [-0.1, 0.01, 0.001, 0.0, 0.0]\ndepth_units_per_m: 5000\nrate_hz: 20\n\
    depth: {fx: 18, fy: 18, cx: 8, cy: 6, t_camera_depth: {translation_m: [-0.02, 0, 0], rotation_xyzw: [0, 0, 0, 1]}}\n\
    mount:\n  translation_m: [0.1, 0, 0.3]\n  rotation_rpy_deg: [0, 10, 0]\n";

/// TUM RGB-D with wheel odometry and a camera file.
pub fn tum(folder: &Path) {
    for index in 0..3 {
        write(folder.join(format!("rgb/{index}.png")), "");
        write(folder.join(format!("depth/{index}.png")), "");
        save_rgb(&folder.join(format!("rgb/{index}.png")), SIZE.0, SIZE.1, [9, 90, 200]);
        save_depth(&folder.join(format!("depth/{index}.png")), SIZE.0, SIZE.1, &[5000, 0, 12345]);
    }
    write(folder.join("rgb.txt"), "# color images\n102.175304 rgb/0.png\n102.211214 rgb/1.png\n1.023e2 rgb/2.png\n");
    write(folder.join("depth.txt"), "102.160407 depth/0.png\n102.226738 depth/1.png\n102.31 depth/2.png\n");
    write(folder.join("groundtruth.txt"), "# x\n102.1758 1 2 3 0 0 0 1\n102.1858 1 2 3 -0.5 0.5 -0.5 0.5\n");
    write(folder.join("wheel_odometry.txt"), "102.17 0 0 0 0 0 0 1\n102.19 0.1 0 0 0 0 0.6 0.8\n");
    write(folder.join("camera.yaml"), CAMERA_FILE);
}

/// KITTI odometry, in colour: the cameras stand beside the grey one.
pub fn kitti(folder: &Path) {
    for (name, seed) in [("image_2", 0), ("image_3", 100)] {
        for index in 0..3u8 {
            let file = folder.join(name).join(format!("00000{index}.png"));
            write(file.clone(), "");
            save_gray(&file, SIZE.0, SIZE.1, seed + index);
        }
    }
    write(
        folder.join("calib.txt"),
        "P0: 50 0 8 0 0 50 6 0 0 0 1 0\nP1: 50 0 8 -25 0 50 6 0 0 0 1 0\nP2: 50 0 8 3 0 50 6 0 0 0 1 0\n\
         P3: 50 0 8 -22 0 50 6 0 0 0 1 0\nTr: 1 0 0 0 0 1 0 0 0 0 1 0\n",
    );
    write(folder.join("times.txt"), "0.0\n1.037359e-01\n0.2\n");
    write(folder.join("poses.txt"), "1 0 0 0 0 1 0 0 0 0 1 0\n1 0 0 0 0 1 0 0 0 0 1 1.5\n1 0 0 0.5 0 1 0 0 0 0 1 3\n");
}

/// EuRoC: a raw pair with inertial unit and truth.
pub fn euroc(folder: &Path) {
    let root = folder.join("mav0");
    for (camera, y, k1) in [("cam0", 0.0, -0.2), ("cam1", 0.11, -0.21)] {
        for stamp in ["1403636579763555584", "1403636579813555456"] {
            let file = root.join(camera).join("data").join(format!("{stamp}.png"));
            write(file.clone(), "");
            save_gray(&file, SIZE.0, SIZE.1, 3);
        }
        write(
            root.join(camera).join("data.csv"),
            "#timestamp [ns],filename\r\n1403636579763555584,1403636579763555584.png\r\n\
             1403636579813555456,1403636579813555456.png\r\n",
        );
        let sensor = format!(
            "%YAML:1.0\nT_BS:\n  cols: 4\n  rows: 4\n  data: [0.0, -1.0, 0.0, 0.0,\n         1.0, 0.0, 0.0, {y},\n         \
             0.0, 0.0, 1.0, 0.0,\n         0.0, 0.0, 0.0, 1.0]\nresolution: [16, 12]\nintrinsics: [12.0, 12.5, 8.0, 6.0]\n\
             distortion_model: radial-tangential\ndistortion_coefficients: [{k1}, 0.01, 0.0001, 0.00002]\n"
        );
        write(root.join(camera).join("sensor.yaml"), &sensor);
    }
    write(
        root.join("imu0/sensor.yaml"),
        "%YAML:1.0\nT_BS:\n  data: [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]\n",
    );
    euroc_motion(&root);
}

/// 7-Scenes.
pub fn seven_scenes(folder: &Path) {
    for (index, ending) in [(0, "png"), (1, "jpg"), (3, "png")] {
        let stem = format!("frame-00000{index}");
        save_rgb(&folder.join(format!("{stem}.color.{ending}")), SIZE.0, SIZE.1, [200, 40, 40]);
        save_depth(&folder.join(format!("{stem}.depth.png")), SIZE.0, SIZE.1, &[1500, 65535, 0]);
        let pose = format!("1 0 0 {index}\n0 1 0 0\n0 0 1 2\n0 0 0 1\n");
        write(folder.join(format!("{stem}.pose.txt")), &pose);
    }
    write(folder.join("camera-intrinsics.txt"), "20 0 8\n0 21 6\n0 0 1\n");
}
