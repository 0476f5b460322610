use easel_metrics::report::{Measurement, markdown_table};

fn measurement() -> Measurement {
    Measurement {
        metric: "kid".into(),
        features: "digits".into(),
        value: 0.012_345_6,
        standard_error: Some(0.000_456_7),
        floor: None,
        n: 2000,
    }
}

#[test]
fn table_names_features_and_counts() {
    let fd =
        Measurement { metric: "fd".into(), value: 1234.56, standard_error: None, floor: Some(2.5), ..measurement() };
    assert_eq!(
        markdown_table(&[measurement(), fd]),
        "| metric | value | real pictures | N |\n\
         |---|---:|---:|---:|\n\
         | kid-digits | 0.01235 ± 4.567e-4 | – | 2000 |\n\
         | fd-digits | 1235 | 2.500 | 2000 |\n"
    );
}

#[test]
fn measurement_survives_json_and_refuses_unknown_keys() {
    let json = serde_json::to_string(&measurement()).unwrap();
    assert_eq!(serde_json::from_str::<Measurement>(&json).unwrap(), measurement());
    let error = serde_json::from_str::<Measurement>(&json.replace("floor", "flor")).unwrap_err();
    assert!(error.to_string().contains("flor"), "{error}");
}
