//! Filling and editing a user's pictures.

use std::fs;
use std::path::Path;

use easel_core::weights;
use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage, RgbaImage};
use tempfile::TempDir;

use crate::{folder, good, only_error, output, path, refusal};

/// A slanted stroke, and a mask whose white lower half is the hole.
struct Files {
    folder: TempDir,
    image: String,
    mask: String,
}

fn stroke(width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([if (x + y / 3).abs_diff(18) < 2 { 250 - y as u8 } else { x as u8 }]))
}

/// White from row 14 on, black above.
fn lower_half(width: u32, height: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |_, y| Luma([if y >= height / 2 { 255 } else { 0 }]))
}

impl Files {
    fn new() -> Self {
        let folder = folder();
        let (image, mask) = (path(&folder, "a.png"), path(&folder, "m.png"));
        stroke(28, 28).save(&image).expect("saved");
        lower_half(28, 28).save(&mask).expect("saved");
        Self { folder, image, mask }
    }

    fn path(&self, name: &str) -> String {
        path(&self.folder, name)
    }

    /// A call that fills, of few steps unless `more` says otherwise.
    fn words<'a>(&'a self, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut words = vec!["inpaint", "--image", &self.image, "--mask", &self.mask, "--out", out];
        if !more.contains(&"--steps") {
            words.extend(["--steps", "4"]);
        }
        words.extend(more);
        words
    }

    /// The grey pixels of the PNG that a call leaves.
    fn filled(&self, more: &[&str]) -> GrayImage {
        let out = self.path("out.png");
        let said = good(&self.words(&out, more));
        assert_eq!(said.trim(), out);
        image::open(&out).expect("a picture").into_luma8()
    }
}

/// Whether the pixels of rows `rows` are those of the stroke, in each tile of a row of tiles.
fn same(picture: &GrayImage, rows: std::ops::Range<u32>) -> bool {
    let original = stroke(28, 28);
    rows.flat_map(|y| (0..picture.width()).map(move |x| (x, y)))
        .all(|(x, y)| picture.get_pixel(x, y) == original.get_pixel(x % 28, y))
}

#[test]
fn what_is_known_comes_back_unchanged() {
    let files = Files::new();
    for method in [
        &["--method", "replacement"][..],
        &["--method", "replacement", "--eta", "0", "--steps", "3"],
        &["--jump", "2", "--resample", "2", "--count", "3"],
    ] {
        let filled = files.filled(method);
        assert_eq!(filled.height(), 28);
        assert!(same(&filled, 0..14) && !same(&filled, 14..28), "{method:?}");
    }
    let other = files.filled(&["--keep", "white"]);
    assert!(same(&other, 14..28) && !same(&other, 0..14), "--keep white keeps the white part");
}

#[test]
fn a_result_follows_from_its_seed_and_number() {
    let files = Files::new();
    let images = |more: &[&str]| {
        let out = files.path("out.safetensors");
        good(&files.words(&out, more));
        weights::read(Path::new(&out)).expect("a whole file").tensors["images"].shallow_clone()
    };
    let (one, again, two, other) = (images(&[]), images(&[]), images(&["--count", "2"]), images(&["--seed", "1"]));
    assert_eq!((one.size(), two.size()), (vec![1, 1, 28, 28], vec![2, 1, 28, 28]));
    assert_eq!(one, again);
    let difference = |a: &tch::Tensor, b: &tch::Tensor| (a - b).abs().max().double_value(&[]);
    assert!(difference(&one, &two.narrow(0, 0, 1)) < 1e-5, "result k depends on the count");
    assert!(difference(&two.narrow(0, 0, 1), &two.narrow(0, 1, 1)) > 0.1, "two results, one noise");
    assert!(difference(&one, &other) > 0.1, "the seed does nothing");
}

