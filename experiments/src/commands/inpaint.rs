//! `easel inpaint` and `easel edit`.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use easel_core::files::write_atomic;
use easel_core::weights;
use easel_plot::{Figure, ImageGrid, Picture};
use image::{ImageFormat, RgbImage};
use inpaint::shapes::Size;
use inpaint::{Mask, Polarity};
use tch::{Device, Tensor};

use crate::papers::ddpm::trained::Trained;
use crate::papers::inpaint::masks::on_pictures;
use crate::papers::inpaint::options::{Colour, EditOptions, InpaintOptions};
use crate::papers::inpaint::{methods::Method, read};
use crate::tensors::pictures;

/// Fills the hole of a picture.
pub fn inpaint(options: &InpaintOptions, device: Device) -> Result<()> {
    let common = &options.common;
    let (ending, chain, method) = (ending(&common.out)?, common.chain()?, options.method()?);
    let trained = Trained::load(common.run.as_deref(), device)?;
    let source = Source::open(&trained, &options.image, common.resize)?;
    let mask = source.mask(&options.mask, options.keep)?;
    chain.times(&trained)?;
    let calls = method.moves(chain.steps)?.0;
    match method {
        Method::Replacement => eprintln!("replacement: {calls} calls of the network for each result"),
        Method::Repaint(r) => {
            eprintln!("repaint: jumps of {}, every stretch {} times: {calls} calls of the network", r.jump, r.count);
        }
    }
    let images = chain.fill(&trained, &mask, &source.repeated(common.count), method)?;
    write(&common.out, ending, &source, Some(&mask), &images, common.seed)
}

/// Edits a guide.
pub fn edit(options: &EditOptions, device: Device) -> Result<()> {
    let common = &options.common;
    let (ending, chain, start) = (ending(&common.out)?, common.chain()?, options.start()?);
    let trained = Trained::load(common.run.as_deref(), device)?;
    let source = Source::open(&trained, &options.image, common.resize)?;
    let keep = options.keep.unwrap_or(Colour::Black);
    let mask = options.mask.as_deref().map(|path| source.mask(path, keep)).transpose()?;
    eprintln!("edit: {} calls of the network for each result", chain.edit_calls(&trained, start)?);
    let images = chain.edit(&trained, &source.repeated(common.count), start, mask.as_ref())?;
    write(&common.out, ending, &source, mask.as_ref(), &images, common.seed)
}

/// A picture from a file.
struct Source<'a> {
    path: &'a Path,
    size: Size,
    /// f32 `[1, C, H, W]` in [-1, 1], of the model's size.
    image: Tensor,
}

impl<'a> Source<'a> {
    fn open(trained: &Trained, path: &'a Path, resize: bool) -> Result<Self> {
        let decoded = read::decode(path)?;
        let image = read::picture(path, &decoded, trained.picture(), resize)?.to_device(trained.device);
        if trained.picture()[0] == 1 && read::is_coloured(&decoded) {
            eprintln!("{}: in colour; the model's pictures are grey, and so are the results", path.display());
        }
        Ok(Self { path, size: read::size(&decoded), image })
    }

    /// The mask in the file `path`, of the model's size.
    fn mask(&self, path: &Path, keep: Colour) -> Result<Mask<Tensor>> {
        let decoded = read::decode(path)?;
        let ((rows, columns), (h, w)) = (read::size(&decoded), self.size);
        ensure!(
            (rows, columns) == (h, w),
            "{}: {columns} x {rows} pixels, but {} has {w} x {h}; a mask has its picture's size",
            path.display(),
            self.path.display()
        );
        let (_, _, rows, columns) = self.image.size4()?;
        let (mask, words) = read::mask(path, &decoded, (rows as usize, columns as usize), keep.white_marks())?;
        words.iter().for_each(|line| eprintln!("{line}"));
        on_pictures(&mask, self.image.device())
    }

    fn repeated(&self, count: usize) -> Tensor {
        self.image.repeat([count as i64, 1, 1, 1])
    }
}

/// What to write, known by the ending.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Pixels,
    Sheet,
    Tensors,
}

fn ending(out: &Path) -> Result<Ending> {
    match out.extension().and_then(|e| e.to_str()) {
        Some("png") => Ok(Ending::Pixels),
        Some("svg") => Ok(Ending::Sheet),
        Some("safetensors") => Ok(Ending::Tensors),
        _ => bail!("--out {}: the name must end in .png, .svg or .safetensors", out.display()),
    }
}

fn write(
    out: &Path,
    ending: Ending,
    source: &Source<'_>,
    mask: Option<&Mask<Tensor>>,
    images: &Tensor,
    seed: u64,
) -> Result<()> {
    match ending {
        Ending::Tensors => {
            let metadata = BTreeMap::from([("paper".into(), "inpaint".into()), ("seed".into(), seed.to_string())]);
            weights::write(out, &[("images".into(), images.shallow_clone())], &metadata)?;
        }
        Ending::Pixels => write_atomic(out, &side_by_side(&pictures(images)?)?)?,
        Ending::Sheet => write_atomic(out, sheet(&source.image, mask, images)?.as_bytes())?,
    }
    println!("{}", out.display());
    Ok(())
}

/// At most this many pictures in a row.
const COLUMNS: usize = 8;

/// The pictures without gaps, as PNG; what the last row lacks is white.
fn side_by_side(pictures: &[Picture]) -> Result<Vec<u8>> {
    let (columns, (h, w)) = (pictures.len().min(COLUMNS), pictures[0].size());
    let rows = pictures.len().div_ceil(columns);
    let pixels = RgbImage::from_fn((columns * w) as u32, (rows * h) as u32, |x, y| {
        let (x, y) = (x as usize, y as usize);
        image::Rgb(pictures.get(y / h * columns + x / w).map_or([u8::MAX; 3], |p| p.pixel(y % h, x % w)))
    });
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// Picture, mask (white is filled) and results with their numbers, as SVG.
fn sheet(image: &Tensor, mask: Option<&Mask<Tensor>>, images: &Tensor) -> Result<String> {
    let (mut tiles, mut captions) = (pictures(image)?, vec!["picture".to_string()]);
    if let Some(mask) = mask {
        tiles.extend(pictures(&(mask.ones(Polarity::Repaint) * 2.0 - 1.0))?);
        captions.push("mask".into());
    }
    let results = pictures(images)?;
    captions.extend((0..results.len()).map(|k| format!("#{k}")));
    tiles.extend(results);
    let columns = tiles.len().min(COLUMNS);
    Ok(Figure::new().panel(ImageGrid::new(tiles, columns).captions(captions)).to_svg()?)
}
