//! What an export asks for, answered from the project, the shipped results and finished runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};
use notebooks_export::source::{
    Answer, Bound, Chain, Document, Drawn, Expected, FigureInfo, GuidanceGrid, Provenance, Schedules,
};
use notebooks_export::{Language, Source};
use serde_json::{Map, Value};
use tch::Device;
use toml::Table;

use super::exhibits;
use crate::experiment::{self, Experiment, find, registry};

/// Folder of the papers' sources.
const DOCUMENTS: &str = "docs/papers";
/// Folder of the shipped results.
const SHIPPED: &str = "experiments/weights";

/// The project, with runs in place of some shipped results.
pub struct Project {
    root: PathBuf,
    runs: BTreeMap<String, PathBuf>,
    device: Device,
}

impl Project {
    /// The project around the current folder.
    ///
    /// # Errors
    /// No project there; a run that is not of the form `PAPER=DIR`, or of an unknown paper.
    pub fn open(runs: &[String], device: Device) -> Result<Self> {
        let here = std::env::current_dir().context("the current folder is gone")?;
        let root = here.ancestors().find(|folder| folder.join(DOCUMENTS).is_dir()).map(Path::to_owned);
        let root = root.with_context(|| {
            format!("no {DOCUMENTS} in {} or above: run `easel export` inside the project", here.display())
        })?;
        let mut named = BTreeMap::new();
        for run in runs {
            let (paper, folder) = run.split_once('=').with_context(|| format!("--run {run}: expected PAPER=DIR"))?;
            let folder = here.join(folder);
            ensure!(folder.join("results.json").is_file(), "--run {run}: no finished run, as it has no results.json");
            let before = named.insert(find(paper)?.name().to_owned(), folder);
            ensure!(before.is_none(), "--run {run}: {paper} is named twice");
        }
        Ok(Self { root, runs: named, device })
    }

    fn run(&self, paper: &str) -> Option<&Path> {
        self.runs.get(paper).map(PathBuf::as_path)
    }

    fn document_path(paper: &str, language: Language) -> String {
        match language {
            Language::En => format!("{DOCUMENTS}/{paper}.md"),
            other => format!("{DOCUMENTS}/{paper}.{}.md", other.code()),
        }
    }

    fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| format!("cannot read {path}"))
    }

    /// The results file of a run, or the shipped one.
    fn results(&self, experiment: &dyn Experiment) -> Result<Value> {
        let path = match self.run(experiment.name()) {
            Some(folder) => folder.join("results.json"),
            None => self.root.join(SHIPPED).join(format!("{}.json", experiment.shipped_file())),
        };
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    fn how(&self, paper: &str) -> Result<Provenance> {
        let experiment = find(paper)?;
        let results = self.results(experiment)?;
        let text = |key: &str| {
            let value = results[key].as_str().map(str::to_owned);
            value.with_context(|| format!("the results of {paper} hold no `{key}`: `easel ship {paper}` writes them"))
        };
        let (preset, version) = (text("preset")?, text("version")?);
        let Some(folder) = self.run(paper) else {
            // What ships is made by its command, which names no seed: the default.
            return Ok(Provenance {
                config_blake3: text("config_blake3")?,
                seed: 0,
                version,
                command: text("command")?,
            });
        };
        let config = std::fs::read_to_string(folder.join("config.toml"))
            .with_context(|| format!("{} has no config.toml", folder.display()))?;
        let seed = config.parse::<Table>()?.get("seed").and_then(|seed| seed.as_integer()).unwrap_or_default();
        let seed = u64::try_from(seed).with_context(|| format!("seed {seed} of {}", folder.display()))?;
        Ok(Provenance {
            config_blake3: blake3::hash(config.as_bytes()).to_hex().to_string(),
            seed,
            version,
            command: format!("cargo easel run {paper} --preset {preset} --seed {seed}"),
        })
    }

    fn draw(&self, name: &str) -> Result<Drawn> {
        for experiment in registry() {
            if let Some(info) = experiment.figures().iter().find(|info| info.name == name) {
                let figure = experiment.figure(name, self.run(experiment.name()), self.device)?;
                let (svg, png, csv) = (figure.to_svg()?, figure.to_png()?, figure.to_csv());
                return Ok(Drawn { about: info.about.to_owned(), language: Language::En, svg, png, csv });
            }
        }
        bail!("no figure is called `{name}`; `easel list` names all")
    }

    /// Runs this very program.
    fn print(&self, words: &[String]) -> Result<String> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let output = Command::new(program).args(words).current_dir(&self.root).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(anyhow!("`easel {}` fails: {}", words.join(" "), said.trim()));
        }
        String::from_utf8(output.stdout).context("the output is not UTF-8")
    }
}

impl Source for Project {
    fn papers(&self) -> Vec<String> {
        let languages = [Language::En, Language::Zh];
        let has = |paper: &str| {
            languages.iter().any(|&language| self.root.join(Self::document_path(paper, language)).is_file())
        };
        registry().iter().map(|e| e.name()).filter(|name| has(name)).map(str::to_owned).collect()
    }

    fn document(&self, paper: &str, language: Language) -> Answer<Document> {
        let path = Self::document_path(find(paper)?.name(), language);
        Ok(Document { text: self.read(&path)?, path })
    }

    fn figures(&self, paper: &str) -> Answer<Vec<FigureInfo>> {
        let info =
            |info: &experiment::FigureInfo| FigureInfo { name: info.name.to_owned(), about: info.about.to_owned() };
        Ok(find(paper)?.figures().iter().map(info).collect())
    }

