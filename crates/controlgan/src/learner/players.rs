//! The two players: discriminators of all stages with the word-level one, then the generator on the same pictures.

use std::collections::BTreeMap;
use std::path::Path;

use easel_core::tensor::normal_tensor;
use easel_core::{Noise, Stream, weights};
use easel_data::loader::Loader;
use easel_nn::{InitScheme, Params};
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use gan::penalty::gradient_penalty;
use gan::sample::averaged;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad};

use super::model;
use crate::captions::Captions;
use crate::config::ControlGanConfig;
use crate::correlation::{CorreMode, correlate, official_score};
use crate::damsm;
use crate::discriminator::{Discriminator, WordPerception};
use crate::features::TextFeatures;
use crate::generator::{Generated, Generator};
use crate::loss::{self, AdversarialForm, Judged};
use crate::model::Frozen;
use crate::perceptual::{Vgg, perceptual_loss};

/// File of the generator's running statistics in a checkpoint.
const STATISTICS: &str = "generator.statistics.safetensors";

/// Batches from which the statistics of the averaged generator are taken.
const CALIBRATION: u64 = 40;

/// Weights of the terms; 0 leaves a term out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossWeights {
    /// $\lambda_1$: the word-level discriminator's loss.
    pub word_discriminator: f64,
    /// $\lambda_2$: DAMSM.
    pub damsm: f64,
    /// $\lambda_3$: the perceptual loss.
    pub perceptual: f64,
    /// $\lambda_4$: the generator's word-level loss.
    pub word_generator: f64,
    /// Share of the run before $\lambda_4$ counts: F' must have learned something.
    pub word_delay: f64,
    /// Of the divergence of the conditioning augmentation.
    pub divergence: f64,
}

/// How the players are trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayersConfig {
    /// The adversarial terms.
    pub adversarial: AdversarialForm,
    /// The word-level score.
    pub corre: CorreMode,
    /// Weight of the gradient penalty of every discriminator ([`gradient_penalty`]); 0, as in the paper, is none.
    pub penalty: f64,
    /// Weights of the terms.
    pub weights: LossWeights,
    /// G's optimiser.
    pub generator: OptimConfig,
    /// The optimiser of all discriminators: without clipping the same as one for each, as Adam treats every weight by itself.
    pub discriminator: OptimConfig,
}

impl PlayersConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// The key at fault.
    pub fn validate(&self) -> Result<(), TrainError> {
        self.generator.validate()?;
        self.discriminator.validate()?;
        let w = &self.weights;
        let all = [
            ("penalty", self.penalty),
            ("weights.word_discriminator", w.word_discriminator),
            ("weights.damsm", w.damsm),
            ("weights.perceptual", w.perceptual),
            ("weights.word_generator", w.word_generator),
            ("weights.divergence", w.divergence),
        ];
        for (key, value) in all {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(TrainError::Range { key, value: value.to_string(), expected: "0 or above" });
            }
        }
        if !(0.0..=1.0).contains(&w.word_delay) {
            let (key, expected) = ("weights.word_delay", "in [0, 1]");
            return Err(TrainError::Range { key, value: w.word_delay.to_string(), expected });
        }
        if self.corre == CorreMode::PaperSum && (w.word_discriminator > 0.0 || w.word_generator > 0.0) {
            let expected =
                "weighted, product or official_code: the printed sum exceeds 1, where its loss does not exist";
            return Err(TrainError::Range { key: "corre", value: "paper_sum".into(), expected });
        }
        Ok(())
    }
}

/// Trains generator and discriminators.
#[derive(Debug)]
pub struct PlayersLearner {
    model: ControlGanConfig,
    config: PlayersConfig,
    frozen: Frozen,
    vgg: Option<Vgg>,
    generator: Generator,
    generator_params: Params,
    discriminators: Vec<Discriminator>,
    perception: WordPerception,
    groups: [Group; 2],
    loader: Loader,
    captions: Captions,
    noise: [Stream; 2],
    steps: u64,
    device: Device,
}

