//! A run from end to end, and what it leaves.

use std::path::Path;

use tch::Device;

use super::*;

fn request(out: &Path, resume: bool) -> RunRequest {
    let config = DrawExperiment.config("smoke", 3).expect("a preset");
    RunRequest { config, out: out.to_owned(), resume, device: Device::Cpu }
}

#[test]
fn a_smoke_run_leaves_everything_and_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path();
    DrawExperiment.run(&request(out, false)).expect("a run");
    let bytes = |file: &str| std::fs::read(out.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let first = FILES.map(|file| bytes(&format!("{file}.safetensors")));
    for figure in figures::ALL {
        assert!(!bytes(&format!("figures/{}.png", figure.name)).is_empty());
    }
    let metrics =
        crate::experiment::metrics_of(&String::from_utf8(bytes("results.json")).expect("UTF-8")).expect("JSON");
    let number = |key: &str| metrics[key].as_f64().unwrap_or_else(|| panic!("{key}"));
    for expected in DrawExperiment.expected() {
        assert!(metrics[expected.metric].is_number(), "{}", expected.metric);
    }
    let parts = number("reconstruction") + number("kl");
    assert!((number("bound") - parts).abs() < 1e-9 && number("bound") < 260.0);
    assert!((number("vae/bound") - number("bound") - number("below the VAE's bound")).abs() < 1e-9);
    assert!(number("importance-weighted") < number("bound") + 0.5);
    let report = String::from_utf8(bytes("report.md")).expect("UTF-8");
    assert!(report.contains("The latent numbers say nothing") && report.contains("| VAE |"), "{report}");

    // Figures and samples come from the run's folder.
    let images = |seed| {
        let request = SampleRequest {
            run: Some(out.to_owned()),
            count: 3,
            seed,
            prompts: Vec::new(),
            sampler: crate::sampling::SamplerOptions::default(),
            guidance: crate::sampling::GuidanceOptions::default(),
            device: Device::Cpu,
        };
        DrawExperiment.sample(&request).expect("samples")
    };
    assert_eq!(images(1).size(), [3, 1, 28, 28]);
    assert_eq!(images(1), images(1));
    assert_ne!(images(1), images(2));
    assert!(DrawExperiment.figure("draw_nothing", Some(out), Device::Cpu).is_err());
    let evaluation = DrawExperiment.evaluate(Some(out), Device::Cpu).expect("measured again");
    assert_eq!(evaluation.metrics["bound"], metrics["bound"]);

    // A finished run is not trained again without --resume, and with it ends in the same bytes.
    assert!(DrawExperiment.run(&request(out, false)).is_err());
    DrawExperiment.run(&request(out, true)).expect("a resumed run");
    assert_eq!(first, FILES.map(|file| bytes(&format!("{file}.safetensors"))));
}

#[test]
fn every_preset_is_a_configuration() {
    for preset in DrawExperiment.presets() {
        let config = RunConfig::read(&DrawExperiment.config(preset.name, 0).expect("a preset")).expect(preset.name);
        let count = |build: &dyn Fn(&Params)| {
            let params = Params::counting();
            build(&params);
            params.count() as f64
        };
        let draw = count(&|p| drop(Draw::new(&p.root(), &config.draw.model)));
        let vae = count(&|p| drop(::draw::Vae::new(&p.root(), &config.vae.model)));
        assert!(preset.name == "smoke" || (0.7..1.4).contains(&(vae / draw)), "{}: {draw} and {vae}", preset.name);
        let plain = count(&|p| drop(Draw::new(&p.root(), &config.plain.model)));
        assert!(preset.name != "small" || 2.0 * (draw + plain) < 2e6, "{draw} and {plain} are too many to ship");
    }
    let info = DrawExperiment.info(&DrawExperiment.config("paper", 0).expect("a preset")).expect("counted");
    assert_eq!(info.parameters, 962_811);
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let refusal = |assignment: &str| {
        let table = crate::experiment::configure(&DrawExperiment, "smoke", 0, &[assignment.to_owned()]).expect("a key");
        RunConfig::read(&table).expect_err(assignment).to_string()
    };
    assert!(refusal("draw.model.read=1").contains("model.read = 1"));
    assert!(refusal("plain.model.attention=true").contains("plain.model.attention"));
    assert!(refusal("vae.model.pixels=100").contains("one size"));
    assert!(refusal("draw.train.batch=1").contains("at least 2"));
    assert!(refusal("evaluate.draws=0").contains("evaluate.draws"));
}
