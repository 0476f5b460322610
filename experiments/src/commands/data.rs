//! `easel data`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use easel_data::Split;
use easel_data::emoji::Emoji;
use easel_data::fetch::{Cache, FetchError, source};
use easel_plot::{Figure, ImageGrid, Picture, text};
use serde::Serialize;

use crate::cli::DataCommand;
use crate::papers::open_data;

/// A data set and whether it is here.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Pictures in it.
    pub about: &'static str,
    /// Licence of the pictures.
    pub licence: &'static str,
    /// Built in, fetched, or how to get it.
    pub state: String,
}

/// All data sets, and the weights that come the same way.
pub fn table() -> Result<Vec<Row>> {
    let built_in = || "built in".to_string();
    let fetched = |name: &str| {
        let source = source(name)?;
        let size = source.bytes() as f64 / 1e6;
        let here = Cache::of_user().is_ok_and(|cache| cache.holds(source));
        let state = format!("not here; `easel data fetch {name}` downloads {size:.0} MB");
        Ok::<_, FetchError>(if here { "fetched".into() } else { state })
    };
    let sample = Emoji::embedded()?.concepts().len();
    let emoji = format!("{sample} concepts at 32 x 32 built in; all of them: {}", fetched("emoji")?);
    Ok(vec![
        Row {
            name: "digits",
            about: "10,000 handwritten digits, 28 x 28, 10 classes",
            licence: "CC BY-SA 3.0",
            state: built_in(),
        },
        Row {
            name: "shapes",
            about: "coloured shapes in captioned scenes, made on demand",
            licence: "none needed",
            state: built_in(),
        },
        Row {
            name: "sprite-scenes",
            about: "one to three emoji in six colours on a coloured ground, captioned, made on demand",
            licence: "those of emoji",
            state: built_in(),
        },
        Row {
            name: "emoji",
            about: "1,387 named concepts in four art styles, 32 x 32 and 64 x 64",
            licence: "CC BY 4.0 (Twemoji), OFL 1.1 (Noto), MIT (Fluent), CC BY-SA 4.0 (OpenMoji)",
            state: emoji,
        },
        Row {
            name: "fashion-mnist",
            about: "70,000 pictures of clothes, 28 x 28, 10 classes",
            licence: "MIT",
            state: fetched("fashion-mnist")?,
        },
        Row {
            name: "minilm",
            about: "weights, no pictures: the text encoder all-MiniLM-L6-v2",
            licence: "Apache-2.0",
            state: fetched("minilm")?,
        },
        Row {
            name: "hed",
            about: "weights, no pictures: the edge detector HED with its VGG16 trunk",
            licence: "MIT",
            state: fetched("hed")?,
        },
        Row {
            name: "FOLDER",
            about: "any folder of pictures, with metadata.jsonl (file_name, text) or a folder a class",
            licence: "yours",
            state: "give its path".into(),
        },
    ])
}

/// Runs a data command.
pub fn data(command: DataCommand) -> Result<()> {
    match command {
        DataCommand::List { json: true } => println!("{}", serde_json::to_string_pretty(&table()?)?),
        DataCommand::List { json: false } => {
            for row in table()? {
                println!("{:<14} {}\n{:<14} licence: {}; {}", row.name, row.about, "", row.licence, row.state);
            }
        }
        DataCommand::Fetch { name, from } => {
            let (cache, source) = (Cache::of_user()?, source(&name)?);
            match from {
                Some(folder) => cache.fetch_from(source, &folder)?,
                None => cache.fetch(source)?,
            };
            println!("{}", cache.folder(source).display());
        }
        DataCommand::Show { name, count, out } => {
            for path in show(&name, count, &out)? {
                println!("{}", path.display());
            }
        }
    }
    Ok(())
}

fn show(name: &str, count: usize, out: &Path) -> Result<Vec<PathBuf>> {
    anyhow::ensure!(count >= 1, "--count 0: at least 1");
    // Without the fetched set, emoji come with 32 pixels only.
    let small = name == "emoji" && !Cache::of_user().and_then(|c| Ok(c.holds(source(name)?))).unwrap_or(false);
    let data = open_data(name, Split::Train, if small { 32 } else { 64 })?;
    let ([_, c, h, w], count) = (data.shape(), count.min(data.len()));
    let pictures = (0..count)
        .map(|i| {
            let planes = data.image(i);
            let pixels: Vec<u8> = (0..h * w).flat_map(|p| (0..c).map(move |k| planes[k * h * w + p])).collect();
            Ok(Picture::from_u8(h, w, c, &pixels)?)
        })
        .collect::<Result<Vec<_>>>()?;
    let mut grid = ImageGrid::new(pictures, if data.captions().is_some() { 4 } else { 8 }).tile(96.0);
    if let Some(captions) = data.captions() {
        grid = grid.captions(captions[..count].iter().map(|c| text::literal(c)));
    }
    let stem = out.file_stem().and_then(|s| s.to_str()).context("--out names no file")?;
    let folder = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(Figure::new().title(text::literal(name)).panel(grid).save(folder, stem)?)
}
