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
