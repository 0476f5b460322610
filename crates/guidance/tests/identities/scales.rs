//! The two conventions of the scale.

use guidance::{GuidanceScale, combine};
use ndarray::Array2;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::common::normals;
use crate::exact::distance;

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Config {
    guidance: GuidanceScale,
}

fn outputs() -> (Array2<f64>, Array2<f64>) {
    (normals(1, 8), normals(2, 8))
}

proptest! {
    #[test]
    fn both_conventions_are_one(w in -3.0..15.0) {
        let scale = GuidanceScale::from_w(w);
        prop_assert!((scale.w() - w).abs() < 1e-14 && (scale.s() - (1.0 + w)).abs() < 1e-14);
        let (unconditional, conditional) = outputs();
        let found = combine(&unconditional, &conditional, scale);
        let ho_and_salimans = (1.0 + w) * &conditional - w * &unconditional;
        let glide = &unconditional + (1.0 + w) * (&conditional - &unconditional);
        prop_assert!(distance(&found, &ho_and_salimans) < 1e-13 && distance(&found, &glide) < 1e-13);
        prop_assert_eq!(found, combine(&unconditional, &conditional, GuidanceScale::from_s(1.0 + w)));
    }
}

#[test]
fn limits_are_exact() {
    let (unconditional, conditional) = outputs();
    let at = |scale| combine(&unconditional, &conditional, scale);
    assert_eq!(at(GuidanceScale::from_s(0.0)), unconditional);
    assert_eq!(at(GuidanceScale::from_s(1.0)), conditional);
    assert_eq!(at(GuidanceScale::from_w(0.0)), conditional);
    assert_eq!(at(GuidanceScale::from_w(-1.0)), unconditional);
    assert_eq!(GuidanceScale::from_w(0.0), GuidanceScale::CONDITIONAL);
}

/// The lecture prints $\epsilon_y + s(\epsilon_y-\epsilon_\varnothing)$: its s is w, so that Stable Diffusion's 7.5 is
/// its 6.5.
#[test]
fn the_lectures_scale_is_w() {
    let (unconditional, conditional) = outputs();
    let lecture = |s: f64| &conditional + s * (&conditional - &unconditional);
    let stable_diffusion = combine(&unconditional, &conditional, GuidanceScale::from_s(7.5));
    assert!(distance(&lecture(6.5), &stable_diffusion) < 1e-13);
    assert!(distance(&lecture(6.5), &combine(&unconditional, &conditional, GuidanceScale::from_w(6.5))) < 1e-13);
    assert!(distance(&lecture(7.5), &stable_diffusion) > 1.0);
}

#[test]
fn a_configuration_names_its_convention() {
    let read = |text: &str| toml::from_str::<Config>(text);
    assert_eq!(read("guidance = { w = 3.0 }").unwrap().guidance, GuidanceScale::from_s(4.0));
    let config = read("guidance = { s = 7.5 }").unwrap();
    assert_eq!(config.guidance, GuidanceScale::from_s(7.5));
    assert_eq!(read(&toml::to_string(&config).unwrap()).unwrap(), config);
    for refused in
        ["guidance = 7.5", "guidance = { s = nan }", "guidance = { w = inf }", "guidance = { w = 1.0, s = 2.0 }"]
    {
        assert!(read(refused).is_err(), "{refused}");
    }
}
