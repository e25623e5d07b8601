//! Compressed images, of messages and of files.

use super::calibration::MOST_PIXELS;
use super::encoding::depth_from_word;
use super::{DepthImage, Picture, SensorError};
use image::DynamicImage;

/// The image in a compressed file: PNG, JPEG. 16 bits are brought to 8.
///
/// # Errors
/// [`SensorError::Compressed`] if it is none.
pub fn picture(data: &[u8]) -> Result<Picture, SensorError> {
    Ok(picture_of(decoded(data)?))
}

/// The depth image (m) in the data of a `sensor_msgs/CompressedImage`: a PNG of 16 bits, or what the image transport
/// `compressedDepth` makes of 16UC1 and 32FC1, as PNG or RVL.
///
/// - `format`: the message's, e.g. `16UC1; compressedDepth png`.
///
/// # Errors
/// [`SensorError::Compressed`] says what it is instead.
pub fn depth(format: &str, data: &[u8], metres_per_unit: f64) -> Result<DepthImage, SensorError> {
    if !format.contains("compressedDepth") {
        return depth_of(decoded(data)?, metres_per_unit).map_err(SensorError::Compressed);
    }
    let Some((head, rest)) = data.split_first_chunk::<{ Quantization::LENGTH }>() else {
        let found = data.len();
        return Err(SensorError::Compressed(format!("expected 12 bytes before the depth's image, found {found}")));
    };
    let quantization = Quantization::read(format, head);
    let (width, height, words) = if format.contains("rvl") { words_from_rvl(rest)? } else { words_from_png(rest)? };
    let data = words.into_iter().map(|word| quantization.metres(word, metres_per_unit)).collect();
    Ok(DepthImage::from_raw(width, height, data).unwrap_or_default())
}

/// A decoded image as a picture.
pub(crate) fn picture_of(image: DynamicImage) -> Picture {
    if image.color().has_color() { Picture::Rgb(image.into_rgb8()) } else { Picture::Gray(image.into_luma8()) }
}

/// A decoded image as depth (m); 0 and 65535 are no depth. The error says what it is instead.
pub(crate) fn depth_of(image: DynamicImage, metres_per_unit: f64) -> Result<DepthImage, String> {
    let (width, height, words) = words_of(image)?;
    let data = words.into_iter().map(|word| depth_from_word(word, metres_per_unit)).collect();
    Ok(DepthImage::from_raw(width, height, data).unwrap_or_default())
}

fn decoded(data: &[u8]) -> Result<DynamicImage, SensorError> {
    image::load_from_memory(data).map_err(|error| SensorError::Compressed(format!("expected a PNG or JPEG: {error}")))
}

type Words = (u32, u32, Vec<u16>);

fn words_of(image: DynamicImage) -> Result<Words, String> {
    let DynamicImage::ImageLuma16(words) = image else {
        return Err(format!("expected a depth image of one channel with 16 bits, found {:?}", image.color()));
    };
    let (width, height) = words.dimensions();
    Ok((width, height, words.into_raw()))
}

fn words_from_png(data: &[u8]) -> Result<Words, SensorError> {
    words_of(decoded(data)?).map_err(SensorError::Compressed)
}

