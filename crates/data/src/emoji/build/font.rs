//! Pictures of a colour bitmap font: cmap, ligatures of GSUB, then the glyph's PNG.

use std::collections::HashMap;

use ttf_parser::gsub::SubstitutionSubtable;
use ttf_parser::{Face, GlyphId, RasterImageFormat};

/// A font with colour bitmaps.
pub(super) struct Font<'a> {
    face: Face<'a>,
    /// Glyph of a sequence of glyphs.
    ligatures: HashMap<Vec<GlyphId>, GlyphId>,
}

impl<'a> Font<'a> {
    pub(super) fn parse(file: &'a [u8]) -> Result<Self, String> {
        let face = Face::parse(file, 0).map_err(|error| error.to_string())?;
        let mut ligatures = HashMap::new();
        for lookup in face.tables().gsub.iter().flat_map(|gsub| gsub.lookups) {
            for table in lookup.subtables.into_iter::<SubstitutionSubtable>() {
                let SubstitutionSubtable::Ligature(table) = table else { continue };
                for first in (0..face.number_of_glyphs()).map(GlyphId) {
                    let set = table.coverage.get(first).and_then(|index| table.ligature_sets.get(index));
                    for ligature in set.into_iter().flatten() {
                        let parts: Vec<GlyphId> = [first].into_iter().chain(ligature.components).collect();
                        ligatures.entry(parts).or_insert(ligature.glyph);
                    }
                }
            }
        }
        Ok(Self { face, ligatures })
    }

    /// The PNG of the emoji of that key.
    pub(super) fn picture(&self, key: &str) -> Option<&[u8]> {
        let glyph = |code: &str| {
            let character = char::from_u32(u32::from_str_radix(code, 16).ok()?)?;
            self.face.glyph_index(character)
        };
        let glyphs: Vec<GlyphId> = key.split('-').map(glyph).collect::<Option<_>>()?;
        let glyph = match glyphs.as_slice() {
            [single] => *single,
            sequence => *self.ligatures.get(sequence)?,
        };
        let image = self.face.glyph_raster_image(glyph, u16::MAX)?;
        (image.format == RasterImageFormat::PNG).then_some(image.data)
    }
}
