//! What the generated pictures show: alignment, distance, style, and what went wrong.

use std::collections::BTreeMap;

use anyhow::Result;
use easel_core::Noise;
use easel_core::tensor::to_array;
use easel_data::loader::scaled;
use easel_metrics::frechet::{Gaussian, frechet_distance};
use easel_metrics::retrieval::{caption_r_precision, cosine_similarity};
use gan::health::{Health, Vitals};
use ndarray::Array2;
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use super::judge::{Judge, share};
use super::roc::{Roc, roc};
use super::trained::{Model, Trained};
use super::world::{Part, World};
use crate::experiment::Evaluation;
use crate::tensors::all_images;

/// Captions among which R-precision looks for the right one.
const CANDIDATES: usize = 100;
/// Real pictures whose pairs make a curve.
const ROC_PICTURES: usize = 300;
/// Captions, and noise vectors for each, of the measure of diversity.
const DIVERSITY: (usize, usize) = (24, 8);
/// Below this share of the real spread the noise changes too little.
const COLLAPSED: f64 = 0.3;
/// Below this difference of D's scores of right and wrong pairs the condition is ignored.
const IGNORED: f64 = 0.05;

/// Everything that a measurement needs.
pub struct Measure<'a> {
    /// The networks.
    pub trained: &'a Trained,
    /// The data.
    pub world: &'a World,
    /// The judge.
    pub judge: &'a Judge,
}

/// `count` classes of `classes` in turn.
fn in_turn(classes: &[usize], count: usize) -> Vec<usize> {
    classes.iter().copied().cycle().take(count).collect()
}

/// Pictures of `part` with these indices, f32 in [-1, 1].
pub fn pictures_of(part: &Part, indices: &[usize]) -> Tensor {
    scaled(&all_images(&part.data.subset(indices)))
}

