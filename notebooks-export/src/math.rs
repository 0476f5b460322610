//! LaTeX to MathML.

use math_core::{LatexToMathML, MathDisplay};

use crate::html::escape;

/// Accents that combine with the character before them are drawn beside their letter where there is no font of mathematics;
/// those of their own width are not.
const ACCENTS: [(&str, &str); 4] =
    [("\u{302}", "\u{2c6}"), ("\u{303}", "\u{2dc}"), ("\u{307}", "\u{2d9}"), ("\u{308}", "\u{a8}")];

/// An equation as HTML.
///
/// # Errors
/// LaTeX that is not understood, in words.
pub fn html(latex: &str, display: bool) -> Result<String, String> {
    let (latex, tag) = split_tag(latex)?;
    let kind = if display { MathDisplay::Block } else { MathDisplay::Inline };
    let converter = LatexToMathML::new(Default::default()).map_err(|e| format!("{e:?}"))?;
    let math = converter
        .convert_with_local_counter(latex.trim(), kind)
        .map_err(|error| format!("LaTeX is not understood: {error} in `{}`", latex.trim()))?;
    let math = ACCENTS.iter().fold(math, |math, (combining, own)| math.replace(combining, own));
    Ok(match (display, tag) {
        (false, None) => math,
        (false, Some(_)) => return Err("\\tag stands in display mathematics, $$...$$".into()),
        (true, tag) => {
            let tag = tag.map_or(String::new(), |tag| format!("<span class=\"tag\">({})</span>", escape(&tag)));
            format!("<span class=\"equation\"><span class=\"math\">{math}</span>{tag}</span>")
        }
    })
}

/// Takes out `\tag{...}`, of which an equation has one at most: its number stands at the edge, whatever the equation is.
fn split_tag(latex: &str) -> Result<(String, Option<String>), String> {
    let Some((before, rest)) = latex.split_once("\\tag{") else { return Ok((latex.to_owned(), None)) };
    let (tag, after) = rest.split_once('}').ok_or("\\tag{ is not closed")?;
    if after.contains("\\tag{") {
        return Err("an equation has one \\tag; write several $$...$$".into());
    }
    Ok((format!("{before}{after}"), Some(tag.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_latex_is_understood() {
        for latex in [
            r"\frac{a}{b} \sqrt{x} \sum_{i=1}^n \prod_t \int_0^1 \mathbb E \mathcal{N} \mathrm{KL} \mathbf{x}",
            r"\bar\alpha_t \hat x_0 \tilde\mu_t \text{if } \left( \frac12 \right] \operatorname{argmax}_\theta \|x\|^2",
            r"\begin{aligned} a &= b \\ &= c \end{aligned}",
            r"f = \begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}",
            r"\underbrace{a + b}_{L_T} \big\|x\big\| \Big(\Big) \qquad \nabla_\theta \log p_\theta(x \mid y) \sim \propto",
            r"\dots \ldots \cdots \le \ge \ll \infty \in \to \mapsto \partial \approx \odot \cdot \times \top \lambda",
        ] {
            let html = html(latex, true).unwrap_or_else(|e| panic!("{latex}: {e}"));
            assert!(html.contains("<math display=\"block\">"), "{html}");
        }
    }

    #[test]
    fn accents_have_a_width_of_their_own() {
        let html = html(r"\hat x_0 \tilde w \bar\alpha \dot x \ddot x", false).expect("accents");
        assert!(html.contains(">\u{2c6}</mo>") && html.contains(">\u{2dc}</mo>"), "{html}");
        assert!(!html.chars().any(|c| ('\u{300}'..'\u{370}').contains(&c)), "{html}");
    }

    #[test]
    fn tags_stand_beside_the_equation() {
        let html = html(r"a = b \tag{3<}", true).expect("an equation");
        assert!(html.ends_with("<span class=\"tag\">(3&lt;)</span></span>"), "{html}");
        assert!(super::html(r"a \tag{1}", false).is_err());
    }

    #[test]
    fn faults_are_named_and_markup_stays_text() {
        assert!(html(r"\frac{a}{", true).expect_err("open").contains("not understood"));
        assert!(html(r"\nonsense", false).expect_err("unknown").contains("nonsense"));
        assert!(!html(r"\text{<script>}", false).expect("text").contains("<script"));
    }
}
