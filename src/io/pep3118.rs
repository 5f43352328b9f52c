//! Element types as PEP 3118 formats, which buffers of records carry.
//!
//! Every number has its byte order before it, so that no alignment is implied:
//! `T{<i:a:>d:b:3s:c:}`. Dates, for which PEP 3118 has no code, keep NumPy's
//! own text: `<M8[ns]`. Long doubles have no standard size: `^g` is the native one.

use std::fmt::Write;

use super::descr::{Basic, Descr, Field};

/// Deepest nesting read: what a `.npy` header of 32 levels has room for, where
/// a record is a list of tuples.
const MAX_DEPTH: usize = 15;

/// The format; `None` where a field's name cannot stand in one.
pub(super) fn format(descr: &Descr) -> Option<String> {
    let mut text = String::new();
    write_descr(&mut text, descr)?;
    Some(text)
}

fn write_descr(text: &mut String, descr: &Descr) -> Option<()> {
    let fields = match descr {
        Descr::Basic(basic) => return write_basic(text, basic),
        Descr::Record(fields) => fields,
    };
    text.push_str("T{");
    for field in fields {
        if !field.shape.is_empty() {
            let extents: Vec<String> = field.shape.iter().map(usize::to_string).collect();
            write!(text, "({})", extents.join(",")).ok()?;
        }
        write_descr(text, &field.descr)?;
        if field.name.contains(':') {
            return None;
        }
        if !field.name.is_empty() {
            write!(text, ":{}:", field.name).ok()?;
        }
    }
    text.push('}');
    Some(())
}

fn write_basic(text: &mut String, basic: &Basic) -> Option<()> {
    let order = if basic.big_endian { '>' } else { '<' };
    let count = basic.count;
    match basic.letter {
        'S' => write!(text, "{count}s"),
        'V' => write!(text, "{count}x"),
        'U' => write!(text, "{order}{count}w"),
        'm' | 'M' => write!(text, "{order}{}{count}{}", basic.letter, basic.unit),
        letter => {
            let (_, _, code) = CODES.iter().find(|(l, c, _)| (*l, *c) == (letter, count))?;
            let native = basic.big_endian == cfg!(target_endian = "big");
            match code {
                _ if count == 1 => write!(text, "{code}"),
                &("g" | "Zg") if native => write!(text, "^{code}"),
                _ => write!(text, "{order}{code}"),
            }
        }
    }
    .ok()
}

/// NumPy's letter and size, and the code of the standard sizes of `struct`.
const CODES: [(char, usize, &str); 16] = [
    ('b', 1, "?"),
    ('i', 1, "b"),
    ('u', 1, "B"),
    ('i', 2, "h"),
    ('u', 2, "H"),
    ('i', 4, "i"),
    ('u', 4, "I"),
    ('i', 8, "q"),
    ('u', 8, "Q"),
    ('f', 2, "e"),
    ('f', 4, "f"),
    ('f', 8, "d"),
    ('f', 16, "g"),
    ('c', 8, "Zf"),
    ('c', 16, "Zd"),
    ('c', 32, "Zg"),
];

/// Reads a format written by [`format`]; `None` for those that imply alignment
/// or sizes of one platform, as the formats of other producers may.
pub(super) fn parse(text: &str) -> Option<Descr> {
    let mut rest = text;
    let descr = parse_descr(&mut rest, MAX_DEPTH)?;
    rest.is_empty().then_some(descr)
}

fn parse_descr(rest: &mut &str, depth: usize) -> Option<Descr> {
    if !take(rest, "T{") {
        return parse_basic(rest).map(Descr::Basic);
    }
    let depth = depth.checked_sub(1)?;
    let mut fields = Vec::new();
    while !take(rest, "}") {
        let mut shape = Vec::new();
        if take(rest, "(") {
            let end = rest.find(')')?;
            for extent in rest[..end].split(',') {
                shape.push(extent.parse().ok().filter(|extent| *extent > 0)?);
            }
            *rest = &rest[end + 1..];
        }
        let descr = parse_descr(rest, depth)?;
        let mut name = String::new();
        if take(rest, ":") {
            let end = rest.find(':')?;
            rest[..end].clone_into(&mut name);
            *rest = &rest[end + 1..];
        }
        fields.push(Field { name, descr, shape });
    }
    Some(Descr::Record(fields))
}

fn parse_basic(rest: &mut &str) -> Option<Basic> {
    let order = ['<', '>', '^'].into_iter().find(|order| rest.starts_with(*order));
    *rest = &rest[usize::from(order.is_some())..];
    let big_endian = order == Some('>') || order == Some('^') && cfg!(target_endian = "big");
    if order.is_some() && rest.starts_with(['m', 'M']) {
        let end = rest.find(']').map_or(2, |end| end + 1);
        let basic = Basic::parse(&format!("{}{}", if big_endian { '>' } else { '<' }, rest.get(..end)?))?;
        *rest = &rest[end..];
        return Some(basic);
    }
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let count: Option<usize> = rest[..digits].parse().ok();
    *rest = &rest[digits..];
    let (letter, count) = if let Some(count) = count.filter(|count| *count > 0) {
        let code = rest.chars().next()?;
        let (_, letter) = [('s', 'S'), ('x', 'V'), ('w', 'U')].into_iter().find(|(c, _)| *c == code)?;
        *rest = &rest[1..];
        (letter, count)
    } else {
        let (letter, count, code) = CODES.iter().find(|(_, _, code)| rest.starts_with(code))?;
        *rest = &rest[code.len()..];
        // Without an order of its own a number has the platform's size.
        let stated = match order {
            Some('^') => code.ends_with('g'),
            order => order.is_some() || *count == 1,
        };
        stated.then_some((*letter, *count))?
    };
    Some(Basic { big_endian, letter, count, unit: String::new() })
}

fn take(rest: &mut &str, token: &str) -> bool {
    match rest.strip_prefix(token) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}