/// What one step works on.
struct Round {
    /// Real pictures in every stage's size.
    real: Vec<Tensor>,
    text: TextFeatures,
    /// Captions that belong to other pictures.
    others: TextFeatures,
    same: Tensor,
    made: Generated,
}

impl PlayersLearner {
    /// A learner of `steps` steps; `captions` are those of the loader's pictures.
    ///
    /// # Errors
    /// Settings out of range, pictures of another size.
    pub fn new(
        model_config: &ControlGanConfig,
        config: &PlayersConfig,
        frozen: Frozen,
        (loader, captions): (Loader, Captions),
        (seed, steps): (u64, u64),
        device: Device,
    ) -> Result<Self, TrainError> {
        config.validate()?;
        if config.penalty > 0.0 && model_config.normalised {
            let (value, expected) = (config.penalty.to_string(), "0, or model.normalised = false");
            return Err(TrainError::Range { key: "penalty", value, expected });
        }
        let expected = [3, model_config.side, model_config.side];
        if loader.picture_shape() != expected {
            let found = loader.picture_shape();
            return Err(TrainError::Model(format!("pictures have shape {found:?}, the generator makes {expected:?}")));
        }
        let (g, d) =
            (Params::new(device, seed, InitScheme::Orthogonal), Params::new(device, seed, InitScheme::Orthogonal));
        let generator = Generator::new(&g.root().sub("generator"), model_config).map_err(model)?;
        let discriminator = |k: i64| {
            Discriminator::new(&d.root().sub("discriminators").sub(k), model_config, model_config.stage_side(k))
        };
        let discriminators =
            (0..model_config.stages).map(discriminator).collect::<Result<Vec<_>, _>>().map_err(model)?;
        let perception = WordPerception::new(&d.root().sub("perception"), model_config).map_err(model)?;
        let random = Noise::new(seed);
        Ok(Self {
            model: model_config.clone(),
            config: *config,
            frozen,
            vgg: None,
            generator,
            discriminators,
            perception,
            groups: [
                Group::new("generator", g.trained(), Kind::Float, config.generator, steps)?,
                Group::new("discriminators", d.trained(), Kind::Float, config.discriminator, steps)?,
            ],
            loader,
            captions,
            noise: [random.purpose("players/z"), random.purpose("players/epsilon")],
            generator_params: g,
            steps,
            device,
        })
    }

    /// The same with a VGG as the network of the perceptual loss.
    pub fn with_vgg(mut self, vgg: Vgg) -> Self {
        self.vgg = Some(vgg.scaled_to(&self.loader.batch(0).images));
        self
    }

    /// The averaged weights of G with statistics of batch normalisation that belong to them, and F', under `generator` and
    /// `perception`.
    ///
    /// # Errors
    /// libtorch's refusal.
    pub fn weights(&mut self) -> Result<Vec<(String, Tensor)>, TrainError> {
        let mut averaged = self.averaged_generator()?;
        let d = &self.groups[1].params;
        averaged.extend(d.named(d.master()).into_iter().filter(|(name, _)| name.starts_with("perception")));
        Ok(averaged)
    }

    fn averaged_generator(&mut self) -> Result<Vec<(String, Tensor)>, TrainError> {
        let texts = (0..CALIBRATION).map(|k| self.text(&self.loader.indices(k))).collect::<Result<Vec<_>, _>>()?;
        let (generator, params, model, device) = (&self.generator, &self.generator_params, &self.model, self.device);
        let noise = &self.noise;
        let pass = |k: u64| {
            let text = &texts[k as usize];
            let n = text.sentence.size()[0] as u64;
            // Steps that training does not reach.
            let draw = |stream: &Stream, width| normal_tensor(stream, u64::MAX - k, 0..n, &[width], device);
            let _ = generator.forward(text, &draw(&noise[0], model.z), &draw(&noise[1], model.conditioning), true);
        };
        Ok(averaged(&mut self.groups[0], params, CALIBRATION, pass))
    }

