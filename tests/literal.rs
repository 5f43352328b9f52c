//! The Python literal is read as Python reads it, printed as `repr` prints it,
//! and nothing else is accepted.

#[path = "common/random.rs"]
mod random;

use std::io::Write;
use std::process::{Command, Stdio};

use distarray::protocol::Value;
use distarray::{ErrorKind, Result};
use random::Random;

fn read(text: &str) -> Result<Value> {
    Value::from_literal(text)
}

fn int(value: i128) -> Value {
    Value::Int(value)
}

fn text(value: &str) -> Value {
    Value::Str(value.to_owned())
}

#[test]
fn numbers_of_python_2_and_3_are_read() {
    let cases = [
        ("6", 6),
        (" +6 ", 6),
        ("-0", 0),
        ("- 7", -7),
        ("6L", 6),
        ("1_000_000", 1_000_000),
        ("0x1F", 31),
        ("0x_fL", 15),
        ("0o17", 15),
        ("0B1_01", 5),
        ("000", 0),
        ("9223372036854775808", 1 << 63),
        ("np.int64(-6)", -6),
        ("np.uint8( 200 )", 200),
        ("(((5)))", 5),
    ];
    for (literal, value) in cases {
        assert_eq!(read(literal).unwrap(), int(value), "{literal}");
    }
    let floats = [("6.0", 6.0), (".5", 0.5), ("1.", 1.0), ("1_0e-1_0", 1e-9), ("-2E+3", -2000.0)];
    for (literal, value) in floats {
        assert_eq!(read(literal).unwrap(), Value::Float(value), "{literal}");
    }
    assert_eq!(read("np.float64(1.5)").unwrap(), Value::Float(1.5));
    assert_eq!(read(&Value::Float(f64::INFINITY).to_literal()).unwrap(), Value::Float(f64::INFINITY));
}

