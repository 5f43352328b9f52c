//! The published vectors of tests/data/protocol/, and the way through the text forms.
#![allow(dead_code)] // each test binary uses its own part

use distarray::protocol::{DimData, Reading, Value};
use serde_json::Value as Json;

pub fn vectors(name: &str) -> Json {
    let path = format!("{}/tests/data/protocol/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn ints(json: &Json) -> Vec<i64> {
    json.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}

/// The vectors' spelling of Python objects, as a text form can say them; `None`
/// for objects that no text form has.
pub fn decode(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::None,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => Value::Int(n.as_i64().map(i128::from).or(n.as_u64().map(i128::from))?),
        Json::String(s) => Value::Str(s.clone()),
        Json::Array(items) => Value::Tuple(items.iter().map(decode).collect::<Option<_>>()?),
        Json::Object(map) => match map.iter().next() {
            Some((key, inner)) if key.starts_with('$') => match key.as_str() {
                "$list" => Value::List(inner.as_array()?.iter().map(decode).collect::<Option<_>>()?),
                "$npint" => decode(&inner[1])?,
                "$npbool" => Value::Str("a NumPy truth value, which is no bool".into()),
                "$float" => Value::Float(inner.as_str()?.parse().ok()?),
                "$bigint" => Value::Int(inner.as_str()?.parse().ok()?),
                "$ndarray" => {
                    let integer =
                        inner["dtype"].as_str()?.trim_start_matches(['<', '>', '|']).starts_with(['i', 'u']);
                    let flat = inner["shape"].as_array()?.len() == 1;
                    let data = inner["data"].as_array()?;
                    if !integer || !flat {
                        return Some(Value::Str("not an array of integers".into()));
                    }
                    Value::Ints(data.iter().map(Json::as_i64).collect::<Option<_>>()?)
                }
                "$array" => match inner[0].as_str()? {
                    "f" | "d" | "u" => Value::Str("not an array of integers".into()),
                    _ => Value::Ints(ints(&inner[1])),
                },
                // Bytes are a buffer of integers from 0 to 255.
                "$bytes" | "$bytearray" => {
                    let hex = inner.as_str()?;
                    let byte = |at| i64::from_str_radix(&hex[at..at + 2], 16).ok();
                    Value::Ints((0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?)
                }
                "$range" | "$complex" => Value::Str(format!("a Python object, {key}")),
                "$object" => return None,
                other => panic!("unknown spelling {other}"),
            },
            _ => Value::Dict(map.iter().map(|(k, v)| Some((k.clone(), decode(v)?))).collect::<Option<_>>()?),
        },
    })
}

/// Through both text forms and back; the value that is written.
pub fn round_trip(dim_data: &DimData) -> Value {
    let value = dim_data.to_value();
    for again in
        [Value::from_literal(&value.to_literal()).unwrap(), Value::from_json(&value.to_json()).unwrap()]
    {
        let (read, repairs) = DimData::from_value(&again, None, Reading::Protocol).unwrap();
        assert_eq!(&read, dim_data, "{again:?}");
        assert_eq!(repairs, []);
    }
    value
}
