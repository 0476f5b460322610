//! What every figure promises: exact pictures, smooth lines, real and harmless text, stable bytes, clear errors.

use easel_plot::canvas::{Canvas, PNG_SCALE, Rect, Stroke, TextStyle};
use easel_plot::font::{Font, has_glyph};
use easel_plot::style::{self, Color, PALETTE};
use easel_plot::text::{self, Face};
use easel_plot::{
    Bars, Best, Cell, Chart, Code, Diagram, Figure, Heat, ImageGrid, Panel, Picture, PlotError, Result, Rows, Series,
    Strip, Table,
};
use image::RgbImage;
use proptest::prelude::*;
use resvg::usvg::{self, roxmltree};
use std::path::Path;
use std::sync::Arc;

fn png(figure: &Figure) -> RgbImage {
    image::load_from_memory(&figure.to_png().unwrap()).unwrap().to_rgb8()
}

/// Every pixel of every picture differs from its neighbours and from those of other pictures.
fn pictures(n: usize, h: usize, w: usize, channels: usize) -> Vec<Picture> {
    let byte = |k: usize, i: usize| ((37 * i + 101 * k + 13 * (i / (w * channels))) % 251) as u8;
    (0..n)
        .map(|k| {
            Picture::from_u8(h, w, channels, &(0..h * w * channels).map(|i| byte(k, i)).collect::<Vec<_>>()).unwrap()
        })
        .collect()
}

/// Place and size of the embedded pictures in the order of drawing, logical px.
fn places(svg: &str) -> Vec<Rect> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let images = document.descendants().filter(|n| n.has_tag_name("image"));
    let number = |n: &roxmltree::Node<'_, '_>, name: &str| n.attribute(name).unwrap().parse::<f64>().unwrap();
    images.map(|n| Rect::new(number(&n, "x"), number(&n, "y"), number(&n, "width"), number(&n, "height"))).collect()
}

/// Each pixel of `picture` fills its whole square at `place`.
fn assert_shown(shot: &RgbImage, place: Rect, picture: &Picture) {
    let (h, w) = picture.size();
    let factor = place.w * PNG_SCALE / w as f64;
    assert_eq!(factor.fract(), 0.0, "whole pixels");
    let factor = factor as u32;
    let (x0, y0) = ((place.x * PNG_SCALE) as u32, (place.y * PNG_SCALE) as u32);
    for y in 0..h as u32 * factor {
        for x in 0..w as u32 * factor {
            let expected = picture.pixel((y / factor) as usize, (x / factor) as usize);
            assert_eq!(shot.get_pixel(x0 + x, y0 + y).0, expected, "({x}, {y}) of {place:?}");
        }
    }
}

#[test]
fn tile_k_shows_picture_k_pixel_by_pixel() {
    for (n, columns, h, w, channels, side, gap) in [
        (6, 3, 5, 9, 3, 60.0, 6.0),
        (7, 4, 8, 4, 1, 50.0, 0.0),
        (5, 1, 3, 3, 3, 31.0, 2.0),
        (10, 12, 16, 12, 1, 24.0, 1.0),
    ] {
        let pictures = pictures(n, h, w, channels);
        let grid = ImageGrid::new(pictures.clone(), columns).tile(side).gap(gap);
        let grid = grid.row_labels((0..n.div_ceil(columns)).map(|r| format!("$x_{{{r}}}$")));
        let figure = Figure::new().title("tiles").panel(grid).caption("below");
        let places = places(&figure.to_svg().unwrap());
        assert_eq!(places.len(), n);
        let shot = png(&figure);
        for (k, (place, picture)) in places.iter().zip(&pictures).enumerate() {
            let (row, column) = ((k / columns) as f64, (k % columns) as f64);
            assert_eq!(place.x, places[0].x + column * (place.w.ceil() + gap), "column of tile {k}");
            assert!(row == 0.0 || place.y >= places[k - columns].y + place.h + gap, "row of tile {k}");
            assert_shown(&shot, *place, picture);
        }
    }
}

