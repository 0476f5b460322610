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
    let mut g = Diagram::new().unit(70.0);
    let d = config.width;
    let text = g.block(1.3, 1.0, 2.4, 1.2, format!("text encoder\n{}", counts.below("text.")));
    let sentence = g.block(4.2, 0.4, 2.2, 0.8, format!("sentence $s$: {d}"));
    let words = g.block(4.2, 1.6, 2.2, 0.8, format!("words $w$: {d} × L"));
    let noise = g.block(1.3, 3.4, 2.4, 0.8, format!("$z$: {}", config.z));
    for node in [text, sentence, words] {
        g.style(node).color(PURPLE);
    }
    g.arrow(text, sentence);
    g.arrow(text, words);
    let (mut before, first_x, gap) = (None, 4.2, 3.7);
    for (k, images) in made.images.iter().enumerate() {
        let (stage, x) = (k as i64, first_x + gap * k as f64);
        let side = config.stage_side(stage);
        let what = if k == 0 {
            "conditioning, 4 × 4, up"
        } else if config.channel_attention {
            "spatial and channel attention, residual, up"
        } else {
            "spatial attention, residual, up"
        };
        let block = g.block(
            x,
            3.4,
            2.6,
            1.7,
            format!("stage {}: {what}\n{}", k + 1, counts.below(&format!("generator.stages.{k}."))),
        );
        g.style(block).color(GREEN);
        let tile = pictures(images)?.remove(0);
        let picture = g.picture(x, 5.9, 0.75 + 0.35 * k as f64, tile, "");
        g.arrow(block, picture);
        let judge = g.block(
            x,
            8.0,
            2.6,
            1.0,
            format!("D at {side} × {side}\n{}", counts.below(&format!("discriminators.{k}."))),
        );
        g.style(judge).color(VERMILION);
        g.arrow(picture, judge);
        match before {
            None => {
                g.arrow(noise, block);
                g.arrow(sentence, block).dashed().bend(-0.25);
            }
            Some(previous) => {
                g.arrow(previous, block).label(format!(
                    "{} × {1} × {1}",
                    config.generator,
                    config.stage_side(stage - 1)
                ));
                g.arrow(words, block);
            }
        }
        before = Some(block);
    }
    let x = first_x + gap * made.images.len() as f64;
    let local = config.encoder[config.encoder.len() - 2];
    let image = g.block(x, 5.9, 2.4, 1.2, format!("picture encoder, frozen\n{}", counts.below("image.")));
    let word = g.block(x, 3.4, 2.6, 1.4, format!("word-level D, $F'$: {d} × {local}\n{}", counts.below("perception.")));
    let damsm = g.block(x, 1.6, 2.4, 0.8, "DAMSM");
    let perceptual = g.block(x, 8.0, 2.6, 1.2, format!("perceptual network, frozen\n{}", counts.below("attributes.")));
    for (node, color) in [(image, BLUE), (word, VERMILION), (damsm, BLUE), (perceptual, BROWN)] {
        g.style(node).color(color);
    }
    let side = config.stage_side(config.stages - 1);
    let last = g.words(x - 1.95, 5.9, "");
    g.arrow(last, image).label(format!("{side}²"));
    g.arrow(image, word);
    g.arrow(words, damsm);
    g.arrow(image, damsm).bend(0.5);
    let from = g.words(x - 1.95, 7.2, "");
    g.arrow(from, perceptual);
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
