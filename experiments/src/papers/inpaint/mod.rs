//! Inpainting and editing while sampling: nothing is trained for it.

pub mod digits;
mod figures;
pub mod masks;
mod measure;
pub mod methods;
pub mod metrics;
pub mod options;
pub mod read;

use super::study::Study;
use crate::experiment::{Bound, Expected};

/// The study.
pub const STUDY: Study = Study {
    name: "inpaint",
    citation: "Song et al. 2021, arXiv:2011.13456; Lugmayr et al.: RePaint, CVPR 2022, arXiv:2201.09865; Meng et al.: SDEdit, ICLR 2022, arXiv:2108.01073",
    about: "filling and editing pictures while sampling",
    small: (64, &[50]),
    smoke: (4, &[5]),
    figures: figures::ALL,
    expected: EXPECTED,
    draw: figures::draw,
    measure: measure::measure,
    shipped: include_str!("../../../weights/inpaint.json"),
};

const EXPECTED: &[Expected] = &[
    Expected { preset: "small", metric: "repaint/replacement error, as many calls", bound: Bound::AtMost(0.9) },
    Expected { preset: "small", metric: "class kept, repaint", bound: Bound::AtLeast(0.8) },
];
