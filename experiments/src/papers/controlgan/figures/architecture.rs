//! The networks of the model, with shapes, parameters and pictures.

use anyhow::Result;
use controlgan::{ControlGan, Discriminator};
use easel_nn::Params;
use easel_plot::style::{BLUE, BROWN, GREEN, PURPLE, VERMILION};
use easel_plot::text::literal;
use easel_plot::{Diagram, Figure};

use super::single;
use crate::papers::controlgan::model::Trained;
use crate::tensors::pictures;

pub fn draw(trained: &Trained) -> Result<Figure> {
    let config = &trained.config.model;
    let caption = single(trained, 1)?[0].caption();
    let made = trained.generate(&[&caption], trained.config.seed)?;
    let counts = Counts::of(trained)?;
    let mut g = Diagram::new().unit(66.0);
    let d = config.width;
    let text = g.block(1.3, 1.0, 2.4, 1.2, format!("text encoder\n{}", counts.below("text.")));
    let words = g.block(4.4, 0.3, 2.6, 0.8, format!("words $w$: {d} × L"));
    let sentence = g.block(4.4, 1.7, 2.6, 0.8, format!("sentence $s$: {d}"));
    let noise = g.block(1.3, 4.0, 2.0, 0.8, format!("$z$: {}", config.z));
    for node in [text, sentence, words] {
        g.style(node).color(PURPLE);
    }
    g.arrow(text, sentence);
    g.arrow(text, words);
    let (mut before, mut picture, first_x, gap) = (noise, noise, 4.4, 4.3);
    for (k, images) in made.images.iter().enumerate() {
        let (stage, x) = (k as i64, first_x + gap * k as f64);
        let side = config.stage_side(stage);
        let what = match (k, config.channel_attention) {
            (0, _) => "conditioning, up",
            (_, true) => "spatial, channel attention, residual, up",
            (_, false) => "spatial attention, residual, up",
        };
        let weights = counts.below(&format!("generator.stages.{k}."));
        let block = g.block(x, 4.0, 2.7, 2.1, format!("stage {}\n{what}\n{weights}", k + 1));
        g.style(block).color(GREEN);
        picture = g.picture(x, 6.7, 0.75 + 0.35 * k as f64, pictures(images)?.remove(0), "");
        g.arrow(block, picture);
        let weights = counts.below(&format!("discriminators.{k}."));
        let judge = g.block(x, 9.0, 2.7, 1.2, format!("D, {side} × {side}\n{weights}"));
        g.style(judge).color(VERMILION);
        g.arrow(picture, judge);
        let handed = g.arrow(before, block);
        if k > 0 {
            handed.label(format!("{} × {1} × {1}", config.generator, config.stage_side(stage - 1)));
        }
        g.arrow(if k == 0 { sentence } else { words }, block);
        before = block;
    }
    let x = first_x + gap * made.images.len() as f64;
    let local = config.encoder[config.encoder.len() - 2];
    let damsm = g.block(x, 0.3, 2.4, 0.8, "DAMSM");
    let word = g.block(x, 4.0, 2.4, 1.7, format!("word-level D\n$F'$: {d} × {local}\n{}", counts.below("perception.")));
    let image = g.block(x, 6.7, 2.6, 1.6, format!("picture encoder, frozen\n{}", counts.below("image.")));
    let perceptual = g.block(x, 9.0, 2.6, 1.6, format!("perceptual network, frozen\n{}", counts.below("attributes.")));
    for (node, color) in [(image, BLUE), (word, VERMILION), (damsm, BLUE), (perceptual, BROWN)] {
        g.style(node).color(color);
    }
    g.arrow(picture, image);
    g.arrow(picture, perceptual);
    g.arrow(image, word);
    g.arrow(image, damsm).bend(-0.5);
    g.arrow(words, damsm);
    g.arrow(words, word);
    Ok(Figure::new().title("ControlGAN, as it is trained here").panel(g).caption(format!(
        "Pictures are of “{}”, one noise. Numbers of parameters are counted in the networks themselves. The words reach \
         every stage but the first, and the sentence the first and every discriminator. After Fig. 2 of Li et al. 2019. {}",
        literal(&caption),
        trained.provenance()
    )))
}

/// Parameters of all networks.
struct Counts(Vec<(String, i64)>);

impl Counts {
    fn of(trained: &Trained) -> Result<Self> {
        let (config, params) = (&trained.config.model, Params::counting());
        ControlGan::new(&params.root(), config, trained.vocabulary.len(), trained.attributes)?;
        for k in 0..config.stages {
            Discriminator::new(&params.root().sub("discriminators").sub(k), config, config.stage_side(k))?;
        }
        Ok(Self(params.shapes().into_iter().map(|(name, shape)| (name, shape.iter().product())).collect()))
    }

    /// Of everything whose name starts so, in words.
    fn below(&self, prefix: &str) -> String {
        let count: i64 = self.0.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, n)| n).sum();
        if count < 10_000 { format!("{count} weights") } else { format!("{} k weights", (count + 500) / 1000) }
    }
}
