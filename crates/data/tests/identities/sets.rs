//! Data sets, digits and IDX files.

use std::io::Write;
use std::path::Path;

use easel_data::dataset::{DatasetError, held_out};
use easel_data::digits::{self, digits};
use easel_data::idx::{self, Idx, IdxError};
use easel_data::order::batch_indices;
use easel_data::{Dataset, Split};
use proptest::prelude::*;

#[test]
fn digits_have_the_promised_split() {
    let (train, test) = (digits(Split::Train).unwrap(), digits(Split::Test).unwrap());
    assert_eq!(train.shape(), [9000, 1, 28, 28]);
    assert_eq!(test.shape(), [1000, 1, 28, 28]);
    let count = |set: &Dataset, class| set.labels().unwrap().iter().filter(|&&l| l == class).count();
    let package = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978];
    for (class, total) in package.into_iter().enumerate() {
        let held = count(&test, class as i64);
        assert_eq!(count(&train, class as i64) + held, total, "class {class}");
        assert!((held as f64 - total as f64 / 10.0).abs() < 1.0, "class {class}: {held} of {total}");
    }
    let at = test.labels().unwrap().iter().position(|&l| l == 7).unwrap();
    assert_eq!(test.captions().unwrap()[at], "a handwritten seven");
    assert_eq!(test.classes()[7], "seven");
}

#[test]
fn digits_are_distinct_and_shuffled() {
    let (train, test) = (digits(Split::Train).unwrap(), digits(Split::Test).unwrap());
    let mut all: Vec<&[u8]> = (0..9000).map(|i| train.image(i)).chain((0..1000).map(|i| test.image(i))).collect();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "a picture of one split is in the other or twice");
    for chunk in train.labels().unwrap().chunks(500) {
        assert!((0..10).all(|class| chunk.contains(&class)), "not shuffled");
    }
    // Digits are white on black: the centre is bright, the corners are empty.
    let mean = |at: usize| (0..9000).map(|i| f64::from(train.image(i)[at])).sum::<f64>() / 9000.0;
    assert!(mean(14 * digits::SIDE + 14) > 100.0 && mean(0) == 0.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn held_out_takes_the_last_of_each_class_in_proportion(
        labels in prop::collection::vec(0i64..5, 1..200),
        fraction in 0.0..1.2f64,
    ) {
        let test = (fraction * labels.len() as f64) as usize;
        let held = held_out(&labels, test);
        prop_assert_eq!(held.iter().filter(|&&h| h).count(), test.min(labels.len()));
        for class in 0..5 {
            let flags: Vec<bool> = labels.iter().zip(&held).filter(|(l, _)| **l == class).map(|(_, h)| *h).collect();
            prop_assert!(flags.is_sorted(), "a held-out picture before a training one");
            let share = flags.len() as f64 * test.min(labels.len()) as f64 / labels.len() as f64;
            let taken = flags.iter().filter(|&&h| h).count() as f64;
            prop_assert!((taken - share).abs() < 1.0);
        }
    }

    #[test]
    fn each_epoch_shows_every_picture_once(seed: u64, batch in 1usize..12, n in 1usize..30) {
        let stream: Vec<usize> = (0..3 * n as u64).flat_map(|step| batch_indices(seed, step, batch, n)).collect();
        prop_assert_eq!(stream.len(), 3 * n * batch);
        let epochs: Vec<&[usize]> = stream.chunks(n).collect();
        for epoch in &epochs {
            let mut sorted = epoch.to_vec();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..n).collect::<Vec<_>>());
        }
        if n > 12 {
            prop_assert!(epochs[0] != epochs[1], "two epochs in the same order");
        }
    }

    #[test]
    fn idx_round_trips_and_every_cut_is_noticed(h in 0usize..5, w in 1usize..5, n in 1usize..4, gzip: bool) {
        let data: Vec<u8> = (0..n * h * w).map(|i| (i * 37) as u8).collect();
        let file = idx_bytes(&[n, h, w], &data);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images");
        write(&path, &file, gzip);
        prop_assert_eq!(Idx::open(&path).unwrap(), Idx { dims: vec![n, h, w], data });
        for cut in 0..file.len() {
            write(&path, &file[..cut], gzip);
            let cut_file = matches!(Idx::open(&path), Err(IdxError::Truncated { .. }));
            prop_assert!(cut_file, "cut at {}", cut);
        }
        let mut longer = file.clone();
        longer.push(0);
        write(&path, &longer, gzip);
        let trailing = matches!(Idx::open(&path), Err(IdxError::Trailing { .. }));
        prop_assert!(trailing);
    }
}

