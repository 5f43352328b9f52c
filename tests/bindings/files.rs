//! Files, and one part in its three forms: text, struct and header of a file.

use super::case::{Answer, Cases, all_say, same};
use super::part::{Axis, Part};
use super::spec::{array_of, described, ints, written_out};
use super::vectors::{Vector, bytes, content};

pub fn file(cases: &mut Cases, vector: &Vector) {
    let original = content(&vector.content["content"]);
    let refusal = vector.error.clone();
    let part = vector
        .content
        .get("description")
        .map(|d| Part::of(d, Some(&ints(&vector.content["shape"]))).unwrap());
    cases.ask_file(&vector.id, &original.clone(), move |answer| {
        // Not canonical alone: read as stated, and written otherwise.
        let rewritten = refusal.as_ref().is_some_and(|refusal| refusal.rule.as_deref() == Some("F9"));
        let refusal = refusal.as_ref().filter(|_| !rewritten);
        same(&answer.refusal.as_ref(), &refusal, "refuses")?;
        let (None, Some(part)) = (refusal, &part) else { return Ok(()) };
        let stated = written_out(&answer.said[..answer.said.len() - answer_bytes(answer)]);
        same(&&stated[3..], &&array_of(part)[3..], "says")?;
        same(&(answer.written != original), &rewritten, "writes another file:")
    });
}

/// How many bytes of elements end an answer.
pub fn answer_bytes(answer: &Answer) -> usize {
    let mut rest = &answer.said[4..];
    let mut elements = answer.said[2];
    for _ in 0..answer.said[3] {
        elements *= Axis::read(&mut rest).extent;
    }
    elements as usize
}

/// One part as a record and as the header of a file.
pub fn form(cases: &mut Cases, vector: &Vector) {
    let id = &vector.id;
    let part = Part::of(&vector.content["description"], None).unwrap();
    let record = bytes(&vector.content["record"]);
    let word = |at: usize| i64::from_le_bytes(record[at..at + 8].try_into().unwrap());
    let half = |at: usize| i64::from(u32::from_le_bytes(record[at..at + 4].try_into().unwrap()));
    let axis = Axis {
        dist_type: half(0),
        flags: half(4),
        size: word(8),
        grid: word(16),
        coordinate: word(24),
        start: word(32),
        stop: word(40),
        padding: [word(48), word(56)],
        block_size: word(64),
        n_owned: word(88),
        first_block: word(96),
        ..part.axes[0].clone()
    };
    // What the binding makes of the text is the record, bit by bit.
    let said = [vec![0, 8, 1, 1], axis.numbers()].concat();
    let text = described(&vector.content["description"], &[axis.extent]);
    cases.ask(format!("{id} as record"), "text", &[(vec![], &text)], move |answers| {
        all_say(answers, None, std::slice::from_ref(&said))
    });
    let whole = dnpy(vector.content["header"].as_str().unwrap(), &[axis.extent]);
    cases.ask_file(&format!("{id} as header"), &whole.clone(), move |answer| {
        same(&answer.refusal, &None, "refuses")?;
        same(&(answer.written == whole), &true, "writes the same file:")
    });
}

/// A file of doubles, all zero, with this header.
pub fn dnpy(header: &str, shape: &[i64]) -> Vec<u8> {
    let extents: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let extents = if shape.len() == 1 { extents.trim_end() } else { extents.trim_end_matches(", ") };
    let mut npy = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({extents}), }}");
    npy += &" ".repeat(117 - npy.len());
    let mut file = b"\x93DARRY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(b"\x93NUMPY\x01\x00\x76\x00");
    file.extend(npy.bytes().chain([b'\n']));
    file.extend(vec![0; 8 * shape.iter().product::<i64>() as usize]);
    file
}
