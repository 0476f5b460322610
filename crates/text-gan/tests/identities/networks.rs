//! Shapes, ranges and conditioning of the networks.

use easel_core::Noise;
use easel_core::tensor::normal_tensor;
use easel_nn::{InitScheme, Params};
use tch::{Device, Tensor, no_grad};
use text_gan::{Discriminator, Generator, PictureEncoder, TextGanConfig};

fn normals(seed: u64, shape: &[i64]) -> Tensor {
    normal_tensor(&Noise::new(seed).purpose("inputs"), 0, 0..shape[0] as u64, &shape[1..], Device::Cpu)
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

fn networks(config: &TextGanConfig) -> (Generator, Discriminator, PictureEncoder) {
    let params = Params::new(Device::Cpu, 1, InitScheme::Public);
    let root = params.root();
    (
        Generator::new(&root.sub("generator"), config).expect("fresh names"),
        Discriminator::new(&root.sub("discriminator"), config).expect("fresh names"),
        PictureEncoder::new(&root.sub("style"), config, config.noise).expect("fresh names"),
    )
}

#[test]
fn pictures_of_every_size_are_made_and_judged() {
    for side in [16, 32, 64] {
        let config = TextGanConfig { side, ..TextGanConfig::smoke() };
        let (g, d, s) = networks(&config);
        let (z, texts) = (normals(0, &[4, config.noise]), normals(1, &[4, config.text]) * 30.0);
        for train in [true, false] {
            let pictures = no_grad(|| g.forward(&z, &texts, train));
            assert_eq!(pictures.size(), [4, 3, side, side]);
            assert!(pictures.abs().max().double_value(&[]) <= 1.0);
            assert_eq!(d.forward(&pictures, &texts, train).size(), [4]);
            assert_eq!(s.forward(&pictures, train).size(), [4, config.noise]);
        }
    }
}

#[test]
fn a_picture_does_not_depend_on_its_batch() {
    let config = TextGanConfig::smoke();
    let (g, ..) = networks(&config);
    let (z, texts) = (normals(0, &[6, config.noise]), normals(1, &[6, config.text]));
    let _ = g.forward(&z, &texts, true); // statistics that are not the first ones
    let all = g.forward(&z, &texts, false);
    let alone = g.forward(&z.narrow(0, 4, 1), &texts.narrow(0, 4, 1), false);
    assert!(distance(&all.narrow(0, 4, 1), &alone) < 1e-5);
}

#[test]
fn the_score_depends_on_the_text() {
    let config = TextGanConfig::smoke();
    let (_, d, _) = networks(&config);
    let (pictures, texts) = (normals(0, &[4, 3, 16, 16]), normals(1, &[4, config.text]));
    let order = Tensor::from_slice(&[1i64, 2, 3, 0]);
    let score = |texts: &Tensor| no_grad(|| d.forward(&pictures, texts, false));
    assert!(distance(&score(&texts), &score(&texts.index_select(0, &order))) > 1e-3);
    let same = texts.narrow(0, 0, 1).expand([4, config.text], false);
    assert!(distance(&score(&same), &score(&same.index_select(0, &order))) < 1e-6);
}

#[test]
fn a_text_is_the_same_everywhere() {
    let config = TextGanConfig::smoke();
    let (_, d, _) = networks(&config);
    let planes = d.planes(&normals(1, &[3, config.text]));
    assert_eq!(planes.size(), [3, config.projected, 4, 4]);
    let corner = planes.narrow(2, 0, 1).narrow(3, 0, 1);
    assert_eq!(distance(&planes, &corner.expand_as(&planes)), 0.0);
}

/// The counts of the published sizes, layer by layer from the sizes of section 4.1 and the released code.
#[test]
fn the_published_networks_have_their_sizes() {
    let config = TextGanConfig::paper();
    let count = |build: &dyn Fn(&Params)| {
        let params = Params::counting();
        build(&params);
        params.count()
    };
    let generator = count(&|p| drop(Generator::new(&p.root(), &config).expect("fresh names")));
    let norms = |widths: &[i64]| 4 * widths.iter().sum::<i64>(); // gain, offset and two statistics
    let maps = [1024, 512, 256, 128];
    let convolutions: i64 = 16 * (228 * 1024 + 1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3);
    assert_eq!(generator, (1024 * 128 + 128) + convolutions + norms(&maps));
    let discriminator = count(&|p| drop(Discriminator::new(&p.root(), &config).expect("fresh names")));
    let convolutions: i64 = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 640 * 512 + 16 * 512;
    assert_eq!(discriminator, (1024 * 128 + 128) + convolutions + norms(&[128, 256, 512, 512]));
}

/// What a gradient penalty counts on; with normalisation by the batch it does not hold.
#[test]
fn a_score_without_normalisation_is_its_own_pairs() {
    let moved = |normalised: bool| {
        let config = TextGanConfig { normalised, ..TextGanConfig::smoke() };
        let (_, d, _) = networks(&config);
        let (pictures, texts) = (normals(0, &[4, 3, 16, 16]), normals(1, &[4, config.text]));
        let others = Tensor::cat(&[pictures.narrow(0, 0, 1), normals(2, &[3, 3, 16, 16])], 0);
        let score = |pictures: &Tensor| no_grad(|| d.forward(pictures, &texts, true).get(0));
        distance(&score(&pictures), &score(&others))
    };
    assert!(moved(false) < 1e-6);
    assert!(moved(true) > 1e-4);
}

#[test]
fn wrong_sizes_are_refused_by_name() {
    let refused = |config: TextGanConfig| config.validate().expect_err("out of range").to_string();
    assert!(refused(TextGanConfig { side: 28, ..TextGanConfig::small() }).contains("model.side = 28"));
    assert!(refused(TextGanConfig { noise: 0, ..TextGanConfig::small() }).contains("model.noise = 0"));
}
