//! One word changed under fixed noise.

use anyhow::{Context, Result};
use easel_core::Noise;
use easel_data::sprite_scenes::{EditKind, Layout};
use easel_plot::text::literal;
use easel_plot::{Cell, Figure, ImageGrid};
use easel_text::vocabulary::words;
use tch::{Device, Kind, Tensor};

use super::maps::heat;
use crate::papers::controlgan::data::scenes;
use crate::papers::controlgan::edits::{Pair, change, pairs, region};
use crate::papers::controlgan::model::Trained;
use crate::tensors::bytes;
use crate::tensors::pictures;

/// Noises shown.
const COLUMNS: usize = 5;
/// Edits among which the first of a single object is shown.
const FIRST: usize = 20;

pub fn draw(trained: &Trained) -> Result<Figure> {
    let source = scenes(&trained.config)?;
    let stream = Noise::new(trained.config.seed).purpose("figure/edits");
    let of = |kind| {
        let mut alone = pairs(&trained.config, &source, kind, FIRST, &stream).into_iter();
        alone
            .find(|pair| matches!(pair.scene.layout(), Layout::Alone(_)))
            .context("no scene of one object among the first")
    };
    let cells = [of(EditKind::Colour)?, of(EditKind::Ground)?];
    let cells = cells.iter().map(|pair| one(trained, pair)).collect::<Result<Vec<_>>>()?;
    Ok(Figure::new().title("One word changed, the same noise").row(cells).caption(format!(
        "Columns: fixed $z$ and fixed noise of the conditioning augmentation, not selected; rows: the caption, the caption \
         with one word changed, the absolute difference (dark: large), and dark the region of the word, as it is \
         measured: the objects as found in the first row, or for a word of the ground all the rest. Numbers: mean \
         change of a pixel inside and outside. {}",
        trained.provenance()
    )))
}

fn one(trained: &Trained, pair: &Pair) -> Result<Cell> {
    let side = trained.config.model.side;
    let captions = pair.captions();
    let draw = |caption: &String| trained.pictures(&vec![caption.clone(); COLUMNS], 0, trained.config.seed);
    let (before, after) = (draw(&captions[0])?, draw(&captions[1])?);
    let mut tiles = pictures(&before)?;
    tiles.extend(pictures(&after)?);
    let difference = (&after - &before).abs().mean_dim([1i64].as_slice(), false, Kind::Float);
    let most = difference.max().double_value(&[]);
    for k in 0..COLUMNS as i64 {
        tiles.push(heat(&difference.get(k), most, [1, 1])?);
    }
    let mut ratios = Vec::new();
    for (a, b) in bytes(&before)?.iter().zip(bytes(&after)?) {
        let inside = region(pair, a, side as usize);
        let found = inside.as_ref().map(|inside| change(a, &b, inside));
        ratios.push(found.map_or("none".to_string(), |c| format!("{:.2} {:.2}", c.inside, c.outside)));
        let mask: Vec<f32> = inside.unwrap_or_default().iter().map(|i| f32::from(*i) * 0.6).collect();
        let mask = match mask.is_empty() {
            true => Tensor::zeros([side, side], (Kind::Float, Device::Cpu)),
            false => Tensor::from_slice(&mask).view([side, side]),
        };
        tiles.push(heat(&mask, 1.0, [1, 1])?);
    }
    let texts: Vec<Vec<&str>> = captions.iter().map(|c| c.split_whitespace().collect()).collect();
    let words_of = |k: usize| words(texts[k][pair.edit.word]).into_iter().next().context("a word");
    let (old, new) = (words_of(0)?, words_of(1)?);
    let grid = ImageGrid::new(tiles, COLUMNS)
        .tile(64.0)
        .gap(8.0)
        .row_labels([literal(&old), literal(&new), "difference".into(), "region".into()])
        .column_labels(ratios);
    Ok(Cell::new(grid).title(format!("“{}” with {} for {}", literal(&captions[0]), literal(&new), literal(&old))))
}
