//! Pictures made smaller.

/// A square u8 picture of `from` pixels a side as one of `to <= from`: each pixel is the mean of the area it covers.
pub fn by_area(picture: &[u8], from: usize, to: usize) -> Vec<u8> {
    // The share of input pixel i in output pixel o, along one axis, in units of 1 / to input pixels.
    let overlap = |o: usize, i: usize| ((o + 1) * from).min((i + 1) * to).saturating_sub((o * from).max(i * to));
    let covers = |o: usize| (o * from / to)..((o + 1) * from).div_ceil(to);
    let mut out = Vec::with_capacity(to * to);
    for y in 0..to {
        for x in 0..to {
            let mut sum = 0;
            for v in covers(y) {
                for u in covers(x) {
                    sum += overlap(y, v) * overlap(x, u) * usize::from(picture[v * from + u]);
                }
            }
            let area = from * from;
            out.push(((sum + area / 2) / area) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::by_area;

    #[test]
    fn means_are_kept_and_equal_sizes_change_nothing() {
        let picture: Vec<u8> = (0..28 * 28).map(|i| (i * 37 % 256) as u8).collect();
        assert_eq!(by_area(&picture, 28, 28), picture);
        let small = by_area(&picture, 28, 18);
        let mean = |p: &[u8]| p.iter().map(|&v| f64::from(v)).sum::<f64>() / p.len() as f64;
        assert!((mean(&picture) - mean(&small)).abs() < 0.5);
        assert!(by_area(&[200; 28 * 28], 28, 18).iter().all(|&v| v == 200));
    }
}
