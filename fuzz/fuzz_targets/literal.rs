//! Any text is a literal or an error, and what is read can be printed and read again.
#![no_main]

use distarray::protocol::{DimData, Reading, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for value in [Value::from_literal(text), Value::from_json(text)].into_iter().flatten() {
        let printed = value.to_literal();
        if let Ok(again) = Value::from_literal(&printed) {
            assert_eq!(again.to_literal(), printed);
        } else {
            // JSON nests deeper and may be longer once printed.
            assert!(Value::from_literal(text).is_err(), "{printed}");
        }
        Value::from_json(&value.to_json()).unwrap();
        for reading in [Reading::Protocol, Reading::Lenient] {
            let Ok((dim_data, _)) = DimData::from_value(&value, None, reading) else { continue };
            let (again, _) = DimData::from_value(&dim_data.to_value(), None, Reading::Protocol).unwrap();
            assert_eq!(again, dim_data);
        }
    }
});
