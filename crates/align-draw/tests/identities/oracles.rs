//! Reading pictures back.

use align_draw::oracle::{Verdict, find, judge};
use easel_core::tensor::TensorError;
use easel_data::Split;
use easel_data::captioned_digits::{CaptionedDigits, Claims, Place, Scene};
use tch::{Kind, Tensor};

fn picture(list: &CaptionedDigits, scene: &Scene) -> Vec<f32> {
    list.render(scene).iter().map(|&v| f32::from(v) / 255.0).collect()
}

#[test]
fn real_scenes_are_found() {
    for side in [40, 60] {
        let list = CaptionedDigits::new(side, 0, Split::Test).unwrap();
        for index in 0..300 {
            let scene = list.scene(index);
            let found = find(&picture(&list, &scene), side, list.digit_side());
            let found = found.unwrap_or_else(|| panic!("nothing found in scene {index}: {}", list.caption(&scene)));
            let places: Vec<Place> = scene.template.of_template().collect();
            assert_eq!(found.places.len(), places.len(), "{}", list.caption(&scene));
            for (place, position) in places.iter().zip(&scene.positions) {
                let at = found.places.iter().position(|p| p == place);
                let corner = found.corners[at.unwrap_or_else(|| panic!("no {place:?} in scene {index}"))];
                for axis in 0..2 {
                    assert!(
                        (corner[axis] - position[axis] as i64).abs() <= 2,
                        "scene {index}: {corner:?}, {position:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn nothing_is_found_where_ink_is_missing_or_astray() {
    assert_eq!(find(&[0.0; 40 * 40], 40, 18), None, "a blank picture");
    assert_eq!(find(&[1.0; 40 * 40], 40, 18), None, "a white picture");
    let list = CaptionedDigits::new(40, 0, Split::Test).unwrap();
    let corner = (0..).map(|i| list.scene(i)).find(|s| s.template == Place::TopLeft).unwrap();
    let mut astray = picture(&list, &corner);
    assert!(find(&astray, 40, 18).is_some());
    for y in 30..38 {
        astray[y * 40 + 30..y * 40 + 36].fill(1.0);
    }
    assert_eq!(find(&astray, 40, 18), None, "ink at the other corner");
}

/// Every wrong digit and every wrong place is noticed, given a classifier that knows.
#[test]
fn captions_are_held_against_what_was_read() {
    let list = CaptionedDigits::new(40, 0, Split::Test).unwrap();
    let scene =
        (0..).map(|i| list.scene(i)).find(|s| s.template == Place::Right && s.digits[0].class != s.digits[1].class);
    let scene = scene.unwrap();
    let image = Tensor::from_slice(&picture(&list, &scene)).view([1, 1, 40, 40]).to_kind(Kind::Float);
    // The layout is read from left to right: there the caption's second digit stands.
    let truth = vec![scene.digits[1].class, scene.digits[0].class];
    let verdict = |claims: Claims| {
        let told = judge(&image, 18, &[claims], |cuts| -> Result<Vec<usize>, TensorError> {
            assert_eq!(cuts.size(), [2, 1, 28, 28]);
            Ok(truth.clone())
        });
        told.unwrap()[0]
    };
    let claims = list.claims(&scene);
    assert_eq!(verdict(claims.clone()), Verdict { placed: true, right: true });
    let digits: Vec<usize> = claims.digits.iter().rev().copied().collect();
    assert_eq!(
        verdict(Claims { template: Place::Left, digits: digits.clone() }),
        Verdict { placed: true, right: true }
    );
    assert_eq!(verdict(Claims { template: Place::Right, digits }), Verdict { placed: true, right: false });
    let other = Claims { template: Place::Top, digits: claims.digits.clone() };
    assert_eq!(verdict(other), Verdict { placed: false, right: false });
    let single = Claims { template: Place::TopRight, digits: claims.digits[..1].to_vec() };
    assert_eq!(verdict(single), Verdict { placed: false, right: false });
}
