//! The file of a set of emoji: 32 bytes BLAKE3 of the rest decoded, then a Zstandard stream of the length of a JSON
//! header (u32, little-endian), the header, and the filtered pixels.

use std::borrow::Cow;

use super::{ArtStyle, Concept, Emoji};

/// Why a file of emoji cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Too short, or its stream does not decompress.
    #[error("damaged: {0}")]
    Damaged(String),
    /// It decompresses to something else than was written.
    #[error("decodes to BLAKE3 {found}, expected {expected}")]
    Hash {
        /// BLAKE3 in its first bytes.
        expected: String,
        /// BLAKE3 of what was decoded.
        found: String,
    },
    /// Its parts do not fit together.
    #[error("the header announces {expected} bytes of pixels, {found} follow")]
    Size {
        /// Bytes that the header announces.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    side: usize,
    concepts: Cow<'a, [Concept]>,
}

/// Bytes of a picture.
fn size(side: usize) -> usize {
    4 * side * side
}

impl Emoji {
    /// The set as a file; a function of its content.
    pub fn encode(&self, level: i32) -> std::io::Result<Vec<u8>> {
        let header = serde_json::to_vec(&Header { side: self.side, concepts: Cow::Borrowed(&self.concepts) })?;
        let length = u32::try_from(header.len()).map_err(std::io::Error::other)?;
        let mut plain = [&length.to_le_bytes(), header.as_slice()].concat();
        plain.reserve(self.pixels.len());
        for plane in self.pixels.chunks_exact(self.side * self.side) {
            filter(plane, self.side, &mut plain);
        }
        let mut file = blake3::hash(&plain).as_bytes().to_vec();
        file.extend(zstd::encode_all(plain.as_slice(), level)?);
        Ok(file)
    }
}

/// Reads what [`Emoji::encode`] wrote.
pub(super) fn decode(file: &[u8]) -> Result<Emoji, PackError> {
    let damaged = |message: String| PackError::Damaged(message);
    let (expected, stream) = file.split_first_chunk::<32>().ok_or_else(|| damaged("shorter than its hash".into()))?;
    let plain = zstd::decode_all(stream).map_err(|e| damaged(e.to_string()))?;
    let (expected, found) = (blake3::Hash::from_bytes(*expected), blake3::hash(&plain));
    if expected != found {
        return Err(PackError::Hash { expected: expected.to_string(), found: found.to_string() });
    }
    let (length, rest) = plain.split_first_chunk::<4>().ok_or_else(|| damaged("no header".into()))?;
    let length = u32::from_le_bytes(*length) as usize;
    let (header, filtered) = rest.split_at_checked(length).ok_or_else(|| damaged("no header".into()))?;
    let header: Header = serde_json::from_slice(header).map_err(|e| damaged(e.to_string()))?;
    let expected = header.concepts.len() * ArtStyle::ALL.len() * size(header.side);
    if filtered.len() != expected || header.side == 0 {
        return Err(PackError::Size { expected, found: filtered.len() });
    }
    let mut pixels = filtered.to_vec();
    for plane in pixels.chunks_exact_mut(header.side * header.side) {
        restore(plane, header.side);
    }
    let concepts = Cow::Owned(header.concepts.into_owned());
    Ok(Emoji { side: header.side, concepts, pixels: Cow::Owned(pixels) })
}

/// Appends the differences of a plane's pixels to their prediction.
fn filter(plane: &[u8], side: usize, out: &mut Vec<u8>) {
    out.extend((0..plane.len()).map(|at| plane[at].wrapping_sub(predicted(plane, at, side))));
}

/// Undoes [`filter`] in place.
fn restore(plane: &mut [u8], side: usize) {
    for at in 0..plane.len() {
        plane[at] = plane[at].wrapping_add(predicted(plane, at, side));
    }
}

/// The pixel above, or else to the left.
fn predicted(plane: &[u8], at: usize, side: usize) -> u8 {
    if at >= side { plane[at - side] } else { plane.get(at.wrapping_sub(1)).copied().unwrap_or(0) }
}
