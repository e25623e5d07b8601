//! The wire format of ROS 2 messages: CDR behind a 4-byte header that says the byte order.
//!
//! Alignment counts from the end of the header.

use super::messages::Message;
use byteorder::{BigEndian, LittleEndian};

/// Length of the header before the message.
const HEADER_LEN: usize = 4;

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub enum CdrError {
    /// Fewer bytes than the header has.
    #[error("expected a 4-byte CDR header, found {found} bytes")]
    Header {
        /// How many bytes there are.
        found: usize,
    },
    /// An encoding that is not plain CDR.
    #[error("expected plain CDR (0x0000 or 0x0001), found encapsulation 0x{found:04x}")]
    Encapsulation {
        /// The first two bytes.
        found: u16,
    },
    /// The content does not fit the type.
    #[error("{0}")]
    Content(#[from] cdr_encoding::Error),
}

/// The message as little-endian CDR with its header.
///
/// # Errors
/// [`CdrError::Content`]; not for the messages of this crate.
pub fn encode<M: Message>(message: &M) -> Result<Vec<u8>, CdrError> {
    let mut bytes = Vec::new();
    encode_into(message, &mut bytes)?;
    Ok(bytes)
}

/// Like [`encode`], into a buffer that is cleared first and can be used again.
///
/// # Errors
/// As [`encode`].
pub fn encode_into<M: Message>(message: &M, bytes: &mut Vec<u8>) -> Result<(), CdrError> {
    bytes.clear();
    bytes.extend_from_slice(&[0, 1, 0, 0]);
    cdr_encoding::to_writer::<_, LittleEndian, _>(bytes, message)?;
    Ok(())
}

/// The message in `bytes`, a header and CDR of either byte order.
///
/// # Errors
/// [`CdrError`] if it is too short or not what the type says.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, CdrError> {
    let Some((header, content)) = bytes.split_at_checked(HEADER_LEN) else {
        return Err(CdrError::Header { found: bytes.len() });
    };
    let (message, _) = match (header[0], header[1]) {
        (0, 0) => cdr_encoding::from_bytes::<M, BigEndian>(content)?,
        (0, 1) => cdr_encoding::from_bytes::<M, LittleEndian>(content)?,
        (high, low) => return Err(CdrError::Encapsulation { found: u16::from_be_bytes([high, low]) }),
    };
    Ok(message)
}

/// `#[serde(with = …)]` for `uint8[]`: copied in one piece rather than byte by byte.
pub(super) mod byte_sequence {
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a sequence of bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// `#[serde(with = …)]` for `float64[N]`: serde itself knows arrays of up to 32 elements.
pub(super) mod float_array {
    use serde::de::{Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::{SerializeTuple, Serializer};

    pub fn serialize<S: Serializer, const N: usize>(array: &[f64; N], serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(N)?;
        for element in array {
            tuple.serialize_element(element)?;
        }
        tuple.end()
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[f64; N], D::Error> {
        struct Array<const N: usize>;
        impl<'de, const N: usize> Visitor<'de> for Array<N> {
            type Value = [f64; N];
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(out, "{N} numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<[f64; N], A::Error> {
                let mut array = [0.0; N];
                for (index, element) in array.iter_mut().enumerate() {
                    *element = sequence.next_element()?.ok_or_else(|| A::Error::invalid_length(index, &self))?;
                }
                Ok(array)
            }
        }
        deserializer.deserialize_tuple(N, Array::<N>)
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::{CameraInfo, CompressedImage, Image, Odometry, TfMessage, TransformStamped};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn images_survive(data in prop::collection::vec(any::<u8>(), 0..200), frame in "[a-z_/é]{0,9}", nanos in any::<u32>()) {
            let mut image = Image { data, height: 3, ..Image::default() };
            image.header.frame_id = frame;
            image.header.stamp.nanosec = nanos;
            prop_assert_eq!(decode::<Image>(&encode(&image).unwrap()).unwrap(), image);
        }

        #[test]
        fn numbers_survive_whatever_alignment(k in prop::array::uniform9(-1e3f64..1e3), frame in "[a-z]{0,9}", d in prop::collection::vec(-1.0f64..1.0, 0..9)) {
            let mut info = CameraInfo { k, d, ..CameraInfo::default() };
            info.header.frame_id = frame;
            prop_assert_eq!(decode::<CameraInfo>(&encode(&info).unwrap()).unwrap(), info);
        }

        #[test]
        fn cut_messages_are_errors(length in 0usize..700) {
            let mut odometry = Odometry { child_frame_id: "base_link".into(), ..Odometry::default() };
            odometry.pose.covariance[35] = 4.0;
            let bytes = encode(&odometry).unwrap();
            prop_assert!(length >= bytes.len() || decode::<Odometry>(&bytes[..length]).is_err());
        }

        #[test]
        fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = bytes;
            if bytes.len() > 4 {
                bytes[0] = 0;
                bytes[1] &= 1;
            }
            let _ = decode::<Image>(&bytes);
            let _ = decode::<CompressedImage>(&bytes);
            let _ = decode::<CameraInfo>(&bytes);
            let _ = decode::<TfMessage>(&bytes);
        }
    }

    #[test]
    fn both_byte_orders_are_read() {
        let mut transform = TransformStamped::default();
        transform.transform.translation.y = -2.5;
        transform.header.frame_id = "base_link".into();
        let message = TfMessage { transforms: vec![transform] };
        let mut big = vec![0, 0, 0, 0];
        big.extend(cdr_encoding::to_vec::<_, BigEndian>(&message).unwrap());
        assert_eq!(decode::<TfMessage>(&big).unwrap(), message);
        assert!(matches!(decode::<TfMessage>(&[0, 3, 0, 0, 1]), Err(CdrError::Encapsulation { found: 3 })));
    }
}