    /// Captions of the pictures `indices`, read by the frozen encoder.
    fn text(&self, indices: &[usize]) -> Result<TextFeatures, TrainError> {
        no_grad(|| TextFeatures::of(&self.frozen.text, &self.captions.tokens(indices, self.device))).map_err(model)
    }

    fn round(&self, step: u64) -> Result<Round, TrainError> {
        let batch = self.loader.batch(step);
        let text = self.text(&batch.indices)?;
        let n = batch.indices.len() as u64;
        let draw = |stream: &Stream, width| normal_tensor(stream, step, 0..n, &[width], self.device);
        let (z, epsilon) = (draw(&self.noise[0], self.model.z), draw(&self.noise[1], self.model.conditioning));
        let made = self.generator.forward(&text, &z, &epsilon, true);
        let shrunk = |k: i64| batch.images.adaptive_avg_pool2d([self.model.stage_side(k); 2]);
        Ok(Round {
            real: (0..self.model.stages).map(shrunk).collect(),
            others: text.select(&self.captions.others(&batch.indices, self.device)),
            text,
            same: self.captions.same(&batch.indices, self.device),
            made,
        })
    }

    /// Scores of captions for pictures' local features (with F' applied) or, as the released code, for their regions.
    fn correlation(&self, text: &TextFeatures, perceived: &Tensor, regions: &Tensor) -> Tensor {
        match self.config.corre {
            CorreMode::OfficialCode => {
                let gammas = self.model.gammas;
                official_score(&text.words, regions, &text.mask, gammas.regions, gammas.words).detach()
            }
            mode => correlate(&text.words, perceived, &text.mask, self.model.temperature).score(mode),
        }
    }

    fn discriminate(&mut self, round: &Round) -> Result<(Tensor, Scalars), TrainError> {
        let (penalty, sentence) = (self.config.penalty, &round.text.sentence);
        let sentence = &sentence.detach().set_requires_grad(penalty > 0.0);
        let mut total = Tensor::zeros([], (Kind::Float, self.device));
        let mut penalties = total.copy();
        let mut scalars = Vec::new();
        for (k, d) in self.discriminators.iter().enumerate() {
            let picture = round.real[k].detach().set_requires_grad(penalty > 0.0);
            let real = d.features(&picture, true);
            let fake = d.features(&round.made.images[k].detach(), true);
            let judged = Judged {
                real: d.unconditional(&real),
                real_caption: d.conditional(&real, sentence, true),
                fake: d.unconditional(&fake),
                fake_caption: d.conditional(&fake, sentence, true),
                wrong_caption: d.conditional(&real, &round.others.sentence, true),
            };
            total += loss::discriminator(&judged, self.config.adversarial);
            if penalty > 0.0 {
                let both = (&judged.real + &judged.real_caption) * 0.5;
                penalties += gradient_penalty(&both, &picture, sentence) * penalty;
            }
            if k + 1 == self.discriminators.len() {
                let mean = |logits: &Tensor| no_grad(|| logits.sigmoid().mean(Kind::Float));
                scalars.push(("d/real", mean(&judged.real)));
                scalars.push(("d/fake", mean(&judged.fake)));
                scalars.push(("d/wrong", mean(&judged.wrong_caption)));
            }
        }
        scalars.push(("discriminator", total.detach()));
        scalars.push(("d/penalty", penalties.detach()));
        total += penalties;
        if self.config.weights.word_discriminator > 0.0 {
            // excerpt: word-terms
            let seen = no_grad(|| self.frozen.image.forward(&round.real[round.real.len() - 1]));
            let perceived = self.perception.forward(&seen.local);
            let matched = self.correlation(&round.text, &perceived, &seen.regions);
            let mismatched = self.correlation(&round.others, &perceived, &seen.regions);
            let word = loss::cross_entropy(&matched, true) + loss::cross_entropy(&mismatched, false);
            // end excerpt
            scalars.push(("d/word", word.detach()));
            scalars.push(("word/matched", no_grad(|| matched.mean(Kind::Float)).detach()));
            scalars.push(("word/mismatched", no_grad(|| mismatched.mean(Kind::Float)).detach()));
            total += word * self.config.weights.word_discriminator;
        }
        Ok((total, scalars))
    }

