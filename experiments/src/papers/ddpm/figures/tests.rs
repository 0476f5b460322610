//! Every declared figure can be drawn from any model of a preset that trains.

use ddpm::{Ddpm, Process};
use easel_nn::{InitScheme, Params};
use serde_json::json;
use tch::{Device, Kind, Tensor, no_grad};

use super::{ALL, draw};
use crate::papers::ddpm::settings::{RunConfig, preset};
use crate::papers::ddpm::trained::Trained;

/// The smoke preset with fresh weights and a short log.
fn untrained() -> Trained {
    let (config, device) = (preset("smoke", 0).expect("a preset"), Device::Cpu);
    let network = |seed, config: &RunConfig| {
        let params = Params::new(device, seed, InitScheme::Public);
        Ddpm::new(&params.root(), &config.model).expect("a valid preset")
    };
    let (model, weak) = (network(config.seed, &config), config.weak().map(|weak| network(config.seed + 1, &weak)));
    let schedule = config.model.schedule.build(config.model.timesteps).expect("a valid preset");
    let process = Process::new(schedule, config.model.parameterisation, device);
    let line = |step: u64| json!({ "step": step, "loss": 1.0 / step as f64 }).as_object().cloned().expect("an object");
    Trained { config, model, weak, process, log: (1..6).map(line).collect(), device }
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

/// At scale 0 the weak network speaks, at 1 the model, and every other scale lies on the line through both.
#[test]
fn the_scale_is_a_line_through_both_networks() {
    let trained = untrained();
    let x = Tensor::linspace(-1.0, 1.0, 2 * 28 * 28, (Kind::Float, Device::Cpu)).view([2, 1, 28, 28]);
    let at = |scale| no_grad(|| trained.output(&x, 40.0, scale));
    let weak = no_grad(|| trained.weak.as_ref().expect("a weak network").at(&x, 40.0, None));
    let close = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]) < 1e-5;
    assert!(!close(&at(0.0), &at(1.0)), "the networks are the same");
    assert!(at(0.0).equal(&weak) && at(1.0).equal(&no_grad(|| trained.model.at(&x, 40.0, None))));
    assert!(close(&at(2.5), &(at(1.0) * 2.5 - at(0.0) * 1.5)));
    assert_eq!(trained.scale(None, 2.0).ok(), Some(2.0));
    let alone = Trained { weak: None, ..trained };
    assert_eq!(alone.scale(Some(1.0), 2.0).ok(), Some(1.0));
    for refused in [Some(2.0), Some(-1.0), Some(f64::NAN)] {
        assert!(alone.scale(refused, 1.0).is_err(), "{refused:?}");
    }
}