#[test]
fn a_guide_is_edited_and_its_kept_part_is_not() {
    let files = Files::new();
    let out = files.path("edited.png");
    let edit = |more: &[&str]| {
        let words = ["edit", "--image", &files.image, "--steps", "10", "--out", &out];
        good(&[&words, more].concat());
        image::open(&out).expect("a picture").into_luma8()
    };
    let distance = |picture: &GrayImage| -> f64 {
        let pairs = picture.pixels().zip(stroke(28, 28).into_raw());
        pairs.map(|(p, q)| (f64::from(p[0]) - f64::from(q)).powi(2)).sum()
    };
    let (little, much) = (distance(&edit(&["--strength", "0.1"])), distance(&edit(&["--strength", "0.9"])));
    assert!(0.0 < little && little < much, "{little} {much}");
    let masked = edit(&["--strength", "0.8", "--mask", &files.mask]);
    assert!(same(&masked, 0..14) && !same(&masked, 14..28));
}

#[test]
fn what_is_done_to_a_mask_is_said() {
    let files = Files::new();
    let (soft, all, out) = (files.path("soft.png"), files.path("all.png"), files.path("out.png"));
    let mut blurred = lower_half(28, 28);
    for x in 0..28 {
        blurred.put_pixel(x, 13, Luma([127]));
        blurred.put_pixel(x, 14, Luma([128]));
    }
    blurred.save(&soft).expect("saved");
    GrayImage::from_pixel(28, 28, Luma([255])).save(&all).expect("saved");
    let said = |mask: &str, more: &[&str]| {
        let words = ["inpaint", "--image", &files.image, "--mask", mask, "--steps", "3", "--out", &out];
        let output = output(&[&words, more].concat());
        let text = String::from_utf8(output.stderr.clone()).expect("UTF-8");
        (output.status.success(), text, output.stderr)
    };
    let (good, text, _) = said(&soft, &[]);
    assert!(good && text.contains("56 of 784") && text.contains("cut at half"), "{text}");
    let filled = image::open(&out).expect("a picture").into_luma8();
    assert!(same(&filled, 0..14) && !same(&filled, 14..15));
    let (good, text, _) = said(&all, &[]);
    assert!(good && text.contains("unconditional"), "{text}");
    let (good, _, stderr) = said(&all, &["--keep", "white"]);
    assert!(!good && only_error(&stderr).contains("nothing to fill"));
    let (_, text, _) = said(&files.mask, &["--jump", "1", "--resample", "3"]);
    assert!(text.contains("7 calls"), "{text}");
}

#[test]
fn sizes_must_agree_or_be_resized() {
    let files = Files::new();
    let (image, mask, out) = (files.path("large.png"), files.path("large-mask.png"), files.path("out.png"));
    RgbImage::from_fn(56, 60, |x, y| Rgb([x as u8, y as u8, 90])).save(&image).expect("saved");
    lower_half(56, 60).save(&mask).expect("saved");
    let words = ["inpaint", "--image", &image, "--mask", &mask, "--steps", "2", "--out", &out];
    let text = refusal(&words);
    assert!(text.contains("56 x 60") && text.contains("28 x 28") && text.contains("--resize"), "{text}");
    assert!(!Path::new(&out).exists());
    let resized = output(&[&words[..], &["--resize"]].concat());
    assert!(resized.status.success() && String::from_utf8_lossy(&resized.stderr).contains("in colour"));
    let filled = image::open(&out).expect("a picture");
    assert_eq!((filled.width(), filled.height()), (28, 28));
    for (image, mask) in [(&files.image, &mask), (&image, &files.mask)] {
        let text = refusal(&["inpaint", "--image", image, "--mask", mask, "--resize", "--out", &out]);
        assert!(text.contains("56 x 60") && text.contains("28 x 28"), "{text}");
    }
    let text = refusal(&["edit", "--image", &image, "--out", &out]);
    assert!(text.contains("56 x 60") && text.contains("28 x 28"), "{text}");
}

