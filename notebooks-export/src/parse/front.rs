//! Front matter.

/// The themes that there are.
pub const THEMES: [&str; 8] =
    ["diffusion", "sampling", "guidance", "editing", "recurrent", "adversarial", "text", "unconditional"];

/// What stands before the text.
#[derive(Debug, Clone)]
pub struct Front {
    /// The title.
    pub title: String,
    /// The short name.
    pub short: String,
    /// The paper.
    pub citation: String,
    /// What it is about.
    pub themes: Vec<&'static str>,
}

const KEYS: [&str; 4] = ["title", "short", "citation", "themes"];

/// The front matter, the body, and the body's first line.
pub fn parse(text: &str) -> Result<(Front, &str, usize), (usize, String)> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let opening = "the file begins with `---`, the keys title, short, citation and themes, and `---`";
    let mut rest =
        text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")).ok_or_else(|| (1, opening.to_owned()))?;
    let mut values: [Option<&str>; 4] = [None; 4];
    let mut themes_line = 1;
    for line in 2.. {
        let Some((this, after)) = rest.split_once('\n') else { return Err((line, opening.to_owned())) };
        rest = after;
        let this = this.trim();
        if this == "---" {
            let value = |k: usize| {
                let value = values[k].filter(|value| !value.is_empty()).map(str::to_owned);
                value.ok_or_else(|| (line, format!("the front matter has no `{}`", KEYS[k])))
            };
            let front = Front {
                title: value(0)?,
                short: value(1)?,
                citation: value(2)?,
                themes: themes(&value(3)?).map_err(|what| (themes_line, what))?,
            };
            return Ok((front, rest, line + 1));
        }
        let Some((key, value)) = this.split_once(':') else {
            return Err((line, format!("`{this}` is not `key: value`")));
        };
        let Some(k) = KEYS.iter().position(|known| *known == key.trim()) else {
            return Err((line, format!("unknown key `{}`; there are: {}", key.trim(), KEYS.join(", "))));
        };
        if values[k].replace(value.trim()).is_some() {
            return Err((line, format!("`{}` stands twice", KEYS[k])));
        }
        if k == 3 {
            themes_line = line;
        }
    }
    unreachable!("lines end before numbers do")
}

fn themes(text: &str) -> Result<Vec<&'static str>, String> {
    let find = |word: &str| {
        let known = THEMES.into_iter().find(|theme| *theme == word);
        known.ok_or_else(|| format!("unknown theme `{word}`; there are: {}", THEMES.join(", ")))
    };
    text.split(',').map(|word| find(word.trim())).collect()
}
