//! The house style: colours, text sizes, line widths.

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

impl std::fmt::Display for Color {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

impl Color {
    /// Blend towards `other`: `amount` 0 is `self`, 1 is `other`; in sRGB values.
    pub fn mix(self, other: Color, amount: f64) -> Color {
        let blend = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * amount).round() as u8;
        Color(blend(self.0, other.0), blend(self.1, other.1), blend(self.2, other.2))
    }

    /// A pale tint on white, for the ground of boxes.
    pub fn tint(self) -> Color {
        self.mix(WHITE, 0.86)
    }
}

/// White, the ground of every figure.
pub const WHITE: Color = Color(255, 255, 255);
/// Text and strong lines.
pub const INK: Color = Color(0x22, 0x26, 0x2b);
/// Secondary text: captions, tick labels, notes.
pub const MUTED: Color = Color(0x55, 0x5b, 0x63);
/// Axis lines and frames.
pub const AXIS: Color = Color(0x8a, 0x90, 0x98);
/// Grid lines.
pub const GRID: Color = Color(0xe4, 0xe6, 0xe9);

/// Hairlines around pictures.
pub const HAIRLINE: Color = Color(0xc8, 0xcc, 0xd1);

/// Blue, the first colour of a chart.
pub const BLUE: Color = Color(0x00, 0x72, 0xb2);
/// Vermilion.
pub const VERMILION: Color = Color(0xd5, 0x5e, 0x00);
/// Bluish green.
pub const GREEN: Color = Color(0x00, 0x9e, 0x73);
/// Reddish purple.
pub const PURPLE: Color = Color(0xcc, 0x79, 0xa7);
/// Brown.
pub const BROWN: Color = Color(0x7a, 0x40, 0x00);
/// Near-black.
pub const BLACK: Color = Color(0x33, 0x33, 0x33);

/// Colours of series, in order of use: the Okabe-Ito set with brown for the three that fade on white (orange, yellow, sky blue).
/// Each has a contrast of at least 3 on white, and all pairs stay apart for dichromats.
pub const PALETTE: [Color; 6] = [BLUE, VERMILION, GREEN, PURPLE, BROWN, BLACK];

/// Colour of series `k`; the palette repeats.
pub fn palette(k: usize) -> Color {
    PALETTE[k % PALETTE.len()]
}

/// Title of a figure, px.
pub const TITLE_SIZE: f64 = 26.0;
/// Title of a panel, px.
pub const PANEL_SIZE: f64 = 20.0;
/// Body text, px.
pub const BODY_SIZE: f64 = 18.0;
/// Captions, tick labels and legends, px.
pub const SMALL_SIZE: f64 = 16.0;
/// No text is smaller: legible on a slide 1280 px wide.
pub const MIN_SIZE: f64 = 14.0;

/// Baseline to baseline, in units of the text size.
pub const LEADING: f64 = 1.35;
/// White border of a figure, px.
pub const MARGIN: f64 = 28.0;
/// Between panels, px.
pub const GUTTER: f64 = 36.0;

/// Sequential colour map for `v` in [0, 1] (clamped): near-white at 0, navy at 1.
///
/// Lightness falls linearly in Oklab (Ottosson 2020), so equal steps of `v` look equal; the hue turns from yellow over green to
/// blue. It starts light because trajectories in the palette, chosen for white ground, are drawn over it. Viridis was tried and
/// put aside: its dark low end hides them.
pub fn sequential(v: f64) -> Color {
    let v = v.clamp(0.0, 1.0);
    let lightness = sequential_lightness(v);
    let hue = (110.0 + 152.0 * v).to_radians();
    let mut chroma = 0.012 + 0.115 * (std::f64::consts::PI * v.powf(0.8) * 0.86).sin();
    loop {
        let rgb = oklab_to_linear(lightness, chroma * hue.cos(), chroma * hue.sin());
        // Outside the sRGB gamut, less chroma keeps lightness and hue.
        if chroma <= 0.0 || rgb.iter().all(|c| (-1e-4..=1.0001).contains(c)) {
            let [r, g, b] = rgb.map(encode_srgb);
            return Color(r, g, b);
        }
        chroma -= 0.002;
    }
}

/// Oklab lightness of [`sequential`] at `v`.
pub fn sequential_lightness(v: f64) -> f64 {
    0.99 - 0.67 * v
}

/// Oklab to linear sRGB (Ottosson 2020).
fn oklab_to_linear(l: f64, a: f64, b: f64) -> [f64; 3] {
    let cone = |ka: f64, kb: f64| (l + ka * a + kb * b).powi(3);
    let (l, m, s) = (
        cone(0.396_337_777_4, 0.215_803_757_3),
        cone(-0.105_561_345_8, -0.063_854_172_8),
        cone(-0.089_484_177_5, -1.291_485_548),
    );
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s,
    ]
}

/// Linear light in [0, 1] to an sRGB byte (IEC 61966-2-1).
fn encode_srgb(linear: f64) -> u8 {
    let c = linear.clamp(0.0, 1.0);
    let encoded = if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
    (255.0 * encoded).round() as u8
}