impl Measure<'_> {
    /// Vectors of the plainest captions of classes, `[N, T]`.
    pub fn texts(&self, classes: &[usize]) -> Result<Tensor> {
        let mut distinct = classes.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let captions: Vec<&str> = distinct.iter().map(|&c| self.world.caption(c)).collect();
        let rows: Vec<i64> = classes.iter().map(|c| distinct.partition_point(|d| d < c) as i64).collect();
        Ok(self
            .trained
            .text
            .encode(&captions)?
            .index_select(0, &Tensor::from_slice(&rows).to_device(self.trained.device)))
    }

    /// All metrics of all variants, with those of the main one also on top.
    pub fn all(&self) -> Result<Evaluation> {
        let (trained, world) = (self.trained, self.world);
        let mut metrics = Map::new();
        let real = self.judge.accuracy(&world.train)?;
        let held = self.judge.accuracy(&world.held)?;
        let mut lines = vec![
            format!(
                "{} generated pictures a number; the caption of a class is its plainest.\n",
                trained.config.samples
            ),
            "| real pictures | training | held out |\n|---|---|---|".to_string(),
        ];
        for (a, attribute) in world.attributes.iter().enumerate() {
            metrics.insert(format!("{} real", attribute.name), json!(held[a]));
            lines.push(format!("| {} read rightly | {:.3} | {:.3} |", attribute.name, real[a], held[a]));
        }
        let floor = self.floor()?;
        let fd = format!("fd-{}", world.name);
        metrics.insert(format!("{fd}/real"), json!(floor));
        let mut variants = Map::new();
        let mut advice = Vec::new();
        for model in &trained.models {
            let found = self.one(model, &fd)?;
            let log = trained.logs.get(&model.variant);
            advice.extend(symptoms(model.variant.title(), &found, log.map(Vec::as_slice).unwrap_or_default()));
            variants.insert(model.variant.key().into(), Value::Object(found));
        }
        if let Some(main) = variants.get(trained.config.main().key()).and_then(Value::as_object) {
            metrics.extend(main.iter().filter(|(_, v)| v.is_number()).map(|(k, v)| (k.clone(), v.clone())));
        }
        lines.push(self.table(&variants, floor));
        lines.extend(advice.iter().map(|line| format!("**Warning.** {line}\n")));
        metrics.insert("variants".into(), Value::Object(variants));
        metrics.insert("warnings".into(), json!(advice));
        Ok(Evaluation { metrics, markdown: lines.join("\n") })
    }

    /// The distance of two halves of the training pictures.
    fn floor(&self) -> Result<f64> {
        let n = self.trained.config.samples.min(self.world.train.data.len() / 2);
        let order = Noise::new(0).purpose("evaluate/halves").permutation(0, self.world.train.data.len());
        let fit = |rows: &[usize]| -> Result<Gaussian> {
            Ok(Gaussian::fit(self.judge.read(&pictures_of(&self.world.train, rows))?.features.view())?)
        };
        Ok(frechet_distance(&fit(&order[..n])?, &fit(&order[n..2 * n])?)?)
    }

    fn one(&self, model: &Model, fd: &str) -> Result<Map<String, Value>> {
        let (world, count) = (self.world, self.trained.config.samples);
        let mut found = Map::new();
        for (split, classes) in [("seen", &world.seen), ("held-out", &world.unseen)] {
            if classes.is_empty() {
                continue;
            }
            let classes = in_turn(classes, count);
            let z = self.trained.noise(&format!("evaluate/{split}"), 0..count as u64);
            let reading = self.judge.read(&model.pictures(&z, &self.texts(&classes)?))?;
            for a in world.contents() {
                let expected: Vec<i64> = classes.iter().map(|&c| world.said[c][a]).collect();
                found.insert(
                    format!("{} {split}", world.attributes[a].name),
                    json!(share(&reading.values, a, &expected)),
                );
            }
            let all = (reading.values.iter().zip(&reading.single).zip(&classes))
                .filter(|((v, single), c)| {
                    **single && world.contents().all(|a| v[a] == Some(world.said[**c][a] as usize))
                })
                .count();
            found.insert(format!("aligned {split}"), json!(all as f64 / count as f64));
            if split == "seen" {
                let order = Noise::new(0).purpose("evaluate/halves").permutation(0, world.train.data.len());
                let rows = &order[..count.min(order.len())];
                let real = self.judge.read(&pictures_of(&world.train, rows))?;
                let distance = |x: &Array2<f64>| Gaussian::fit(x.view());
                found.insert(
                    fd.to_string(),
                    json!(frechet_distance(&distance(&reading.features)?, &distance(&real.features)?)?),
                );
                if world.contents().count() == 1 {
                    let mut rng = Noise::new(0).purpose("evaluate/candidates").rng(0, 0);
                    let right = caption_r_precision(reading.first.view(), &classes, CANDIDATES, &mut rng)?;
                    found.insert("r-precision".into(), json!(right.iter().sum::<f64>() / right.len() as f64));
                }
            }
        }
        self.style(model, &mut found)?;
        if let Some(diversity) = self.diversity(model)? {
            found.insert("diversity".into(), json!(diversity));
        }
        Ok(found)
    }

    /// How far S finds z again, whether styles move to other captions, and whether alike styles have near S(x).
    fn style(&self, model: &Model, found: &mut Map<String, Value>) -> Result<()> {
        let (world, count) = (self.world, self.trained.config.samples);
        let z = self.trained.noise("evaluate/style", 0..count as u64);
        let own = model.styles(&model.pictures(&z, &self.texts(&in_turn(&world.seen, count))?));
        found.insert("style mse".into(), json!((own - z).square().mean(Kind::Float).double_value(&[])));

        for a in world.styles() {
            let name = world.attributes[a].name;
            let (sources, classes) = self.transfers(a, count);
            let values = &world.train.values[a];
            let expected: Vec<i64> = sources.iter().map(|&i| values[i]).collect();
            let styles = model.styles(&pictures_of(&world.train, &sources).to_device(self.trained.device));
            let reading = self.judge.read(&model.pictures(&styles, &self.texts(&classes)?))?;
            found.insert(format!("{name} transfer"), json!(share(&reading.values, a, &expected)));
            let content = world.contents().next().unwrap_or_default();
            let said: Vec<i64> = classes.iter().map(|&c| world.said[c][content]).collect();
            let key = format!("{} under {name} transfer", world.attributes[content].name);
            found.insert(key, json!(share(&reading.values, content, &said)));

            let order = Noise::new(0).purpose("evaluate/roc").permutation(0, world.train.data.len());
            let rows = &order[..ROC_PICTURES.min(order.len())];
            let kinds: Vec<i64> = rows.iter().map(|&i| values[i]).collect();
            let seen = model.styles(&pictures_of(&world.train, rows).to_device(self.trained.device));
            if let Some(curve) = curve(&seen, &kinds)? {
                found.insert(format!("auc {name}"), json!(curve.area));
                found.insert(format!("roc {name}"), json!({"x": curve.false_positive, "y": curve.true_positive}));
            }
            let classes: Vec<usize> = rows.iter().map(|&i| World::classes(&world.train)[i] as usize).collect();
            if let Some(curve) = curve(&self.texts(&classes)?, &kinds)? {
                found.insert(format!("auc {name} of texts"), json!(curve.area));
                found.insert(
                    format!("roc {name} of texts"),
                    json!({"x": curve.false_positive, "y": curve.true_positive}),
                );
            }
        }
        Ok(())
    }

    /// `count` training pictures, and for each a class whose caption is to be drawn in its style.
    fn transfers(&self, style: usize, count: usize) -> (Vec<usize>, Vec<usize>) {
        let (world, stream) = (self.world, Noise::new(0).purpose("evaluate/transfer"));
        let order = stream.permutation(style as u64, world.train.data.len());
        let sources: Vec<usize> = order.iter().copied().cycle().take(count).collect();
        let possible = |source: usize, class: usize| {
            // No shape has the colour of its background, where that comes with the style.
            let colour = world.attributes.iter().position(|a| a.name == "colour");
            let ground = world.attributes.iter().position(|a| a.name == "background" && a.style);
            match (colour, ground) {
                (Some(c), Some(g)) => world.said[class][c] != world.train.values[g][source],
                _ => true,
            }
        };
        let class = |(k, &source): (usize, &usize)| {
            let own = World::classes(&world.train)[source] as usize;
            let mut tries = (0..64).map(|t| world.seen[stream.below(k as u64, t, world.seen.len())]);
            tries.find(|&c| c != own && possible(source, c)).unwrap_or(world.seen[0])
        };
        let classes = sources.iter().enumerate().map(class).collect();
        (sources, classes)
    }

    /// Root mean squared difference of pictures of one caption and different noise, over that of real pictures of a class;
    /// none where no class has two.
    fn diversity(&self, model: &Model) -> Result<Option<f64>> {
        let (captions, draws) = DIVERSITY;
        let mut pictures = BTreeMap::<usize, Vec<usize>>::new();
        for (i, &class) in World::classes(&self.world.train).iter().enumerate() {
            pictures.entry(class as usize).or_default().push(i);
        }
        let several: Vec<usize> = self.world.seen.iter().copied().filter(|c| pictures[c].len() > 1).collect();
        if several.is_empty() {
            return Ok(None);
        }
        let chosen = in_turn(&several, captions);
        let classes: Vec<usize> = chosen.iter().flat_map(|&c| vec![c; draws]).collect();
        let z = self.trained.noise("evaluate/diversity", 0..classes.len() as u64);
        let generated = model.pictures(&z, &self.texts(&classes)?);
        let spread = |x: &Tensor| -> f64 {
            let x = x.flatten(1, -1);
            x.var_dim([0i64].as_slice(), true, false).mean(Kind::Float).double_value(&[])
        };
        let ours: f64 = generated.split(draws as i64, 0).iter().map(spread).sum();
        let first = |c: &usize| &pictures[c][..pictures[c].len().min(draws)];
        let real: f64 = chosen.iter().map(|c| spread(&pictures_of(&self.world.train, first(c)))).sum();
        Ok(Some((ours / real).sqrt()))
    }

    fn table(&self, variants: &Map<String, Value>, floor: f64) -> String {
        let names: Vec<&String> = variants.keys().collect();
        let mut rows: Vec<&String> = Vec::new();
        for found in variants.values().filter_map(Value::as_object) {
            rows.extend(
                found.iter().filter(|(k, v)| v.is_number() && !rows.contains(k)).map(|(k, _)| k).collect::<Vec<_>>(),
            );
        }
        let mut lines = vec![
            format!("\n| metric | {} |", names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(" | ")),
            format!("|---|{}", "---|".repeat(names.len())),
        ];
        for row in rows {
            let value = |name: &&String| variants[name.as_str()][row].as_f64().map_or("".into(), |v| format!("{v:.3}"));
            lines.push(format!("| {row} | {} |", names.iter().map(value).collect::<Vec<_>>().join(" | ")));
        }
        lines.push(format!("\nThe distance of two halves of the real pictures is {floor:.3}.\n"));
        lines.join("\n")
    }
}

