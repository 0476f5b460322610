//! A user's own pictures.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::{folder, good, path, refusal, smoke, text};

/// Coloured gradients of several sizes, with captions.
fn paint(folder: &Path, count: u32) {
    fs::create_dir(folder).expect("a folder");
    let mut lines = String::new();
    for i in 0..count {
        let picture = RgbImage::from_fn(30 + i % 5, 34, |x, y| Rgb([(8 * x) as u8, (7 * y) as u8, (9 * i) as u8]));
        picture.save(folder.join(format!("{i}.png"))).expect("saved");
        lines += &format!("{{\"file_name\": \"{i}.png\", \"text\": \"gradient number {i}\"}}\n");
    }
    fs::write(folder.join("metadata.jsonl"), lines).expect("written");
}

#[test]
fn a_folder_of_captioned_pictures_is_trained_on_and_measured_as_far_as_it_can_be() {
    let folder = folder();
    let (pictures, out) = (path(&folder, "pictures"), path(&folder, "run"));
    paint(Path::new(&pictures), 24);
    let data = format!("data={pictures}");
    let words = smoke(&out, &["--set", &data, "--set", "model.channels=3", "--set", "loop.steps=6"]);
    let said = good(&words);
    for text in [said, text(&out, "report.md")] {
        assert!(text.contains("`fd-digits`") && text.contains("left out") && text.contains("bits/dim"), "{text}");
    }
    let results: Value = serde_json::from_str(&text(&out, "results.json")).expect("JSON");
    assert!(results["metrics"]["bits/dim"].is_number() && results["metrics"]["fd-digits"].is_null(), "{results}");
    for figure in experiments::experiment::find("ddpm").expect("ddpm").figures() {
        assert!(Path::new(&out).join(format!("figures/{}.png", figure.name)).is_file(), "{}", figure.name);
    }
    let sheet = path(&folder, "sheet.png");
    good(&["data", "show", &pictures, "--count", "4", "--out", &sheet]);
    assert!(text(&path(&folder, ""), "sheet.svg").contains("gradient"), "the captions are not shown");
}

#[test]
fn a_file_that_is_no_picture_is_named() {
    let folder = folder();
    let (pictures, out) = (path(&folder, "pictures"), path(&folder, "run"));
    paint(Path::new(&pictures), 12);
    let data = format!("data={pictures}");
    let words = smoke(&out, &["--set", &data, "--set", "model.channels=3"]);
    let refused = |named: &[&str]| {
        for text in [refusal(&words), refusal(&["data", "show", &pictures])] {
            assert!(named.iter().all(|part| text.contains(part)), "{named:?}: {text}");
        }
        assert!(!Path::new(&out).exists());
    };
    let seven = Path::new(&pictures).join("7.png");
    let whole = fs::read(&seven).expect("a picture");
    fs::write(&seven, "a poem").expect("written");
    refused(&["7.png", "not a readable"]);
    fs::write(&seven, &whole[..whole.len() / 2]).expect("written");
    refused(&["7.png", "not a readable"]);
    fs::remove_file(&seven).expect("gone");
    refused(&["metadata.jsonl:8", "7.png"]);
    let lines = text(&pictures, "metadata.jsonl");
    fs::write(Path::new(&pictures).join("metadata.jsonl"), lines.replace("\"text\": \"gradient number 3\"", ""))
        .expect("written");
    refused(&["metadata.jsonl:4"]);
    let empty = path(&folder, "empty");
    fs::create_dir(&empty).expect("a folder");
    assert!(refusal(&["data", "show", &empty]).contains("no pictures"));
}

#[test]
fn too_few_pictures_are_refused_before_training() {
    let folder = folder();
    let (pictures, out) = (path(&folder, "pictures"), path(&folder, "run"));
    paint(Path::new(&pictures), 1);
    let data = format!("data={pictures}");
    let text = refusal(&smoke(&out, &["--set", &data, "--set", "model.channels=3"]));
    assert!(text.contains("1 picture;") && text.contains(&pictures), "{text}");
    assert!(!Path::new(&out).exists());
}
