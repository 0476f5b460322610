//! The bidirectional LSTM.

use easel_nn::recurrent::{LstmCell, LstmState};
use easel_nn::{InitScheme, Params};
use easel_text::{BiLstm, BiLstmConfig, TextError};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor, no_grad};

use crate::common::{SIZES, distance, encoder, rows, tokens};

const WEIGHTS: [&str; 4] = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"];

fn weight(params: &Params, name: &str) -> Tensor {
    params.get(&format!("lstm.{name}")).unwrap()
}

/// One caption through [`LstmCell`], word by word in the given order: states `[L, H]`.
fn by_cells(params: &Params, ids: &[i64], ending: &str, reversed: bool) -> Tensor {
    let own = Params::zeros(Device::Cpu);
    let cell = LstmCell::new(&own.root(), SIZES.embedding, SIZES.hidden).unwrap();
    no_grad(|| {
        for (name, mut tensor) in own.named() {
            tensor.copy_(&weight(params, &format!("{name}_l0{ending}")));
        }
        let zero = || Tensor::zeros([1, SIZES.hidden], (Kind::Float, Device::Cpu));
        let mut state = LstmState { hidden: zero(), cell: zero() };
        let table = params.get("embedding.weight").unwrap();
        let mut states = Vec::new();
        let order: Vec<i64> = if reversed { ids.iter().rev().copied().collect() } else { ids.to_vec() };
        for id in order {
            state = cell.forward(&table.get(id).unsqueeze(0), &state);
            states.push(state.hidden.shallow_clone());
        }
        if reversed {
            states.reverse();
        }
        Tensor::cat(&states, 0)
    })
}

/// The encoder by libtorch's packed sequences, which want captions sorted by falling length: words and sentences.
fn packed(params: &Params, rows: &[Vec<i64>]) -> (Tensor, Tensor) {
    let mut sorted: Vec<usize> = (0..rows.len()).collect();
    sorted.sort_by_key(|&i| std::cmp::Reverse(rows[i].len()));
    let batch = tokens(&sorted.iter().map(|&i| rows[i].clone()).collect::<Vec<_>>());
    let table = params.get("embedding.weight").unwrap();
    let x = Tensor::embedding(&table, &batch.ids, -1, false, false);
    let (data, sizes) = x.internal_pack_padded_sequence(&Tensor::from_slice(&batch.lengths), true);
    let endings = ["", "_reverse"].into_iter();
    let all: Vec<Tensor> = endings.flat_map(|e| WEIGHTS.map(|n| weight(params, &format!("{n}{e}")))).collect();
    let zero = Tensor::zeros([2, rows.len() as i64, SIZES.hidden], (Kind::Float, Device::Cpu));
    let all: Vec<&Tensor> = all.iter().collect();
    let (out, last, _) = Tensor::lstm_data(&data, &sizes, &[&zero, &zero], &all, true, 1, 0.0, false, true);
    let (words, _) = Tensor::internal_pad_packed_sequence(&out, &sizes, true, 0.0, x.size()[1]);
    let back: Vec<i64> = (0..rows.len()).map(|i| sorted.iter().position(|&s| s == i).unwrap() as i64).collect();
    let back = Tensor::from_slice(&back);
    let sentence = Tensor::cat(&[last.get(0), last.get(1)], -1);
    (words.index_select(0, &back), sentence.index_select(0, &back))
}

#[test]
fn names_and_shapes_are_pytorchs() {
    let (params, _) = encoder(0);
    let (h, e) = (SIZES.hidden, SIZES.embedding);
    let direction = |ending: &str| {
        let shapes = [vec![4 * h, e], vec![4 * h, h], vec![4 * h], vec![4 * h]];
        WEIGHTS.into_iter().zip(shapes).map(|(n, s)| (format!("lstm.{n}{ending}"), s)).collect::<Vec<_>>()
    };
    let mut expected = [direction(""), direction("_reverse")].concat();
    expected.push(("embedding.weight".into(), vec![SIZES.vocabulary, e]));
    let (mut found, sort) = (params.shapes(), |all: &mut Vec<(String, Vec<i64>)>| all.sort());
    sort(&mut found);
    sort(&mut expected);
    assert_eq!(found, expected);
}

#[test]
fn impossible_sizes_and_ids_are_refused() {
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let error = BiLstm::new(&params.root(), BiLstmConfig { hidden: 0, ..SIZES }).unwrap_err();
    assert!(matches!(error, TextError::Config { key: "hidden", value: 0, .. }));
    let error = encoder(0).1.forward(&tokens(&[vec![1, 20]])).unwrap_err().to_string();
    assert!(error.contains("0 to 19"), "{error}");
}

