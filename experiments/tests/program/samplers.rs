//! Sampling with every sampler, label and guidance, and the studies.

use std::path::Path;

use easel_core::weights;
use serde_json::Value;
use tch::Tensor;

use crate::{folder, good, path, refusal, text};

fn images(file: &str) -> Tensor {
    weights::read(Path::new(file)).expect("written").tensors.remove("images").expect("images")
}

#[test]
fn every_sampler_gives_finite_pictures_and_the_list_names_it() {
    let folder = folder();
    let list: Vec<Value> = serde_json::from_str(&good(&["list", "--samplers", "--json"])).expect("JSON");
    assert_eq!(list.len(), solvers::catalogue::ALL.len());
    let words = good(&["list", "--samplers"]);
    for (entry, sampler) in list.iter().zip(solvers::catalogue::ALL) {
        assert_eq!(entry["name"], sampler.name);
        assert!(words.contains(sampler.name) && words.contains(sampler.source));
        let out = path(&folder, "one.safetensors");
        good(&["sample", "ddpm", "--count", "1", "--sampler", sampler.name, "--steps", "4", "--out", &out]);
        let pictures = images(&out);
        assert_eq!(pictures.size(), [1, 1, 28, 28]);
        assert!(bool::try_from(pictures.isfinite().all()).expect("a truth"), "{}", sampler.name);
    }
}

#[test]
fn sample_k_depends_on_the_seed_and_k_alone() {
    let folder = folder();
    let sample = |name: &str, more: &[&str]| {
        let out = path(&folder, name);
        let words = ["sample", "ddpm", "--sampler", "dpm++2m-sde", "--steps", "3", "--out", &out];
        good(&[&words[..], more].concat());
        images(&out)
    };
    let (three, two) = (sample("3.safetensors", &["--count", "3"]), sample("2.safetensors", &["--count", "2"]));
    assert!((three.narrow(0, 0, 2) - two).abs().max().double_value(&[]) < 1e-5);
    let path_noise = sample("path.safetensors", &["--count", "3", "--brownian"]);
    assert!((&three - path_noise).abs().max().double_value(&[]) > 1e-2);
    let of_seven = |name: &str, more: &[&str]| sample(name, &[&["--count", "2", "--label", "7"], more].concat());
    let plain = of_seven("7.safetensors", &[]);
    assert_eq!(plain, of_seven("7s.safetensors", &["--guidance", "1"]));
    assert_eq!(plain, of_seven("7w.safetensors", &["--guidance-w", "0"]));
    assert_ne!(plain, of_seven("7g.safetensors", &["--guidance", "3"]));
    assert_ne!(plain, of_seven("7c.safetensors", &["--classifier-guidance", "2"]));
}

#[test]
fn combinations_without_meaning_are_refused_with_a_reason() {
    for (words, reason) in [
        (&["--sampler", "rk4"][..], "dpm++2m"),
        (&["--sampler", "dpm++2m", "--eta", "0.5"], "ddim, euler-a"),
        (&["--sampler", "ddim", "--eta", "-1"], "0 or above"),
        (&["--sampler", "ddim", "--brownian"], "draws no noise"),
        (&["--sampler", "edm", "--brownian"], "adds noise"),
        (&["--spacing", "even-ish"], "karras"),
        (&["--sampler", "ddim", "--steps", "0"], "0"),
        (&["--sampler", "ddim", "--steps", "1001"], "1001"),
        (&["--label", "10"], "0 to 9"),
        (&["--guidance-rescale", "0.7"], "without guidance"),
        (&["--guidance", "2", "--guidance-rescale", "1.5"], "[0, 1]"),
        (&["--guidance", "2", "--guidance-interval", "3,1"], "LOW < HIGH"),
        (&["--classifier-guidance", "1", "--guidance-interval", "0,1"], "classifier-free"),
    ] {
        let all = [&["sample", "ddpm", "--count", "1", "--out", "never.png"], words].concat();
        let said = refusal(&all);
        assert!(said.contains(reason), "{words:?}: {said}");
    }
    assert!(!Path::new("never.png").exists());
}

#[test]
fn a_study_measures_draws_and_goes_on_where_it_was() {
    let folder = folder();
    let out = path(&folder, "ddim");
    let words = ["run", "ddim", "--preset", "smoke", "--out", &out];
    let said = good(&words);
    assert!(said.contains("fd-digits") && said.contains("ddim_results"), "{said}");
    let cells: Value = serde_json::from_str(&text(&out, "cells.json")).expect("JSON");
    assert_eq!(cells.as_object().expect("cells").len(), 2 * 6);
    assert!(refusal(&words).contains("--resume"));
    // A cell that is there is not measured again.
    let marked = text(&out, "cells.json").replacen("\"fd\": ", "\"fd\": 1e3 , \"was\": ", 1);
    std::fs::write(Path::new(&out).join("cells.json"), marked).expect("written");
    assert!(good(&[&words[..], &["--resume"]].concat()).contains("1000.00"));
    std::fs::write(Path::new(&out).join("cells.json"), "{").expect("written");
    assert!(refusal(&[&words[..], &["--resume"]].concat()).contains("damaged"));
    assert!(refusal(&[&words[..], &["--resume", "--seed", "1"]].concat()).contains("another configuration"));
    let drawn = path(&folder, "figures");
    good(&["figure", "ddim_results", "--run", &out, "--out", &drawn]);
    assert!(Path::new(&drawn).join("ddim_results.png").is_file());
}

#[test]
fn guidance_trains_both_networks_and_samples_with_them() {
    let folder = folder();
    let (out, file) = (path(&folder, "guidance"), path(&folder, "sample.safetensors"));
    let said = good(&["run", "guidance", "--preset", "smoke", "--out", &out, "--set", "samples=20"]);
    assert!(said.contains("classifier-free") && said.contains("guidance_scale"), "{said}");
    let sample = ["sample", "guidance", "--count", "1", "--steps", "3", "--run", &out, "--out", &file];
    good(&[&sample[..], &["--label", "3", "--guidance", "2"]].concat());
    assert_eq!(images(&file).size(), [1, 1, 28, 28]);
    let empty = path(&folder, "nothing");
    assert!(refusal(&["sample", "guidance", "--run", &empty, "--out", &file]).contains("not a finished run"));
}