#[test]
fn strings_of_both_quotes_with_escapes_are_read() {
    let cases = [
        (r"'b'", "b"),
        (r#""it's""#, "it's"),
        (r#"'\'\"\\'"#, "'\"\\"),
        (r"'\x41\u00e9\U0001F600\101\7'", "Aé😀A\x07"),
        (r"'\a\b\f\n\r\t\v'", "\x07\x08\x0c\n\r\t\x0b"),
        ("'a\\\nb'", "ab"),
        (r"'\q'", "\\q"),
        ("u'x' U\"y\" 'z'", "xyz"),
        ("'0.' # one\n '10.0'", "0.10.0"),
        ("'größe'", "größe"),
        ("np.str_('b')", "b"),
    ];
    for (literal, value) in cases {
        assert_eq!(read(literal).unwrap(), text(value), "{literal}");
    }
}

#[test]
fn containers_keep_their_kind_and_order() {
    assert_eq!(read("()").unwrap(), Value::Tuple(vec![]));
    assert_eq!(read("(1)").unwrap(), int(1));
    assert_eq!(read("(1,)").unwrap(), Value::Tuple(vec![int(1)]));
    assert_eq!(
        read("[True, False, None, np.True_,]").unwrap(),
        Value::List(vec![Value::Bool(true), Value::Bool(false), Value::None, Value::Bool(true)])
    );
    assert_eq!(
        read("{'z': (1, 2), u'a': {}}").unwrap(),
        Value::Dict(vec![
            ("z".into(), Value::Tuple(vec![int(1), int(2)])),
            ("a".into(), Value::Dict(vec![])),
        ])
    );
}

#[test]
fn numpy_arrays_of_integers_are_read() {
    let cases: [(&str, &[i64]); 6] = [
        ("array([0, 4])", &[0, 4]),
        ("array([-9,  3,\n        -1], dtype=int32)", &[-9, 3, -1]),
        ("array([9, 3], dtype='>i4')", &[9, 3]),
        ("array([], dtype=int64)", &[]),
        ("array([255,], dtype=uint8,)", &[255]),
        ("array([1],)", &[1]),
    ];
    for (literal, values) in cases {
        assert_eq!(read(literal).unwrap(), Value::Ints(values.to_vec()), "{literal}");
    }
}

#[test]
fn anything_else_is_refused_with_its_offset() {
    let cases = [
        ("", 0),
        ("  ", 2),
        ("foo", 0),
        ("true", 0),
        ("__import__('os')", 0),
        ("lambda: 0", 0),
        ("f'x'", 0),
        ("b'x'", 0),
        ("r'x'", 0),
        ("6 + 6", 2),
        ("--6", 0),
        ("1j", 0),
        ("010", 0),
        ("1__0", 0),
        ("_1", 0),
        ("1_", 0),
        ("1e", 0),
        ("1_e5", 0),
        ("0x", 0),
        ("...", 0),
        ("{1, 2}", 1),
        ("{1: 2}", 1),
        ("{(1,): 2}", 1),
        ("{'a': 1, 'a': 2}", 9),
        ("{'a' 1}", 5),
        ("{'a': 1", 7),
        ("(,)", 1),
        ("(1 2)", 3),
        ("(1, 2]", 5),
        ("[1]]", 3),
        ("'a", 0),
        ("'a\nb'", 0),
        (r"'\x4'", 1),
        (r"'\ud800'", 1),
        (r"'\N{DIGIT ONE}'", 1),
        ("'a\0b'", 2),
        ("'\\", 1),
        ("array([1, ..., 2])", 10),
        ("array([[1]])", 7),
        ("array([1.0])", 7),
        ("array([1], dtype=object)", 17),
        ("array([1], dtype='O')", 17),
        ("array([300], dtype=uint8)", 6),
        ("array([1], copy=False)", 11),
        ("array([9223372036854775808])", 7),
        ("array(1)", 6),
        ("np.int64('1')", 9),
        ("np.load('x')", 0),
        ("\u{feff}1", 0),
    ];
    for (literal, offset) in cases {
        let error = read(literal).expect_err(literal);
        assert_eq!(error.kind(), ErrorKind::Syntax, "{literal}");
        let place = format!("at byte {offset}");
        assert!(error.to_string().ends_with(&place), "{literal}: {error}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(32)).is_ok());
    assert!(read(&nested(33)).is_err());
    assert!(read(&"[".repeat(60_000)).is_err());
    assert!(read(&"-".repeat(60_000)).is_err());
    assert!(read(&"9".repeat(5_000)).is_err());
    assert!(read(&" ".repeat(1 << 21)).is_err());
    let keys: Vec<String> = (0..257).map(|key| format!("'{key}': 0")).collect();
    assert!(read(&format!("{{{}}}", keys.join(","))).is_err());
}

#[test]
fn json_arrays_are_tuples_and_equal_keys_are_refused() {
    let value = Value::from_json(r#"{"size": 6, "padding": [1, 1], "periodic": true, "x": null}"#);
    let expected = Value::Dict(vec![
        ("size".into(), int(6)),
        ("padding".into(), Value::Tuple(vec![int(1), int(1)])),
        ("periodic".into(), Value::Bool(true)),
        ("x".into(), Value::None),
    ]);
    assert_eq!(value.unwrap(), expected);
    assert_eq!(expected.to_json(), r#"{"size":6,"padding":[1,1],"periodic":true,"x":null}"#);
    let huge = Value::from_json("18446744073709551615").unwrap();
    assert_eq!(huge, int(u64::MAX.into()));
    assert_eq!(huge.to_json(), "18446744073709551615");
    assert_eq!(Value::Ints(vec![4, -1]).to_json(), "[4,-1]");
    for refused in [r#"{"a": 1, "a": 2}"#, "[1", "[1] 2", "nan", &"[".repeat(9_000)] {
        assert_eq!(Value::from_json(refused).unwrap_err().kind(), ErrorKind::Syntax);
    }
}

/// Random values, printed by us, must be what Python's `repr` prints of what
/// `ast.literal_eval` reads.
#[test]
fn python_prints_and_reads_the_same() {
    let mut random = Random(2014);
    let values: Vec<Value> = (0..2_000).map(|_| value(&mut random, 4)).collect();
    let printed: Vec<String> = values.iter().map(Value::to_literal).collect();
    let script = "import ast, json, sys\n\
                  texts = json.load(sys.stdin)\n\
                  json.dump([repr(ast.literal_eval(t)) for t in texts], sys.stdout)";
    let answer = python(script, &serde_json::to_vec(&printed).unwrap());
    let theirs: Vec<String> = serde_json::from_slice(&answer).unwrap();
    for ((value, ours), theirs) in values.iter().zip(&printed).zip(&theirs) {
        // Characters beyond Latin-1 are ours to escape.
        if ours.is_ascii() && theirs.is_ascii() {
            assert_eq!(ours, theirs);
        }
        assert_eq!(&read(theirs).unwrap(), value);
        assert_eq!(&read(ours).unwrap(), value);
    }
}

/// Runs Python with `input`; Debian's own first, which has NumPy elsewhere.
fn python(script: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test compares with Python: install python3");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "Python refused what we printed");
    output.stdout
}

/// A text with what must be escaped.
fn string(random: &mut Random) -> String {
    let alphabet: Vec<char> = "ab'\"\\\n\t\r\0 \u{7f}\u{a0}\u{ad}éÿΩ😀".chars().collect();
    // A NUL is printed as \x00, which is legal; a raw one is not.
    (0..random.within(0, 5)).map(|_| random.pick(&alphabet)).collect()
}

/// A value of so many levels at the most.
fn value(random: &mut Random, depth: i64) -> Value {
    let count = random.within(0, 3);
    match random.within(0, if depth == 0 { 4 } else { 7 }) {
        0 => Value::None,
        1 => Value::Bool(random.chance(2)),
        2 => {
            let wide = i128::from(random.within(0, (1 << 31) - 1)) << random.within(0, 89);
            int(if random.chance(2) { -wide } else { wide })
        }
        3 => {
            let exponent = i32::try_from(random.within(-30, 29)).unwrap();
            Value::Float(random.within(0, 99_999) as f64 * 10f64.powi(exponent))
        }
        4 => text(&string(random)),
        5 => Value::Tuple((0..count).map(|_| value(random, depth - 1)).collect()),
        6 => Value::List((0..count).map(|_| value(random, depth - 1)).collect()),
        _ => {
            let entry = |at| (format!("{at}{}", string(random)), value(random, depth - 1));
            Value::Dict((0..count).map(entry).collect())
        }
    }
}
