//! The pages of the book in docs/, and what is written in their blocks.
#![allow(dead_code)] // each test binary uses its own part

use std::fs;
use std::path::{Path, PathBuf};

/// Where the pages are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src")
}

/// The text of a page.
pub fn page(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A fenced block: its language and its lines.
pub struct Block {
    pub language: String,
    pub text: String,
}

/// The fenced blocks of a page, in order.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut parts = text.split("\n```");
    parts.next();
    let mut found = Vec::new();
    while let Some(block) = parts.next() {
        let (language, text) = block.split_once('\n').expect("a block has lines");
        found.push(Block { language: language.to_string(), text: format!("{text}\n") });
        assert!(parts.next().is_some_and(|after| after.is_empty() || after.starts_with('\n')), "{text}");
    }
    found
}

/// The first block of a language that has this word in it.
pub fn block(name: &str, language: &str, word: &str) -> String {
    let found = blocks(&page(name)).into_iter().find(|b| b.language == language && b.text.contains(word));
    found.unwrap_or_else(|| panic!("{name} has no {language} block with {word}")).text
}
