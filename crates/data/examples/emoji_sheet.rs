//! Draws emoji in all four styles side by side, and prints their names.
//!
//! `cargo run -p easel-data --no-default-features --example emoji_sheet -- OUT.png [embedded | fetched] [PER_ROW]`

use easel_data::alpha::over;
use easel_data::emoji::{ArtStyle, EMBEDDED_SIDE, Emoji};
use easel_data::fetch::Cache;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: emoji_sheet OUT.png [embedded | fetched] [PER_ROW]")?;
    let emoji = match arguments.next().as_deref() {
        Some("fetched") => Emoji::fetched(&Cache::of_user()?, EMBEDDED_SIDE)?,
        _ => Emoji::embedded()?,
    };
    let per_row: usize = arguments.next().map_or(Ok(8), |text| text.parse())?;
    let (side, styles) = (emoji.side(), ArtStyle::ALL.len());
    let rows = emoji.concepts().len().div_ceil(per_row);
    let mut sheet = image::RgbImage::from_pixel(
        (per_row * (styles * side + 4)) as u32,
        (rows * (side + 2)) as u32,
        image::Rgb([255; 3]),
    );
    for (concept, about) in emoji.concepts().iter().enumerate() {
        let (row, column) = (concept / per_row, concept % per_row);
        println!("row {row} column {column}: {} {} ({})", about.key, about.name, about.keywords.join(", "));
        for style in ArtStyle::ALL {
            let rgba = emoji.rgba(concept, style);
            for i in 0..side * side {
                let plane = |k: usize| rgba[k * side * side + i];
                let pixel = [0, 1, 2].map(|k| over(plane(k), plane(3), 255));
                let x = column * (styles * side + 4) + style as usize * side + i % side;
                sheet.put_pixel(x as u32, (row * (side + 2) + i / side) as u32, image::Rgb(pixel));
            }
        }
    }
    sheet.save(&out)?;
    Ok(())
}