#[test]
fn strips_and_diagrams_show_exact_pictures_too() {
    let shown = pictures(4, 6, 10, 3);
    let strip = Strip::new(shown.clone()).labels(["a", "b", "c", "d"]).arrow_labels(["$q$"]);
    let figure = Figure::new().panel(strip);
    let shot = png(&figure);
    places(&figure.to_svg().unwrap())
        .into_iter()
        .zip(&shown)
        .for_each(|(place, picture)| assert_shown(&shot, place, picture));
    let mut diagram = Diagram::new();
    let a = diagram.picture(0.0, 0.0, 1.0, shown[0].clone(), "$x_0$");
    let b = diagram.picture(3.0, 0.4, 1.0, shown[1].clone(), "");
    diagram.arrow(a, b).label("$q$");
    let figure = Figure::new().panel(diagram);
    let shot = png(&figure);
    places(&figure.to_svg().unwrap())
        .into_iter()
        .zip(&shown)
        .for_each(|(place, picture)| assert_shown(&shot, place, picture));
}

#[test]
fn layouts_of_pictures_agree() {
    // One picture [2, 2, 3] three ways: bytes, values in [-1, 1], and a batch [1, 3, 2, 2].
    let bytes = [0u8, 85, 170, 255, 0, 85, 170, 255, 0, 85, 170, 255];
    let values = bytes.map(|b| f32::from(b) / 127.5 - 1.0);
    let planes: Vec<f32> = (0..3).flat_map(|c| (0..4).map(move |p| values[3 * p + c])).collect();
    let picture = Picture::from_u8(2, 2, 3, &bytes).unwrap();
    assert_eq!(Picture::from_f32(2, 2, 3, &values).unwrap(), picture);
    assert_eq!(Picture::batch([1, 3, 2, 2], &planes).unwrap(), vec![picture]);
    assert_eq!(Picture::from_f32(1, 2, 1, &[-7.0, 7.0]).unwrap().pixel(0, 1), [255; 3]);
}

/// A panel of one black line.
struct Slant;

impl Panel for Slant {
    fn size(&self, _: f64) -> Result<(f64, f64)> {
        Ok((200.0, 60.0))
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
        let x = area.x + (area.w - 200.0) / 2.0;
        canvas.line((x, area.y), (x + 200.0, area.y + 60.0), Stroke::new(Color(0, 0, 0), 2.0));
        Ok(())
    }
}

#[test]
fn slanted_lines_are_smooth() {
    let shot = png(&Figure::new().width(320.0).panel(Slant));
    let greys: std::collections::BTreeSet<u8> = shot.pixels().map(|p| p.0[0]).collect();
    assert!(greys.contains(&0) && greys.contains(&255));
    assert!(greys.len() > 20, "only {} levels of grey", greys.len());
}

#[test]
fn chart_lines_are_finer_than_pixels() {
    let x: Vec<f64> = (0..500).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|x| 1e-4 * x * x).collect();
    let svg = Figure::new().panel(Chart::new("", "").series(Series::line("", &x, &y))).to_svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let curve = document.descendants().filter_map(|n| n.attribute("d")).max_by_key(|d| d.len()).unwrap();
    assert!(curve.split(['M', 'L', ' ']).filter(|n| n.contains('.')).count() > 500);
}

