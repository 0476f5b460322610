//! The LSTM forward and backward, by libtorch's fused kernel and by its packed sequences; tokenizers.

use criterion::{Criterion, criterion_group, criterion_main};
use easel_nn::{InitScheme, Params};
use easel_text::{BiLstm, BiLstmConfig, Bpe, Tokens, Vocabulary};
use tch::{Device, Kind, Tensor};

const CONFIG: BiLstmConfig = BiLstmConfig { vocabulary: 1000, embedding: 64, hidden: 64 };

/// 64 captions of 4 to 11 words.
fn rows() -> Vec<Vec<i64>> {
    (0..64i64).map(|i| (0..4 + i % 8).map(|k| 1 + (31 * i + 7 * k) % 999).collect()).collect()
}

fn packed(params: &Params, sorted: &Tokens) -> Tensor {
    let x = Tensor::embedding(&params.get("embedding.weight").expect("declared"), &sorted.ids, -1, false, false);
    let (data, sizes) = x.internal_pack_padded_sequence(&Tensor::from_slice(&sorted.lengths), true);
    let lstm: Vec<Tensor> =
        params.named().into_iter().filter(|(name, _)| name.starts_with("lstm")).map(|(_, tensor)| tensor).collect();
    let lstm: Vec<&Tensor> = lstm.iter().collect();
    let zero = Tensor::zeros([2, 64, CONFIG.hidden], (Kind::Float, Device::Cpu));
    let (out, last, _) = Tensor::lstm_data(&data, &sizes, &[&zero, &zero], &lstm, true, 1, 0.0, false, true);
    let (words, _) = Tensor::internal_pad_packed_sequence(&out, &sizes, true, 0.0, x.size()[1]);
    words.sum(Kind::Float) + last.sum(Kind::Float)
}

fn encoders(c: &mut Criterion) {
    let params = Params::new(Device::Cpu, 0, InitScheme::Public);
    let lstm = BiLstm::new(&params.root(), CONFIG).expect("valid sizes");
    let mut rows = rows();
    rows.sort_by_key(|row| std::cmp::Reverse(row.len()));
    let tokens = Tokens::new(&rows, 0);
    let fused = || {
        let encoded = lstm.forward(&tokens).expect("ids of the vocabulary");
        encoded.words.sum(Kind::Float) + encoded.sentence.sum(Kind::Float)
    };
    c.bench_function("lstm/forward and backward", |b| b.iter(|| fused().backward()));
    c.bench_function("lstm/forward", |b| b.iter(|| tch::no_grad(fused)));
    c.bench_function("lstm/packed, forward and backward", |b| b.iter(|| packed(&params, &tokens).backward()));
    c.bench_function("lstm/packed, forward", |b| b.iter(|| tch::no_grad(|| packed(&params, &tokens))));
}

fn tokenizers(c: &mut Criterion) {
    let captions: Vec<String> =
        (0..64).map(|i| format!("a small red circle left of {i} large blue squares on a white background")).collect();
    let vocabulary = Vocabulary::from_captions(&captions, 1);
    let bpe = Bpe::train(&captions, 400).expect("a valid size");
    c.bench_function("words/64 captions", |b| b.iter(|| vocabulary.encode_batch(&captions, 20)));
    c.bench_function("pieces/64 captions", |b| b.iter(|| bpe.encode_batch(&captions, 40).expect("text")));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(3));
    targets = encoders, tokenizers
}
criterion_main!(benches);
