//! The network, from the modules as they are built, and a sample step by step.

use align_draw::AlignDraw;
use anyhow::{Context, Result};
use easel_nn::Params;
use easel_plot::style::{BLUE, GREEN, PURPLE, VERMILION};
use easel_plot::{Diagram, Figure, ImageGrid};

use super::strips::trace;
use super::words::strips;
use crate::papers::align_draw::trained::Trained;

const CAPTION: &str = "the digit seven is on the left of the digit two .";
/// Canvases in a row.
const SHOWN: usize = 8;

/// Scalars of the parameters below a module's name.
fn count(shapes: &[(String, Vec<i64>)], modules: &[&str]) -> String {
    let below = |name: &str| {
        modules.iter().any(|m| name.strip_prefix(m).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    let total: i64 = shapes.iter().filter(|(name, _)| below(name)).map(|(_, s)| s.iter().product::<i64>()).sum();
    let digits = total.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

/// The block diagram above an unrolled sample.
pub fn architecture(trained: &Trained) -> Result<Figure> {
    let c = &trained.config.model;
    let params = Params::counting();
    AlignDraw::new(&params.root(), c)?;
    let shapes = params.shapes();
    let of = |modules: &[&str]| count(&shapes, modules);
    let trace = trace(trained, CAPTION, 0)?;
    let last = trace.canvas(trace.windows.len() - 1, c.filters as usize)?;
    let (n, patch) = (c.filters, c.channels * c.filters * c.filters);

    let mut d = Diagram::new().unit(70.0);
    let caption = d.words(1.3, 0.6, "caption $y$");
    let language = d.block(4.4, 0.6, 3.0, 1.25, format!("BiLSTM, 2 × {}; {}", c.language, of(&["language"])));
    let align = d.block(4.4, 3.2, 3.0, 1.25, format!("alignment, {} units; {}", c.alignment, of(&["alignment"])));
    let generative = d.block(9.4, 3.2, 3.0, 1.25, format!("generative LSTM, {}; {}", c.hidden, of(&["generative"])));
    let write = d.block(14.0, 3.2, 2.7, 1.25, format!("write {n} × {n}; {}", of(&["write", "patch"])));
    let canvas = d.picture(17.4, 3.0, 1.7, last, "");
    d.words(19.7, 3.0, "canvas $c_t$");
    let prior = d.block(9.4, 0.6, 3.0, 1.25, format!("prior $P(z_t)$, {}; {}", c.latent, of(&["prior"])));
    let posterior = d.block(9.4, 5.8, 3.0, 1.25, format!("posterior $Q(z_t)$, {}; {}", c.latent, of(&["posterior"])));
    let inference = d.block(14.0, 5.8, 2.7, 1.25, format!("inference, {}; {}", c.hidden, of(&["inference"])));
    let read = d.block(17.4, 5.8, 2.2, 1.25, format!("read {n} × {n}; {}", of(&["read"])));
    let picture = d.words(20.2, 5.8, "picture $x$");
    for block in [language, align] {
        d.style(block).color(GREEN);
    }
    for block in [posterior, inference, read] {
        d.style(block).color(PURPLE);
    }
    d.style(prior).color(BLUE);
    d.style(write).color(VERMILION);
    d.arrow(caption, language);
    d.arrow(language, align).label(format!("12 × {}", 2 * c.language));
    d.arrow(align, generative).label(format!("$s_t$: {}", 2 * c.language));
    d.arrow(generative, align).label("$h^{gen}_{t-1}$").dashed().bend(0.35);
    d.arrow(generative, write).label(format!("$h^{{gen}}_t$: {}", c.hidden));
    d.arrow(write, canvas).label(format!("{patch}"));
    d.arrow(prior, generative).label(format!("$z_t$: {}, when generating", c.latent));
    d.arrow(posterior, generative).label(format!("$z_t$: {}, in training", c.latent));
    d.arrow(inference, posterior).label(format!("{}", c.hidden));
    d.arrow(read, inference).label(format!("{}", 2 * patch));
    d.arrow(canvas, read).label("$\\hat{x}_t$").dashed();
    d.arrow(picture, read);

    let shown: Vec<usize> = {
        let total = trace.windows.len();
        let count = SHOWN.min(total);
        (0..count).map(|k| if count == 1 { 0 } else { k * (total - 1) / (count - 1) }).collect()
    };
    let canvases = shown.iter().map(|&t| trace.canvas(t, c.filters as usize)).collect::<Result<Vec<_>>>()?;
    let columns = canvases.len();
    let (side, _) = canvases.first().context("a model of at least one step")?.size();
    let strip = ImageGrid::new(canvases, columns)
        .tile(side as f64)
        .column_labels(shown.iter().map(|t| format!("$c_{{{}}}$", t + 1)));
    Ok(Figure::new()
        .title("AlignDRAW")
        .panel(easel_plot::Cell::new(d).title("(a) The network: units and parameters"))
        .panel(easel_plot::Cell::new(strip).title("(b) One sample; the square is the window of writing"))
        .panel(easel_plot::Cell::new(strips(&trace)?).title("(c) Weight of each word, steps from left to right"))
        .caption(format!(
            "After Mansimov et al. 2016, Fig. 2. (a) {} parameters in all, from the modules of the model; dashed: from the step before. \
             Purple is used in training alone. (b), (c): one sample of “{CAPTION}”. {}",
            count(&shapes, &shapes.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>()),
            trained.provenance()
        )))
}
