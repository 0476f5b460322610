//! Channels with their word, and the places of every word.

use anyhow::{Context, Result};
use easel_plot::text::literal;
use easel_plot::{Cell, Figure, ImageGrid};
use easel_text::vocabulary::words;
use tch::{Kind, Tensor};

use super::maps::{enlarged, lit, square};
use super::single;
use crate::papers::controlgan::model::Trained;
use crate::tensors::pictures;

/// Channels shown.
const CHANNELS: usize = 5;

pub fn draw(trained: &Trained) -> Result<Figure> {
    let caption = single(trained, 1)?[0].caption();
    let side = trained.config.model.side;
    let made = trained.generate(&[&caption], trained.config.seed)?;
    let image = made.last().get(0);
    let last = made.attention.last().context("a generator of one stage attends to nothing")?;
    let words = words(&caption);
    let mut figure = Figure::new().title("What a word moves");
    if let Some(alpha) = &last.channel {
        figure = figure.panel(channels(&image, alpha, &last.hidden, &words, side)?);
    }
    let spatial = last.spatial.get(0); // [HW, L]
    let mut tiles = pictures(&image.unsqueeze(0))?;
    for word in 0..words.len() as i64 {
        tiles.push(lit(&image, &spatial.select(-1, word).contiguous())?);
    }
    let share = spatial.mean_dim([0i64].as_slice(), false, Kind::Double);
    let labels = std::iter::once("the picture".to_string()).chain(
        words.iter().enumerate().map(|(i, word)| format!("{}  {:.2}", literal(word), share.double_value(&[i as i64]))),
    );
    let columns = tiles.len().min(7);
    let grid = ImageGrid::new(tiles, columns).tile(128.0).captions(labels);
    let stage = trained.config.model.stages;
    Ok(figure
        .panel(Cell::new(grid).title(format!("Spatial attention into stage {stage}: where each word is read")))
        .caption(format!(
            "Caption: “{}”. Channel maps are the hidden features before stage {stage} that channel-wise attention weighs, with \
             the word of the largest $\\alpha_{{ij}}$ and its value. Below, $\\beta_{{p,j}}$ of each word over the \
             picture, bright at the word's largest weight; the number is its mean over all places. After Fig. 4 of Li et \
             al. 2019. {}",
            literal(&caption),
            trained.provenance()
        )))
}

fn channels(image: &Tensor, alpha: &Tensor, hidden: &Tensor, words: &[String], side: i64) -> Result<Cell> {
    let (best, word) = alpha.get(0).max_dim(-1, false);
    let (best, word) = (Vec::<f64>::try_from(best.to_kind(Kind::Double))?, Vec::<i64>::try_from(word)?);
    let mut order: Vec<usize> = (0..best.len()).collect();
    order.sort_by(|a, b| best[*b].total_cmp(&best[*a]).then(a.cmp(b)));
    let mut tiles = pictures(&enlarged(&image.unsqueeze(0), side))?;
    let mut labels = vec!["the picture".to_string()];
    for &channel in order.iter().take(CHANNELS) {
        let map = hidden.get(0).get(channel as i64);
        let positive = &map - map.min();
        tiles.push(square(&positive.contiguous(), side)?);
        let word = words.get(word[channel] as usize).map_or("", String::as_str);
        labels.push(format!("channel {channel}: {}  {:.2}", literal(word), best[channel]));
    }
    let grid = ImageGrid::new(tiles, CHANNELS + 1).tile(128.0).captions(labels);
    Ok(Cell::new(grid).title("Channel-wise attention: channels with the largest weight, and their word"))
}
