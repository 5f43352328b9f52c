//! What the process may do with a stretch of its memory, from `/proc/self/maps`.

use std::fs;
use std::ops::Range;

/// Why the memory cannot be read, or written; `None` where it can, and where the
/// system does not tell.
pub(super) fn refusal(range: Range<usize>, write: bool) -> Option<&'static str> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut next = range.start;
    // In the order of their addresses.
    for (stretch, rights) in maps.lines().filter_map(parse) {
        if stretch.end <= next {
            continue;
        }
        if stretch.start > next {
            break;
        }
        if !rights.starts_with('r') {
            return Some("the elements lie in memory that cannot be read");
        }
        if write && rights.as_bytes().get(1) != Some(&b'w') {
            return Some(
                "the elements lie in memory that cannot be written; lend it with DISTARRAY_W_READ_ONLY",
            );
        }
        next = stretch.end;
        if next >= range.end {
            return None;
        }
    }
    Some("the elements lie in memory that is not there")
}

/// `7f2c-8000 rw-p ...`
fn parse(line: &str) -> Option<(Range<usize>, &str)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some((number(start)?..number(end)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_read() {
        let here = Box::new([0_u8; 100_000]);
        let range = here.as_ptr_range();
        let range = range.start.addr()..range.end.addr();
        assert_eq!(refusal(range.clone(), true), None);
        assert!(refusal(0..8, false).unwrap().contains("not there"));
        static CONSTANT: [u8; 4] = [1, 2, 3, 4];
        let constant = CONSTANT.as_ptr().addr();
        assert_eq!(refusal(constant..constant + 4, false), None);
        assert!(refusal(constant..constant + 4, true).unwrap().contains("cannot be written"));
        assert!(refusal(range.start..usize::MAX, false).is_some());
    }
}
