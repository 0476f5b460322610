//! Text-conditional GAN: training of all stages, measuring, figures.

mod config;
mod figures;
mod judge;
mod measure;
mod roc;
mod text;
mod trained;
mod training;
mod world;

use std::path::Path;

use anyhow::Result;
use easel_nn::Params;
use easel_plot::Figure;
use easel_train::RunDir;
use easel_train::run_dir::read_metrics;
use serde_json::{Map, json};
use tch::{Device, Tensor};
use text_gan::{Discriminator, Generator, PictureEncoder};
use toml::Table;

use crate::experiment::{Bound, Evaluation, Expected, Experiment, FigureInfo, Info, Preset, RunRequest, SampleRequest};
use crate::stages::report;
use config::RunConfig;
use judge::Judge;
use measure::Measure;
use trained::{FILES, RESULTS, Trained};
use training::Run;
use world::World;

/// Text-conditional GAN.
#[derive(Debug)]
pub struct TextGanExperiment;

/// Networks, data and judge of a run, or the shipped ones.
struct Everything {
    trained: Trained,
    world: World,
    judge: Judge,
}

impl Everything {
    fn load(run: Option<&Path>, device: Device) -> Result<Self> {
        let trained = Trained::load(run, device)?;
        let world = World::open(&trained.config.data, trained.config.model.side as usize)?;
        let judge = Judge::new(&world, &trained.judge, device)?;
        Ok(Self { trained, world, judge })
    }

    fn measure(&self) -> Measure<'_> {
        Measure { trained: &self.trained, world: &self.world, judge: &self.judge }
    }
}

