//! Channel-wise attention and the word-level discriminator: their shapes, and what the trained one says.

use anyhow::{Context, Result};
use controlgan::correlation::{Correlation, correlate};
use controlgan::{ControlGanConfig, CorreMode};
use easel_plot::style::{BLUE, GREEN, PURPLE, VERMILION};
use easel_plot::text::literal;
use easel_plot::{Bars, Cell, Diagram, Figure, ImageGrid};
use easel_text::vocabulary::words;
use tch::{Kind, no_grad};

use super::maps::heat;
use super::single;
use crate::papers::controlgan::data::rendered;
use crate::papers::controlgan::model::Trained;

pub fn draw(trained: &Trained) -> Result<Figure> {
    let config = &trained.config.model;
    let scenes = single(trained, 2)?;
    let image = rendered(&scenes[..1], config.side as usize).to_device(trained.device);
    let captions: Vec<String> = scenes.iter().map(|scene| scene.caption()).collect();
    let score = |caption: &String| -> Result<Correlation> {
        let text = trained.text(&[caption])?;
        let model = &trained.model;
        Ok(no_grad(|| {
            let perceived = model.perception.forward(&model.frozen.image.forward(&image).local);
            correlate(&text.words, &perceived, &text.mask, config.temperature)
        }))
    };
    let (matched, other) = (score(&captions[0])?, score(&captions[1])?);
    let mut first = vec![Cell::new(word_level(config)).title("(b) Word-level discriminator")];
    if config.channel_attention {
        first.insert(0, Cell::new(channel_wise(config)).title("(a) Channel-wise attention"));
    }
    let weighted = |c: &Correlation| no_grad(|| c.score(CorreMode::Weighted).double_value(&[0]));
    Ok(Figure::new()
        .title("Words and channels, words and regions")
        .row(first)
        .panel(Cell::new(regions(&captions[0], &matched)?).title("(c) $\\beta$: regions of a real picture for each word"))
        .panel(bars(&captions[0], &matched)?.title(format!("(d) Its caption: $L_{{corre}} = {:.2}$", weighted(&matched))))
        .panel(bars(&captions[1], &other)?.title(format!("(e) Another caption: $L_{{corre}} = {:.2}$", weighted(&other))))
        .caption(format!(
            "After Fig. 3 of Li et al. 2019, with the shapes of our model. (c) Rows are words, columns the {} regions of the \
             picture of “{}”; a row sums to 1. (d, e) $\\gamma$ is the words' self-attention, $r$ the correlation of each \
             word with that picture, a sigmoid of {} times a cosine. As printed in the paper, $\\gamma$ scales a vector \
             inside a cosine and has no effect; here it weighs the words: $L_{{corre}} = \\sum_i \\gamma_i r_i$. {}",
            config.region_side() * config.region_side(),
            literal(&captions[0]),
            config.temperature,
            trained.provenance()
        )))
}

fn regions(caption: &str, found: &Correlation) -> Result<ImageGrid> {
    let beta = found.regions.get(0); // [L, M]
    let most = beta.max().double_value(&[]);
    let words = words(caption);
    let width = (640 / beta.size()[1]).max(1);
    let strips = (0..words.len() as i64).map(|i| heat(&beta.narrow(0, i, 1), most, [width, 14]));
    Ok(ImageGrid::new(strips.collect::<Result<_>>()?, 1)
        .tile(640.0)
        .gap(2.0)
        .row_labels(words.iter().map(|w| literal(w))))
}

fn bars(caption: &str, found: &Correlation) -> Result<Cell> {
    let words = words(caption);
    let values = |t: &tch::Tensor| -> Result<Vec<f64>> {
        let row = t.get(0).narrow(0, 0, words.len() as i64).to_kind(Kind::Double);
        Vec::try_from(row).context("a row of numbers")
    };
    let (gamma, r) = (values(&found.importance)?, values(&found.words)?);
    Ok(Cell::new(
        Bars::new("weight, correlation", words.iter().map(|w| literal(w)))
            .series("$\\gamma$", &gamma)
            .series("$r$", &r),
    ))
}

fn channel_wise(config: &ControlGanConfig) -> Diagram {
    let side = config.stage_side(config.stages.saturating_sub(2).max(0));
    let (d, c, hw) = (config.width, config.generator, side * side);
    let mut g = Diagram::new().unit(64.0);
    let words = g.block(1.0, 0.6, 1.8, 0.9, format!("words $w$\n{d} × L"));
    let hidden = g.block(1.0, 3.4, 1.8, 0.9, format!("features $v$\n{c} × {hw}"));
    let layer = g.block(4.0, 0.6, 1.8, 0.9, format!("layer $F$\n{hw} × {d}"));
    let scores = g.block(4.0, 3.4, 1.8, 0.9, format!("softmax $\\alpha$\n{c} × L"));
    let output = g.block(7.0, 2.0, 1.8, 0.9, format!("output $f$\n{c} × {hw}"));
    for (node, color) in [(words, PURPLE), (hidden, BLUE), (layer, GREEN), (scores, VERMILION), (output, BLUE)] {
        g.style(node).color(color);
    }
    g.arrow(words, layer);
    g.arrow(hidden, scores);
    g.arrow(layer, scores).label(format!("$\\tilde{{w}}$: {hw} × L"));
    g.arrow(layer, output);
    g.arrow(scores, output);
    g
}

fn word_level(config: &ControlGanConfig) -> Diagram {
    let (d, m) = (config.width, config.region_side() * config.region_side());
    let local = config.encoder[config.encoder.len() - 2];
    let mut g = Diagram::new().unit(64.0);
    let image = g.block(1.0, 3.4, 1.8, 0.9, format!("regions $n$\n{local} × {m}"));
    let words = g.block(1.0, 0.6, 1.8, 0.9, format!("words $w$\n{d} × L"));
    let layer = g.block(4.0, 3.4, 1.8, 0.9, format!("layer $F'$\n{d} × {local}"));
    let beta = g.block(4.0, 2.0, 1.8, 0.9, format!("softmax $\\beta$\nL × {m}"));
    let gamma = g.block(4.0, 0.6, 1.8, 0.9, "attention $\\gamma$\n1 × L");
    let r = g.block(7.0, 2.0, 1.8, 0.9, "cosines $r$\n1 × L");
    let score = g.block(9.4, 1.3, 1.6, 0.9, "$L_{corre}$\n1");
    let colors = [
        (image, BLUE),
        (words, PURPLE),
        (layer, GREEN),
        (beta, VERMILION),
        (gamma, VERMILION),
        (r, BLUE),
        (score, BLUE),
    ];
    for (node, color) in colors {
        g.style(node).color(color);
    }
    g.arrow(image, layer);
    g.arrow(words, beta);
    g.arrow(words, gamma);
    g.arrow(layer, beta).label(format!("$\\tilde{{n}}$: {d} × {m}"));
    g.arrow(beta, r).label("$b$");
    g.arrow(r, score);
    g.arrow(gamma, score);
    g
}
