//! Words and pieces.

use easel_core::weights;
use easel_text::vocabulary::{PADDING, UNKNOWN, words};
use easel_text::{Bpe, TextError, Vocabulary};
use proptest::prelude::*;
use tch::Tensor;

const CAPTIONS: [&str; 4] =
    ["A red apple, and a red sun.", "the 2nd-place medal", "a RED circle left of a blue square", "Café au lait ☕"];

#[test]
fn punctuation_is_separate_and_case_is_gone() {
    assert_eq!(words("The 2nd-place medal!"), ["the", "2nd", "-", "place", "medal", "!"]);
    assert_eq!(words(" Café\tAU  lait☕"), ["café", "au", "lait", "☕"]);
    assert!(words(" \n").is_empty());
}

#[test]
fn ids_are_ranked_by_count_then_alphabet() {
    let vocabulary = Vocabulary::from_captions(["b b a c", "c a b"], 2);
    assert_eq!((vocabulary.len(), vocabulary.encode("B, a c d")), (5, vec![2, UNKNOWN, 3, 4, UNKNOWN]));
    assert_eq!([0, 1, 2, 4, 5, -1].map(|id| vocabulary.word(id)), [None, None, Some("b"), Some("c"), None, None]);
    assert_eq!(Vocabulary::from_captions(["b b a c"], 2).len(), 3);
}

#[test]
fn captions_are_padded_on_the_right() {
    let vocabulary = Vocabulary::from_captions(CAPTIONS, 1);
    let tokens = vocabulary.encode_batch(&["a red sun", "", "a red apple and a sun"], 4);
    assert_eq!((tokens.ids.size(), tokens.lengths.clone()), (vec![3, 4], vec![3, 1, 4]));
    let id = |word: &str| vocabulary.encode(word)[0];
    let expected = [
        [id("a"), id("red"), id("sun"), PADDING],
        [UNKNOWN, PADDING, PADDING, PADDING],
        [id("a"), id("red"), id("apple"), id("and")],
    ];
    assert_eq!(tokens.ids, Tensor::from_slice2(&expected));
    assert_eq!(tokens.mask, tokens.ids.not_equal(PADDING));
}

#[test]
fn vocabularies_come_back_from_a_weight_file() {
    let vocabulary = Vocabulary::from_captions(CAPTIONS, 1);
    let path = tempfile::tempdir().unwrap().keep().join("weights.safetensors");
    weights::write(&path, &[("x".into(), Tensor::from(1f32))], &[vocabulary.metadata()].into()).unwrap();
    let file = weights::read(&path).unwrap();
    assert_eq!(Vocabulary::from_metadata(&file).unwrap(), vocabulary);
    weights::write(&path, &[("x".into(), Tensor::from(1f32))], &Default::default()).unwrap();
    let error = Vocabulary::from_metadata(&weights::read(&path).unwrap()).unwrap_err().to_string();
    assert!(error.contains("weights.safetensors") && error.contains("`vocabulary`"), "{error}");
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn damaged_vocabularies_are_refused() {
    for (text, named) in [("a\nB", "line 2"), ("a\nb c", "b c"), ("a\n\nb", "line 2"), ("a\nb\na", "2 different")] {
        let error = Vocabulary::from_text(text).unwrap_err();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn training_is_deterministic_and_joins_frequent_pairs() {
    let train = || Bpe::train(CAPTIONS, 300).unwrap();
    let bpe = train();
    assert_eq!(bpe.to_json().unwrap(), train().to_json().unwrap());
    assert!(bpe.len() > 257 && bpe.len() <= 300);
    assert!(bpe.encode(" red").unwrap().len() == 1, "{:?}", bpe.pieces().range(257..).collect::<Vec<_>>());
    assert!(matches!(Bpe::train(CAPTIONS, 256), Err(TextError::Config { key: "size", .. })));
    let again = Bpe::from_json("here", &bpe.to_json().unwrap()).unwrap();
    assert_eq!(again.encode("a red circle").unwrap(), bpe.encode("a red circle").unwrap());
    let error = Bpe::from_json("here", "{}").unwrap_err().to_string();
    assert!(error.starts_with("here: "), "{error}");
    let batch = bpe.encode_batch(&["", "a red circle", "☕"], 3).unwrap();
    assert_eq!(batch.lengths[0], 1);
    assert!(batch.lengths.iter().all(|&n| n <= 3));
}

proptest! {
    #[test]
    fn every_text_comes_back_from_its_pieces(text in any::<String>(), more in "\\PC{0,20}( |\n|<pad>|\u{0}|é|👩🏽‍🚀){0,4}") {
        let bpe = Bpe::train(CAPTIONS, 290).unwrap();
        for text in [text, more] {
            let ids = bpe.encode(&text).unwrap();
            prop_assert!(ids.iter().all(|&id| id > 0 && id < bpe.len() as i64));
            prop_assert_eq!(bpe.decode(&ids).unwrap(), text);
        }
    }

    #[test]
    fn vocabularies_come_back_from_text(captions in prop::collection::vec(any::<String>(), 0..4)) {
        let vocabulary = Vocabulary::from_captions(&captions, 1);
        prop_assert_eq!(Vocabulary::from_text(&vocabulary.to_text()), Ok(vocabulary.clone()));
        for caption in &captions {
            let ids = vocabulary.encode(caption);
            prop_assert!(ids.iter().all(|&id| id > UNKNOWN));
            let back: Vec<&str> = ids.iter().filter_map(|&id| vocabulary.word(id)).collect();
            prop_assert_eq!(back, words(caption));
        }
    }
}
