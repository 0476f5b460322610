//! Three things to move: a denoising chain, guidance over scale and eta, noise schedules.

use serde_json::{Value, json};

use crate::error::{ExportError, Result};
use crate::html::{self, escape};
use crate::i18n::Language;
use crate::source::{Chain, GuidanceGrid, Schedules, Source};

/// What can be moved on a paper's page.
#[derive(Debug)]
pub enum Exhibit {
    /// A chain.
    Chain(Chain),
    /// Guidance scale and eta.
    Guidance(GuidanceGrid),
    /// Schedules and samplers.
    Schedules(Schedules),
}

/// Points of a schedule's curve: more cannot be seen.
const POINTS: usize = 200;

impl Exhibit {
    /// The exhibit of a paper.
    ///
    /// # Errors
    /// Those of the source, and data that do not fit together.
    pub fn of(paper: &str, source: &dyn Source) -> Result<Option<Self>> {
        let exhibit = match paper {
            "ddpm" => source.chain().map(Self::Chain),
            "guidance" => source.guidance_grid().map(Self::Guidance),
            "solvers" => source.schedules().map(Self::Schedules),
            _ => return Ok(None),
        };
        let checked = exhibit.and_then(|exhibit| exhibit.check().map(|()| exhibit).map_err(Into::into));
        let missing =
            |reason| ExportError::Missing { what: format!("what can be moved on the page of {paper}"), reason };
        checked.map(Some).map_err(missing)
    }

    fn check(&self) -> std::result::Result<(), &'static str> {
        let fits = match self {
            Self::Chain(chain) => !chain.forward.is_empty() && !chain.reverse.is_empty(),
            Self::Guidance(grid) => {
                let (etas, scales) = (grid.etas.len(), grid.scales.len());
                etas * scales > 0 && grid.frames.len() == etas && grid.frames.iter().all(|row| row.len() == scales)
            }
            Self::Schedules(all) => {
                let times = |times: &Vec<Vec<f64>>| times.len() == all.steps.len();
                let curve = |c: &crate::source::ScheduleCurve| {
                    c.alpha_bar.len() >= 2 && !c.samplers.is_empty() && c.samplers.iter().all(|s| times(&s.times))
                };
                !all.steps.is_empty() && !all.schedules.is_empty() && all.schedules.iter().all(curve)
            }
        };
        if fits { Ok(()) } else { Err("the source gave too few frames, or not one for each setting") }
    }

    /// Name in addresses.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Chain(_) => "explore-chain",
            Self::Guidance(_) => "explore-guidance",
            Self::Schedules(_) => "explore-schedules",
        }
    }

    /// Heading.
    pub fn title(&self, language: Language) -> &'static str {
        let words = language.words();
        match self {
            Self::Chain(_) => words.chain,
            Self::Guidance(_) => words.guidance,
            Self::Schedules(_) => words.schedules,
        }
    }

    /// What to do.
    pub fn lead(&self, language: Language) -> &'static str {
        let words = language.words();
        match self {
            Self::Chain(_) => words.chain_lead,
            Self::Guidance(_) => words.guidance_lead,
            Self::Schedules(_) => words.schedules_lead,
        }
    }

    /// Its pictures: paths in the paper's folder, and contents.
    pub fn files(&self) -> Vec<(String, &[u8])> {
        match self {
            Self::Chain(chain) => {
                let all = [("forward", &chain.forward), ("reverse", &chain.reverse)];
                let file = |way: &str, k: usize| format!("explore/{way}-{k:02}.png");
                all.iter()
                    .flat_map(|(way, frames)| {
                        frames.iter().enumerate().map(move |(k, f)| (file(way, k), f.png.as_slice()))
                    })
                    .collect()
            }
            Self::Guidance(grid) => {
                let rows = grid.frames.iter().enumerate();
                rows.flat_map(|(e, row)| row.iter().enumerate().map(move |(s, png)| (frame(e, s), png.as_slice())))
                    .collect()
            }
            Self::Schedules(_) => vec![],
        }
    }

    /// As a section of the page.
    pub fn html(&self, language: Language) -> String {
        let (title, lead) = (self.title(language), self.lead(language));
        let (kind, inner, data) = match self {
            Self::Chain(chain) => chain_html(chain, language),
            Self::Guidance(grid) => guidance_html(grid, language),
            Self::Schedules(all) => schedules_html(all, language),
        };
        format!(
            "<section class=\"explore\" data-explore=\"{kind}\">\n<h2 id=\"{}\">{title}</h2>\n<p>{lead}</p>\n{inner}\
             <script type=\"application/json\">{}</script>\n</section>\n",
            self.id(),
            html::json(&data)
        )
    }
}

