//! Training the three models one after the other.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use draw::bound::{Bound, Bounded, evaluate};
use draw::learner::EVALUATION_BATCH;
use draw::{BoundLearner, Draw, Vae};
use easel_core::Noise;
use easel_core::weights::{self, Weights};
use easel_nn::{InitScheme, NnError, Params};
use easel_train::{Checkpoints, RunDir};
use tch::{Device, Tensor};
use toml::Table;

use crate::stages::train_to_end;

use super::config::{Part, RunConfig};
use super::models::{FILES, model, splits};

/// A trained model's bound on the test pictures, and the seconds of its training.
#[derive(Debug)]
pub struct Measured {
    /// The bound.
    pub bound: Bound,
    /// Seconds of training.
    pub seconds: f64,
    /// Scalars in its parameters.
    pub parameters: i64,
    /// Step of the checkpoint that was kept.
    pub step: u64,
}

/// The three models, in the order with attention, without, variational autoencoder.
pub type All = [Measured; 3];

/// Trains what is not trained yet, writes the weights, and measures; the guarded folder comes back too.
pub fn train_all(config: &RunConfig, table: &Table, out: &Path, resume: bool, device: Device) -> Result<(RunDir, All)> {
    // A glimpse is many small operations: libtorch's own threads slow them down.
    tch::set_num_threads(1);
    let pictures = splits(config, device)?;
    let test = &pictures[2];
    let text = toml::to_string(table)?;
    let mut root = RunDir::open(out, &text, resume)?;
    let trained = fit(&mut root, &config.draw, config, &pictures, "with attention", device, |p, m| {
        Ok(Draw::new(&p.root(), m)?.in_parts(config.parts))
    })?;
    trained.write(&out.join(format!("{}.safetensors", FILES[0])), config)?;
    let draw = trained.measure(&model(&config.draw.model, &trained.weights, device)?, config, test);
    let sub = |name: &str| {
        let folder = out.join(name);
        let resume = resume && folder.exists();
        RunDir::open(&folder, &text, resume)
    };
    let mut folder = sub(FILES[1])?;
    let trained = fit(&mut folder, &config.plain, config, &pictures, "without attention", device, |p, m| {
        Draw::new(&p.root(), m)
    })?;
    trained.write(&out.join(format!("{}.safetensors", FILES[1])), config)?;
    let plain = trained.measure(&model(&config.plain.model, &trained.weights, device)?, config, test);
    let mut folder = sub("vae")?;
    let trained = fit(&mut folder, &config.vae, config, &pictures, "VAE", device, |p, m| Vae::new(&p.root(), m))?;
    let params = Params::zeros(device);
    let vae = Vae::new(&params.root(), &config.vae.model)?;
    params.load(&trained.weights)?;
    let vae = trained.measure(&vae, config, test);
    Ok((root, [draw, plain, vae]))
}

/// The averaged weights of the checkpoint with the lowest bound on the validation pictures.
struct Trained {
    weights: Weights,
    seconds: f64,
    step: u64,
}

impl Trained {
    fn write(&self, path: &Path, config: &RunConfig) -> Result<()> {
        let named: Vec<(String, Tensor)> =
            self.weights.tensors.iter().map(|(k, t)| (k.clone(), t.shallow_clone())).collect();
        let metadata = BTreeMap::from([("config".to_string(), toml::to_string(config)?)]);
        Ok(weights::write(path, &named, &metadata)?)
    }

    fn measure(&self, model: &dyn Bounded, config: &RunConfig, test: &Tensor) -> Measured {
        let parameters = self.weights.tensors.values().map(|t| t.numel() as i64).sum();
        Measured { bound: bound(model, config, test), seconds: self.seconds, parameters, step: self.step }
    }
}

/// The bound on the test pictures.
pub fn bound(model: &dyn Bounded, config: &RunConfig, test: &Tensor) -> Bound {
    evaluate(model, test, config.evaluate.draws, EVALUATION_BATCH, &Noise::new(0).purpose("draw/test draws"))
}

fn fit<M: Bounded, C>(
    run: &mut RunDir,
    part: &Part<C>,
    config: &RunConfig,
    [pictures, validation, _]: &[Tensor; 3],
    what: &str,
    device: Device,
    build: impl Fn(&Params, &C) -> Result<M, NnError>,
) -> Result<Trained> {
    let params = Params::new(device, config.seed, InitScheme::Ddpm);
    let model = build(&params, &part.model)?;
    let (pictures, validation) = (pictures.shallow_clone(), validation.shallow_clone());
    let mut learner =
        BoundLearner::new(model, &params, &part.train, pictures, validation, config.seed, part.steps.steps)?;
    let seconds = train_to_end(&mut learner, &part.steps, run, what)?;
    let checkpoints = Checkpoints::new(&run.path().join("checkpoints"), part.steps.keep);
    let (_, last) = checkpoints.latest()?.context("a finished run without checkpoints")?;
    let step = last.best_step.unwrap_or(last.step);
    let (folder, _) = checkpoints.read(step)?;
    Ok(Trained { weights: weights::read(&folder.join("model.average.safetensors"))?, seconds, step })
}
