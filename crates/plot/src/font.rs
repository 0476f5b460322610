//! The bundled fonts: measured here, handed to the rasteriser, never looked for on the system.

use resvg::usvg::fontdb::Database;
use std::sync::{Arc, LazyLock};
use ttf_parser::Face;

/// The typefaces that text can be set in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Font {
    /// DejaVu Sans.
    Sans,
    /// DejaVu Sans Bold.
    SansBold,
    /// DejaVu Sans Oblique, for mathematics.
    SansOblique,
    /// DejaVu Sans Bold Oblique, for mathematics in titles.
    SansBoldOblique,
    /// DejaVu Sans Mono.
    Mono,
    /// DejaVu Sans Mono Bold.
    MonoBold,
}

const FILES: [&[u8]; 6] = [
    include_bytes!("../fonts/DejaVuSans.ttf"),
    include_bytes!("../fonts/DejaVuSans-Bold.ttf"),
    include_bytes!("../fonts/DejaVuSans-Oblique.ttf"),
    include_bytes!("../fonts/DejaVuSans-BoldOblique.ttf"),
    include_bytes!("../fonts/DejaVuSansMono.ttf"),
    include_bytes!("../fonts/DejaVuSansMono-Bold.ttf"),
];

static FACES: LazyLock<[Face<'static>; 6]> =
    LazyLock::new(|| FILES.map(|bytes| Face::parse(bytes, 0).expect("the bundled fonts are well-formed")));

static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut database = Database::new();
    for bytes in FILES {
        database.load_font_data(bytes.to_vec());
    }
    database.set_sans_serif_family("DejaVu Sans");
    database.set_monospace_family("DejaVu Sans Mono");
    Arc::new(database)
});

/// The bundled fonts for the rasteriser.
pub(crate) fn database() -> Arc<Database> {
    DATABASE.clone()
}

/// Whether the font itself holds a glyph for `c`.
pub fn has_glyph(font: Font, c: char) -> bool {
    FACES[font as usize].glyph_index(c).is_some()
}

/// Whether `c` is drawn over the character before it.
pub(crate) fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// Advance width of `c` in units of the font size; without kerning.
pub(crate) fn advance(font: Font, c: char) -> f64 {
    if is_combining(c) {
        return 0.0;
    }
    let own = &FACES[font as usize];
    let (face, glyph) = match own.glyph_index(c) {
        Some(glyph) => (own, glyph),
        // The rasteriser falls back to the regular face, too.
        None => {
            let sans = &FACES[Font::Sans as usize];
            (sans, sans.glyph_index(c).unwrap_or_default())
        }
    };
    f64::from(face.glyph_hor_advance(glyph).unwrap_or_default()) / f64::from(face.units_per_em())
}
