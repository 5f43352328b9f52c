//! Descriptions and their text forms, against the published vectors and documents.
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

#[path = "common/vectors.rs"]
mod vectors;

use distarray::protocol::{AxisMap, Dim, DimData, Dist, GridOrder, ProcGrid, Reading, Value, Version};
use vectors::{decode, ints, round_trip, vectors};

/// The published validator's verdicts, as its maintainers' own text corrects them.
#[test]
fn validation_agrees_with_the_published_verdicts() {
    // What only a Python object can get wrong is the Python binding's to check.
    let python_only = ["BUF", "IDX-BUF", "DB-TYPE"];
    let (mut checked, mut beyond) = (0, Vec::new());
    let all = vectors("validate");
    for case in all["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let broken: Vec<&str> =
            case["spec_violations"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        let buffer = &case["distbuffer"]["buffer"];
        let described = case["distbuffer"].as_object().and_then(|whole| {
            let rest = whole.iter().filter(|(key, _)| *key != "buffer");
            rest.map(|(key, value)| Some((key.clone(), decode(value)?))).collect::<Option<Vec<_>>>()
        });
        let shape = buffer["$ndarray"]["shape"].as_array().map(|_| ints(&buffer["$ndarray"]["shape"]));
        let shape = shape.or_else(|| buffer["$bytes"].as_str().map(|hex| vec![hex.len() as i64 / 2]));
        let shape = shape.or_else(|| buffer["$bytearray"].as_str().map(|hex| vec![hex.len() as i64 / 2]));
        let shape = shape.or_else(|| buffer["$array"][1].as_array().map(|items| vec![items.len() as i64]));
        let only_python = broken.iter().any(|b| python_only.contains(b))
            || broken == ["VER-UNSUPPORTED"] && case["distbuffer"]["__version__"] == "1.0.0";
        let missing_buffer = broken.contains(&"DB-MISSING-KEYS")
            && !case["distbuffer"].as_object().is_some_and(|d| d.contains_key("buffer"));
        let (Some(described), Some(shape), false, false) = (described, shape, only_python, missing_buffer)
        else {
            beyond.push(id);
            continue;
        };
        let value = Value::Dict(described);
        // What overflows 64 bits is refused, as the vectors' own notes allow.
        let wide = ["/big", "/huge", "/giant"].iter().any(|end| id.ends_with(end))
            || case["distbuffer"].to_string().contains("18446744073709551616")
            || case["distbuffer"].to_string().contains("9223372036854775808");
        let read = DimData::from_value(&value, Some(&shape), Reading::Protocol);
        let expect = |level: &str| case[level].as_str().unwrap() != "reject" && !wide;
        assert_eq!(read.is_ok(), expect("recommended_structural"), "{id}: {read:?} {case}");
        let strict = read.and_then(|(dim_data, _)| dim_data.check_strict(&shape));
        assert_eq!(strict.is_ok(), expect("recommended_strict"), "{id}: {strict:?} {case}");
        if let Err(error) = strict {
            assert!(error.field().is_some() && error.rule().is_some(), "{id}: {error:?} names no place");
        }
        checked += 1;
    }
    assert_eq!((checked, beyond.len()), (499, 19), "cases left to the Python binding: {beyond:?}");
}

#[test]
fn text_forms_round_trip_in_the_oldest_version_that_can_say_it() {
    let padded = Dist::Block { start: 3, stop: 9, padding: [1, 2], periodic: true, edge_outside: false };
    let plain = [
        Dim::whole(7).unwrap(),
        Dim::new(12, 3, 1, padded).unwrap(),
        Dim::new(12, 3, 2, Dist::cyclic(2, 2)).unwrap(),
        Dim::new(12, 2, 0, Dist::unstructured(vec![7, -1, 3])).unwrap(),
    ];
    let old = DimData::new(plain.clone()).unwrap();
    assert_eq!(old.version(), Version::V0_10);
    assert_eq!(round_trip(&old).get("__version__").and_then(Value::as_str), Some("0.10.0"));
    assert_eq!((old.process_count(), old.process_rank()), (18, 10));

    let ghosts = Dist::Unstructured { indices: vec![4, 5, 9].into(), num_owned: 2, one_to_one: true };
    let outside = Dist::Block { start: -1, stop: 6, padding: [1, 1], periodic: false, edge_outside: true };
    let rotated = Dist::Cyclic { start: 0, block_size: 4, first_block: 3 };
    for dim in [
        Dim::new(12, 2, 0, ghosts).unwrap(),
        Dim::new(10, 2, 0, outside).unwrap(),
        Dim::new(10, 2, 1, rotated).unwrap(),
        Dim::whole(3).unwrap().component(),
    ] {
        let new = DimData::new([dim]).unwrap();
        assert_eq!(new.version(), Version::V1_0);
        round_trip(&new);
    }
    for grid in [
        ProcGrid::new(GridOrder::ColumnMajor),
        ProcGrid::default().replicated(3, 1),
        ProcGrid::new(GridOrder::Ranks((0..18).rev().collect::<Vec<_>>().into())),
    ] {
        round_trip(&DimData::with_grid(plain.clone(), grid).unwrap());
    }
}

#[test]
fn lenient_reading_reports_each_repair() {
    let text = "{'__version__': '0.9.2', 'dim_data': [{'dist_type': 'n', 'size': 4}, \
                {'dist_type': 'c', 'size': 9, 'proc_grid_size': 4, 'proc_grid_rank': 3, 'start': 9, 'block_size': 5, 'units': 'm'}]}";
    let value = Value::from_literal(text).unwrap();
    assert_eq!(DimData::from_value(&value, None, Reading::Protocol).unwrap_err().rule(), Some("T2"));
    let (dim_data, repairs) = DimData::from_value(&value, None, Reading::Lenient).unwrap();
    let told: Vec<String> = repairs.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 5, "{told:?}");
    for (line, word) in
        told.iter().zip(["__version__", "dim_data", "axis 0, dist_type", "units", "axis 1, start"])
    {
        assert!(line.contains(word), "{line}");
    }
    assert_eq!(dim_data.held_shape(), [4, 0]);
}

