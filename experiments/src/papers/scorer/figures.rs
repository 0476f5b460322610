//! What the scorers see.

use anyhow::{Result, bail};
use easel_data::Split;
use easel_metrics::classes::argmax;
use easel_plot::style::{GREEN, VERMILION};
use easel_plot::{Figure, ImageGrid, text};

use super::contrast::Scorer;
use super::measure::shown;
use super::pairs::Pairs;
use crate::experiment::FigureInfo;
use crate::tensors::{pictures, to_unit};

/// Pictures in the figure.
const COUNT: usize = 15;
const COLUMNS: usize = 5;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "scorer_emoji", about: "held-out emoji with the caption that the scorer ranks first" },
    FigureInfo { name: "scorer_sprite_scenes", about: "held-out sprite scenes with the caption ranked first" },
];

/// The set of a figure.
pub fn set_of(figure: &str) -> Result<&'static str> {
    match figure {
        "scorer_emoji" => Ok("emoji"),
        "scorer_sprite_scenes" => Ok("sprite-scenes"),
        other => bail!("the scorer has no figure `{other}`"),
    }
}

/// Held-out pictures with the best of all held-out captions, framed green where it is their own.
pub fn matches(scorer: &Scorer) -> Result<Figure> {
    let pairs = Pairs::open(scorer.name(), Split::Test)?;
    let (images, own, all) = shown(&pairs, COUNT, 0);
    let best = argmax(scorer.score(&images, &all)?.view())?;
    let right = best.iter().zip(&own).filter(|(b, o)| all[**b] == **o).count();
    let captions = best.iter().map(|&b| text::literal(&all[b]));
    let mut grid = ImageGrid::new(pictures(&to_unit(&images))?, COLUMNS).tile(128.0).gap(28.0).captions(captions);
    for (k, (b, o)) in best.iter().zip(&own).enumerate() {
        grid = grid.frame(k, if all[*b] == *o { GREEN } else { VERMILION });
    }
    let caption = format!(
        "Held-out pictures of {}, each with the caption that the scorer ranks first among all {} held-out captions; \
         green where it is the picture's own ({right} of {}), orange where not.",
        scorer.name(),
        all.len(),
        own.len()
    );
    Ok(Figure::new().title(format!("Which caption fits? ({})", scorer.name())).panel(grid).caption(caption))
}
