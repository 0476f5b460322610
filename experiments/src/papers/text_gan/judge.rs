//! Reads attributes off pictures: the exact oracle for shapes, and a network trained here on real pictures, whose
//! penultimate layer also gives the features of the Frechet distance. Nothing here trains or guides a generator.

use anyhow::Result;
use easel_core::weights::Weights;
use easel_core::{Noise, Stream};
use easel_data::loader::{Loader, scaled};
use easel_data::shapes::{Oracle, Place, Seen, Size, magnified};
use easel_metrics::classifier::{Classifier, ClassifierConfig};
use easel_metrics::extractor::FeatureExtractor;
use easel_nn::{InitScheme, Params};
use easel_train::{Group, Learner, Scalars, TrainError};
use ndarray::{Array2, Axis, Slice};
use tch::{Device, Kind, Tensor};

use super::config::RunConfig;
use super::world::{Attribute, CLOSER, Part, World};
use crate::tensors::{all_images, bytes};

/// Values of the attributes of one picture; none where it cannot be read.
pub type Values = Vec<Option<usize>>;

/// The judge in training: one classifier whose outputs are a block for each attribute.
pub struct JudgeLearner {
    classifier: Classifier,
    group: Group,
    loader: Loader,
    values: Vec<Tensor>,
    blocks: Vec<(i64, i64)>,
    dropout: Stream,
    config: ClassifierConfig,
}

/// First output and number of outputs of each attribute.
fn blocks(attributes: &[Attribute]) -> Vec<(i64, i64)> {
    let ends = attributes.iter().scan(0, |end, attribute| {
        *end += attribute.values.len() as i64;
        Some(*end)
    });
    ends.zip(attributes).map(|(end, a)| (end - a.values.len() as i64, a.values.len() as i64)).collect()
}

impl JudgeLearner {
    /// A fresh judge of the attributes of `world`.
    pub fn new(world: &World, config: &RunConfig, device: Device) -> Result<Self> {
        let blocks = blocks(&world.attributes);
        let classes = blocks.iter().map(|(_, n)| n).sum();
        let sizes = ClassifierConfig { name: world.name.into(), channels: 3, classes };
        let params = Params::new(device, config.seed, InitScheme::Public);
        let stage = &config.judge;
        // Small moves: positions must stay readable.
        let pictures = super::config::Pictures { flip: false, shift: 1, rotate: 0.0, scale: 0.0 };
        Ok(Self {
            classifier: Classifier::new(&params.root(), &sizes)?,
            group: Group::new("judge", params.trained(), Kind::Float, stage.optim, stage.steps.steps)?,
            loader: Loader::new(&world.train.data, pictures.loader(stage.batch, config.seed), device)?,
            values: world.train.values.iter().map(|v| Tensor::from_slice(v).to_device(device)).collect(),
            blocks,
            dropout: Noise::new(config.seed).purpose("judge/dropout"),
            config: sizes,
        })
    }

    /// The averaged weights, and what their file must say.
    pub fn weights(&self) -> (Vec<(String, Tensor)>, std::collections::BTreeMap<String, String>) {
        (self.group.average(), self.config.metadata())
    }
}

impl Learner for JudgeLearner {
    fn groups(&mut self) -> Vec<&mut Group> {
        vec![&mut self.group]
    }

    fn step(&mut self, step: u64) -> Result<Scalars, TrainError> {
        let batch = self.loader.batch(step);
        let rows: Vec<i64> = batch.indices.iter().map(|&i| i as i64).collect();
        let rows = Tensor::from_slice(&rows).to_device(batch.images.device());
        // Dropout draws from libtorch's own generator, which is set anew at every step.
        tch::manual_seed(self.dropout.below(step, 0, i64::MAX as usize) as i64);
        let log_p = self.classifier.forward(&batch.images, true).map_err(|e| TrainError::Model(e.to_string()))?;
        let losses: Vec<Tensor> = (self.blocks.iter().zip(&self.values))
            .map(|(&(first, n), values)| {
                // A block of log-probabilities of all outputs, normalised again, is the block's own softmax.
                let block = log_p.narrow(1, first, n).log_softmax(-1, Kind::Float);
                block.nll_loss(&values.index_select(0, &rows))
            })
            .collect();
        let loss = Tensor::stack(&losses, 0).sum(Kind::Float);
        let norm = self.group.update(&loss)?;
        Ok(vec![("judge_loss", loss.detach()), ("grad_judge", norm)])
    }
}

/// The judge in use.
#[derive(Debug)]
pub struct Judge {
    extractor: FeatureExtractor,
    blocks: Vec<(i64, i64)>,
    oracle: bool,
}

