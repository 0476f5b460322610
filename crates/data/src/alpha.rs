//! Transparent pictures on a ground.

/// A channel of value `colour` and opacity `alpha` laid over `ground`, rounded to the nearest byte.
pub fn over(colour: u8, alpha: u8, ground: u8) -> u8 {
    let (colour, alpha, ground) = (u32::from(colour), u32::from(alpha), u32::from(ground));
    ((colour * alpha + ground * (255 - alpha) + 127) / 255) as u8
}
