//! Held-out digits to fill and to edit.

use anyhow::{Context, Result, ensure};
use easel_core::Noise;
use easel_data::Split;
use tch::Tensor;

use crate::papers::ddpm::trained::Trained;
use crate::tensors::{all_images, to_unit};

/// Pixels a side of the blocks of a guide.
pub const BLOCK: i64 = 4;

/// Held-out digits with their classes.
#[derive(Debug)]
pub struct Digits {
    /// f32 `[N, 1, 28, 28]` in [-1, 1].
    pub images: Tensor,
    /// N classes.
    pub labels: Vec<usize>,
}

impl Digits {
    /// `count` held-out digits in the order of `seed`, all classes in turn.
    ///
    /// # Errors
    /// A model of other pictures, or more digits than there are.
    pub fn held_out(trained: &Trained, count: usize, seed: u64) -> Result<Self> {
        let data = &trained.config.data;
        ensure!(data == "digits", "the model was trained on `{data}`; this needs one of digits");
        let test = easel_data::digits::digits(Split::Test)?;
        ensure!(count <= test.len(), "samples = {count}: there are {} held-out digits", test.len());
        let labels = test.labels().context("the digits have no labels")?;
        let mut order = Noise::new(seed).purpose("inpaint/digits").permutation(0, test.len());
        let (mut seen, mut rank) = (vec![0; test.classes().len()], vec![0; test.len()]);
        for &i in &order {
            let before = &mut seen[labels[i] as usize];
            rank[i] = *before;
            *before += 1;
        }
        order.sort_by_key(|&i| rank[i]);
        order.truncate(count);
        let chosen = test.subset(&order);
        Ok(Self {
            images: to_unit(&all_images(&chosen)).to_device(trained.device),
            labels: order.iter().map(|&i| labels[i] as usize).collect(),
        })
    }

    /// What is left of the pictures in blocks of [`BLOCK`] x [`BLOCK`] pixels, each of its mean: crude guides.
    pub fn guides(&self) -> Tensor {
        let (size, block) = (self.images.size(), [BLOCK, BLOCK]);
        let means = self.images.avg_pool2d(block, block, [0, 0], false, true, None::<i64>);
        means.upsample_nearest2d([size[2], size[3]], None, None)
    }
}
