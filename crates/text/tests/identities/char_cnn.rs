//! The character-level encoder.

use easel_nn::{InitScheme, Params};
use easel_text::char_cnn_rnn::ALPHABET;
use easel_text::{CharCnnRnn, CharCnnRnnConfig};
use tch::{Device, Kind, Tensor};

use crate::common::distance;

fn network(config: CharCnnRnnConfig) -> (Params, CharCnnRnn) {
    let params = Params::new(Device::Cpu, 3, InitScheme::Public);
    let network = CharCnnRnn::new(&params.root(), config).unwrap();
    (params, network)
}

#[test]
fn the_published_encoder_has_eight_steps() {
    let paper = CharCnnRnnConfig::paper();
    assert_eq!(paper.steps().unwrap(), 8);
    // The long encoder: no last pooling, 18 steps.
    let long = CharCnnRnnConfig { pools: [[3, 3], [3, 3], [1, 1]], ..paper };
    assert_eq!(long.steps().unwrap(), 18);
    let params = Params::counting();
    CharCnnRnn::new(&params.root(), paper).unwrap();
    let convs = (70 * 4 + 1) * 384 + (384 * 4 + 1) * 512 + (512 * 4 + 1) * 256;
    assert_eq!(params.count(), convs + 2 * 257 * 256 + 257 * 1024);
    for (wrong, named) in [
        (CharCnnRnnConfig { characters: 20, ..paper }, "characters = 20"),
        (CharCnnRnnConfig { outputs: 0, ..paper }, "outputs = 0"),
        (CharCnnRnnConfig { pools: [[3, 0], [1, 1], [1, 1]], ..paper }, "pools = 0"),
    ] {
        let error = CharCnnRnn::new(&Params::counting().root(), wrong).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn the_alphabet_is_the_published_one() {
    assert_eq!((ALPHABET.len(), ALPHABET.matches('-').count()), (70, 2));
    let distinct: std::collections::BTreeSet<char> = ALPHABET.chars().collect();
    assert_eq!(distinct.len(), 69);
}

#[test]
fn characters_become_columns() {
    let (_, network) = network(CharCnnRnnConfig::small());
    let text = "A-z é?";
    let one_hot = network.one_hot(&[text, ""], Device::Cpu);
    assert_eq!(one_hot.size(), [2, 70, 64]);
    assert_eq!(one_hot.get(1).sum(Kind::Float).double_value(&[]), 0.0);
    let columns = [Some(0), ALPHABET.rfind('-'), Some(25), Some(69), None, ALPHABET.find('?')];
    for (place, column) in columns.into_iter().enumerate() {
        let found = one_hot.get(0).select(1, place as i64);
        let expected = Tensor::zeros([70], (Kind::Float, Device::Cpu));
        if let Some(column) = column {
            let _ = expected.get(column as i64).fill_(1.0);
        }
        assert_eq!(found, expected, "{place}");
    }
    assert_eq!(one_hot.sum(Kind::Float).double_value(&[]), 5.0);
    // A longer text is cut.
    let long = "x".repeat(200);
    assert_eq!(network.one_hot(&[&long], Device::Cpu), network.one_hot(&[&long[..64]], Device::Cpu));
}

#[test]
fn the_recurrence_is_the_published_one() {
    let (params, network) = network(CharCnnRnnConfig::small());
    let get = |name: &str| params.get(name).unwrap();
    let one_hot = network.one_hot(&["a small red triangle", "two bells"], Device::Cpu);
    let convolved = |x: &Tensor, k: usize| {
        let (w, b) = (get(&format!("conv{k}.weight")), get(&format!("conv{k}.bias")));
        // The sum over the window, written out.
        let steps = x.size()[2] - 3;
        let sum = (0..4).map(|j| w.select(2, j).matmul(&x.narrow(2, j, steps))).reduce(|a, b| a + b).unwrap();
        (sum + b.unsqueeze(-1)).relu()
    };
    let pooled = |x: Tensor| x.unfold(2, 2, 2).amax(-1, false);
    let x = convolved(&pooled(convolved(&pooled(convolved(&one_hot, 1)), 2)), 3);
    let step =
        |map: &str, x: &Tensor| x.matmul(&get(&format!("rnn.{map}.weight")).tr()) + get(&format!("rnn.{map}.bias"));
    let mut states: Vec<Tensor> = vec![step("i2h", &x.select(2, 0)).relu()];
    for t in 1..x.size()[2] {
        states.push((step("i2h", &x.select(2, t)) + step("h2h", states.last().unwrap())).relu());
    }
    let mean = Tensor::stack(&states, 0).mean_dim(0, false, Kind::Float);
    let expected = mean.matmul(&get("linear.weight").tr()) + get("linear.bias");
    assert_eq!(states.len() as i64, CharCnnRnnConfig::small().steps().unwrap());
    assert!(distance(&network.forward(&one_hot), &expected) < 1e-5);
    // A text does not depend on its batch mates.
    let alone = network.forward(&network.one_hot(&["two bells"], Device::Cpu));
    assert!(distance(&alone.get(0), &network.forward(&one_hot).get(1)) < 1e-6);
}

#[test]
fn gradients_reach_every_weight() {
    let (params, network) = network(CharCnnRnnConfig::small());
    let captions = ["a small red triangle", "two bells ring", "zebra (fast) @ noon!"];
    network.forward(&network.one_hot(&captions, Device::Cpu)).square().sum(Kind::Float).backward();
    for (name, tensor) in params.named() {
        assert!(tensor.grad().abs().sum(Kind::Float).double_value(&[]) > 0.0, "{name}");
    }
}
