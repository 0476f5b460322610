//! The embedded emoji, and files of emoji.

use std::collections::{HashMap, HashSet};

use easel_data::emoji::{ArtStyle, EMBEDDED_SIDE, Emoji, EmojiError};
use easel_data::fetch::{Cache, source};
use easel_data::{Split, alpha};
use proptest::prelude::*;

#[test]
fn the_sample_is_whole_and_each_picture_shows_something() {
    let emoji = Emoji::embedded().unwrap();
    assert_eq!((emoji.side(), EMBEDDED_SIDE), (32, 32));
    assert!((240..=250).contains(&emoji.concepts().len()), "{}", emoji.concepts().len());
    let plane = emoji.side() * emoji.side();
    let mut seen = HashSet::new();
    for (i, concept) in emoji.concepts().iter().enumerate() {
        assert_eq!(emoji.find(&concept.key), Some(i));
        assert!(concept.keywords.len() <= 8 && !concept.keywords.contains(&concept.name), "{concept:?}");
        for style in ArtStyle::ALL {
            let (colours, alpha) = emoji.rgba(i, style).split_at(3 * plane);
            let opaque = alpha.iter().filter(|alpha| **alpha >= 128).count();
            // Thin things cover a tenth; nothing fills its square up to the corners.
            assert!((plane / 20..plane).contains(&opaque), "{} {style:?}: {opaque}", concept.name);
            assert!((0..3 * plane).all(|at| alpha[at % plane] > 0 || colours[at] == 0), "{}", concept.name);
            assert!(seen.insert(colours.to_vec()), "{} {style:?} is drawn twice", concept.name);
        }
    }
}

#[test]
fn a_tenth_of_the_cells_is_held_out_and_their_concepts_are_seen_in_the_other_styles() {
    let emoji = Emoji::embedded().unwrap();
    let (train, test) = (emoji.cells(Split::Train), emoji.cells(Split::Test));
    assert_eq!(train.len() + test.len(), 4 * emoji.concepts().len());
    let share = test.len() as f64 / (train.len() + test.len()) as f64;
    // Two standard deviations of 240 draws with probability 2/5, a quarter each.
    assert!((share - 0.1).abs() < 0.016, "{share}");
    let mut held: HashMap<usize, usize> = HashMap::new();
    for &(concept, style) in &test {
        assert!(emoji.is_held_out(concept, style) && !train.contains(&(concept, style)));
        *held.entry(concept).or_default() += 1;
    }
    assert!(held.values().all(|&styles| styles == 1));
    for style in ArtStyle::ALL {
        assert!(test.iter().any(|cell| cell.1 == style), "{style:?} is never held out");
    }
    // The key alone decides: another order and another set do not move a cell.
    let part = emoji.subset(&[7, 3]);
    for style in ArtStyle::ALL {
        assert_eq!(part.is_held_out(0, style), emoji.is_held_out(7, style));
        assert_eq!(part.rgba(1, style), emoji.rgba(3, style));
    }
}

#[test]
fn data_sets_lie_parallel_to_their_cells() {
    let emoji = Emoji::embedded().unwrap();
    for split in [Split::Train, Split::Test] {
        let (data, cells) = (emoji.dataset(split).unwrap(), emoji.cells(split));
        assert_eq!(data.shape(), [cells.len(), 3, 32, 32]);
        assert_eq!(data.classes().len(), emoji.concepts().len());
        for (i, &(concept, style)) in cells.iter().enumerate() {
            let rgba = emoji.rgba(concept, style);
            assert_eq!(data.labels().unwrap()[i], concept as i64);
            assert_eq!(data.captions().unwrap()[i], emoji.concepts()[concept].name);
            assert!((0..3072).all(|at| data.image(i)[at] == alpha::over(rgba[at], rgba[3072 + at % 1024], 255)));
        }
    }
}

#[test]
fn captions_are_distinct_and_begin_with_the_name() {
    let emoji = Emoji::embedded().unwrap();
    for (i, concept) in emoji.concepts().iter().enumerate() {
        let captions = emoji.captions(i);
        assert_eq!(captions[0], concept.name);
        assert!(captions.len() >= 3 && captions.iter().all(|caption| caption.contains(&concept.name)), "{captions:?}");
        assert_eq!(captions.iter().collect::<HashSet<_>>().len(), captions.len(), "{captions:?}");
    }
}

/// A cache whose `emoji-32.zst` holds these bytes.
fn cache_with(content: &[u8]) -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let set = cache.folder(source("emoji").unwrap());
    std::fs::create_dir_all(&set).unwrap();
    std::fs::write(set.join("emoji-32.zst"), content).unwrap();
    (folder, cache)
}

#[test]
fn a_file_of_emoji_comes_back_as_it_was_and_damage_is_found() {
    let emoji = Emoji::embedded().unwrap().subset(&[0, 5, 9]);
    let file = emoji.encode(3).unwrap();
    assert_eq!(file, emoji.encode(3).unwrap());
    let (_folder, cache) = cache_with(&file);
    let back = Emoji::fetched(&cache, 32).unwrap();
    assert_eq!(back.concepts(), emoji.concepts());
    assert!(ArtStyle::ALL.iter().all(|&style| (0..3).all(|i| back.rgba(i, style) == emoji.rgba(i, style))));
    assert!(matches!(Emoji::fetched(&cache, 48), Err(EmojiError::Side(48))));
    let missing = Emoji::fetched(&cache, 64).unwrap_err().to_string();
    assert!(missing.contains("emoji-64.zst"), "{missing}");
    for cut in [0, 10, 40, file.len() - 1] {
        let (_folder, cache) = cache_with(&file[..cut]);
        let error = Emoji::fetched(&cache, 32).unwrap_err().to_string();
        assert!(error.contains("emoji-32.zst") && error.contains("easel data fetch emoji"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_flipped_bit_passes(place in 0.0..1.0f64, bit in 0..8u32) {
        let mut file = Emoji::embedded().unwrap().subset(&[1]).encode(3).unwrap();
        let whole = file.clone();
        let at = (place * file.len() as f64) as usize;
        file[at] ^= 1 << bit;
        let (_folder, cache) = cache_with(&file);
        // Some bits of a Zstandard frame carry nothing; then the content must be what it was.
        if let Ok(emoji) = Emoji::fetched(&cache, 32) {
            prop_assert_eq!(emoji.encode(3).unwrap(), whole);
        }
    }

    #[test]
    fn over_mixes_between_the_two(colour: u8, alpha: u8, ground: u8) {
        let mixed = easel_data::alpha::over(colour, alpha, ground);
        prop_assert!(mixed >= colour.min(ground) && mixed <= colour.max(ground));
        let share = f64::from(alpha) / 255.0;
        let exact = f64::from(colour) * share + f64::from(ground) * (1.0 - share);
        prop_assert!((f64::from(mixed) - exact).abs() <= 0.5 + 1e-9);
    }
}