    fn figure(&self, name: &str) -> Answer<Drawn> {
        Ok(self.draw(name)?)
    }

    fn metrics(&self, paper: &str) -> Answer<Map<String, Value>> {
        Ok(experiment::results(find(paper)?, self.run(paper))?)
    }

    fn expected(&self, paper: &str) -> Answer<Vec<Expected>> {
        let experiment = find(paper)?;
        let results = self.results(experiment)?;
        let preset = results["preset"].as_str().unwrap_or(experiment.presets()[0].name);
        let of_preset = experiment.expected().iter().filter(|e| e.preset == preset);
        Ok(of_preset.map(|e| Expected { metric: e.metric.to_owned(), bound: bound(e.bound) }).collect())
    }

    fn provenance(&self, paper: &str) -> Answer<Provenance> {
        Ok(self.how(paper)?)
    }

    fn file(&self, path: &str) -> Answer<String> {
        Ok(self.read(path)?)
    }

    fn command(&self, words: &[String]) -> Answer<String> {
        Ok(self.print(words)?)
    }

    fn chain(&self) -> Answer<Chain> {
        Ok(exhibits::chain(self.run("ddpm"), self.device)?)
    }

    fn guidance_grid(&self) -> Answer<GuidanceGrid> {
        Ok(exhibits::guidance_grid(self.run("guidance"), self.device)?)
    }

    fn schedules(&self) -> Answer<Schedules> {
        Ok(exhibits::schedules()?)
    }
}

fn bound(bound: experiment::Bound) -> Bound {
    match bound {
        experiment::Bound::AtMost(limit) => Bound::AtMost(limit),
        experiment::Bound::AtLeast(limit) => Bound::AtLeast(limit),
    }
}

#[cfg(test)]
mod tests {
    use notebooks_export::source::Frame;
    use notebooks_export::{Parts, Request, export};

    use super::*;

    #[test]
    fn the_shipped_results_say_how_they_came_about() {
        let project = Project::open(&[], Device::Cpu).expect("inside the project");
        let how = project.provenance("ddpm").expect("shipped");
        assert_eq!((how.seed, how.command.as_str()), (0, "cargo easel run ddpm --preset small"));
        assert_eq!(how.config_blake3.len(), 64);
        assert!(!project.expected("ddpm").expect("numbers").is_empty());
    }

    /// The project with pictures of one pixel, so that all its documents can be resolved in seconds.
    struct Undrawn(Project);

    impl Undrawn {
        fn dot() -> Vec<u8> {
            let mut png = std::io::Cursor::new(Vec::new());
            image::RgbImage::new(1, 1).write_to(&mut png, image::ImageFormat::Png).expect("written");
            png.into_inner()
        }
    }

    impl Source for Undrawn {
        fn papers(&self) -> Vec<String> {
            self.0.papers()
        }

        fn document(&self, paper: &str, language: Language) -> Answer<Document> {
            self.0.document(paper, language)
        }

        fn figures(&self, paper: &str) -> Answer<Vec<FigureInfo>> {
            self.0.figures(paper)
        }

        fn figure(&self, name: &str) -> Answer<Drawn> {
            let all = registry().into_iter().flat_map(|e| e.figures());
            let info = all.into_iter().find(|info| info.name == name).ok_or("no such figure")?;
            Ok(Drawn {
                about: info.about.into(),
                language: Language::En,
                svg: "<svg/>".into(),
                png: Self::dot(),
                csv: None,
            })
        }

        fn metrics(&self, paper: &str) -> Answer<Map<String, Value>> {
            self.0.metrics(paper)
        }

        fn expected(&self, paper: &str) -> Answer<Vec<Expected>> {
            self.0.expected(paper)
        }

        fn provenance(&self, paper: &str) -> Answer<Provenance> {
            self.0.provenance(paper)
        }

        fn file(&self, path: &str) -> Answer<String> {
            self.0.file(path)
        }

        fn command(&self, words: &[String]) -> Answer<String> {
            Ok(words.join(" "))
        }

        fn chain(&self) -> Answer<Chain> {
            let frames = || (0..2).map(|k| Frame { t: k, png: Self::dot() }).collect();
            Ok(Chain { about: "undrawn".into(), forward: frames(), reverse: frames() })
        }

        fn guidance_grid(&self) -> Answer<GuidanceGrid> {
            let frames = vec![vec![Self::dot()]];
            Ok(GuidanceGrid { about: "undrawn".into(), scales: vec![1.0], etas: vec![0.0], frames })
        }

        fn schedules(&self) -> Answer<Schedules> {
            self.0.schedules()
        }
    }

    #[test]
    fn every_document_resolves() {
        let source = Undrawn(Project::open(&[], Device::Cpu).expect("inside the project"));
        let folder = tempfile::tempdir().expect("a folder");
        let languages = vec![Language::En, Language::Zh];
        let request = Request { papers: vec![], languages, parts: Parts::ALL, out: folder.path().join("site") };
        let summary = export(&source, &request).unwrap_or_else(|e| panic!("{e}"));
        assert!(summary.files > 2 * 3 * source.papers().len(), "{summary:?}");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let project = Project::open(&[], Device::Cpu).expect("inside the project");
        let error = project.figure("nothing").err().map(|e| e.to_string());
        assert!(error.is_some_and(|e| e.contains("`nothing`")));
        let why =
            |run: &str| Project::open(&[run.to_owned()], Device::Cpu).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(why("ddpm").contains("PAPER=DIR"));
        assert!(why("ddpm=nowhere").contains("no finished run"));
    }
}
