//! Prints milliseconds of a training step and of generating a batch, for comparison with other programs.
//!
//! `text_gan_step_time SIDE WIDTH BATCH STEPS VARIANT`, for example `text_gan_step_time 32 32 64 30 int-cls`.

use easel_core::{Noise, tensor::normal_tensor};
use easel_data::loader::{Loader, LoaderConfig};
use easel_data::shapes::Shapes;
use easel_nn::{InitScheme, Params};
use easel_train::timing::minimum_and_median;
use easel_train::{Learner, OptimConfig, TrainError};
use gan::augment::Augment;
use tch::{Device, Kind, Tensor, no_grad};
use text_gan::{Generator, Pairs, TextGanConfig, TextGanLearner, TrainConfig, Variant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [side, width, batch, steps, variant] = arguments.as_slice() else {
        return Err("usage: text_gan_step_time SIDE WIDTH BATCH STEPS gan|cls|int|int-cls".into());
    };
    let (side, width, batch, steps): (i64, i64, usize, u64) =
        (side.parse()?, width.parse()?, batch.parse()?, steps.parse()?);
    let variant = Variant::ALL.into_iter().find(|v| v.key() == variant).ok_or("no such variant")?;
    let model = TextGanConfig {
        side,
        generator: width,
        discriminator: width,
        ..TextGanConfig { noise: 32, text: 128, projected: 64, ..TextGanConfig::paper() }
    };
    let (pictures, texts) = (512, 96);
    let data = Shapes::new(side as usize, 0)?.with_objects(1..=1)?.dataset(0..pictures)?;
    let pairs = Pairs {
        loader: Loader::new(&data, LoaderConfig { batch, ..LoaderConfig::default() }, Device::Cpu)?,
        classes: data.labels().ok_or("no labels")?.to_vec(),
        captions: (0..data.len()).map(|i| vec![i % texts]).collect(),
        texts: normal_tensor(&Noise::new(0).purpose("texts"), 0, 0..texts as u64, &[model.text], Device::Cpu),
    };
    let optim = OptimConfig { clip: 0.0, ..OptimConfig::default() };
    let train = TrainConfig {
        batch: batch as i64,
        interpolated: 1.0,
        penalty: 0.0,
        augment: Augment::OFF,
        generator: optim,
        discriminator: optim,
    };
    let mut learner = TextGanLearner::new(variant, &model, &train, pairs, 0, steps)?;
    let training = minimum_and_median(steps, |step| learner.step(step).map(|scalars| scalars[0].1.double_value(&[])))?;
    let params = Params::new(Device::Cpu, 0, InitScheme::Dcgan);
    let generator = Generator::new(&params.root(), &model)?;
    let z = Tensor::zeros([batch as i64, model.noise], (Kind::Float, Device::Cpu));
    let text = Tensor::zeros([batch as i64, model.text], (Kind::Float, Device::Cpu));
    let forward = minimum_and_median(steps, |_| Ok::<_, TrainError>(no_grad(|| generator.forward(&z, &text, false))))?;
    println!(
        "parameters {} train {:.1} {:.1} forward {:.1} {:.1}",
        learner.parameters(),
        training.0,
        training.1,
        forward.0,
        forward.1
    );
    Ok(())
}