/// Width, height, and runs of zeros and of differences in groups of three bits.
///
/// # Source
/// Wilson, *Fast lossless depth image compression* (ISS 2017).
fn words_from_rvl(data: &[u8]) -> Result<Words, SensorError> {
    let broken = || SensorError::Compressed("a depth image in RVL that ends early or holds too much".into());
    let number = |at: usize| {
        let bytes = data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(broken);
        bytes.map(u32::from_le_bytes)
    };
    let (width, height) = (number(0)?, number(4)?);
    let count = u64::from(width) * u64::from(height);
    if width > 1 << 15 || height > 1 << 15 || count > MOST_PIXELS {
        return Err(SensorError::Compressed(format!("expected a depth image, found one of {width}x{height} pixels")));
    }
    // Nibbles, the highest of each little-endian word first.
    let words = data[8..].chunks_exact(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let mut nibbles = words.flat_map(|word| (0..8).rev().map(move |place| (word >> (4 * place)) & 0xf));
    let mut value = || {
        let (mut value, mut shift) = (0u32, 0);
        loop {
            let nibble = nibbles.next()?;
            value |= (nibble & 7).checked_shl(shift)?;
            shift += 3;
            if nibble & 8 == 0 {
                return Some(value);
            }
        }
    };
    let (mut depths, mut last) = (Vec::with_capacity(count as usize), 0u16);
    while (depths.len() as u64) < count {
        let zeros = value().ok_or_else(broken)?;
        let others = value().ok_or_else(broken)?;
        if depths.len() as u64 + u64::from(zeros) + u64::from(others) > count || zeros == 0 && others == 0 {
            return Err(broken());
        }
        depths.resize(depths.len() + zeros as usize, 0);
        for _ in 0..others {
            let coded = value().ok_or_else(broken)?;
            let difference = (coded >> 1) as i32 ^ -((coded & 1) as i32);
            last = last.wrapping_add(difference as u16);
            depths.push(last);
        }
    }
    Ok((width, height, depths))
}

/// What `compressedDepth` writes before its image: how 32-bit depth was brought to 16 bits.
struct Quantization {
    /// `a` and `b` of `word = a / depth + b`; `None` if words are depths.
    inverse: Option<(f32, f32)>,
}

impl Quantization {
    /// A whole number and two parameters of 4 bytes each.
    const LENGTH: usize = 12;

    fn read(format: &str, head: &[u8; Self::LENGTH]) -> Self {
        let number = |at: usize| f32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        Self { inverse: format.starts_with("32FC1").then(|| (number(4), number(8))) }
    }

    fn metres(&self, word: u16, metres_per_unit: f64) -> f32 {
        let metres = match self.inverse {
            Some((a, b)) if word > 0 => a / (f32::from(word) - b),
            Some(_) => 0.0,
            None => depth_from_word(word, metres_per_unit),
        };
        if metres.is_finite() && metres > 0.0 { metres } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, ImageFormat, Luma};

    fn png(words: &[u16], width: u32) -> Vec<u8> {
        let image = ImageBuffer::<Luma<u16>, _>::from_raw(width, words.len() as u32 / width, words.to_vec()).unwrap();
        let mut file = std::io::Cursor::new(Vec::new());
        DynamicImage::ImageLuma16(image).write_to(&mut file, ImageFormat::Png).unwrap();
        file.into_inner()
    }

    /// Wilson's coder, as the image transport uses it.
    fn rvl(words: &[u16], width: u32) -> Vec<u8> {
        let (mut nibbles, mut place, mut last) = (Vec::new(), 0, 0i32);
        let put = |mut value: u32, nibbles: &mut Vec<u32>| loop {
            let (low, rest) = (value & 7, value >> 3);
            nibbles.push(if rest > 0 { low | 8 } else { low });
            value = rest;
            if rest == 0 {
                break;
            }
        };
        while place < words.len() {
            let zeros = words[place..].iter().take_while(|word| **word == 0).count();
            let others = words[place + zeros..].iter().take_while(|word| **word != 0).count();
            put(zeros as u32, &mut nibbles);
            put(others as u32, &mut nibbles);
            for word in &words[place + zeros..place + zeros + others] {
                let difference = i32::from(*word) - last;
                put(((difference << 1) ^ (difference >> 31)) as u32, &mut nibbles);
                last = i32::from(*word);
            }
            place += zeros + others;
        }
        nibbles.resize(nibbles.len().next_multiple_of(8), 0);
        let body =
            nibbles.chunks(8).flat_map(|eight| eight.iter().fold(0, |word, nibble| word << 4 | nibble).to_le_bytes());
        let size = [width, words.len() as u32 / width].into_iter().flat_map(u32::to_le_bytes);
        size.chain(body).collect()
    }

    const WORDS: [u16; 8] = [1000, 0, 0, 2500, 2501, 65_534, 0, 7];
    const METRES: [f32; 8] = [1.0, 0.0, 0.0, 2.5, 2.501, 65.534, 0.0, 0.007];

    #[test]
    fn depth_of_every_transport_is_the_same() {
        let headed = |body: Vec<u8>| [vec![0; 12], body].concat();
        for (format, data) in [
            ("16UC1; png compressed", png(&WORDS, 4)),
            ("16UC1; compressedDepth", headed(png(&WORDS, 4))),
            ("16UC1; compressedDepth png", headed(png(&WORDS, 4))),
            ("16UC1; compressedDepth rvl", headed(rvl(&WORDS, 4))),
        ] {
            let image = depth(format, &data, 0.001).unwrap();
            assert_eq!((image.dimensions(), &image.as_raw()[..]), ((4, 2), &METRES[..]), "{format}");
        }
    }

    #[test]
    fn depth_as_an_inverse_comes_back() {
        // word = a / depth + b
        let (a, b) = (10_000f32, -100f32);
        let words: Vec<u16> = [0.5f32, 2.0, 8.0].iter().map(|z| (a / z + b).round() as u16).chain([0]).collect();
        let head = [0u32.to_le_bytes(), a.to_le_bytes(), b.to_le_bytes()].concat();
        let image = depth("32FC1; compressedDepth", &[head, png(&words, 2)].concat(), 0.001).unwrap();
        for (found, expected) in image.as_raw().iter().zip([0.5f32, 2.0, 8.0, 0.0]) {
            assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
        }
    }

    #[test]
    fn pictures_keep_their_colours() {
        let colors = image::RgbImage::from_fn(4, 2, |x, y| image::Rgb([10 * x as u8, 100 * y as u8, 7]));
        let mut file = std::io::Cursor::new(Vec::new());
        colors.write_to(&mut file, ImageFormat::Png).unwrap();
        assert_eq!(picture(file.get_ref()).unwrap(), Picture::Rgb(colors));
        assert!(picture(b"no image").unwrap_err().to_string().contains("PNG or JPEG"));
    }

    #[test]
    fn what_is_broken_is_refused() {
        let whole = [vec![0; 12], rvl(&WORDS, 4)].concat();
        for length in [0, 11, 12, 19, 22] {
            assert!(depth("16UC1; compressedDepth rvl", &whole[..length], 0.001).is_err(), "{length} bytes");
        }
        for side in [u32::MAX, 1 << 15] {
            let huge = [&[0; 12], &side.to_le_bytes()[..], &side.to_le_bytes()].concat();
            let refusal = depth("16UC1; compressedDepth rvl", &huge, 0.001).unwrap_err().to_string();
            assert!(refusal.contains(&format!("{side}x{side}")), "{refusal}");
        }
        assert!(depth("16UC1; compressedDepth", &[0; 30], 0.001).is_err());
        let colors = png(&WORDS, 4);
        assert!(depth("jpeg", &colors[..20], 0.001).is_err());
    }
}