fn idx_bytes(dims: &[usize], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|&n| file.extend((n as u32).to_be_bytes()));
    file.extend(data);
    file
}

fn write(path: &Path, content: &[u8], gzip: bool) {
    if !gzip {
        return std::fs::write(path, content).unwrap();
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    std::fs::write(path, encoder.finish().unwrap()).unwrap();
}

#[test]
fn idx_faults_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let classes = || vec!["a".to_owned(), "b".to_owned()];

    write(&path("png"), b"\x89PNG\r\n", false);
    assert!(matches!(Idx::open(&path("png")), Err(IdxError::Magic { found: [0x89, ..], .. })));
    write(&path("float"), &[0, 0, 0x0d, 1, 0, 0, 0, 0], false);
    assert!(matches!(Idx::open(&path("float")), Err(IdxError::ElementType { found: 0x0d, .. })));
    write(&path("huge"), &idx_bytes(&[u32::MAX as usize; 3], &[]), false);
    assert!(matches!(Idx::open(&path("huge")), Err(IdxError::TooLarge { .. })));
    write(&path("boast"), &idx_bytes(&[u32::MAX as usize], &[1, 2]), false);
    assert!(matches!(Idx::open(&path("boast")), Err(IdxError::Truncated { found: 2, .. })));
    assert!(matches!(Idx::open(&path("none")), Err(IdxError::Io { .. })));

    // A gzip stream that is cut itself.
    write(&path("images"), &idx_bytes(&[2, 20, 20], &(0..800).map(|i| (i * i) as u8).collect::<Vec<_>>()), true);
    let whole = std::fs::read(path("images")).unwrap();
    std::fs::write(path("cut"), &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(Idx::open(&path("cut")), Err(IdxError::Truncated { what: "data", .. })));

    write(&path("labels"), &idx_bytes(&[3], &[0, 1, 0]), false);
    let error = idx::dataset("x", &path("images"), &path("labels"), classes()).unwrap_err();
    assert!(matches!(error, IdxError::CountMismatch { images: 2, labels: 3, .. }), "{error}");
    let error = idx::dataset("x", &path("labels"), &path("labels"), classes()).unwrap_err();
    assert!(matches!(error, IdxError::Dimensions { what: "images", .. }), "{error}");
    write(&path("labels"), &idx_bytes(&[2], &[0, 2]), false);
    let error = idx::dataset("x", &path("images"), &path("labels"), classes()).unwrap_err();
    assert!(matches!(error, IdxError::Dataset(DatasetError::Label { index: 1, label: 2, .. })), "{error}");
    let error = idx::folder("x", folder.path(), Split::Train, classes()).unwrap_err();
    assert!(error.to_string().contains("train-images-idx3-ubyte.gz"), "{error}");
}

#[test]
fn dataset_parts_must_fit_and_the_hash_follows_the_content() {
    let set = || Dataset::new("x", [2, 1, 1, 2], vec![1, 2, 3, 4]).unwrap();
    let classes = || vec!["a".to_owned(), "b".to_owned()];
    assert!(matches!(
        Dataset::new("x", [2, 1, 1, 2], vec![0; 3]),
        Err(DatasetError::Bytes { expected: 4, found: 3, .. })
    ));
    assert!(matches!(set().with_labels(vec![0], classes()), Err(DatasetError::Count { .. })));
    assert!(matches!(set().with_captions(vec![]), Err(DatasetError::Count { what: "captions", .. })));
    assert!(matches!(set().with_labels(vec![0, -1], classes()), Err(DatasetError::Label { .. })));

    let labelled = |labels| set().with_labels(labels, classes()).unwrap();
    let variants = [
        set(),
        Dataset::new("x", [1, 2, 1, 2], vec![1, 2, 3, 4]).unwrap(),
        Dataset::new("x", [2, 1, 1, 2], vec![1, 2, 3, 5]).unwrap(),
        labelled(vec![0, 1]),
        labelled(vec![1, 1]),
        set().with_captions(classes()).unwrap(),
        labelled(vec![0, 1]).with_captions(classes()).unwrap(),
    ];
    for (i, a) in variants.iter().enumerate() {
        for (j, b) in variants.iter().enumerate() {
            assert_eq!(a.content_hash() == b.content_hash(), i == j, "{i} {j}");
        }
    }
    let (train, test) = labelled(vec![0, 1]).with_captions(classes()).unwrap().split(1);
    assert_eq!((train.images(), test.images()), (&[3, 4][..], &[1, 2][..]));
    assert_eq!((train.labels(), test.captions().unwrap()[0].as_str()), (Some(&[1][..]), "a"));
}