/// What the judge says of pictures.
#[derive(Debug)]
pub struct Reading {
    /// Values of the attributes, `[picture][attribute]`: by the oracle for shapes, else by the network.
    pub values: Vec<Values>,
    /// Whether there is exactly one thing to read; always so for the network.
    pub single: Vec<bool>,
    /// Features of the network, `[N, 64]`.
    pub features: Array2<f64>,
    /// Log-probabilities of the first attribute, `[N, values]`.
    pub first: Array2<f64>,
}

impl Judge {
    /// The judge of a weight file.
    pub fn new(world: &World, weights: &Weights, device: Device) -> Result<Self> {
        let extractor = FeatureExtractor::from_weights(weights, device)?;
        let blocks = blocks(&world.attributes);
        let outputs: i64 = blocks.iter().map(|(_, n)| n).sum();
        let found = extractor.classifier().config().classes;
        anyhow::ensure!(
            found == outputs,
            "{}: {found} outputs, but {} has {outputs}",
            weights.path.display(),
            world.name
        );
        Ok(Self { extractor, blocks, oracle: world.name == "shapes" })
    }

    /// Looks at pictures f32 `[N, 3, 32, 32]` in [-1, 1].
    pub fn read(&self, pictures: &Tensor) -> Result<Reading> {
        let seen = self.extractor.extract(pictures)?;
        let block = |b: usize| {
            let (first, n) = self.blocks[b];
            seen.log_probabilities.slice_axis(Axis(1), Slice::from(first as isize..(first + n) as isize)).to_owned()
        };
        let (values, single) = if self.oracle {
            oracle(pictures)?.into_iter().unzip()
        } else {
            (self.network(&seen.log_probabilities), vec![true; seen.log_probabilities.nrows()])
        };
        Ok(Reading { values, single, first: block(0), features: seen.features })
    }

    /// The likeliest value of each attribute.
    fn network(&self, log_probabilities: &Array2<f64>) -> Vec<Values> {
        let largest = |row: ndarray::ArrayView1<f64>, (first, n): (i64, i64)| {
            let part = row.slice_axis(Axis(0), Slice::from(first as isize..(first + n) as isize));
            let best = part.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            best.map(|(i, _)| i)
        };
        log_probabilities.rows().into_iter().map(|row| self.blocks.iter().map(|b| largest(row, *b)).collect()).collect()
    }

    /// Share of real pictures of which the reading is right, for each attribute.
    pub fn accuracy(&self, part: &Part) -> Result<Vec<f64>> {
        let reading = self.read(&scaled(&all_images(&part.data)))?;
        Ok((0..part.values.len()).map(|a| share(&reading.values, a, &part.values[a])).collect())
    }
}

/// Share of pictures whose attribute `a` has the expected value.
pub fn share(values: &[Values], a: usize, expected: &[i64]) -> f64 {
    let right = values.iter().zip(expected).filter(|(v, e)| v[a] == Some(**e as usize)).count();
    right as f64 / expected.len().max(1) as f64
}

/// Shape, colour, size, background and place of the largest object by the exact oracle, and whether it is the only one; the
/// background alone where there is none.
fn oracle(pictures: &Tensor) -> Result<Vec<(Values, bool)>> {
    let side = pictures.size()[2] as usize;
    bytes(pictures)?
        .iter()
        .map(|picture| {
            let seen = Oracle.read(picture, side)?;
            let object = seen.objects.iter().max_by(|a, b| a.radius.total_cmp(&b.radius));
            let single = seen.objects.len() == 1 && seen.unread == 0;
            let index = |read: fn(&Seen) -> usize| object.map(read);
            let farther = |o: &Seen| magnified(o.centre, o.radius, 1.0 / CLOSER);
            let values = vec![
                index(|o| o.shape as usize),
                index(|o| o.colour as usize),
                object.map(|o| Size::of_radius(farther(o).1) as usize),
                Some(seen.background as usize),
                object.map(|o| Place::of(farther(o).0) as usize),
            ];
            Ok((values, single))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oracle_reads_real_pictures_as_they_were_made() {
        let world = World::open("shapes", 32).expect("made on demand");
        let chosen: Vec<usize> = (0..300).collect();
        let pictures = scaled(&all_images(&world.train.data.subset(&chosen)));
        for (i, (values, single)) in oracle(&pictures).expect("readable").iter().enumerate() {
            let made: Values = world.train.values.iter().map(|of| Some(of[i] as usize)).collect();
            assert_eq!((values, *single), (&made, true), "picture {i}");
        }
    }
}
