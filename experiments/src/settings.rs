//! Configurations as TOML: presets, `--set key=value`, strict reading.

use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Sets the dotted `key` of an assignment `key=value` in `table`.
///
/// The value is read as TOML (`2000`, `0.5`, `true`, `[32, 64]`, `{ kind = "linear" }`), else taken as text.
pub fn assign(table: &mut Table, assignment: &str) -> Result<()> {
    let (key, text) = assignment
        .split_once('=')
        .ok_or_else(|| anyhow!("--set {assignment}: expected key=value, for example --set loop.steps=2000"))?;
    let parts: Vec<&str> = key.trim().split('.').collect();
    let (last, parents) = parts.split_last().context("an empty key")?;
    let mut at = table;
    for part in parents {
        at = match at.get_mut(*part) {
            Some(Value::Table(inner)) => inner,
            _ => bail!("--set {assignment}: there is no section [{part}]; `easel info PAPER --config` prints all keys"),
        };
    }
    if !at.contains_key(*last) {
        let known: Vec<&str> = at.keys().map(String::as_str).collect();
        bail!("--set {assignment}: unknown key `{last}`; known here: {}", known.join(", "));
    }
    at.insert((*last).to_string(), parse_value(text.trim()));
    Ok(())
}

fn parse_value(text: &str) -> Value {
    format!("v = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut t| t.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_string()))
}

/// Reads a whole configuration; an unknown key or a wrong type is an error that names its path.
pub fn read<T: DeserializeOwned>(table: Table) -> Result<T> {
    serde_path_to_error::deserialize(table).map_err(|e| {
        let path = e.path().to_string();
        anyhow!("configuration, at `{path}`: {}", e.into_inner().message())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        "a = 1\n[b]\nc = \"x\"\nd = [1, 2]".parse().expect("valid")
    }

    #[test]
    fn values_are_read_as_toml_or_else_as_text() {
        let mut t = table();
        for (assignment, expected) in [
            ("a=2", "2"),
            ("b.c=linear", "\"linear\""),
            ("b.d=[3]", "[3]"),
            ("b.c = { kind = \"k\" }", "{ kind = \"k\" }"),
        ] {
            assign(&mut t, assignment).expect("known key");
            let expected: Table = format!("v = {expected}").parse().expect("valid");
            let key: Vec<&str> = assignment.split('=').next().expect("key").trim().split('.').collect();
            let found = key.iter().fold(Value::Table(t.clone()), |v, k| v[*k].clone());
            assert_eq!(found, expected["v"]);
        }
    }

    #[test]
    fn unknown_keys_and_sections_are_named() {
        let unknown = assign(&mut table(), "b.e=1").expect_err("unknown").to_string();
        assert!(unknown.contains("unknown key `e`") && unknown.contains("c, d"), "{unknown}");
        let section = assign(&mut table(), "x.e=1").expect_err("unknown").to_string();
        assert!(section.contains("[x]"), "{section}");
        assert!(assign(&mut table(), "b.e").is_err());
    }
}
