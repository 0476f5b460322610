//! Makes `assets/emoji.zst` from the fetched set: the things that look most alike in all four styles.
//!
//! `easel data fetch emoji`, then `cargo run -p easel-data --no-default-features --example embed_emoji -- OUT.zst`

use std::path::PathBuf;

use easel_data::alpha::over;
use easel_data::emoji::{ArtStyle, EMBEDDED_SIDE, Emoji};
use easel_data::fetch::Cache;
use easel_data::sprite_scenes::Noun;

/// Concepts taken of each group; people, faces and symbols are not.
const QUOTAS: [(&str, usize); 5] =
    [("Animals & Nature", 76), ("Food & Drink", 76), ("Travel & Places", 40), ("Activities", 18), ("Objects", 34)];
/// Words of names that are left out: faces that repeat an animal, people, signs, and what differs by a detail only.
const LEFT_OUT: [&str; 15] = [
    "face",
    "moon",
    "japan",
    "monkey",
    "hour",
    "card",
    "statue",
    "globe",
    "suit",
    "slash",
    "medal",
    "dvd",
    "front-facing",
    "small cloud",
    "large cloud",
];
const LEVEL: i32 = 22;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out: PathBuf = std::env::args_os().nth(1).ok_or("usage: embed_emoji OUT.zst")?.into();
    let all = Emoji::fetched(&Cache::of_user()?, EMBEDDED_SIDE)?;
    let mut taken: Vec<usize> =
        Noun::ALL.iter().map(|noun| all.find(noun.key()).ok_or(noun.key())).collect::<Result<_, _>>()?;
    for (group, quota) in QUOTAS {
        let of_group = |&concept: &usize| all.concepts()[concept].group == group;
        let name = |concept: usize| &all.concepts()[concept].name;
        let mut rest: Vec<(f64, usize)> = (0..all.concepts().len())
            .filter(of_group)
            .filter(|&concept| !LEFT_OUT.iter().any(|word| name(concept).contains(word)))
            .filter(|concept| !taken.contains(concept))
            .map(|concept| (agreement(&all, concept), concept))
            .collect();
        rest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let missing = quota.saturating_sub(taken.iter().filter(|concept| of_group(concept)).count());
        taken.extend(rest.into_iter().take(missing).map(|(_, concept)| concept));
    }
    taken.sort_unstable();
    let packed = all.subset(&taken).encode(LEVEL)?;
    let temporary = out.with_extension("tmp");
    std::fs::write(&temporary, &packed)?;
    std::fs::rename(&temporary, &out)?;
    let hash = blake3::Hash::from_slice(&packed[..32])?;
    println!("{} concepts, {} bytes, BLAKE3 of the decoded bytes {hash}", taken.len(), packed.len());
    Ok(())
}

/// Mean correlation of a concept's pictures in the four styles, each over grey and without its mean: -1..=1.
fn agreement(all: &Emoji, concept: usize) -> f64 {
    let plane = all.side() * all.side();
    let vectors = ArtStyle::ALL.map(|style| {
        let (colours, alpha) = all.rgba(concept, style).split_at(3 * plane);
        let values: Vec<f64> =
            colours.iter().enumerate().map(|(i, &v)| f64::from(over(v, alpha[i % plane], 128))).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let norm = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>().sqrt().max(1.0);
        values.into_iter().map(|v| (v - mean) / norm).collect::<Vec<f64>>()
    });
    let pairs = (0..vectors.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let correlations = pairs.map(|(a, b)| vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum::<f64>());
    correlations.sum::<f64>() / 6.0
}
