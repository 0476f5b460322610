//! How many samples show what their caption says, on combinations seen in training and held out.

use align_draw::oracle::{Verdict, judge};
use align_draw::sharpen::sharpness;
use align_draw::source::Pictures;
use align_draw::{learner, loss};
use anyhow::Result;
use easel_core::Noise;
use easel_data::Split;
use easel_data::captioned_digits::{CaptionedDigits, Claims, Combinations, Scene};
use easel_metrics::classes::argmax;
use easel_metrics::extractor::FeatureExtractor;
use serde_json::{Map, json};
use tch::{Kind, Tensor, no_grad};

use super::trained::Trained;
use crate::experiment::Evaluation;
use crate::papers::classifier::shipped_extractor;
use crate::papers::study::progress;

/// Pictures of the bound.
const BOUND: usize = 512;
/// Real scenes on which the oracle is checked.
const REAL: u64 = 1000;
/// Samples whose mean is blank: nothing was drawn.
const BLANK: f64 = 1e-3;

/// The first `count` scenes of a list: captions, what they claim, and the real pictures f32 `[N, 1, H, W]` in [0, 1].
pub struct Listed {
    /// The captions.
    pub captions: Vec<String>,
    /// What they claim.
    pub claims: Vec<Claims>,
    /// The pictures.
    pub images: Tensor,
}

impl Listed {
    /// Of a list.
    pub fn of(list: &CaptionedDigits, count: u64) -> Self {
        let scenes: Vec<Scene> = (0..count).map(|index| list.scene(index)).collect();
        let bytes: Vec<u8> = scenes.iter().flat_map(|scene| list.render(scene)).collect();
        let side = list.side() as i64;
        Self {
            captions: scenes.iter().map(|scene| list.caption(scene)).collect(),
            claims: scenes.iter().map(|scene| list.claims(scene)).collect(),
            images: Tensor::from_data_size(&bytes, &[count as i64, 1, side, side], Kind::Uint8).to_kind(Kind::Float)
                / 255.0,
        }
    }
}

/// The shares of samples (at the right places, right altogether).
pub fn shares(
    images: &Tensor,
    claims: &[Claims],
    list: &CaptionedDigits,
    extractor: &FeatureExtractor,
) -> Result<[f64; 2]> {
    let verdicts = judge(images, list.digit_side(), claims, |digits| -> Result<Vec<usize>> {
        Ok(argmax(extractor.extract(digits)?.log_probabilities.view())?)
    })?;
    let share =
        |holds: fn(&Verdict) -> bool| verdicts.iter().filter(|v| holds(v)).count() as f64 / verdicts.len() as f64;
    Ok([share(|v| v.placed), share(|v| v.right)])
}

/// The bound on held-out pictures, the oracle's shares, and the sharpness of samples and real scenes.
pub fn measure(trained: &Trained) -> Result<Evaluation> {
    let config = &trained.config;
    let test = config.pictures(Split::Test)?;
    let mut metrics = Map::new();
    let (reconstruction, kl) = bound(trained, &test)?;
    metrics.insert("bound".into(), json!(reconstruction + kl));
    metrics.insert("reconstruction".into(), json!(reconstruction));
    metrics.insert("kl".into(), json!(kl));
    let mut lines = vec![format!(
        "Upper bound of $-\\log P(x|y)$ on {BOUND} held-out pictures: {:.2} nats, of which {kl:.2} are the code.\n",
        reconstruction + kl
    )];
    if let Pictures::Scenes(list) = &test {
        let extractor = shipped_extractor(trained.device)?;
        let real = Listed::of(list, REAL);
        let [_, oracle] = shares(&real.images, &real.claims, list, &extractor)?;
        metrics.insert("oracle on real scenes".into(), json!(oracle));
        metrics.insert("sharpness/real".into(), json!(sharpness(&real.images)));
        lines.push(format!(
            "{} samples a row. The oracle reads {:.1} % of {REAL} real scenes right.\n",
            config.samples,
            100.0 * oracle
        ));
        lines.push("| captions | stage | placed | right | sharpness |".into());
        lines.push("|---|---|---|---|---|".into());
        let mut bar = progress(2);
        for (name, wanted) in [("seen", Combinations::Seen), ("held-out", Combinations::HeldOut)] {
            let asked = Listed::of(&list.clone().showing(wanted), config.samples as u64);
            let drawn = trained.generate(&asked.captions, config.seed, 0)?;
            anyhow::ensure!(
                drawn.mean(Kind::Double).double_value(&[]) > BLANK,
                "the samples are blank: training did not get past the black canvas; try more steps, a higher train.optim.rate.lr or a model.canvas nearer to 0"
            );
            let mut stages = vec![("", drawn.shallow_clone())];
            if trained.sharpener.is_some() {
                stages.push(("/sharpened", trained.sharpened(&drawn, &asked.captions)?));
            }
            for (stage, images) in stages {
                let [placed, right] = shares(&images, &asked.claims, list, &extractor)?;
                let sharp = sharpness(&images);
                metrics.insert(format!("{name}{stage}"), json!(right));
                metrics.insert(format!("placed/{name}{stage}"), json!(placed));
                metrics.insert(format!("sharpness/{name}{stage}"), json!(sharp));
                let stage = if stage.is_empty() { "AlignDRAW" } else { "sharpened" };
                lines.push(format!("| {name} | {stage} | {placed:.3} | {right:.3} | {sharp:.4} |"));
            }
            bar.at(if name == "seen" { 1 } else { 2 }, || name.into());
        }
        bar.finish();
    }
    Ok(Evaluation { metrics, markdown: lines.join("\n") })
}

/// The two terms of the bound, mean over held-out pictures, with one draw of the latent variables.
fn bound(trained: &Trained, test: &Pictures) -> Result<(f64, f64)> {
    let stream = Noise::new(trained.config.seed).purpose("align-draw/bound");
    let batch = test.batch(0, BOUND, &trained.vocabulary, trained.device);
    let noise = learner::epsilon(&stream, 0, 0..BOUND as u64, trained.model.config(), trained.device);
    let inferred = no_grad(|| trained.model.infer(&batch.x, &batch.tokens, &noise))?;
    let bound = loss::Bound::of(&batch.x, &inferred);
    let mean = |t: &Tensor| t.mean(Kind::Double).double_value(&[]);
    Ok((mean(&bound.reconstruction), mean(&bound.kl)))
}
