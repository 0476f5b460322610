//! A source without models: small figures by the real plotting code, numbers that are made up, two languages.

#![allow(dead_code)] // each test binary uses its part

use std::path::Path;

use easel_plot::{Chart, Figure, ImageGrid, Picture, Series};
use notebooks_export::source::{
    Answer, Bound, Chain, Document, Drawn, Expected, FigureInfo, Frame, GuidanceGrid, Provenance, SamplerTimes,
    ScheduleCurve, Schedules,
};
use notebooks_export::{Language, Parts, Request, Source};
use serde_json::{Map, Value, json};

/// What somebody might write below a picture of theirs.
pub const HOSTILE: &str = "a <script>alert(1)</script> \"quoted\" & 'cat' <img src=x onerror=alert(2)>";

/// The fake.
#[derive(Default)]
pub struct Fake {
    /// A document instead of that of `ddpm`, English.
    pub document: Option<String>,
}

/// A value between 0 and 1 that looks random and is not.
fn noise(k: usize) -> f32 {
    (k as u32).wrapping_mul(2_654_435_761).rotate_left(13).wrapping_mul(2_246_822_519) as f32 / u32::MAX as f32
}

/// A disc that sinks into noise as `share` goes to 1.
fn picture(share: f32, seed: usize) -> Picture {
    let pixel = |i: usize| {
        let (x, y) = ((i % 28) as f32 - 13.5, (i / 28) as f32 - 13.5);
        let disc = if (x * x + y * y).sqrt() < 8.0 { 1.0 } else { -1.0 };
        (1.0 - share) * disc + share * (4.0 * noise(i + 997 * seed) - 2.0)
    };
    Picture::from_f32(28, 28, 1, &(0..784).map(pixel).collect::<Vec<_>>()).expect("a picture")
}

fn png(pictures: Vec<Picture>, columns: usize) -> Vec<u8> {
    let figure = Figure::new().width(320.0).panel(ImageGrid::new(pictures, columns).tile(28.0));
    figure.to_png().expect("a PNG")
}

fn figure(name: &str) -> Option<(Figure, &'static str)> {
    let t: Vec<f64> = (0..=100).map(f64::from).collect();
    let curve: Vec<f64> = t.iter().map(|t| (-t / 30.0).exp()).collect();
    Some(match name {
        "ddpm_chain" => {
            let states = (0..8).map(|k| picture(k as f32 / 7.0, 1)).collect();
            let grid = ImageGrid::new(states, 8).tile(96.0);
            (
                Figure::new().title("A picture dissolves").panel(grid).caption("Seed 0."),
                "one picture on its way to noise",
            )
        }
        "ddpm_loss" => {
            let chart = Chart::new("step", "loss").series(Series::line("training", &t, &curve));
            (Figure::new().title("Training").panel(chart).caption("Seed 0."), "the loss over training")
        }
        "guidance_grid" => {
            let grid = ImageGrid::new((0..12).map(|k| picture(0.1, k)).collect(), 4).tile(72.0);
            let caption = easel_plot::text::literal(HOSTILE);
            (Figure::new().title("Guided samples").panel(grid).caption(caption), HOSTILE)
        }
        "solvers_error" => {
            let chart = Chart::new("evaluations", "error").series(Series::points("ddim", &t[1..], &curve[1..])).log_y();
            (Figure::new().title("Error of samplers").panel(chart), "error against evaluations")
        }
        _ => return None,
    })
}

impl Source for Fake {
    fn papers(&self) -> Vec<String> {
        ["ddpm", "solvers", "guidance"].map(String::from).to_vec()
    }

