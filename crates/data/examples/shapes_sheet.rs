//! Draws `shapes` scenes with their masks and edges side by side, and prints their captions.
//!
//! `cargo run -p easel-data --no-default-features --example shapes_sheet -- OUT.png [SIDE]`

use easel_data::shapes::{Oracle, Shapes};

const COLUMNS: usize = 4;
const ROWS: usize = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: shapes_sheet OUT.png [SIDE]")?;
    let side: usize = arguments.next().map_or(Ok(64), |side| side.parse())?;
    let shapes = Shapes::new(side, 0)?;
    // Each cell: the picture, and what the masks and edges hold of it.
    let (width, height) = (COLUMNS * 2 * side, ROWS * side);
    let mut sheet = image::RgbImage::new(width as u32, height as u32);
    for cell in 0..COLUMNS * ROWS {
        let (scene, caption) = (shapes.scene(cell as u64), shapes.caption(cell as u64));
        let drawn = scene.render(side);
        let verdict = Oracle.check(&drawn.image, side, &caption)?;
        println!("row {} column {}: {caption} (score {:.2})", cell / COLUMNS, cell % COLUMNS, verdict.score());
        for i in 0..side * side {
            let pixel = [0, 1, 2].map(|c| drawn.image[c * side * side + i]);
            let owner = drawn.masks.iter().position(|mask| mask[i]);
            let level = owner.map_or(0, |m| 60 + 50 * m as u8);
            let mask = if drawn.edges[i] { [255; 3] } else { [level; 3] };
            let x = (cell % COLUMNS) * 2 * side + i % side;
            let y = (cell / COLUMNS) * side + i / side;
            sheet.put_pixel(x as u32, y as u32, image::Rgb(pixel));
            sheet.put_pixel((x + side) as u32, y as u32, image::Rgb(mask));
        }
    }
    sheet.save(&out)?;
    Ok(())
}