fn frame(eta: usize, scale: usize) -> String {
    format!("explore/eta{eta}-scale{scale}.png")
}

fn slider(name: &str, label: &str, last: usize) -> String {
    format!(
        "<label>{label} <input type=\"range\" name=\"{name}\" min=\"0\" max=\"{last}\" value=\"0\" step=\"1\"> <output></output></label>\n"
    )
}

fn note(about: &str) -> String {
    format!("<p class=\"note\" lang=\"en\">{}</p>\n", escape(about))
}

fn chain_html(chain: &Chain, language: Language) -> (&'static str, String, Value) {
    let words = language.words();
    let way = |value: &str, label: &str, checked: &str| {
        format!("<label><input type=\"radio\" name=\"way\" value=\"{value}\"{checked}> {label}</label>")
    };
    let html = format!(
        "<div class=\"stage\"><img src=\"explore/reverse-00.png\" alt=\"\" class=\"pixels\"></div>\n<div class=\"controls\">\
         <fieldset><legend>{title}</legend>{}{}</fieldset>\n{}<button type=\"button\" data-play=\"{play}\" data-pause=\"{pause}\">{play}</button></div>\n{}",
        way("forward", words.forward, ""),
        way("reverse", words.reverse, " checked"),
        slider("step", words.time, chain.reverse.len() - 1),
        note(&chain.about),
        title = words.chain,
        play = words.play,
        pause = words.pause,
    );
    let times = |frames: &[crate::source::Frame]| frames.iter().map(|frame| frame.t).collect::<Vec<_>>();
    ("chain", html, json!({"forward": times(&chain.forward), "reverse": times(&chain.reverse)}))
}

fn guidance_html(grid: &GuidanceGrid, language: Language) -> (&'static str, String, Value) {
    let words = language.words();
    let html = format!(
        "<div class=\"stage\"><img src=\"{}\" alt=\"\" class=\"pixels\"></div>\n<div class=\"controls\">{}{}</div>\n{}",
        frame(0, 0),
        slider("scale", words.scale, grid.scales.len() - 1),
        slider("eta", words.eta, grid.etas.len() - 1),
        note(&grid.about),
    );
    ("guidance", html, json!({"scales": grid.scales, "etas": grid.etas}))
}

fn schedules_html(all: &Schedules, language: Language) -> (&'static str, String, Value) {
    let words = language.words();
    let options = |names: Vec<&str>| -> String {
        let option = |(k, name): (usize, &&str)| format!("<option value=\"{k}\">{}</option>", escape(name));
        names.iter().enumerate().map(option).collect()
    };
    let schedules = options(all.schedules.iter().map(|s| s.name.as_str()).collect());
    let samplers = options(all.schedules[0].samplers.iter().map(|s| s.name.as_str()).collect());
    let html = format!(
        "<div class=\"controls\"><label>{} <select name=\"schedule\">{schedules}</select></label>\
         <label>{} <select name=\"sampler\">{samplers}</select></label>\n{}</div>\n\
         <div class=\"charts\"><figure><svg viewBox=\"0 0 480 320\" role=\"img\" data-chart=\"alpha_bar\"></svg><figcaption>{}</figcaption></figure>\
         <figure><svg viewBox=\"0 0 480 320\" role=\"img\" data-chart=\"log_snr\"></svg><figcaption>{}</figcaption></figure></div>\n\
         <p class=\"note times\"><b>{}</b> <span aria-live=\"polite\"></span></p>\n",
        words.schedule,
        words.sampler,
        slider("steps", words.steps, all.steps.len() - 1),
        words.alpha_bar,
        words.log_snr,
        words.times,
    );
    let curves: Vec<Value> = all
        .schedules
        .iter()
        .map(|curve| {
            let last = curve.alpha_bar.len() - 1;
            let mut t: Vec<usize> = (0..=POINTS).map(|k| (k * last + POINTS / 2) / POINTS).collect();
            t.dedup();
            let alpha_bar: Vec<f64> = t.iter().map(|&t| rounded(curve.alpha_bar[t])).collect();
            let samplers: Vec<Value> = curve
                .samplers
                .iter()
                .map(|s| {
                    let times: Vec<Vec<f64>> =
                        s.times.iter().map(|times| times.iter().map(|&t| rounded(t)).collect()).collect();
                    json!({"name": s.name, "times": times})
                })
                .collect();
            json!({"name": curve.name, "t": t, "alpha_bar": alpha_bar, "samplers": samplers})
        })
        .collect();
    ("schedules", html, json!({"steps": all.steps, "schedules": curves}))
}

/// With five significant digits, as short as it can be written.
fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}
