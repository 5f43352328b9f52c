//! Words and numbers for people.

use distarray::protocol::{Dim, Dist, Run};

/// `64 x 9`; a scalar has no extents.
pub fn shape(extents: &[i64]) -> String {
    if extents.is_empty() {
        return "scalar".into();
    }
    extents.iter().map(i64::to_string).collect::<Vec<_>>().join(" x ")
}

/// `3 files`, `1 file`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Bytes with three digits and a binary unit: `4.50 KiB`.
pub fn bytes(mut value: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", short(value), units[unit])
}

/// A number with as many decimals as make three digits.
pub fn short(value: f64) -> String {
    let decimals = match value {
        _ if value.fract() == 0.0 || value >= 99.95 => 0,
        _ if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// The global indices that a part owns along an axis: `0:4`, `0:2 8:10 ... (6 in all)`.
pub fn owned(dim: &Dim) -> String {
    const MOST: usize = 3;
    let stretches = |run: &Run| {
        let Run { start, len, stride, .. } = *run;
        (0..run.count).take(MOST + 1).map(move |k| (start + k * stride, len))
    };
    let runs = dim.owned_runs();
    let mut found: Vec<_> = runs.as_slice().iter().flat_map(stretches).take(MOST + 1).collect();
    if found.is_empty() {
        return "nothing".into();
    }
    let all = found.len() <= MOST;
    found.truncate(MOST);
    let stretch =
        |(start, len)| if len == 1 { format!("{start}") } else { format!("{start}:{}", start + len) };
    let mut text = found.into_iter().map(stretch).collect::<Vec<_>>().join(" ");
    if !all {
        text.push_str(&format!(" ... ({} in all)", dim.owned_len()));
    }
    text
}

/// An axis in a line, from what all its parts say: `block, 64 over 2 processes, halo 1 and 1`.
pub fn axis(parts: &[&Dim]) -> String {
    let dim = parts[0];
    let mut words = Vec::new();
    let mut say = |yes: bool, words_then: String| words.extend(yes.then_some(words_then));
    let most = |of: &dyn Fn(&Dim) -> i64| parts.iter().map(|dim| of(dim)).max().unwrap_or(0);
    let kind = match dim.dist() {
        Dist::Block { periodic, edge_outside, .. } => {
            let width = |side: usize| {
                most(&|dim: &Dim| match dim.dist() {
                    Dist::Block { padding, .. } => padding[side],
                    _ => 0,
                })
            };
            let (before, after) = (width(0), width(1));
            say(before.max(after) > 0, format!("halo {before} and {after}"));
            say(*edge_outside, "around the edges too".into());
            say(*periodic, "periodic".into());
            if dim.proc_grid_size() == 1 { "whole" } else { "block" }
        }
        Dist::Cyclic { block_size, first_block, .. } => {
            say(true, format!("blocks of {block_size}"));
            say(first_block != block_size, format!("the first of {first_block}"));
            say(dim.first_process() != 0, format!("from process {}", dim.first_process()));
            "cyclic"
        }
        Dist::Unstructured { one_to_one, .. } => {
            let ghosts = most(&|dim: &Dim| dim.len() - dim.owned_len());
            say(*one_to_one, "each owned once".into());
            say(ghosts > 0, format!("up to {ghosts} ghosts"));
            "unstructured"
        }
    };
    say(dim.is_component(), "counts components".into());
    let over = match dim.proc_grid_size() {
        1 => String::new(),
        processes => format!(" over {processes} processes"),
    };
    words.insert(0, format!("{kind}, {}{over}", dim.size()));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        let cases = [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1024.0, "1 KiB"),
            (1_048_575.0, "1.00 MiB"),
            (1587.0, "1.55 KiB"),
        ];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(bytes(u64::MAX as f64), "16 EiB");
    }

    #[test]
    fn owned_indices_are_told_in_a_few_stretches() {
        let cyclic = Dim::new(20, 2, 1, Dist::cyclic(1, 2)).unwrap();
        assert_eq!(owned(&cyclic), "2:4 6:8 10:12 ... (10 in all)");
        let padded = Dim::new(10, 2, 1, Dist::padded(4, 10, [1, 0])).unwrap();
        assert_eq!(owned(&padded), "5:10");
        assert_eq!(owned(&Dim::new(3, 1, 0, Dist::unstructured(vec![2, 0, 1])).unwrap()), "2 0:2");
        assert_eq!(owned(&Dim::new(0, 1, 0, Dist::block(0, 0)).unwrap()), "nothing");
    }
}
