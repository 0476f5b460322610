//! Every declared figure can be drawn from any model of a preset that trains.

use ddpm::{Ddpm, Process};
use easel_nn::{InitScheme, Params};
use serde_json::json;
use tch::Device;

use super::{ALL, draw};
use crate::papers::ddpm::settings::preset;
use crate::papers::ddpm::trained::Trained;

/// The smoke preset with fresh weights and a short log.
fn untrained() -> Trained {
    let (config, device) = (preset("smoke", 0).expect("a preset"), Device::Cpu);
    let params = Params::new(device, config.seed, InitScheme::Public);
    let model = Ddpm::new(&params.root(), &config.model).expect("a valid preset");
    let schedule = config.model.schedule.build(config.model.timesteps).expect("a valid preset");
    let process = Process::new(schedule, config.model.parameterisation, device);
    let line = |step: u64| json!({ "step": step, "loss": 1.0 / step as f64 }).as_object().cloned().expect("an object");
    Trained { config, model, process, log: (1..6).map(line).collect(), device }
}

#[test]
fn every_figure_is_drawn_the_same_twice() {
    let trained = untrained();
    for figure in ALL {
        let svg = || {
            draw(figure.name, &trained)
                .and_then(|f| Ok(f.to_svg()?))
                .unwrap_or_else(|e| panic!("{}: {e:#}", figure.name))
        };
        let first = svg();
        assert!(first.starts_with("<svg") && first.contains("seed 0"), "{} has no caption", figure.name);
        assert!(first == svg(), "{} differs between two draws", figure.name);
    }
}

#[test]
fn an_unknown_figure_is_refused_with_the_names_that_exist() {
    let message = draw("ddpm_nothing", &untrained()).err().expect("refused").to_string();
    assert!(message.contains("ddpm_nothing") && ALL.iter().all(|f| message.contains(f.name)), "{message}");
}