#[test]
fn every_example_of_the_protocol_documents_is_read() {
    let mut parts = 0;
    for case in vectors("dim_data_examples")["cases"].as_array().unwrap() {
        let title = case["title"].as_str().unwrap_or_default();
        let mut all: Vec<DimData> = Vec::new();
        for rank in case["ranks"].as_array().unwrap() {
            let mut dims = decode(&rank["dim_data"]).unwrap();
            if let (Value::Tuple(items), Some(true)) = (&dims, rank["padding_is_list"].as_bool()) {
                dims = Value::List(items.clone());
            }
            let whole = Value::Dict(vec![
                ("__version__".into(), Value::Str("0.10.0".into())),
                ("dim_data".into(), dims),
            ]);
            let shape = ints(&rank["buffer_shape"]);
            let read = DimData::from_value(&whole, Some(&shape), Reading::Protocol);
            let strict = read
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|(d, _)| d.check_strict(&shape).map(|()| d.clone()));
            match strict {
                Ok(dim_data) => all.push(dim_data),
                // One example prints 1-D buffers with two dimensions: the text is wrong.
                Err(error) => assert_eq!(error.rule(), Some("T4"), "{title}: {error}"),
            }
            parts += 1;
        }
        for axis in 0..all.first().map_or(0, DimData::ndim) {
            let mut dims: Vec<Dim> = all.iter().map(|d| d.dims()[axis].clone()).collect();
            dims.sort_by_key(Dim::proc_grid_rank);
            dims.dedup_by_key(|d| d.proc_grid_rank());
            if dims.len() as i64 == dims[0].proc_grid_size() {
                assert!(AxisMap::from_dims(&dims).is_ok(), "{title} axis {axis}");
            }
        }
    }
    assert!(parts > 60, "{parts}");
}