/// The curve of cosine similarities of vectors `[N, d]` for pairs of one kind.
fn curve(vectors: &Tensor, kinds: &[i64]) -> Result<Option<Roc>> {
    let vectors: Array2<f64> = to_array("vectors", &vectors.to_device(Device::Cpu).to_kind(Kind::Double))?;
    // Around their mean: a common part would make all vectors alike.
    let centred = &vectors - &vectors.mean_axis(ndarray::Axis(0)).unwrap_or_default();
    let cosines = cosine_similarity(centred.view(), centred.view())?;
    let (mut scores, mut alike) = (Vec::new(), Vec::new());
    for i in 0..kinds.len() {
        scores.extend(cosines.row(i).iter().skip(i + 1));
        alike.extend(kinds[i + 1..].iter().map(|k| *k == kinds[i]));
    }
    Ok(roc(&scores, &alike))
}

/// What is wrong with a variant, and what to try.
fn symptoms(title: &str, found: &Map<String, Value>, log: &[Map<String, Value>]) -> Vec<String> {
    let mut all = Vec::new();
    let mut health = Health::default();
    let at = |line: &Map<String, Value>, key: &str| line.get(key).and_then(Value::as_f64);
    let tail = &log[log.len() - log.len() / 4..];
    for line in tail {
        if let (Some(real), Some(fake), Some(d), Some(g)) =
            (at(line, "s_r"), at(line, "s_f"), at(line, "grad_d"), at(line, "grad_g"))
        {
            health.observe(Vitals { real, fake, g_grad: g, d_grad: d });
        }
    }
    all.extend(health.symptom(None).map(|symptom| format!("{title}: {symptom}.")));
    let gaps: Vec<f64> = tail.iter().filter_map(|line| Some(at(line, "s_r")? - at(line, "s_w")?)).collect();
    let gap = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
    if !gaps.is_empty() && gap < IGNORED {
        all.push(format!(
            "{title}: the condition is ignored: D scores right and wrong pairs alike (s_r - s_w = {gap:.3}). Train with \
             wrong pairs (variants = [\"int-cls\"]), longer, or with a larger model.projected."
        ));
    }
    if let Some(diversity) = found.get("diversity").and_then(Value::as_f64).filter(|v| *v < COLLAPSED) {
        all.push(format!(
            "{title}: mode collapse: pictures of one caption differ {diversity:.2} times as much as real ones. Try a lower \
             train.generator.rate.lr, a larger train.batch, or another seed."
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::text_gan::trained::Log;

    fn lines(s_r: f64, s_w: f64, s_f: f64) -> Log {
        let line = json!({ "s_r": s_r, "s_w": s_w, "s_f": s_f, "grad_d": 1.0, "grad_g": 1.0 });
        vec![line.as_object().cloned().expect("an object"); 40]
    }

    #[test]
    fn symptoms_are_named_with_advice() {
        let found = |diversity: f64| json!({ "diversity": diversity }).as_object().cloned().expect("an object");
        assert!(symptoms("G", &found(1.0), &lines(0.7, 0.3, 0.3)).is_empty());
        let said = symptoms("G", &found(0.05), &lines(0.6, 0.59, 0.4));
        assert!(said[0].contains("condition is ignored") && said[1].contains("mode collapse"), "{said:?}");
        assert!(symptoms("G", &found(1.0), &lines(0.995, 0.001, 0.001))[0].contains("always right"));
    }

    #[test]
    fn vectors_of_one_kind_are_alike() {
        let vectors = Tensor::from_slice(&[1f32, 0.0, 0.9, 0.1, -1.0, 0.0, -0.9, 0.1]).view([4, 2]);
        assert_eq!(curve(&vectors, &[0, 0, 1, 1]).expect("finite").expect("both kinds").area, 1.0);
        assert!(curve(&vectors, &[0, 0, 0, 0]).expect("finite").is_none());
    }
}
