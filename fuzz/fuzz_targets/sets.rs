//! Any bytes are the manifest of a set or an error; of what it names a file is read only if
//! length and checksum are the manifest's.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use distarray::array::DistArray;
use distarray::comm::Comm;
use distarray::distribution::{Axis, Distribution};
use distarray::io::dnpy;
use libfuzzer_sys::fuzz_target;

mod input;

use input::Input;

const SAVE: &str = "5f3a9c0e12d4b6a7";

static PREFIX: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("distarray-fuzz-sets-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder.join("u")
});

/// A file that is all of an array.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let array: DistArray<i64> =
        Distribution::new(&Comm::solo(), [Axis::block(3)]).unwrap().from_fn(|g| g[0]).unwrap();
    let path = PREFIX.with_file_name("whole");
    dnpy::write(&path, &array).unwrap();
    fs::read(path).unwrap()
});

/// A file of the set: what is in it, and whether it waits for its place.
struct File {
    content: Vec<u8>,
    waits: bool,
}

impl File {
    fn take(input: &mut Input) -> Self {
        let mut content = if input.below(2) == 0 { WHOLE.clone() } else { vec![0; input.below(4) as usize] };
        if let (true, Some(first)) = (input.below(4) == 3, content.first_mut()) {
            *first = input.small() as u8;
        }
        Self { content, waits: input.below(4) == 3 }
    }

    fn path(&self, rank: usize) -> PathBuf {
        let place = dnpy::rank_path(&PREFIX, rank);
        if self.waits { place.with_added_extension(SAVE) } else { place }
    }

    fn sum(&self) -> (u32, u64) {
        (crc32(&self.content), self.content.len() as u64)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let files: Vec<File> = (0..input.below(3)).map(|_| File::take(&mut input)).collect();
    let mut text = format!("distarray save 1 {SAVE} {:010}\n", files.len()).into_bytes();
    for (crc, length) in files.iter().map(File::sum) {
        text.extend(format!("{crc:08x} {length:020}\n").into_bytes());
    }
    if input.below(8) == 7 {
        text = input.0.to_vec();
    }
    for _ in 0..input.below(4) {
        let at = input.below(256) as usize % text.len().max(1);
        if let Some(byte) = text.get_mut(at) {
            *byte = input.small() as u8;
        }
    }
    fs::write(dnpy::manifest_path(&PREFIX), &text).unwrap();
    for (rank, file) in files.iter().enumerate() {
        fs::write(file.path(rank), &file.content).unwrap();
    }
    check(&text, &files);
    for (rank, file) in files.iter().enumerate() {
        fs::remove_file(file.path(rank)).unwrap();
    }
});

fn check(text: &[u8], files: &[File]) {
    let manifest = dnpy::Manifest::open(&*PREFIX).map(Option::unwrap);
    let array = dnpy::read_rank(&*PREFIX, &Comm::solo());
    let Some((save, lines)) = parsed(text) else {
        manifest.unwrap_err();
        array.unwrap_err();
        return;
    };
    let manifest = manifest.unwrap();
    assert_eq!((&*manifest.save(), manifest.ranks()), (save, lines.len()));
    let mut right = Vec::new();
    for (rank, (member, line)) in manifest.members().zip(&lines).enumerate() {
        assert_eq!(member.is_ok(), line.is_some());
        let (Ok(member), Some(line)) = (member, line) else { continue };
        // A file that waits for another save is none of this one.
        let named = files.get(rank).filter(|file| !file.waits || save == SAVE);
        assert_eq!((member.bytes(), member.waits()), (line.1, named.is_some_and(|file| file.waits)));
        let is_right = named.is_some_and(|file| file.sum() == *line);
        assert_eq!(member.verify(&mut |_| Ok(())).is_ok(), is_right);
        right.extend(named.filter(|_| is_right));
    }
    let whole = lines.len() == 1 && right.len() == 1 && right[0].content == *WHOLE;
    assert!(array.is_ok() || !whole);
    if let Ok(array) = array {
        assert!(lines.len() == 1 && right.len() == 1);
        let read = dnpy::read_bytes(&right[0].content).unwrap();
        assert_eq!(array.buffer().copy_bytes(), read.buffer().copy_bytes());
    }
}

/// The save and the lines of a manifest, as the specification has them.
fn parsed(text: &[u8]) -> Option<(&str, Vec<Option<(u32, u64)>>)> {
    let (head, lines) = text.split_at_checked(45)?;
    let head = str::from_utf8(head).ok()?.strip_prefix("distarray save 1 ")?.strip_suffix('\n')?;
    let (save, count) = (hexadecimal(head.get(..16)?)?, digits(head.get(16..)?.strip_prefix(' ')?)?);
    let lines: Vec<_> = lines.chunks(30).map(line).collect();
    (text.len() == 45 + 30 * lines.len() && count == lines.len() as u64).then_some((save, lines))
}

fn line(line: &[u8]) -> Option<(u32, u64)> {
    let line = str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let crc = u32::from_str_radix(hexadecimal(line.get(..8)?)?, 16).ok()?;
    Some((crc, digits(line.get(8..)?.strip_prefix(' ')?)?))
}

fn hexadecimal(text: &str) -> Option<&str> {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).then_some(text)
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Bit by bit, as zlib defines it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
