//! Prints a [`Value`] as Python's `repr`, so that headers equal the original's.

use std::fmt::Write;

use crate::protocol::value::Value;

/// The text `repr` prints; characters beyond Latin-1 are escaped.
pub(crate) fn repr(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::None => text.push_str("None"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Int(value) => text.push_str(&value.to_string()),
        Value::Float(value) => text.push_str(&float(*value)),
        Value::Str(value) => write_string(text, value),
        Value::Tuple(items) if items.len() == 1 => {
            text.push('(');
            write_value(text, &items[0]);
            text.push_str(",)");
        }
        Value::Tuple(items) => write_items(text, "(", items, ")", write_value),
        Value::List(items) => write_items(text, "[", items, "]", write_value),
        Value::Ints(items) => write_items(text, "[", items, "]", |text, item| {
            text.push_str(&item.to_string());
        }),
        Value::Dict(entries) => write_items(text, "{", entries, "}", |text, (key, value)| {
            write_string(text, key);
            text.push_str(": ");
            write_value(text, value);
        }),
    }
}

fn write_items<T>(
    text: &mut String,
    open: &str,
    items: &[T],
    close: &str,
    mut write_item: impl FnMut(&mut String, &T),
) {
    text.push_str(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        write_item(text, item);
    }
    text.push_str(close);
}

fn write_string(text: &mut String, value: &str) {
    let quote = match value.contains('\'') && !value.contains('"') {
        true => '"',
        false => '\'',
    };
    text.push(quote);
    for character in value.chars() {
        let code = u32::from(character);
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            _ if character == quote => {
                text.push('\\');
                text.push(quote);
            }
            ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}' => text.push(character),
            '\0'..='\u{ff}' => text.push_str(&format!("\\x{code:02x}")),
            '\u{100}'..='\u{ffff}' => text.push_str(&format!("\\u{code:04x}")),
            _ => text.push_str(&format!("\\U{code:08x}")),
        }
    }
    text.push(quote);
}

/// The shortest digits that read back, in the layout of Python's `repr`.
fn float(value: f64) -> String {
    if value.is_infinite() {
        // No literal spells it; this one overflows to it, in Python too.
        return if value > 0.0 { "1e309" } else { "-1e309" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        -4..=15 => format!("{value:?}").to_lowercase(),
        exponent => {
            let mut text = mantissa.to_owned();
            let sign = if exponent < 0 { '-' } else { '+' };
            let _ = write!(text, "e{sign}{:02}", exponent.unsigned_abs());
            text
        }
    }
}
