//! The figures.

mod architecture;
mod output;
mod strips;
mod words;

use anyhow::{Result, bail, ensure};
use easel_data::Split;
use easel_data::captioned_digits::{CaptionedDigits, Combinations};
use easel_plot::Figure;

use super::config::DIGITS;
use super::trained::Trained;
use crate::experiment::FigureInfo;

/// All figures.
pub const ALL: &[FigureInfo] = &[
    FigureInfo { name: "aligndraw_output", about: "a row a caption, combinations never seen in training included" },
    FigureInfo { name: "aligndraw_arch", about: "the network as it is built, and one picture drawn step by step" },
    FigureInfo { name: "aligndraw_words", about: "how attention goes over the words while a picture is drawn" },
    FigureInfo { name: "aligndraw_swap", about: "one word of the caption changed, the noise kept" },
    FigureInfo { name: "aligndraw_sharpen", about: "samples before and after the sharpening stage" },
];

/// Draws the figure called `name`.
pub fn draw(name: &str, trained: &Trained) -> Result<Figure> {
    ensure!(
        trained.config.data == DIGITS,
        "the figures of align-draw show captioned-digits; this model was trained on {}",
        trained.config.data
    );
    match name {
        "aligndraw_output" => output::output(trained),
        "aligndraw_arch" => architecture::architecture(trained),
        "aligndraw_words" => words::words(trained),
        "aligndraw_swap" => output::swap(trained),
        "aligndraw_sharpen" => output::sharpen(trained),
        other => bail!(
            "align-draw has no figure `{other}`; there are: {}",
            ALL.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The first `count` different captions of held-out pictures, of seen or of held-out combinations.
fn captions(trained: &Trained, wanted: Combinations, count: usize) -> Result<Vec<String>> {
    let side = trained.config.model.side as usize;
    let list = CaptionedDigits::new(side, trained.config.seed, Split::Test)?.showing(wanted);
    let mut templates = Vec::new();
    let mut captions = Vec::new();
    for scene in (0..1000).map(|index| list.scene(index)) {
        // Different templates show more of what the model can do.
        if captions.len() < count && !templates.contains(&scene.template) {
            templates.push(scene.template);
            captions.push(list.caption(&scene));
        }
    }
    Ok(captions)
}