/// One of everything, with long and awkward words.
fn everything(words: &str) -> Figure {
    let words = text::literal(words);
    let x: Vec<f64> = (0..=20).map(f64::from).collect();
    let wave: Vec<f64> = x.iter().map(|x| (x / 3.0).sin()).collect();
    let up: Vec<f64> = x.iter().map(|x| 10f64.powf(x / 4.0 - 2.0)).collect();
    let line = Chart::new("$t$", &words)
        .series(Series::line(&words, &x, &wave).band(&wave, &x))
        .series(Series::points(&words, &x, &wave))
        .line_at_x(19.0, &words)
        .note(3.0, 0.2, "note");
    let log = Chart::new(r"\sigma", "y").series(Series::line(&words, &x, &up)).log_y().direct_labels();
    let heat = Chart::new("a", "b").heat(Heat::of("p", 0.0..2.0, -1.0..1.0, 8, 8, |x, y| x * y)).equal_aspect();
    let heat = heat.series(Series::arrows("v", &[0.5], &[0.2], &[0.3], &[-0.4]));
    let mut diagram = Diagram::new();
    let (a, b) = (diagram.circle(0.0, 0.0, 0.5, r"$\bar{x}_{t-1}$"), diagram.block(4.0, 1.0, 2.0, 1.0, &words));
    diagram.style(b).caption(&words).color(style::GREEN);
    diagram.arrow(a, b).label(&words).dashed().bend(0.3);
    diagram.plate(-1.0, -1.0, 3.0, 2.0, "plate");
    let tiles = ImageGrid::new(pictures(4, 6, 4, 3), 2).row_labels([&words, "b"]).column_labels(["c", "d"]);
    let tiles = tiles.captions(["e", "f", "g", "h"]).frame(2, style::BLUE);
    let bars = Bars::new("mean", ["p", "q"]).series(&words, &[1.0, -2.0]).series("s", &[0.5, 0.1]).values(2);
    Figure::new()
        .title(&words)
        .caption(format!("{words} $\\bar{{\\alpha}}_t$ {words}"))
        .row([Cell::new(line).title(&words), Cell::new(log), Cell::new(heat)])
        .row([Cell::new(tiles), Cell::new(bars).title("bars")])
        .panel(diagram)
        .panel(
            Rows::new()
                .panel(Table::new(["a", "b"]).row([&words, "1.5"]).row(["x", "2"]).best(1, Best::Lowest).notes(&words)),
        )
        .panel(Code::new(&words, ["for $t$ in 1, 2 do", &format!("  {words}")]))
}

const HOSTILE: &str = "</text><script>alert(1)</script> & \"q\" 'a' ]]> <!-- $x_{t}$ \\alpha \u{1}\u{7}";

#[test]
fn hostile_text_stays_text() {
    let svg = everything(HOSTILE).to_svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(!document.descendants().any(|n| n.has_tag_name("script") || n.is_comment()));
    let clean = HOSTILE.replace(['\u{1}', '\u{7}'], "\u{fffd}");
    let said = document.descendants().find(|n| n.has_tag_name("title")).and_then(|n| n.text()).unwrap();
    assert_eq!(said, clean);
    let words = |n: roxmltree::Node<'_, '_>| {
        n.descendants().filter_map(|d| if d.is_text() { d.text() } else { None }).collect::<String>()
    };
    assert!(
        document
            .descendants()
            .filter(|n| n.has_tag_name("text"))
            .any(|n| words(n).contains("</text><script>alert(1)</script>"))
    );
}

#[test]
fn the_same_figure_gives_the_same_bytes_in_every_process() {
    let figure = everything("a long label that wraps & more");
    const VARIABLE: &str = "EASEL_PLOT_TEST_DIR";
    if let Some(dir) = std::env::var_os(VARIABLE) {
        figure.save(Path::new(&dir), "child").unwrap();
        return;
    }
    assert_eq!(figure.to_svg().unwrap(), everything("a long label that wraps & more").to_svg().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let own = figure.save(dir.path(), "own").unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_same_figure_gives_the_same_bytes_in_every_process"])
        .env(VARIABLE, dir.path())
        .output()
        .unwrap();
    assert!(child.status.success());
    assert_eq!(own.len(), 3);
    for path in own {
        let extension = path.extension().unwrap();
        assert_eq!(
            std::fs::read(&path).unwrap(),
            std::fs::read(dir.path().join("child").with_extension(extension)).unwrap()
        );
    }
}

/// The SVG as usvg sees it in the bundled fonts alone.
fn tree(svg: &str) -> usvg::Tree {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_fonts_dir_bundled();
    let options = usvg::Options { fontdb: Arc::new(fonts), ..usvg::Options::default() };
    usvg::Tree::from_str(svg, &options).unwrap()
}

trait Bundled {
    fn load_fonts_dir_bundled(&mut self);
}

impl Bundled for usvg::fontdb::Database {
    fn load_fonts_dir_bundled(&mut self) {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fonts")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "ttf") {
                self.load_font_data(std::fs::read(path).unwrap());
            }
        }
    }
}

/// No word leaves the drawing.
fn assert_inside(group: &usvg::Group, width: f32, height: f32) {
    for node in group.children() {
        match node {
            usvg::Node::Group(inner) => assert_inside(inner, width, height),
            usvg::Node::Text(_) | usvg::Node::Image(_) => {
                let b = node.abs_bounding_box();
                let inside = b.left() >= 0.0 && b.top() >= 0.0 && b.right() <= width && b.bottom() <= height;
                assert!(inside, "{b:?} leaves {width} x {height}");
            }
            usvg::Node::Path(_) => {}
        }
    }
}

