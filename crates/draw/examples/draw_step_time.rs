//! Prints milliseconds of a training step and of generation, for comparison with other programs.
//!
//! `draw_step_time GLIMPSES HIDDEN LATENT READ WRITE BATCH PARTS STEPS`, for example `draw_step_time 16 128 8 5 5 64 1 20`; READ
//! and WRITE 0 for no attention; PARTS of the batch have a thread each.

use std::time::Instant;

use draw::bound::{probabilities, test_pictures};
use draw::learner::TrainConfig;
use draw::{BoundLearner, Draw, DrawConfig};
use easel_core::Noise;
use easel_data::Split;
use easel_data::digits::digits;
use easel_nn::{InitScheme, Params};
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
    let timed = |work: &mut dyn FnMut(u64) -> Result<(), Box<dyn std::error::Error>>| {
        let mut times = Vec::new();
        for step in 0..steps as u64 {
            let started = Instant::now();
            work(step)?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok::<_, Box<dyn std::error::Error>>((times[0], times[times.len() / 2]))
    };
    let training = timed(&mut |step| {
        learner.step(step)?[0].1.double_value(&[]);
        Ok(())
    })?;
    let noise = Noise::new(0).purpose("sample");
    let generation = timed(&mut |_| {
        learner.model.generate(&noise, 0..batch as u64)?;
        Ok(())
    })?;
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