#[test]
fn files_that_are_no_pictures_are_named() {
    let files = Files::new();
    let (poem, glass, out) = (files.path("poem.png"), files.path("glass.png"), files.path("out.png"));
    fs::write(&poem, "a poem").expect("written");
    RgbaImage::from_pixel(28, 28, image::Rgba([9, 9, 9, 100])).save(&glass).expect("saved");
    let nowhere = files.path("nowhere.png");
    for (wrong, why) in [(&poem, "not a readable"), (&nowhere, "cannot read"), (&glass, "transparent")] {
        for (image, mask) in [(wrong, &files.mask), (&files.image, wrong)] {
            let text = refusal(&["inpaint", "--image", image, "--mask", mask, "--out", &out]);
            assert!(text.contains(wrong.as_str()) && text.contains(why), "{text}");
        }
        assert!(refusal(&["edit", "--image", wrong, "--out", &out]).contains(why));
    }
    assert!(!Path::new(&out).exists());
}

#[test]
fn words_that_do_not_fit_together_are_refused() {
    let files = Files::new();
    let out = files.path("out.png");
    let cases: &[(&[&str], &str)] = &[
        (&["--method", "replacement", "--jump", "3"], "--jump"),
        (&["--method", "replacement", "--resample", "3"], "--resample"),
        (&["--method", "magic"], "magic"),
        (&["--steps", "0"], "--steps 0"),
        (&["--steps", "1"], "at least 2 steps"),
        (&["--steps", "5000"], "5000 steps of 1000"),
        (&["--jump", "0"], "--jump 0"),
        (&["--jump", "4"], "1..=3"),
        (&["--resample", "0"], "--resample 0"),
        (&["--eta", "1.5"], "--eta 1.5"),
        (&["--eta", "nan"], "--eta NaN"),
        (&["--count", "0"], "--count 0"),
        (&["--keep", "grey"], "grey"),
        (&["--run", "nowhere"], "nowhere"),
        (&["--strength", "0.5"], "--strength"),
    ];
    for (more, named) in cases {
        let text = refusal(&files.words(&out, more));
        assert!(text.contains(named), "{more:?} should name {named}: {text}");
    }
    let edits: &[(&[&str], &str)] = &[
        (&["--strength", "1.5"], "--strength 1.5"),
        (&["--strength", "0.01"], "0.01 of 50 steps is none"),
        (&["--strength", "0"], "as it is"),
        (&["--keep", "white"], "--mask"),
        (&["--jump", "3"], "--jump"),
    ];
    for (more, named) in edits {
        let text = refusal(&[&["edit", "--image", &files.image, "--out", &out], *more].concat());
        assert!(text.contains(named), "{more:?} should name {named}: {text}");
    }
    assert!(!Path::new(&out).exists());
    assert!(refusal(&files.words("x.bmp", &[])).contains(".safetensors"));
}

#[test]
fn sheets_and_help_teach() {
    let files = Files::new();
    let out = files.path("sheet.svg");
    good(&files.words(&out, &["--count", "2"]));
    let sheet = fs::read_to_string(&out).expect("written");
    assert!(["picture", "mask", "#0", "#1"].iter().all(|label| sheet.contains(label)), "{sheet}");
    for command in ["inpaint", "edit"] {
        let help = good(&[command, "--help"]);
        assert!(help.contains(&format!("\n  easel {command} --image")), "{help}");
    }
}

/// Sixteen bits, as scanners write them.
#[test]
fn deep_pictures_are_read() {
    let files = Files::new();
    let deep: ImageBuffer<Luma<u16>, Vec<u16>> =
        ImageBuffer::from_fn(28, 28, |x, y| Luma([u16::from(stroke(28, 28).get_pixel(x, y)[0]) * 257]));
    deep.save(&files.image).expect("saved");
    assert!(same(&files.filled(&["--method", "replacement"]), 0..14));
}
