//! the same network with fewer steps, and pictures as codes.

mod figures;
mod measure;

use super::study::Study;
use crate::experiment::{Bound, Expected};

/// The study.
pub const STUDY: Study = Study {
    name: "ddim",
    citation: "Song, Meng, Ermon: Denoising Diffusion Implicit Models, ICLR 2021, arXiv:2010.02502",
    about: "the same network with fewer steps, and pictures as codes",
    small: (5000, &[2, 3, 4, 5, 6, 8]),
    smoke: (32, &[2, 4]),
    figures: figures::ALL,
    expected: &[
        Expected { preset: "small", metric: "fd-digits at 8 steps, eta 0", bound: Bound::AtMost(20.0) },
        Expected { preset: "small", metric: "sigma-hat over eta 0 at 2 steps", bound: Bound::AtLeast(1.5) },
    ],
    draw: figures::draw,
    measure: measure::measure,
    shipped: include_str!("../../../weights/ddim.json"),
};
