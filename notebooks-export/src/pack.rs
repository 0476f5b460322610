//! Smaller files with the same pictures.
//!
//! Figures come as RGB at two pixels a logical pixel, quickly compressed. Most hold few colours: with a palette and the
//! best compression most take a quarter. A figure with more than 256 colours (smoothed letters) loses the rarer ones to
//! neighbours at most [`TOLERANCE`] levels away; where that is not enough it stays RGB, without loss. Pictures inside of
//! an SVG are packed without loss. Pixels alone are kept: text and times that a PNG may carry go.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Levels of 0..=255 by which a channel of a rare colour may change.
pub const TOLERANCE: u8 = 6;

/// Red, green and blue.
type Rgb = [u8; 3];

/// Colours, and the number of each in them.
type Palette = (Vec<Rgb>, HashMap<Rgb, u8>);

/// A packed PNG of the same size.
///
/// # Errors
/// A file that is no PNG, in words.
pub fn png(bytes: &[u8], tolerance: u8) -> Result<Vec<u8>, String> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|e| format!("not a PNG: {e}"))?;
    let size = reader.output_buffer_size().ok_or("a PNG that is too large")?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|e| format!("a damaged PNG: {e}"))?;
    pixels.truncate(frame.buffer_size());
    let rgb: Vec<Rgb> = match frame.color_type {
        png::ColorType::Rgb => pixels.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect(),
        png::ColorType::Grayscale => pixels.iter().map(|&v| [v; 3]).collect(),
        // Transparency is kept by keeping the file.
        _ => return Ok(bytes.to_vec()),
    };
    let packed = match palette(&rgb, tolerance) {
        Some((colours, indices)) => indexed(frame.width, frame.height, &colours, &indices),
        None => encode(
            frame.width,
            frame.height,
            png::ColorType::Rgb,
            png::BitDepth::Eight,
            None,
            rgb.as_flattened(),
            png::Filter::Adaptive,
        ),
    }
    .map_err(|e| format!("cannot write a PNG: {e}"))?;
    Ok(if packed.len() < bytes.len() { packed } else { bytes.to_vec() })
}

/// At most 256 colours, and the number of each pixel's; none where the tolerance is not enough.
///
/// A colour goes to a more frequent one that is near, and "near" is as little as does.
fn palette(rgb: &[Rgb], tolerance: u8) -> Option<(Vec<Rgb>, Vec<u8>)> {
    let mut counts = HashMap::<Rgb, usize>::new();
    for &pixel in rgb {
        *counts.entry(pixel).or_default() += 1;
    }
    let mut colours: Vec<(Rgb, usize)> = counts.into_iter().collect();
    // The order of a hash map differs from run to run; this one does not.
    colours.sort_by_key(|&(colour, count)| (std::cmp::Reverse(count), colour));
    let (kept, numbers) = (0..=tolerance).find_map(|near| merge(&colours, near))?;
    Some((kept, rgb.iter().map(|pixel| numbers[pixel]).collect()))
}

/// Colours by falling frequency, each with the first one at most `near` levels away, if that leaves 256 at most.
fn merge(colours: &[(Rgb, usize)], near: u8) -> Option<Palette> {
    let (mut kept, mut numbers) = (Vec::<Rgb>::new(), HashMap::new());
    for (colour, _) in colours {
        let close = |other: &Rgb| (0..3).all(|c| colour[c].abs_diff(other[c]) <= near);
        let number = kept.iter().position(close).unwrap_or_else(|| {
            kept.push(*colour);
            kept.len() - 1
        });
        numbers.insert(*colour, u8::try_from(number).ok()?);
    }
    Some((kept, numbers))
}