    fn document(&self, paper: &str, language: Language) -> Answer<Document> {
        let name = match language {
            Language::En => format!("{paper}.md"),
            Language::Zh => format!("{paper}.zh.md"),
        };
        if let (Some(text), "ddpm.md") = (&self.document, name.as_str()) {
            return Ok(Document { path: format!("docs/papers/{name}"), text: text.clone() });
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents").join(&name);
        let text = std::fs::read_to_string(path).map_err(|e| format!("docs/papers/{name}: {e}"))?;
        Ok(Document { path: format!("docs/papers/{name}"), text })
    }

    fn figures(&self, paper: &str) -> Answer<Vec<FigureInfo>> {
        let names: &[&str] = match paper {
            "ddpm" => &["ddpm_chain", "ddpm_loss"],
            "guidance" => &["guidance_grid"],
            _ => &["solvers_error"],
        };
        let info =
            |name: &&str| FigureInfo { name: name.to_string(), about: figure(name).expect("known").1.to_owned() };
        Ok(names.iter().map(info).collect())
    }

    fn figure(&self, name: &str) -> Answer<Drawn> {
        let (figure, about) = figure(name).ok_or_else(|| format!("no figure is called `{name}`"))?;
        Ok(Drawn {
            about: about.to_owned(),
            language: Language::En,
            svg: figure.to_svg()?,
            png: figure.to_png()?,
            csv: figure.to_csv(),
        })
    }

    fn metrics(&self, paper: &str) -> Answer<Map<String, Value>> {
        let all = json!({
            "ddpm": {"fd-digits": 7.188872, "recognised": 0.8075, "training pictures": 60000.0, "shift": -0.25,
                "<i>odd</i> name": 1.5},
            "solvers": {"fd": {"8": {"eta 0": 13.0929}}},
            "guidance": {"as asked": 0.98},
        });
        all[paper].as_object().cloned().ok_or_else(|| format!("no experiment is called `{paper}`").into())
    }

    fn expected(&self, paper: &str) -> Answer<Vec<Expected>> {
        let one = |metric: &str, bound| Expected { metric: metric.to_owned(), bound };
        Ok(match paper {
            "ddpm" => vec![
                one("fd-digits", Bound::AtMost(10.0)),
                one("recognised", Bound::AtLeast(0.9)),
                one("coverage", Bound::AtLeast(0.5)),
            ],
            _ => vec![],
        })
    }

    fn provenance(&self, paper: &str) -> Answer<Provenance> {
        let command = format!("cargo easel run {paper} --preset small");
        Ok(Provenance { config_blake3: "8baa986f22ae84788f91".repeat(3), seed: 0, version: "0.1.0".into(), command })
    }

    fn file(&self, path: &str) -> Answer<String> {
        match path {
            "crates/ddpm/src/loss.rs" => {
                Ok("//! Loss.\n// excerpt: l-simple\n/// $L_{simple}$.\npub fn l_simple(epsilon: &[f64], \
                 guess: &[f64]) -> f64 {\n    let square = |(a, b): (&f64, &f64)| (a - b).powi(2);\n    \
                 epsilon.iter().zip(guess).map(square).sum::<f64>() / 2.0 // \"<mean>\"\n}\n// end excerpt\n"
                    .into())
            }
            _ => Err(format!("there is no file {path}").into()),
        }
    }

    fn command(&self, words: &[String]) -> Answer<String> {
        match words[0].as_str() {
            "info" => {
                Ok("ddpm, preset small\n  parameters              355105\n  weights            1.4 MiB & <more>\n"
                    .into())
            }
            other => Err(format!("unrecognized subcommand '{other}'").into()),
        }
    }

    fn chain(&self) -> Answer<Chain> {
        let frame = |k: usize, seed| Frame { t: 100 * k, png: png(vec![picture(k as f32 / 10.0, seed)], 1) };
        let forward = (0..=10).map(|k| frame(k, 1)).collect();
        Ok(Chain {
            about: "Preset small, seed 0.".into(),
            forward,
            reverse: (0..=10).rev().map(|k| frame(k, 2)).collect(),
        })
    }

    fn guidance_grid(&self) -> Answer<GuidanceGrid> {
        let one = |e: usize, s: usize| png((0..8).map(|k| picture(0.2 * e as f32 + 0.1 * s as f32, k)).collect(), 4);
        Ok(GuidanceGrid {
            about: "Preset small, seed 0.".into(),
            scales: vec![0.0, 1.0, 2.0, 4.0],
            etas: vec![0.0, 0.5, 1.0],
            frames: (0..3).map(|e| (0..4).map(|s| one(e, s)).collect()).collect(),
        })
    }

    fn schedules(&self) -> Answer<Schedules> {
        let steps = vec![5, 10, 20];
        let curve = |name: &str, f: fn(f64) -> f64| {
            let times = |power: f64| -> Vec<Vec<f64>> {
                let grid = |n: usize| (1..=n).rev().map(|k| 1000.0 * (k as f64 / n as f64).powf(power)).collect();
                steps.iter().map(|&n| grid(n)).collect()
            };
            ScheduleCurve {
                name: name.into(),
                alpha_bar: (0..=1000).map(|t| f(f64::from(t) / 1000.0)).collect(),
                samplers: vec![
                    SamplerTimes { name: "ddim, even".into(), times: times(1.0) },
                    SamplerTimes { name: "dpm++2m, late".into(), times: times(2.0) },
                ],
            }
        };
        let cosine = |u: f64| (std::f64::consts::FRAC_PI_2 * u).cos().powi(2);
        Ok(Schedules {
            schedules: vec![curve("linear", |u| (-10.05 * u * u).exp()), curve("cosine", cosine)],
            steps: steps.clone(),
        })
    }
}

/// Everything of all papers in both languages.
pub fn everything(out: &Path) -> Request {
    let languages = vec![Language::En, Language::Zh];
    Request { papers: vec![], languages, parts: Parts::ALL, out: out.to_owned() }
}
