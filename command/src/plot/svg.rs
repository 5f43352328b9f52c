//! Writing SVG.

use std::fmt::{Display, Write};

use super::colour::{INK, hex};

/// The font that PNG pictures bring along, and what has its widths elsewhere.
const FONT: &str = "'DejaVu Sans', Verdana, sans-serif";

/// Where text stands relative to its place.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// The elements of a picture.
#[derive(Default)]
pub struct Svg {
    body: String,
}

impl Svg {
    /// An element without content; `attributes` is written as it is.
    pub fn element(&mut self, name: &str, attributes: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.body, "<{name} {attributes}/>");
    }

    /// A rectangle.
    pub fn rect(&mut self, at: [f64; 4], attributes: impl Display) {
        let [x, y, width, height] = at.map(number);
        self.element(
            "rect",
            format_args!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" {attributes}"),
        );
    }

    /// A line of text whose middle height is `y`.
    pub fn text(&mut self, [x, y]: [f64; 2], size: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        // Digits and capitals are 0.73 of the size high.
        let (x, y, size) = (number(x), number(y + 0.365 * size), number(size));
        let text = escape(text);
        let _ = writeln!(self.body, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor}>{text}</text>");
    }

    /// Opens a group with a title that viewers show as a tip.
    pub fn open(&mut self, attributes: impl Display, title: &str) {
        let _ = writeln!(self.body, "<g {attributes}>");
        if !title.is_empty() {
            let _ = writeln!(self.body, "<title>{}</title>", escape(title));
        }
    }

    /// Closes the group opened last.
    pub fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// The whole file, on white ground, for readers and for those who listen.
    pub fn finish(self, [width, height]: [f64; 2], title: &str, description: &str) -> String {
        let [width, height] = [width, height].map(|side| number(side.ceil()));
        let (title, description, ink) = (escape(title), escape(description), hex(INK));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FONT}\" fill=\"{ink}\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n\
             <defs>\n\
             <pattern id=\"halo\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><path d=\"M0 0V6\" stroke=\"{ink}\" stroke-opacity=\"0.55\" \
             stroke-width=\"1.6\"/></pattern>\n\
             <pattern id=\"boundary\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
             <circle cx=\"2.5\" cy=\"2.5\" r=\"1\" fill-opacity=\"0.6\"/></pattern>\n\
             </defs>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// About how wide a text is: a digit of the font takes 0.64 of its size, a letter less.
pub fn width(text: &str, size: f64) -> f64 {
    let of = |c: char| match c {
        'm' | 'w' | 'M' | 'W' => 0.95,
        'i' | 'j' | 'l' | 'f' | 't' | 'r' | ' ' | ',' | ':' | ';' | '(' | ')' | '|' | '.' => 0.38,
        _ => 0.64,
    };
    text.chars().map(of).sum::<f64>() * size
}

/// A length with two decimals at most.
pub fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

fn escape(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // XML has no control characters.
    escaped.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
