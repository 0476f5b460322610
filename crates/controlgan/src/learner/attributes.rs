//! The network of the perceptual loss learns which words are true of a picture.

use easel_data::loader::Loader;
use easel_nn::{InitScheme, Params};
use easel_train::{Group, Learner, OptimConfig, Scalars, TrainError};
use tch::{Device, Kind, Tensor, no_grad};

use super::model;
use crate::config::ControlGanConfig;
use crate::perceptual::AttributeNet;

/// Trains the attributes.
#[derive(Debug)]
pub struct AttributeLearner {
    network: AttributeNet,
    group: Group,
    loader: Loader,
    targets: Tensor,
    device: Device,
}

impl AttributeLearner {
    /// A learner of `steps` steps towards `targets` f32 `[N, A]`, those of the loader's pictures.
    ///
    /// # Errors
    /// Settings out of range.
    pub fn new(
        config: &ControlGanConfig,
        optim: OptimConfig,
        (loader, targets): (Loader, Tensor),
        (seed, steps): (u64, u64),
        device: Device,
    ) -> Result<Self, TrainError> {
        let params = Params::new(device, seed, InitScheme::Public);
        let place = params.root().sub("attributes");
        Ok(Self {
            network: AttributeNet::new(&place, config.perceptual, targets.size()[1]).map_err(model)?,
            group: Group::new("attributes", params.trained(), Kind::Float, optim, steps)?,
            loader,
            targets: targets.to_device(device),
            device,
        })
    }

    /// The averaged weights, under `attributes`.
    pub fn weights(&self) -> Vec<(String, Tensor)> {
        self.group.average()
    }
}

impl Learner for AttributeLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let batch = self.loader.batch(step);
        let rows: Vec<i64> = batch.indices.iter().map(|&i| i as i64).collect();
        let targets = self.targets.index_select(0, &Tensor::from_slice(&rows).to_device(self.device));
        let logits = self.network.forward(&batch.images);
        let loss = logits.binary_cross_entropy_with_logits::<Tensor>(&targets, None, None, tch::Reduction::Mean);
        let right = no_grad(|| logits.gt(0.0).eq_tensor(&targets.gt(0.5)).to_kind(Kind::Float).mean(Kind::Float));
        let norm = self.group.update(&loss)?;
        Ok(vec![("attributes", loss.detach()), ("attributes/right", right), ("attributes/grad_norm", norm)])
    }
}
