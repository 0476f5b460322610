//! The `easel` program.
fn main() {}
