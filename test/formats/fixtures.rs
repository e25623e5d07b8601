//! Tiny recordings, made when they are needed.

use image::{GrayImage, ImageBuffer, Luma, RgbImage};
use std::path::{Path, PathBuf};

/// A grey image whose pixels tell position and seed.
pub fn gray(width: u32, height: u32, seed: u8) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([(x * 7 + y * 13) as u8 ^ seed]))
}

pub fn save_gray(path: &Path, width: u32, height: u32, seed: u8) {
    gray(width, height, seed).save(path).unwrap();
}

/// A colour image, flat so that JPEG keeps it.
pub fn save_rgb(path: &Path, width: u32, height: u32, rgb: [u8; 3]) {
    RgbImage::from_pixel(width, height, image::Rgb(rgb)).save(path).unwrap();
}

/// A depth image that holds `words` from the upper left on and 0 elsewhere.
pub fn save_depth(path: &Path, width: u32, height: u32, words: &[u16]) {
    let mut data = words.to_vec();
    data.resize((width * height) as usize, 0);
    ImageBuffer::<Luma<u16>, _>::from_raw(width, height, data).unwrap().save(path).unwrap();
}

pub fn write(path: PathBuf, text: &str) {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).unwrap();
    }
    std::fs::write(path, text).unwrap();
}

/// What an EuRoC folder tells beside images: two samples of the inertial unit, and the truth at the first image.
pub fn euroc_motion(mav0: &Path) {
    write(
        mav0.join("imu0/data.csv"),
        "#timestamp [ns],w_RS_S_x,…\n1403636579758555392,-0.1,0.2,0.3,8.1,-0.3,-3.1\n1403636579813555456,0,0,1,0,0,9.8\n",
    );
    write(
        mav0.join("state_groundtruth_estimate0/data.csv"),
        "#timestamp, p_RS_R_x [m], …\n1403636579763555584,1.0,2.0,3.0,1.0,0.0,0.0,0.0,0,0,0,0,0,0,0,0,0\n",
    );
}

/// The real data beside the repository, where there is some.
pub fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HALFSLAM_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        println!("skipped: {} is missing", path.display());
    }
    path.exists().then_some(path)
}
