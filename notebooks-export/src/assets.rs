//! Style sheets and scripts, which go beside every page so that its folder stands alone.

/// For all pages.
pub const SITE: [(&str, &str); 2] =
    [("assets/easel.css", include_str!("assets/easel.css")), ("assets/easel.js", include_str!("assets/easel.js"))];

/// For slides.
pub const SLIDES: [(&str, &str); 2] =
    [("assets/slides.css", include_str!("assets/slides.css")), ("assets/slides.js", include_str!("assets/slides.js"))];