impl Experiment for TextGanExperiment {
    fn name(&self) -> &'static str {
        "text-gan"
    }

    fn citation(&self) -> &'static str {
        "Reed et al.: Generative Adversarial Text to Image Synthesis, ICML 2016, arXiv:1605.05396"
    }

    fn about(&self) -> &'static str {
        "pictures of a caption in one pass: wrong pairs, interpolated texts, a style that moves between captions"
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset { name: "small", about: "GAN-INT-CLS on shapes, whose truth is known", trains: true },
            Preset { name: "emoji", about: "GAN-INT-CLS on emoji in four art styles", trains: true },
            Preset { name: "sprite-scenes", about: "GAN-INT-CLS on scenes of sprites", trains: true },
            Preset { name: "variants", about: "all four variants on shapes, half as long each", trains: true },
            Preset { name: "smoke", about: "the whole path in seconds", trains: true },
            Preset { name: "paper", about: "the published sizes for birds and flowers", trains: false },
        ]
    }

    fn figures(&self) -> &'static [FigureInfo] {
        figures::ALL
    }

    fn expected(&self) -> &'static [Expected] {
        &[
            Expected { preset: "small", metric: "colour seen", bound: Bound::AtLeast(0.8) },
            Expected { preset: "small", metric: "style mse", bound: Bound::AtMost(0.8) },
            Expected { preset: "small", metric: "diversity", bound: Bound::AtLeast(0.6) },
        ]
    }

    fn weight_files(&self) -> &'static [&'static str] {
        &FILES
    }

    fn shipped_file(&self) -> &'static str {
        "text-gan"
    }

    fn data_hash(&self, config: &str) -> Result<String> {
        let config = RunConfig::read(&config.parse()?)?;
        Ok(World::open(&config.data, config.model.side as usize)?.train.data.content_hash())
    }

    fn shipped_metrics(&self) -> Result<Map<String, serde_json::Value>> {
        crate::experiment::metrics_of(RESULTS)
    }

    fn config(&self, preset: &str, seed: u64) -> Result<Table> {
        Ok(Table::try_from(RunConfig::preset(preset, seed))?)
    }

    fn run(&self, request: &RunRequest) -> Result<()> {
        let config = RunConfig::read(&request.config)?;
        let (out, device) = (&request.out, request.device);
        let world = World::open(&config.data, config.model.side as usize)?;
        // The folder stays guarded until everything in it is written.
        let mut dir = RunDir::open(out, &toml::to_string(&request.config)?, request.resume)?;
        let run = Run { config: &config, out, world: &world, device };
        run.train()?;
        dir.rewind(0)?;
        for line in read_metrics(&out.join(config.main().key()).join("metrics.jsonl"))? {
            dir.log(&line)?;
        }
        let all = Everything::load(Some(out), device)?;
        let mut evaluation = all.measure().all()?;
        evaluation.metrics.insert("training_seconds".into(), json!(run.seconds()?.round()));
        report(self, out, &config.preset, &evaluation, figures::ALL, |name| {
            figures::draw(name, &all.measure(), &evaluation.metrics)
        })
    }

    fn figure(&self, name: &str, run: Option<&Path>, device: Device) -> Result<Figure> {
        let results = crate::experiment::results(self, run)?;
        figures::draw(name, &Everything::load(run, device)?.measure(), &results)
    }

    fn info(&self, table: &Table) -> Result<Info> {
        let config = RunConfig::read(table)?;
        let params = Params::counting();
        Generator::new(&params.root().sub("generator"), &config.model)?;
        Discriminator::new(&params.root().sub("discriminator"), &config.model)?;
        PictureEncoder::new(&params.root().sub("style"), &config.model, config.model.noise)?;
        Ok(Info::new(params.count(), None))
    }

    fn evaluate(&self, run: Option<&Path>, device: Device) -> Result<Evaluation> {
        Everything::load(run, device)?.measure().all()
    }

    fn takes_prompts(&self) -> bool {
        true
    }

    fn is_diffusion(&self) -> bool {
        false
    }

    fn sample(&self, request: &SampleRequest) -> Result<Tensor> {
        let trained = Trained::load(request.run.as_deref(), request.device)?;
        let captions = request.captions(|| {
            let world = World::open(&trained.config.data, trained.config.model.side as usize)?;
            let order =
                easel_core::Noise::new(request.seed).purpose("sample/captions").permutation(0, world.captions.len());
            Ok(order.iter().map(|&c| world.caption(c).to_owned()).collect())
        })?;
        let stream = easel_core::Noise::new(request.seed).purpose("sample/noise");
        let width = [trained.config.model.noise];
        let z = easel_core::tensor::normal_tensor(&stream, 0, 0..request.count as u64, &width, request.device);
        let texts = trained.text.encode(&captions)?;
        Ok(trained.main().pictures(&z, &texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_have_the_sizes_of_the_paper() {
        for preset in TextGanExperiment.presets() {
            let table = TextGanExperiment.config(preset.name, 0).expect("a preset");
            let config = RunConfig::read(&table).unwrap_or_else(|e| panic!("{}: {e:#}", preset.name));
            assert_eq!(config.preset, preset.name);
        }
    }

    #[test]
    fn wrong_configurations_are_refused_by_name() {
        let refused = |assignment: &str| {
            let table = crate::experiment::configure(&TextGanExperiment, "smoke", 0, &[assignment.to_string()]);
            RunConfig::read(&table.expect("a known key")).expect_err("refused").to_string()
        };
        assert!(refused("data=birds").contains("birds"));
        assert!(refused("variants=[]").contains("variants"));
        assert!(refused("variants=[\"gan\", \"gan\"]").contains("twice"));
        assert!(refused("variants=[\"wgan\"]").contains("variants"));
        assert!(refused("text=minilm").contains("model.text=384"));
        assert!(refused("model.normalised=true").contains("train.penalty = 2"));
        assert!(refused("train.batch=7").contains("train.batch = 7"));
        assert!(refused("train.augment.cut=2.0").contains("augment.cut"));
    }

    #[test]
    fn scenes_of_sprites_are_a_world_too() {
        tch::set_num_threads(1);
        let folder = tempfile::TempDir::new().expect("a folder");
        let sets = ["data=sprite-scenes", "variants=[\"int-cls\"]"].map(String::from);
        let config = crate::experiment::configure(&TextGanExperiment, "smoke", 1, &sets).expect("a preset");
        let out = folder.path().join("run");
        let request = RunRequest { config, out: out.clone(), resume: false, device: Device::Cpu };
        TextGanExperiment.run(&request).expect("runs");
        let results = crate::experiment::results(&TextGanExperiment, Some(&out)).expect("written");
        for name in ["noun seen", "background held-out", "art style transfer", "fd-sprite-scenes", "diversity"] {
            assert!(results[name].as_f64().is_some_and(f64::is_finite), "{name}: {results:?}");
        }
        assert_eq!(TextGanExperiment.data_sets(Some(&out)).expect("read"), ["sprite-scenes"]);
    }

    #[test]
    fn a_smoke_run_trains_measures_draws_and_resumes() {
        tch::set_num_threads(1);
        let folder = tempfile::TempDir::new().expect("a folder");
        let run = |name: &str, resume: bool| {
            let config = TextGanExperiment.config("smoke", 1).expect("a preset");
            let out = folder.path().join(name);
            TextGanExperiment.run(&RunRequest { config, out: out.clone(), resume, device: Device::Cpu }).map(|()| out)
        };
        let whole = run("whole", false).expect("runs");
        for figure in figures::ALL {
            assert!(whole.join("figures").join(format!("{}.svg", figure.name)).is_file(), "{}", figure.name);
        }
        // What is missing is made again, from the last checkpoint of its stage, and ends in the same bits.
        let before = std::fs::read(whole.join("generators.safetensors")).expect("written");
        for gone in ["generators.safetensors", "cls.safetensors", "cls-style.safetensors"] {
            std::fs::remove_file(whole.join(gone)).expect("was there");
        }
        run("whole", true).expect("resumes");
        assert!(before == std::fs::read(whole.join("generators.safetensors")).expect("written"));
        let sample = |prompts: &[&str], count| {
            let request = SampleRequest {
                run: Some(whole.clone()),
                count,
                seed: 3,
                prompts: prompts.iter().map(ToString::to_string).collect(),
                sampler: Default::default(),
                guidance: Default::default(),
                device: Device::Cpu,
            };
            TextGanExperiment.sample(&request).expect("samples")
        };
        let words = ["a large red circle", "a small blue star"];
        let difference = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
        assert!(difference(&sample(&words, 2), &sample(&words, 5).narrow(0, 0, 2)) < 1e-5);
        assert!(difference(&sample(&words[..1], 1), &sample(&words[1..], 1)) > 1e-6);
        assert_eq!(sample(&[], 3).size(), [3, 3, 32, 32]);
    }
}
