//! Prints milliseconds of a training step and of generation, for comparison with other programs.
//!
//! `draw_step_time GLIMPSES HIDDEN LATENT READ WRITE BATCH PARTS STEPS`, for example `draw_step_time 16 128 8 5 5 64 1 20`; READ
//! and WRITE 0 for no attention; PARTS of the batch have a thread each.

use draw::bound::{probabilities, test_pictures};
use draw::learner::TrainConfig;
use draw::{BoundLearner, Draw, DrawConfig};
use easel_core::Noise;
use easel_data::Split;
use easel_data::digits::digits;
use easel_nn::{InitScheme, Params};
use easel_train::timing::minimum_and_median;
use easel_train::{Learner, OptimConfig};
use tch::Device;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<i64> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let [glimpses, hidden, latent, read, write, batch, parts, steps] = numbers[..] else {
        return Err("usage: draw_step_time GLIMPSES HIDDEN LATENT READ WRITE BATCH PARTS STEPS".into());
    };
    tch::set_num_threads(1);
    let attention = read > 0;
    let config = DrawConfig { glimpses, hidden, latent, attention, read, write, ..DrawConfig::small() };
    let train = TrainConfig { batch: batch as usize, optim: OptimConfig::default() };
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let model = Draw::new(&params.root(), &config)?.in_parts(parts);
    let pictures = probabilities(&digits(Split::Train)?);
    let test = test_pictures(&digits(Split::Test)?, Device::Cpu);
    let mut learner = BoundLearner::new(model, &params, &train, pictures, test, 0, steps as u64)?;
    let rounds = steps as u64;
    let training = minimum_and_median(rounds, |step| learner.step(step).map(|scalars| scalars[0].1.double_value(&[])))?;
    let noise = Noise::new(0).purpose("sample");
    let generation = minimum_and_median(rounds, |_| learner.model.generate(&noise, 0..batch as u64))?;
    println!(
        "parameters {} train {:.2} {:.2} generate {:.2} {:.2}",
        params.count(),
        training.0,
        training.1,
        generation.0,
        generation.1
    );
    Ok(())
}