#[test]
fn gradients_reach_every_weight_and_no_padding() {
    let (params, lstm) = encoder(1);
    let encoded = lstm.forward(&tokens(&[vec![2, 3, 4], vec![5]])).unwrap();
    (encoded.words.square().sum(Kind::Float) + encoded.sentence.sum(Kind::Float)).backward();
    for (name, tensor) in params.named() {
        assert!(tensor.grad().abs().sum(Kind::Float).double_value(&[]) > 0.0, "{name}");
    }
    let table = params.get("embedding.weight").unwrap().grad();
    assert_eq!(table.get(0).abs().sum(Kind::Float).double_value(&[]), 0.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Draw sheet, test 14.
    #[test]
    fn reversing_the_caption_and_swapping_the_directions_reverses_and_swaps(rows in rows(), seed in 0u64..99) {
        let ((params, lstm), (swapped, other)) = (encoder(seed), encoder(seed));
        no_grad(|| {
            for name in WEIGHTS {
                let (mut ahead, mut back) = (weight(&swapped, name), weight(&swapped, &format!("{name}_reverse")));
                ahead.copy_(&weight(&params, &format!("{name}_reverse")));
                back.copy_(&weight(&params, name));
            }
        });
        let reversed: Vec<Vec<i64>> = rows.iter().map(|row| row.iter().rev().copied().collect()).collect();
        let (a, b) = (lstm.forward(&tokens(&rows)).unwrap(), other.forward(&tokens(&reversed)).unwrap());
        let swap = |x: &Tensor| { let halves = x.chunk(2, -1); Tensor::cat(&[&halves[1], &halves[0]], -1) };
        prop_assert!(distance(&swap(&a.sentence), &b.sentence) < 1e-6);
        for (i, row) in rows.iter().enumerate() {
            let n = row.len() as i64;
            let words = a.words.get(i as i64).narrow(0, 0, n).flip([0]);
            prop_assert!(distance(&swap(&words), &b.words.get(i as i64).narrow(0, 0, n)) < 1e-6);
        }
    }

    /// Draw sheet, test 14; ControlGAN sheet, tests 2 and 3.
    #[test]
    fn batch_mates_and_padding_change_nothing(rows in rows(), longer in 0usize..5, seed in 0u64..99) {
        let (_, lstm) = encoder(seed);
        let mut mates = rows.clone();
        let longest = rows.iter().map(Vec::len).max().unwrap();
        mates.push(vec![7; longest + longer]);
        let together = lstm.forward(&tokens(&mates)).unwrap();
        for (i, row) in rows.iter().enumerate() {
            let alone = lstm.forward(&tokens(std::slice::from_ref(row))).unwrap();
            let n = row.len() as i64;
            let words = together.words.get(i as i64);
            prop_assert!(distance(&alone.words.get(0), &words.narrow(0, 0, n)) < 1e-6);
            prop_assert!(distance(&alone.sentence.get(0), &together.sentence.get(i as i64)) < 1e-6);
            let padding = words.narrow(0, n, words.size()[0] - n);
            prop_assert_eq!(padding.abs().sum(Kind::Double).double_value(&[]), 0.0);
        }
    }

    #[test]
    fn each_direction_is_a_cell_applied_word_by_word(rows in rows(), seed in 0u64..99) {
        let (params, lstm) = encoder(seed);
        let encoded = lstm.forward(&tokens(&rows)).unwrap();
        for (i, row) in rows.iter().enumerate() {
            let (ahead, back) = (by_cells(&params, row, "", false), by_cells(&params, row, "_reverse", true));
            let n = row.len() as i64;
            let words = encoded.words.get(i as i64).narrow(0, 0, n);
            prop_assert!(distance(&words, &Tensor::cat(&[&ahead, &back], -1)) < 1e-6);
            let sentence = Tensor::cat(&[ahead.get(n - 1), back.get(0)], 0);
            prop_assert!(distance(&encoded.sentence.get(i as i64), &sentence) < 1e-6);
        }
    }

    #[test]
    fn packed_sequences_give_the_same(rows in rows(), seed in 0u64..99) {
        let (params, lstm) = encoder(seed);
        let encoded = lstm.forward(&tokens(&rows)).unwrap();
        let (words, sentence) = packed(&params, &rows);
        prop_assert!(distance(&encoded.words, &words) < 1e-6);
        prop_assert!(distance(&encoded.sentence, &sentence) < 1e-6);
    }

    #[test]
    fn gradients_are_those_of_packed_sequences(rows in rows(), seed in 0u64..99) {
        let gradients = |fused: bool| {
            let (params, lstm) = encoder(seed);
            let (words, sentence) = if fused {
                let encoded = lstm.forward(&tokens(&rows)).unwrap();
                (encoded.words, encoded.sentence)
            } else {
                packed(&params, &rows)
            };
            (words.square().sum(Kind::Float) + sentence.sum(Kind::Float)).backward();
            params.named().into_iter().map(|(_, t)| t.grad()).collect::<Vec<_>>()
        };
        for (a, b) in gradients(true).iter().zip(&gradients(false)) {
            prop_assert!(distance(a, b) < 1e-5 * (1.0 + b.abs().max().double_value(&[])));
        }
    }
}