/// As few bits a pixel as the colours need.
fn indexed(width: u32, height: u32, colours: &[Rgb], indices: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let (bits, depth) = match colours.len() {
        ..=2 => (1, png::BitDepth::One),
        3..=4 => (2, png::BitDepth::Two),
        5..=16 => (4, png::BitDepth::Four),
        _ => (8, png::BitDepth::Eight),
    };
    let pack = |byte: &[u8]| byte.iter().enumerate().fold(0, |sum, (i, v)| sum | v << (8 - bits * (i + 1)));
    let rows = indices.chunks(width.max(1) as usize);
    let data: Vec<u8> = rows.flat_map(|row| row.chunks(8 / bits).map(pack)).collect();
    // Enlarged pictures are smaller as differences of rows, drawings as they are.
    let [plain, rows] = [png::Filter::NoFilter, png::Filter::Up].map(|filter| {
        encode(width, height, png::ColorType::Indexed, depth, Some(colours.as_flattened()), &data, filter)
    });
    let (plain, rows) = (plain?, rows?);
    Ok(if plain.len() <= rows.len() { plain } else { rows })
}

fn encode(
    width: u32,
    height: u32,
    color: png::ColorType,
    depth: png::BitDepth,
    palette: Option<&[u8]>,
    data: &[u8],
    filter: png::Filter,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(filter);
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(out)
}

/// An SVG with its pictures packed.
///
/// # Errors
/// An SVG that could act or ask for something when it is opened by itself; a picture that is no PNG.
pub fn svg(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    for active in ["<script", "<foreignobject", "<iframe", "javascript:", "href=\"http", "href=\"//"] {
        if lower.contains(active) {
            return Err(format!("the SVG holds `{active}`, which no figure needs"));
        }
    }
    const OPENING: &str = "data:image/png;base64,";
    let mut parts = text.split(OPENING);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(['"', '\'', ')', '<']).ok_or("an SVG that ends inside of a picture")?;
        let bytes = STANDARD.decode(&part[..end]).map_err(|e| format!("a damaged picture in the SVG: {e}"))?;
        out += OPENING;
        out += &STANDARD.encode(png(&bytes, 0)?);
        out += &part[end..];
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Vec<u8> {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let frame = reader.next_frame(&mut pixels).expect("pixels");
        pixels.truncate(frame.buffer_size());
        pixels
    }

    fn picture(width: u32, height: u32, colour: impl Fn(u32) -> [u8; 3]) -> (Vec<u8>, Vec<u8>) {
        let pixels: Vec<u8> = (0..width * height).flat_map(colour).collect();
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).expect("written");
        (out, pixels)
    }

    #[test]
    fn few_colours_stay_what_they_are_at_every_depth() {
        for colours in [1, 2, 3, 4, 5, 16, 17, 200, 256] {
            let (file, pixels) = picture(37, 29, |i| [(i % colours) as u8, 7, 255 - (i % colours) as u8]);
            let packed = png(&file, 0).expect("packed");
            assert_eq!(decode(&packed), pixels, "{colours} colours");
            assert!(packed.len() <= file.len());
        }
    }

    #[test]
    fn rare_colours_move_by_the_tolerance_at_most() {
        let (file, pixels) = picture(100, 100, |i| [i as u8, (i >> 3) as u8 ^ 90, ((i * 37) >> 2) as u8]);
        let many = png(&file, TOLERANCE).expect("packed");
        assert!(decode(&many) == pixels, "colours of a photograph are not changed");
        let (file, pixels) =
            picture(100, 100, |i| if i % 50 == 0 { [i as u8, i as u8, i as u8 ^ 1] } else { [i as u8; 3] });
        let packed = decode(&png(&file, TOLERANCE).expect("packed"));
        let worst = packed.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(packed != pixels && worst <= Some(TOLERANCE), "{worst:?}");
        assert_eq!(decode(&png(&file, 0).expect("packed")), pixels, "without tolerance nothing changes");
    }

    #[test]
    fn pictures_in_an_svg_are_packed_and_scripts_refused() {
        let (file, _) = picture(64, 64, |i| [(i / 64) as u8; 3]);
        let text = format!("<svg><image href=\"data:image/png;base64,{}\"/></svg>", STANDARD.encode(&file));
        let packed = svg(&text).expect("packed");
        assert!(packed.len() < text.len() && packed.ends_with("\"/></svg>"), "{packed}");
        assert!(svg("<svg><SCRIPT>alert(1)</SCRIPT></svg>").expect_err("active").contains("<script"));
        assert!(svg("<svg>&lt;script&gt;</svg>").is_ok());
        assert!(png(b"no", 0).expect_err("no PNG").contains("not a PNG"));
    }
}
