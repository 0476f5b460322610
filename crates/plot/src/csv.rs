use crate::figure::Record;

/// CSV text (RFC 4180 quoting, newline `\n`) with a header line.
pub(crate) fn write(records: &[Record]) -> String {
    let mut out = String::from("panel,series,x,y,low,high\n");
    for r in records {
        let fields = [&r.panel, &r.series, &r.x, &r.y, &r.low, &r.high].map(|field| quote(field));
        out.push_str(&fields.join(","));
        out.push('\n');
    }
    out
}

fn quote(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted() {
        let record = Record { series: "a, \"b\"".into(), x: "1".into(), y: "0.5".into(), ..Record::default() };
        assert_eq!(write(&[record]), "panel,series,x,y,low,high\n,\"a, \"\"b\"\"\",1,0.5,,\n");
    }
}
