//! A folder of pictures: with `metadata.jsonl` (`file_name`, `text` a line), or with one sub-folder a class, or plain.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader};

use crate::alpha::over;
use crate::dataset::{Dataset, DatasetError};

/// Name of the file of captions.
pub const METADATA: &str = "metadata.jsonl";

/// What is wrong with a folder of pictures.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Not readable.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder at fault.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Neither captions nor pictures nor sub-folders with pictures.
    #[error("{}: no pictures; put a metadata.jsonl, PNG or JPEG files, or one folder a class here", .0.display())]
    Empty(PathBuf),
    /// A side of 0 pixels.
    #[error("pictures of 0 pixels a side were asked for")]
    Side,
    /// Not a picture that can be read.
    #[error("{}: not a readable PNG or JPEG picture: {message}", path.display())]
    Picture {
        /// File at fault.
        path: PathBuf,
        /// What the decoder says.
        message: String,
    },
    /// A line that is not an entry.
    #[error("{}:{line}: expected {{\"file_name\": \"...\", \"text\": \"...\"}}: {message}", path.display())]
    Entry {
        /// The metadata file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// A line names a picture that is not there.
    #[error("{}:{line}: no file {file} in this folder", path.display())]
    Missing {
        /// The metadata file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Its `file_name`.
        file: String,
    },
    /// A line names a picture outside the folder.
    #[error("{}:{line}: {file} leads out of the folder; names must stay inside it", path.display())]
    Outside {
        /// The metadata file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Its `file_name`.
        file: String,
    },
    /// Two lines name the same picture.
    #[error("{}:{line}: {file} was named in line {first} already; one caption a picture", path.display())]
    Duplicate {
        /// The metadata file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Its `file_name`.
        file: String,
        /// The earlier line.
        first: usize,
    },
    /// The parts do not fit together.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

#[derive(serde::Deserialize)]
struct Entry {
    file_name: String,
    text: String,
}

/// Reads `folder` as u8 `[N, 3, side, side]`: each picture turned upright by its EXIF tag, laid on white where it is
/// transparent, cut to its central square and resized with an antialiasing bicubic filter.
///
/// With `metadata.jsonl` the pictures are its lines, in order, with captions. Otherwise sub-folders are classes in
/// alphabetical order; a folder of pictures only has neither labels nor captions. Hidden files are passed over.
pub fn load(folder: &Path, side: usize) -> Result<Dataset, FolderError> {
    if side == 0 {
        return Err(FolderError::Side);
    }
    let name = folder.file_name().map_or_else(|| folder.to_string_lossy(), |name| name.to_string_lossy());
    let metadata = folder.join(METADATA);
    if metadata.is_file() {
        let (paths, captions) = entries(folder, &metadata)?;
        return Ok(pictures(&name, folder, &paths, side)?.with_captions(captions)?);
    }
    let all = visible(folder)?;
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = all.into_iter().partition(|path| path.is_dir());
    if folders.is_empty() {
        return pictures(&name, folder, &files, side);
    }
    let (mut paths, mut labels, mut classes) = (Vec::new(), Vec::new(), Vec::new());
    for class in folders {
        let members = visible(&class)?;
        labels.resize(labels.len() + members.len(), classes.len() as i64);
        paths.extend(members);
        classes.push(class.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    Ok(pictures(&name, folder, &paths, side)?.with_labels(labels, classes)?)
}

/// Paths and captions of the metadata file.
fn entries(folder: &Path, metadata: &Path) -> Result<(Vec<PathBuf>, Vec<String>), FolderError> {
    let text = std::fs::read_to_string(metadata).map_err(io(metadata))?;
    let root = folder.canonicalize().map_err(io(folder))?;
    let (mut paths, mut captions, mut lines) = (Vec::new(), Vec::new(), HashMap::new());
    for (line, content) in text.lines().enumerate().map(|(i, content)| (i + 1, content)) {
        if content.trim().is_empty() {
            continue;
        }
        let path = metadata.to_path_buf();
        let entry: Entry = match serde_json::from_str(content) {
            Ok(entry) => entry,
            Err(e) => return Err(FolderError::Entry { path, line, message: e.to_string() }),
        };
        let file = entry.file_name;
        let relative = Path::new(&file);
        if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(FolderError::Outside { path, line, file });
        }
        // Links are followed before judging, and two spellings of one file are one file.
        let Ok(real) = folder.join(relative).canonicalize() else {
            return Err(FolderError::Missing { path, line, file });
        };
        if !real.starts_with(&root) {
            return Err(FolderError::Outside { path, line, file });
        }
        if !real.is_file() {
            return Err(FolderError::Missing { path, line, file });
        }
        if let Some(first) = lines.insert(real, line) {
            return Err(FolderError::Duplicate { path, line, file, first });
        }
        paths.push(folder.join(relative));
        captions.push(entry.text);
    }
    Ok((paths, captions))
}

/// The entries of a folder that are not hidden, sorted by name.
fn visible(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let mut paths = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>())
        .map_err(io(folder))?;
    paths.retain(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')));
    paths.sort();
    Ok(paths)
}

fn pictures(name: &str, folder: &Path, paths: &[PathBuf], side: usize) -> Result<Dataset, FolderError> {
    if paths.is_empty() {
        return Err(FolderError::Empty(folder.to_path_buf()));
    }
    let mut images = Vec::with_capacity(paths.len() * 3 * side * side);
    for path in paths {
        let picture = decode(path).map_err(|message| FolderError::Picture { path: path.clone(), message })?;
        images.extend(square(picture, side));
    }
    Ok(Dataset::new(name, [paths.len(), 3, side, side], images)?)
}

fn decode(path: &Path) -> Result<DynamicImage, String> {
    let read = || -> image::ImageResult<DynamicImage> {
        let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut picture = DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        Ok(picture)
    };
    read().map_err(|e| e.to_string())
}

/// The central square on white, `[3, side, side]`.
fn square(picture: DynamicImage, side: usize) -> Vec<u8> {
    let (w, h) = (picture.width(), picture.height());
    let cut = w.min(h);
    let mut picture = picture.crop_imm((w - cut) / 2, (h - cut) / 2, cut, cut).into_rgba8();
    for pixel in picture.pixels_mut() {
        let alpha = std::mem::replace(&mut pixel[3], 255);
        for channel in &mut pixel.0[..3] {
            *channel = over(*channel, alpha, 255);
        }
    }
    // The filter widens with the reduction, which is what avoids aliasing.
    let small = imageops::resize(&picture, side as u32, side as u32, FilterType::CatmullRom);
    (0..3).flat_map(|channel| small.pixels().map(move |pixel| pixel[channel])).collect()
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> FolderError + '_ {
    |source| FolderError::Io { path: path.to_path_buf(), source }
}
