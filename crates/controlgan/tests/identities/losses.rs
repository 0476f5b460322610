//! The objectives.

use controlgan::loss::{AdversarialForm, Judged, cross_entropy, discriminator, generator};
use controlgan::perceptual::perceptual_loss;
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::common::normal;

fn judged(logits: impl Fn(&str) -> Tensor) -> Judged {
    Judged {
        real: logits("real"),
        real_caption: logits("real_caption"),
        fake: logits("fake"),
        fake_caption: logits("fake_caption"),
        wrong_caption: logits("wrong"),
    }
}

#[test]
fn at_one_half_the_losses_are_the_published_multiples_of_ln_2() {
    let zero = |_: &str| Tensor::zeros([4], (Kind::Double, Device::Cpu));
    let ln2 = 2f64.ln();
    for form in [AdversarialForm::Paper, AdversarialForm::Code] {
        assert!((discriminator(&judged(zero), form).double_value(&[]) - 2.0 * ln2).abs() < 1e-12);
    }
    let at = |form| generator(&zero(""), &zero(""), form).double_value(&[]);
    assert!((at(AdversarialForm::Paper) - ln2).abs() < 1e-12);
    assert!((at(AdversarialForm::Code) - 2.0 * ln2).abs() < 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn losses_are_those_of_the_probabilities(seed in 0u64..1000) {
        let logits = |name: &str| normal(seed, name, &[5]) * 2.0;
        let judged = judged(logits);
        let log = |t: &Tensor| t.sigmoid().log().mean(Kind::Double).double_value(&[]);
        let log_not = |t: &Tensor| (t.neg().sigmoid()).log().mean(Kind::Double).double_value(&[]);
        let (real, fake) = (log(&judged.real) + log(&judged.real_caption), log_not(&judged.fake) + log_not(&judged.fake_caption));
        let paper = discriminator(&judged, AdversarialForm::Paper).double_value(&[]);
        prop_assert!((paper + 0.5 * (real + fake)).abs() < 1e-10);
        let code = discriminator(&judged, AdversarialForm::Code).double_value(&[]);
        prop_assert!((code + 0.5 * real + (fake + log_not(&judged.wrong_caption)) / 3.0).abs() < 1e-10);
        let g = generator(&judged.fake, &judged.fake_caption, AdversarialForm::Code).double_value(&[]);
        prop_assert!((g + log(&judged.fake) + log(&judged.fake_caption)).abs() < 1e-10);
        let score = logits("score").sigmoid();
        let expected = -score.log().mean(Kind::Double).double_value(&[]);
        prop_assert!((cross_entropy(&score, true).double_value(&[]) - expected).abs() < 1e-12);
        let other = 1.0 - &score;
        prop_assert!((cross_entropy(&other, false).double_value(&[]) - expected).abs() < 1e-12);
    }

    #[test]
    fn the_perceptual_loss_is_symmetric_and_zero_for_equals_alone(seed in 0u64..1000) {
        let (a, b) = (normal(seed, "a", &[2, 3, 4, 4]), normal(seed, "b", &[2, 3, 4, 4]));
        let at = |x: &Tensor, y: &Tensor| perceptual_loss(x, y).double_value(&[]);
        prop_assert_eq!(at(&a, &a), 0.0);
        prop_assert!(at(&a, &b) > 0.0 && at(&a, &b) == at(&b, &a));
    }
}