#[test]
fn nothing_is_clipped() {
    let long = "a rather long label, longer than most, such as a prompt about an avocado in the shape of an armchair";
    for words in ["x", "two words", "unbreakablewordsarealsobrokenwheretheymustbe", long] {
        let tree = tree(&everything(words).to_svg().unwrap());
        assert!(tree.size().width() <= 1280.0);
        assert_inside(tree.root(), tree.size().width(), tree.size().height());
    }
}

#[test]
fn measured_widths_are_those_of_the_rasteriser() {
    for (words, face) in [
        (r"The posterior mean $\tilde{\mu}_t(x_t, x_0)$ at $t = 500$", Face::Sans),
        ("Bold words and $x^2$", Face::Bold),
        ("for $t$ in 1, 2 do", Face::Mono),
    ] {
        struct Words(&'static str, Face);
        impl Panel for Words {
            fn size(&self, _: f64) -> Result<(f64, f64)> {
                Ok((1000.0, 60.0))
            }
            fn draw(&self, canvas: &mut Canvas, area: Rect) -> Result<()> {
                canvas.text(area.x, area.y + 30.0, self.0, TextStyle::new(24.0).face(self.1));
                Ok(())
            }
        }
        let tree = tree(&Figure::new().panel(Words(words, face)).to_svg().unwrap());
        let drawn = f64::from(tree.root().children().last().unwrap().abs_bounding_box().width());
        let measured = text::width(words, 24.0, face);
        assert!((drawn - measured).abs() < 0.03 * measured, "{words}: drawn {drawn}, measured {measured}");
    }
}

#[test]
fn the_fonts_hold_what_the_papers_need() {
    let greek = ('α'..='ω').chain("ΓΔΘΛΞΠΣΦΨΩ".chars());
    let common = "ᾱ√∼≈≤≥≠±×÷·∞∂∇∑∏∫∈∝‖→←↔…–—−₀₁₂ₜ⁰¹²³ⁿ½†°|\u{302}\u{303}\u{304}\u{2009}";
    for c in greek.chain(common.chars()) {
        for font in [Font::Sans, Font::SansBold, Font::SansOblique, Font::SansBoldOblique, Font::Mono, Font::MonoBold] {
            // Where the text has a thin space or an em quad, its width matters, not its shape.
            assert!(has_glyph(font, c), "{font:?} lacks {c} (U+{:04X})", c as u32);
        }
    }
    for c in "𝔼ℝℒℓ∥\u{2003}".chars() {
        assert!(has_glyph(Font::Sans, c), "{c}");
    }
    assert!(!has_glyph(Font::Sans, '𝒩'), "the documentation says that script letters are missing");
}

/// CIE Lab of linear sRGB (D65).
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let dot = |m: [f64; 3]| m[0] * rgb[0] + m[1] * rgb[1] + m[2] * rgb[2];
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let x = f(dot([0.4124564, 0.3575761, 0.1804375]) / 0.95047);
    let y = f(dot([0.2126729, 0.7151522, 0.0721750]));
    let z = f(dot([0.0193339, 0.1191920, 0.9503041]) / 1.08883);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn linear(c: Color) -> [f64; 3] {
    [c.0, c.1, c.2].map(|v| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
}

#[test]
fn the_palette_stands_out_on_white_and_for_dichromats() {
    let luminance = |c: Color| linear(c).iter().zip([0.2126, 0.7152, 0.0722]).map(|(v, w)| v * w).sum::<f64>();
    for c in PALETTE {
        assert!(1.05 / (luminance(c) + 0.05) >= 3.0, "{c} is too pale");
    }
    // Machado, Oliveira and Fernandes 2009, severity 1: protanopia, deuteranopia.
    let views = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ];
    for (v, view) in views.iter().enumerate() {
        let seen = |c: Color| {
            let rgb = linear(c);
            lab([0, 1, 2].map(|i| (0..3).map(|j| view[i][j] * rgb[j]).sum::<f64>().clamp(0.0, 1.0)))
        };
        for (i, &a) in PALETTE.iter().enumerate() {
            for &b in &PALETTE[..i] {
                let (p, q) = (seen(a), seen(b));
                let distance = (0..3).map(|k| (p[k] - q[k]).powi(2)).sum::<f64>().sqrt();
                assert!(distance > 15.0, "{a} and {b} are {distance:.1} apart in view {v}");
            }
        }
    }
}

#[test]
fn the_sequential_map_is_even() {
    let luminance = |k: usize| lab(linear(style::sequential(k as f64 / 100.0)))[0];
    let steps: Vec<f64> = (0..100).map(|k| luminance(k) - luminance(k + 1)).collect();
    let mean = steps.iter().sum::<f64>() / 100.0;
    assert!(steps.iter().all(|&s| s > 0.3 * mean && s < 1.9 * mean), "{steps:?}");
    assert_eq!(style::sequential(-1.0), style::sequential(0.0));
}

fn error(panel: impl Panel + 'static) -> PlotError {
    Figure::new().panel(panel).to_svg().unwrap_err()
}

#[test]
fn bad_data_give_errors_that_name_it() {
    let chart = |s: Series| Chart::new("x", "y").series(s);
    let cases: Vec<(PlotError, &str)> = vec![
        (error(Chart::new("x", "y")), "chart of \"y\" is empty"),
        (error(chart(Series::line("loss", &[], &[]))), "series \"loss\" is empty"),
        (error(chart(Series::line("loss", &[1.0, 2.0], &[1.0]))), "y of series \"loss\": expected 2 entries, got 1"),
        (error(chart(Series::line("loss", &[1.0, 2.0], &[1.0, f64::NAN]))), "y of series \"loss\": entry 1 is NaN"),
        (error(chart(Series::line("loss", &[f64::INFINITY], &[1.0]))), "x of series \"loss\": entry 0 is inf"),
        (error(chart(Series::line("a", &[1.0], &[1.0]).band(&[0.0], &[]))), "upper band of series \"a\""),
        (error(chart(Series::line("a", &[1.0], &[0.0])).log_y()), "logarithmic axis"),
        (error(chart(Series::line("a", &[1.0], &[1.0])).range_x(2.0..1.0)), "range of the x axis"),
        (error(chart(Series::line("a", &[1.0], &[1.0])).line_at_x(f64::NAN, "")), "marks"),
        (error(chart(Series::line("a", &[1.0], &[1e300]))), "beyond 1e100"),
        (
            error(Chart::new("", "").heat(Heat::new("p", 0.0..1.0, 0.0..1.0, 2, 2, &[0.0; 3]))),
            "expected 4 entries, got 3",
        ),
        (error(Bars::new("n", ["a", "b"]).series("s", &[1.0])), "series \"s\": expected 2 entries, got 1"),
        (error(ImageGrid::new(Vec::new(), 2)), "image grid is empty"),
        (error(ImageGrid::new(pictures(2, 3, 3, 1), 0)), "no columns"),
        (error(ImageGrid::new(pictures(3, 3, 3, 1), 2).row_labels(["a"])), "row labels of the image grid: expected 2"),
        (error(ImageGrid::new(pictures(2, 3, 3, 1), 2).frame(2, style::BLUE)), "frame 2 has no tile"),
        (error(ImageGrid::new(pictures(400, 3, 3, 1), 400)), "fewer columns"),
        (error(ImageGrid::new([pictures(1, 3, 3, 1), pictures(1, 3, 4, 1)].concat(), 2)), "picture 1 is 3 x 4"),
        (error(Strip::new(pictures(2, 3, 3, 1)).labels(["a"])), "labels of the strip"),
        (error(Table::new(["a", "b"]).row(["1"])), "row 0 of the table: expected 2 entries, got 1"),
        (error(Table::new(["a"]).row(["1"]).best(1, Best::Lowest)), "best of column 1"),
        (error(Diagram::new()), "diagram is empty"),
        (error(Code::new("A", Vec::<String>::new())), "algorithm \"A\" is empty"),
        (error(Rows::new()), "figure is empty"),
        (Figure::new().width(2000.0).panel(Slant).to_svg().unwrap_err(), "width of the figure"),
        (Picture::from_u8(2, 2, 4, &[0; 16]).unwrap_err(), "4 channels"),
        (Picture::from_u8(2, 2, 1, &[0; 3]).unwrap_err(), "expected 4 entries, got 3"),
        (Picture::from_f32(1, 2, 1, &[0.0, f32::NAN]).unwrap_err(), "entry 1 is NaN"),
        (Picture::batch([2, 1, 2, 2], &[0.0; 4]).unwrap_err(), "expected 8 entries, got 4"),
        (Picture::batch([1, 1, 0, 2], &[]).unwrap_err(), "picture is empty"),
    ];
    for (error, part) in cases {
        assert!(error.to_string().contains(part), "{error} does not say {part:?}");
    }
}

#[test]
fn constant_and_single_values_can_be_drawn() {
    for y in [0.0, 5.0, -1e-20, 1e20] {
        Figure::new().panel(Chart::new("x", "y").series(Series::line("one", &[3.0], &[y]))).to_png().unwrap();
    }
    Figure::new().panel(Chart::new("", "").heat(Heat::new("p", 0.0..1.0, 0.0..1.0, 1, 1, &[0.0]))).to_png().unwrap();
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn saving_writes_three_files_and_the_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let chart =
        Chart::new("t", "y").series(Series::line("a, $b_t$", &[0.0, 1.0], &[0.5, 2.0]).band(&[0.0, 1.0], &[1.0, 3.0]));
    let table = Table::new(["model", "FD"]).row(["small", "3.17"]);
    let figure = Figure::new().row([Cell::new(chart).title("(a)"), Cell::new(table)]);
    let folder = dir.path().join("deep/figures");
    let files = figure.save(&folder, "fig").unwrap();
    figure.save(&folder, "fig").unwrap(); // again, over itself
    assert_eq!(files, ["fig.svg", "fig.png", "fig.csv"].map(|f| folder.join(f)));
    assert_eq!(entries(&folder), ["fig.csv", "fig.png", "fig.svg"]);
    let csv = std::fs::read_to_string(&files[2]).unwrap();
    assert_eq!(csv, "panel,series,x,y,low,high\n(a),\"a, bt\",0,0.5,0,1\n(a),\"a, bt\",1,2,1,3\n,small,FD,3.17,,\n");
    let pictures_only = Figure::new().panel(Strip::new(pictures(2, 3, 3, 1))).save(&folder, "strip").unwrap();
    assert_eq!(pictures_only.len(), 2);
}

#[test]
fn an_unwritable_place_gives_an_error_and_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let figure = Figure::new().panel(Slant);
    std::fs::write(dir.path().join("file"), b"kept").unwrap();
    let below_a_file = figure.save(&dir.path().join("file/figures"), "fig").unwrap_err();
    assert!(matches!(&below_a_file, PlotError::Write { path, .. } if path.ends_with("file/figures")), "{below_a_file}");
    // The PNG's name is taken by a folder: the SVG is not written either.
    std::fs::create_dir(dir.path().join("fig.png")).unwrap();
    let taken = figure.save(dir.path(), "fig").unwrap_err();
    assert!(taken.to_string().contains("fig.png"), "{taken}");
    assert_eq!(entries(dir.path()), ["fig.png", "file"]);
    for name in ["", "a/b", "../a", ".hidden", "a\\b"] {
        assert!(matches!(figure.save(dir.path(), name), Err(PlotError::Setting { .. })), "{name:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any text makes a well-formed drawing, and its plain form is what was written.
    #[test]
    fn any_text_can_be_drawn(words in "\\PC{0,40}") {
        let figure = Figure::new().title(words.clone()).panel(Code::new(words.clone(), [words.clone()])).caption(words.clone());
        prop_assert!(roxmltree::Document::parse(&figure.to_svg().unwrap()).is_ok());
        prop_assert_eq!(text::plain(&text::literal(&words)), words);
    }

    /// Any finite data make a chart.
    #[test]
    fn any_numbers_can_be_drawn(y in prop::collection::vec(-1e30f64..1e30, 1..20), scale in -60i32..60) {
        let y: Vec<f64> = y.iter().map(|v| v * 10f64.powi(scale)).collect();
        let x: Vec<f64> = (0..y.len()).map(|k| k as f64).collect();
        let svg = Figure::new().panel(Chart::new("x", "y").series(Series::line("a", &x, &y))).to_svg().unwrap();
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
