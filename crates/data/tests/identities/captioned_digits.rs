//! Captioned digits: grammar, places, splits.

use easel_data::captioned_digits::{CaptionedDigits, Claims, Combinations, Place, SLOTS, WORDS, normalised};
use easel_data::{Split, digits};
use proptest::prelude::*;

fn every_claim() -> Vec<Claims> {
    let pair = |template: Place, a: usize| match template.opposite() {
        Some(_) => (0..10).map(|b| Claims { template, digits: vec![a, b] }).collect(),
        None => vec![Claims { template, digits: vec![a] }],
    };
    Place::ALL.into_iter().flat_map(|t| (0..10).flat_map(move |a| pair(t, a))).collect()
}

#[test]
fn every_caption_has_twelve_words_of_the_vocabulary_and_reads_back() {
    let all = every_claim();
    assert_eq!(all.len(), 4 * 100 + 4 * 10);
    let mut used = std::collections::BTreeSet::new();
    for claims in all {
        let caption = claims.words();
        let words: Vec<&str> = caption.split(' ').collect();
        assert_eq!(words.len(), 12, "{caption}");
        assert!(words.iter().all(|w| WORDS.contains(w)), "{caption}");
        used.extend(words.iter().map(|w| w.to_string()));
        assert_eq!(Claims::parse(&caption).unwrap(), claims, "{caption}");
    }
    assert_eq!(used.len(), WORDS.len(), "a word that no caption uses");
}

#[test]
fn numerals_capitals_and_a_missing_stop_are_understood() {
    let claims = Claims { template: Place::TopLeft, digits: vec![3] };
    for text in ["The digit 3 is at the top left of the image", "the digit three is at the top left of the image."] {
        assert_eq!(Claims::parse(text).unwrap(), claims);
        assert_eq!(normalised(text), claims.words());
    }
    for (text, word, named) in [
        ("the digit eleven is at the top left of the image .", "word 3", "eleven"),
        ("the digit three is at the centre of the image .", "word 5", "at the top left of"),
        ("the digit three is at the top left of the digit two .", "word 11", "\"image\""),
        ("the digit three is on the left of the digit .", "word 11", "a digit"),
        ("the digit three is at the top left of the image . now", "word 13", "\"now\""),
        ("", "word 1", "the end"),
    ] {
        let error = Claims::parse(text).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains(named), "{error}");
    }
}

#[test]
fn slots_are_twelve_and_disjoint() {
    let slots: Vec<usize> = Place::ALL.into_iter().flat_map(Place::slots).collect();
    assert_eq!(slots, (0..SLOTS).collect::<Vec<_>>());
}

#[test]
fn the_papers_offsets() {
    assert_eq!(Place::Left.offsets(60), [16..=18, 0..=4]);
    assert_eq!(Place::Bottom.offsets(60), [30..=32, 16..=18]);
    assert_eq!(Place::BottomRight.offsets(60), [30..=32, 28..=32]);
    // A smaller canvas reaches its last pixel too.
    assert_eq!(Place::BottomRight.offsets(40), [21..=22, 19..=22]);
}

#[test]
fn wrong_sides_are_refused() {
    for side in [0, 31, 61] {
        let error = CaptionedDigits::new(side, 0, Split::Train).unwrap_err();
        assert!(error.to_string().contains(&side.to_string()), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn scenes_agree_with_their_captions(seed in 0u64..1000, small in any::<bool>(), held in any::<bool>()) {
        let side = if small { 40 } else { 60 };
        let wanted = if held { Combinations::HeldOut } else { Combinations::Seen };
        let split = if held { Split::Test } else { Split::Train };
        let list = CaptionedDigits::new(side, seed, split).unwrap().showing(wanted);
        let pool = digits::digits(split).unwrap();
        for index in 0..40 {
            let scene = list.scene(index);
            prop_assert_eq!(&list.scene(index), &scene, "a scene follows from its index");
            let claims = Claims::parse(&list.caption(&scene)).unwrap();
            prop_assert_eq!(claims.template, scene.template);
            prop_assert_eq!(list.is_held_out(&claims), held);
            let places: Vec<Place> = scene.template.of_template().collect();
            prop_assert_eq!(places.len(), scene.digits.len());
            for ((digit, bounds), place) in scene.digits.iter().zip(list.boxes(&scene)).zip(&places) {
                prop_assert_eq!(pool.labels().unwrap()[digit.picture], digit.class as i64);
                prop_assert!(bounds.x1 <= side && bounds.y1 <= side);
                prop_assert_eq!(bounds.x1 - bounds.x0, list.digit_side());
                let [rows, columns] = place.offsets(side);
                prop_assert!(rows.contains(&bounds.y0) && columns.contains(&bounds.x0));
            }
            if let [a, b] = scene.positions[..] {
                let shared = usize::from(matches!(scene.template, Place::Top | Place::Bottom));
                prop_assert_eq!(a[shared], b[shared], "two digits in one line");
            }
            let picture = list.render(&scene);
            let inside = |i: usize| {
                list.boxes(&scene).iter().any(|b| (b.x0..b.x1).contains(&(i % side)) && (b.y0..b.y1).contains(&(i / side)))
            };
            prop_assert!(picture.iter().enumerate().all(|(i, &v)| v == 0 || inside(i)), "ink outside of the boxes");
            prop_assert!(picture.iter().any(|&v| v > 128), "no ink");
        }
    }

    #[test]
    fn what_is_left_of_something_has_its_ink_further_left(seed in 0u64..1000) {
        let list = CaptionedDigits::new(40, seed, Split::Train).unwrap();
        for index in 0..60 {
            let scene = list.scene(index);
            let centre = |k: usize| [scene.positions[k][0], scene.positions[k][1]];
            match scene.template {
                Place::Left => prop_assert!(centre(0)[1] < centre(1)[1]),
                Place::Right => prop_assert!(centre(0)[1] > centre(1)[1]),
                Place::Top => prop_assert!(centre(0)[0] < centre(1)[0]),
                Place::Bottom => prop_assert!(centre(0)[0] > centre(1)[0]),
                _ => prop_assert_eq!(scene.digits.len(), 1),
            }
        }
    }
}