    fn generate(&self, round: &Round, step: u64) -> (Tensor, Scalars) {
        let weights = self.config.weights;
        let mut total = Tensor::zeros([], (Kind::Float, self.device));
        for (d, image) in self.discriminators.iter().zip(&round.made.images) {
            let features = d.features(image, true);
            let caption = d.conditional(&features, &round.text.sentence, true);
            total += loss::generator(&d.unconditional(&features), &caption, self.config.adversarial);
        }
        let mut scalars = vec![("generator", total.detach())];
        let mut add = |name, weight: f64, term: Tensor| {
            scalars.push((name, term.detach()));
            total += term * weight;
        };
        let text = &round.text;
        let word = weights.word_generator > 0.0 && step as f64 >= weights.word_delay * self.steps as f64;
        if weights.damsm > 0.0 || word {
            let seen = self.frozen.image.forward(round.made.last());
            if weights.damsm > 0.0 {
                let words = (&text.words, &text.sentence, &text.mask);
                let damsm = damsm::loss(words, (&seen.regions, &seen.global), &round.same, self.model.gammas);
                add("g/damsm", weights.damsm, damsm.total());
            }
            if word {
                let score = self.correlation(text, &self.perception.forward_frozen(&seen.local), &seen.regions);
                add("g/word", weights.word_generator, loss::cross_entropy(&score, true));
            }
        }
        if weights.perceptual > 0.0 {
            let phi = |image: &Tensor| match &self.vgg {
                Some(vgg) => vgg.relu2_2(image),
                None => self.frozen.attributes.relu2_2(image),
            };
            let stage = |(made, real): (&Tensor, &Tensor)| perceptual_loss(&phi(made), &no_grad(|| phi(real)));
            let terms: Vec<Tensor> = round.made.images.iter().zip(&round.real).map(stage).collect();
            add("g/perceptual", weights.perceptual, Tensor::stack(&terms, 0).mean(Kind::Float));
        }
        add("g/divergence", weights.divergence, round.made.conditioning.divergence());
        scalars.push(("spread", spread(round)));
        (total, scalars)
    }
}

/// Deviation of generated pictures across the batch against that of real ones: near 0 when G makes one picture only.
fn spread(round: &Round) -> Tensor {
    no_grad(|| {
        let deviation = |images: &Tensor| images.std_dim([0i64].as_slice(), true, false).mean(Kind::Float);
        deviation(round.made.last()) / deviation(&round.real[round.real.len() - 1]).clamp_min(1e-6)
    })
}

impl Learner for PlayersLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        self.groups.iter_mut().collect()
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let round = self.round(step)?;
        let (d, of_d) = self.discriminate(&round)?;
        let d_norm = self.groups[1].update(&d)?;
        let (g, mut scalars) = self.generate(&round, step);
        let g_norm = self.groups[0].update(&g)?;
        scalars.extend(of_d);
        scalars.extend([("grad_norm/generator", g_norm), ("grad_norm/discriminators", d_norm)]);
        Ok(scalars)
    }

    // The discriminators' running statistics are not saved: they are always used on the statistics of their batch.
    fn save_extra(&self, folder: &Path) -> Result<(), TrainError> {
        Ok(weights::write(&folder.join(STATISTICS), &self.generator_params.untrained(), &BTreeMap::new())?)
    }

    fn load_extra(&mut self, folder: &Path) -> Result<(), TrainError> {
        Ok(weights::load_strict(&mut self.generator_params.untrained(), &weights::read(&folder.join(STATISTICS))?)?)
    }
}
