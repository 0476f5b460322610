use crate::error::{PlotError, Result, same_length};
use image::{ExtendedColorType, ImageEncoder, RgbImage, codecs::png::PngEncoder, imageops};

/// A picture of 8-bit RGB pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pixels: RgbImage,
}

impl Picture {
    /// From bytes `[H, W, C]`, C = 1 (grey) or 3 (RGB).
    ///
    /// # Errors
    /// A zero side, another number of channels, or data of another length.
    pub fn from_u8(height: usize, width: usize, channels: usize, data: &[u8]) -> Result<Self> {
        check_shape(height, width, channels, data.len())?;
        let rgb = match channels {
            1 => data.iter().flat_map(|&v| [v; 3]).collect(),
            _ => data.to_vec(),
        };
        let side = |n: usize| u32::try_from(n).map_err(|_| PlotError::setting("picture", "a side exceeds 2^32 pixels"));
        let pixels = RgbImage::from_raw(side(width)?, side(height)?, rgb);
        Ok(Self { pixels: pixels.ok_or_else(|| PlotError::setting("picture", "the data do not fill it"))? })
    }

    /// From values `[H, W, C]`, -1 black and 1 full, C = 1 or 3. Values outside are clamped.
    ///
    /// # Errors
    /// As [`Picture::from_u8`], and a value that is NaN.
    pub fn from_f32(height: usize, width: usize, channels: usize, data: &[f32]) -> Result<Self> {
        check_shape(height, width, channels, data.len())?;
        Self::from_u8(height, width, channels, &quantise(data)?)
    }

    /// From a batch `[N, C, H, W]` of values in [-1, 1], the layout of tensors: N pictures.
    ///
    /// # Errors
    /// As [`Picture::from_f32`].
    pub fn batch([n, channels, height, width]: [usize; 4], data: &[f32]) -> Result<Vec<Self>> {
        same_length(format!("batch of {n} pictures"), n * channels * height * width, data.len())?;
        check_shape(height, width, channels, channels * height * width)?;
        let bytes = quantise(data)?;
        let plane = height * width;
        bytes
            .chunks_exact(channels * plane)
            .map(|chw| {
                let hwc: Vec<u8> = (0..plane).flat_map(|p| (0..channels).map(move |c| chw[c * plane + p])).collect();
                Self::from_u8(height, width, channels, &hwc)
            })
            .collect()
    }

    /// Height and width in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.pixels.height() as usize, self.pixels.width() as usize)
    }

    /// Red, green and blue at a row and column.
    ///
    /// # Panics
    /// Outside the picture.
    pub fn pixel(&self, row: usize, column: usize) -> [u8; 3] {
        self.pixels.get_pixel(column as u32, row as u32).0
    }

    /// PNG with `factor` pixels a side for each: whole factors repeat pixels, factors below 1 average them.
    pub(crate) fn png(&self, factor: f64) -> Result<Vec<u8>> {
        let (w, h) = self.pixels.dimensions();
        let scaled = |side: u32| ((f64::from(side) * factor).round() as u32).max(1);
        if factor >= 1.0 {
            encode_png(&imageops::resize(&self.pixels, scaled(w), scaled(h), imageops::FilterType::Nearest))
        } else {
            encode_png(&imageops::resize(&self.pixels, scaled(w), scaled(h), imageops::FilterType::Triangle))
        }
    }
}

/// PNG file of RGB pixels; the same bytes every time.
pub(crate) fn encode_png(pixels: &RgbImage) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    PngEncoder::new(&mut out)
        .write_image(pixels.as_raw(), pixels.width(), pixels.height(), ExtendedColorType::Rgb8)
        .map_err(|e| PlotError::Raster(e.to_string()))?;
    Ok(out)
}

fn check_shape(height: usize, width: usize, channels: usize, len: usize) -> Result<()> {
    if height == 0 || width == 0 {
        return Err(PlotError::empty("picture", "pixel"));
    }
    if channels != 1 && channels != 3 {
        return Err(PlotError::setting("picture", format!("{channels} channels; give 1 (grey) or 3 (RGB)")));
    }
    same_length(format!("picture [{height}, {width}, {channels}]"), height * width * channels, len)
}

fn quantise(data: &[f32]) -> Result<Vec<u8>> {
    if let Some(index) = data.iter().position(|v| v.is_nan()) {
        return Err(PlotError::Value {
            what: "picture".into(),
            index,
            value: f64::NAN,
            want: "only numbers can be drawn",
        });
    }
    Ok(data.iter().map(|&v| ((v.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8).collect())
}
