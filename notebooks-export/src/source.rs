//! Where documents, figures, numbers and outputs come from.

use serde_json::{Map, Value};

use crate::error::Fault;
use crate::i18n::Language;

/// An answer, or why there is none.
pub type Answer<T> = Result<T, Fault>;

/// All that an export asks for. The same questions get the same answers: the export is as reproducible as its source.
pub trait Source {
    /// Names of the papers that have a document, in the order of the lecture.
    fn papers(&self) -> Vec<String>;
    /// The document of a paper.
    fn document(&self, paper: &str, language: Language) -> Answer<Document>;
    /// The figures of a paper, for the gallery.
    fn figures(&self, paper: &str) -> Answer<Vec<FigureInfo>>;
    /// Draws the figure of this name, whichever paper it belongs to.
    fn figure(&self, name: &str) -> Answer<Drawn>;
    /// The metrics of an experiment.
    fn metrics(&self, paper: &str) -> Answer<Map<String, Value>>;
    /// What the metrics should be.
    fn expected(&self, paper: &str) -> Answer<Vec<Expected>>;
    /// How the results came about.
    fn provenance(&self, paper: &str) -> Answer<Provenance>;
    /// A text file of the project, by its path from the root.
    fn file(&self, path: &str) -> Answer<String>;
    /// What `easel` prints when called with these words.
    fn command(&self, words: &[String]) -> Answer<String>;
    /// A picture on its way to noise, and one on its way back.
    fn chain(&self) -> Answer<Chain>;
    /// The same noise and labels under rising guidance and rising eta.
    fn guidance_grid(&self) -> Answer<GuidanceGrid>;
    /// Noise schedules, and where samplers spend their steps on them.
    fn schedules(&self) -> Answer<Schedules>;
}

/// A document and where it lies.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its path, for messages.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A figure that can be drawn.
#[derive(Debug, Clone)]
pub struct FigureInfo {
    /// Its name.
    pub name: String,
    /// What it shows, in a line.
    pub about: String,
}

/// A drawn figure.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// What it shows, in a line; also the text in the picture's place.
    pub about: String,
    /// The language of that line.
    pub language: Language,
    /// As SVG.
    pub svg: String,
    /// As PNG.
    pub png: Vec<u8>,
    /// The plotted numbers, where there are any.
    pub csv: Option<String>,
}

/// A number that a metric should reach.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The metric.
    pub metric: String,
    /// The limit.
    pub bound: Bound,
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

/// How results came about.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Provenance {
    /// BLAKE3 of the configuration.
    pub config_blake3: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Version of the project.
    pub version: String,
    /// The command that makes them.
    pub command: String,
}

/// A picture at a time of the chain.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The time, 0 for data.
    pub t: usize,
    /// The picture as PNG.
    pub png: Vec<u8>,
}

/// A forward and a reverse chain.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Which model, and which of its samples.
    pub about: String,
    /// From data to noise.
    pub forward: Vec<Frame>,
    /// From noise to a sample.
    pub reverse: Vec<Frame>,
}

/// Samples over guidance scale and eta.
#[derive(Debug, Clone)]
pub struct GuidanceGrid {
    /// Which model, which labels, how many steps.
    pub about: String,
    /// The scales, rising.
    pub scales: Vec<f64>,
    /// The shares of fresh noise, rising.
    pub etas: Vec<f64>,
    /// A picture as PNG for each eta, and in it for each scale.
    pub frames: Vec<Vec<Vec<u8>>>,
}

/// Noise schedules.
#[derive(Debug, Clone)]
pub struct Schedules {
    /// Numbers of sampling steps that can be chosen, rising.
    pub steps: Vec<usize>,
    /// The schedules.
    pub schedules: Vec<ScheduleCurve>,
}

/// A noise schedule.
#[derive(Debug, Clone)]
pub struct ScheduleCurve {
    /// Its name.
    pub name: String,
    /// The signal that is left at t = 0..=T.
    pub alpha_bar: Vec<f64>,
    /// Where samplers spend their steps.
    pub samplers: Vec<SamplerTimes>,
}

/// Where a sampler spends its steps on a schedule.
#[derive(Debug, Clone)]
pub struct SamplerTimes {
    /// The sampler and its spacing.
    pub name: String,
    /// The times that it visits, one list for each of [`Schedules::steps`].
    pub times: Vec<Vec<f64>>,
}
