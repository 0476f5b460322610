//! The languages, and the words of the interface.

use serde::Serialize;

/// A language of documents and interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// Chinese, in simplified characters.
    Zh,
}

/// Both, the default first.
pub const LANGUAGES: [Language; 2] = [Language::En, Language::Zh];

impl Language {
    /// As in file names.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// As in HTML's `lang`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-Hans",
        }
    }

    /// Its own name for itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// The words of the interface.
    pub fn words(self) -> &'static Words {
        match self {
            Self::En => &ENGLISH,
            Self::Zh => &CHINESE,
        }
    }

    /// The name of a theme.
    pub fn theme(self, theme: &'static str) -> &'static str {
        let Self::Zh = self else { return theme };
        match theme {
            "diffusion" => "扩散",
            "sampling" => "采样",
            "guidance" => "引导",
            "editing" => "编辑",
            "recurrent" => "循环网络",
            "adversarial" => "对抗",
            "text" => "文本",
            "unconditional" => "无条件",
            other => other,
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $english:literal, $chinese:literal;)*) => {
        /// The words of the interface in one language.
        #[derive(Debug)]
        pub struct Words { $($(#[$doc])* pub $name: &'static str,)* }
        const ENGLISH: Words = Words { $($name: $english,)* };
        const CHINESE: Words = Words { $($name: $chinese,)* };
    };
}

words! {
    /// Title of the site.
    site: "Easel: text-to-image papers, rebuilt", "Easel：文生图论文的重新实现";
    /// Under the title.
    lead: "Every picture and every number here comes from a model that this project trained; the commands stand beside them.",
        "这里的每一幅图、每一个数字都出自本项目自己训练的模型，旁边写着生成它的命令。";
    /// For the keyboard.
    skip: "Skip to content", "跳到正文";
    /// Link to the gallery.
    home: "All papers", "全部论文";
    /// Heading.
    papers: "Papers", "论文";
    /// Heading.
    gallery: "Gallery", "图库";
    /// Heading.
    explore: "Three things to move", "动手试试";
    /// Link.
    page: "Page", "网页";
    /// Link.
    slides: "Slides", "幻灯片";
    /// Link.
    notebook: "Notebook", "笔记本";
    /// Heading of the table of contents.
    contents: "Contents", "目录";
    /// Button.
    theme: "Light or dark", "浅色/深色";
    /// Filter.
    paper: "Paper", "论文";
    /// Filter.
    subject: "Theme", "主题";
    /// Choice of a filter.
    all: "all", "全部";
    /// After the number of figures shown.
    shown: "figures", "幅图";
    /// Button of a dialog.
    close: "Close", "关闭";
    /// Before links to files.
    download: "Download", "下载";
    /// The plotted numbers.
    data: "data (CSV)", "数据 (CSV)";
    /// Column.
    metric: "metric", "指标";
    /// Column.
    value: "value", "数值";
    /// Column.
    measured: "measured", "实测";
    /// Column.
    expected: "expected", "预期";
    /// Column.
    holds: "holds", "达到";
    /// Answer.
    yes: "yes", "是";
    /// Answer.
    no: "no", "否";
    /// A number that is not there.
    missing: "not measured", "未测量";
    /// Before a command.
    measured_by: "Measured by", "测量命令：";
    /// Before a path.
    code_from: "From", "摘自";
    /// Heading.
    provenance: "Where the results come from", "结果来源";
    /// Label.
    command: "command", "命令";
    /// Label.
    seed: "seed", "随机种子";
    /// Label.
    version: "version", "版本";
    /// Label.
    config: "configuration (BLAKE3)", "配置 (BLAKE3)";
    /// Heading.
    train: "Train it yourself", "自己训练一次";
    /// Note before the command.
    train_note: "The preset `smoke` takes the whole path, from data to figures, in seconds or a few minutes; it is too short for good pictures. `cargo easel list` names the presets that are not.",
        "预设 `smoke` 在几秒到几分钟内走完从数据到插图的全程，但时间太短，得不到好图。`cargo easel list` 列出了其他预设。";
    /// Note at a notebook's head.
    notebook_note: "All outputs are stored: nothing has to be run to read this. To run it, open it inside the Easel project, where `cargo easel` works.",
        "所有输出都已保存，不运行也能阅读。若要运行，请在 Easel 项目目录内打开，那里可以使用 `cargo easel`。";
    /// Heading of an explorer.
    chain: "A denoising chain", "去噪链";
    /// What to do.
    chain_lead: "Move along the chain: forward from a picture to noise, or in reverse from noise to a sample.",
        "沿着链移动：正向从图片走到噪声，反向从噪声走到样本。";
    /// Direction.
    forward: "forward", "正向";
    /// Direction.
    reverse: "reverse", "反向";
    /// Slider.
    time: "time t", "时间 t";
    /// Button.
    play: "Play", "播放";
    /// Button.
    pause: "Pause", "暂停";
    /// Heading of an explorer.
    guidance: "Guidance scale and eta", "引导强度与 eta";
    /// What to do.
    guidance_lead: "The same noise and the same labels throughout: what changes is how strongly the label guides, and how much fresh noise a step adds.",
        "噪声和标签始终相同，变化的只是标签引导的强度，以及每一步加入的新噪声的多少。";
    /// Slider.
    scale: "guidance scale s", "引导强度 s";
    /// Slider.
    eta: "eta", "eta";
    /// Heading of an explorer.
    schedules: "Noise schedules", "噪声调度";
    /// What to do.
    schedules_lead: "Choose a schedule and a sampler: the marks show the times at which the sampler asks the network.",
        "选择调度和采样器：标记处是采样器调用网络的时刻。";
    /// Choice.
    schedule: "schedule", "调度";
    /// Choice.
    sampler: "sampler", "采样器";
    /// Slider.
    steps: "steps", "步数";
    /// Title of a chart.
    alpha_bar: "signal left, ᾱ", "剩余信号 ᾱ";
    /// Title of a chart.
    log_snr: "log SNR", "对数信噪比";
    /// Before a list of times.
    times: "times", "时刻";
    /// Label of the buttons of a slide show.
    next: "Next slide", "下一页";
    /// Label of the buttons of a slide show.
    previous: "Previous slide", "上一页";
    /// Hint of a slide show.
    keys: "Arrow keys move; Home and End jump; print for a PDF.", "方向键翻页，Home/End 跳转，打印即得 PDF。";
}
