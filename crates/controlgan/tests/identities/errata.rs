//! Where the lecture's and the paper's formulas fail.

use controlgan::CorreMode;
use controlgan::correlation::correlate;
use controlgan::perceptual::perceptual_loss;
use tch::Kind;

use crate::common::{mask, normal};

/// $\ln(1 - L_{corre})$ of the printed loss does not exist once a caption has four words: each counts 0.27 at least.
#[test]
fn the_printed_word_loss_has_no_value_for_a_caption_of_four_words() {
    for seed in 0..20 {
        let (words, regions) = (normal(seed, "w", &[1, 6, 4]), normal(seed, "n", &[1, 6, 9]));
        let score = correlate(&words, &regions, &mask(&[4], 4), 1.0).score(CorreMode::PaperSum).double_value(&[0]);
        assert!(score > 1.0 && (1.0 - score).ln().is_nan());
    }
}

/// The lecture calls the perceptual term an L2 distance; the formula is its square over CHW: twice the difference counts four
/// times.
#[test]
fn the_perceptual_loss_is_a_squared_norm() {
    let (a, difference) = (normal(1, "a", &[1, 3, 4, 4]), normal(2, "d", &[1, 3, 4, 4]));
    let once = perceptual_loss(&(&a + &difference), &a).double_value(&[]);
    let twice = perceptual_loss(&(&a + &difference * 2.0), &a).double_value(&[]);
    assert!((twice - 4.0 * once).abs() < 1e-12);
    let norm = difference.norm().double_value(&[]);
    assert!((once - norm * norm / 48.0).abs() < 1e-12);
    assert!((once - difference.square().mean(Kind::Double).double_value(&[])).abs() < 1e-12);
}
