//! What the colours and patterns of a picture mean.

use super::colour::{Colours, hex, pale};
use super::svg::{Anchor, Svg, width};
use crate::layout::{Layout, joined};
use crate::outcome::Outcome;

/// The ranks with their colours, and the patterns that were used.
#[derive(Clone)]
pub struct Legend {
    lines: Vec<[String; 3]>,
    colours: Vec<Option<[u8; 3]>>,
    more: i64,
    keys: Vec<Key>,
    columns: usize,
}

/// A pattern that a picture may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Hatching in a picture of the array.
    Copies,
    /// Hatching in a picture of a part.
    Halo,
    /// The pale colour.
    Outside,
    /// Dots.
    Boundary,
}

impl Key {
    fn words(self) -> &'static str {
        match self {
            Self::Copies => "others hold copies of it in their halos",
            Self::Halo => "halo: copies of what others own",
            Self::Outside => "outside the array: nobody owns it",
            Self::Boundary => "boundary padding: owned, at the edge",
        }
    }
}

/// Ranks that are named, ranks in a column beside a picture, and sizes.
const MOST: i64 = 64;
const COLUMN: usize = 22;
const LINE: f64 = 18.0;
const SIZE: f64 = 11.0;
const SWATCH: f64 = 12.0;
const GAP: f64 = 14.0;

impl Legend {
    /// Of one layout, or of two with the elements that a rank has in each.
    pub fn new(layouts: &[Layout], colours: &Colours, keys: Vec<Key>) -> Outcome<Self> {
        let ranks = layouts.iter().map(Layout::ranks).max().unwrap_or(0);
        let named = if ranks > MOST { MOST / 2 } else { ranks };
        let (mut lines, mut fills) = (Vec::new(), Vec::new());
        for rank in 0..named {
            let sizes = layouts.iter().map(|layout| owned(layout, rank)).collect::<Outcome<Vec<_>>>()?;
            let words: Vec<String> =
                sizes.iter().map(|size| if *size == 0 { "empty".into() } else { size.to_string() }).collect();
            let process = if layouts.len() == 1 { process(&layouts[0], rank) } else { String::new() };
            lines.push([rank.to_string(), process, words.join(" | ")]);
            fills.push((sizes != vec![0; sizes.len()]).then(|| colours.of(rank)));
        }
        let columns = lines.len().div_ceil(COLUMN);
        Ok(Self { lines, colours: fills, more: ranks - named, keys, columns })
    }

    /// With as many columns as there is room for.
    pub fn wide(&self, width: f64) -> Self {
        let mut columns = 1;
        while columns < self.lines.len() && self.table(columns + 1) <= width {
            columns += 1;
        }
        Self { columns, ..self.clone() }
    }

    /// The widths of rank, process and elements.
    fn widths(&self) -> [f64; 3] {
        [0, 1, 2].map(|column| {
            let cells = self.lines.iter().map(|line| width(&line[column], SIZE));
            let head = if self.head()[column].is_empty() { 0.0 } else { width(self.head()[column], SIZE) };
            cells.fold(head, f64::max)
        })
    }

    fn head(&self) -> [&'static str; 3] {
        let processes = self.lines.iter().any(|line| !line[1].is_empty());
        ["rank", if processes { "process" } else { "" }, "elements"]
    }

    fn column(&self) -> f64 {
        let gaps = if self.head()[1].is_empty() { 1.0 } else { 2.0 };
        SWATCH + 6.0 + self.widths().iter().sum::<f64>() + gaps * GAP
    }

    /// How wide so many columns are.
    fn table(&self, columns: usize) -> f64 {
        let columns = columns as f64;
        columns * self.column() + (columns - 1.0) * 2.0 * GAP
    }

    fn rows(&self) -> usize {
        self.lines.len().div_ceil(self.columns.max(1))
    }

    pub fn size(&self) -> [f64; 2] {
        let keys = self.keys.iter().map(|key| SWATCH + 8.0 + width(key.words(), SIZE)).fold(0.0, f64::max);
        let extra = f64::from(u8::from(self.more > 0)) + self.keys.len() as f64;
        let gap = if self.keys.is_empty() { 0.0 } else { 0.6 };
        [self.table(self.columns).max(keys), (1.0 + self.rows() as f64 + extra + gap) * LINE]
    }

    pub fn draw(&self, svg: &mut Svg, [x, y]: [f64; 2]) {
        let [rank, process, elements] = self.widths();
        let gap = if self.head()[1].is_empty() { 0.0 } else { GAP };
        let rank_end = SWATCH + 6.0 + rank;
        let line = |svg: &mut Svg, x: f64, y: f64, texts: [&str; 3]| {
            let ends = [rank_end, rank_end + gap + process, rank_end + gap + process + GAP + elements];
            for (end, text) in ends.into_iter().zip(texts) {
                svg.text([x + end, y], SIZE, Anchor::End, text);
            }
        };
        svg.open("class=\"legend\"", "");
        for (number, (texts, colour)) in self.lines.iter().zip(&self.colours).enumerate() {
            let (column, row) = (number / self.rows(), number % self.rows());
            let x = x + column as f64 * (self.column() + 2.0 * GAP);
            if row == 0 {
                svg.open("fill=\"#555555\"", "");
                line(svg, x, y + LINE / 2.0, self.head());
                svg.close();
            }
            let y = y + (row + 1) as f64 * LINE + LINE / 2.0;
            let swatch = [x, y - SWATCH / 2.0, SWATCH, SWATCH];
            match colour {
                Some(colour) => svg.rect(swatch, format_args!("rx=\"2\" fill=\"{}\"", hex(*colour))),
                None => {
                    svg.rect(swatch, "rx=\"2\" fill=\"none\" stroke=\"#777777\" stroke-dasharray=\"2 2\"")
                }
            }
            line(svg, x, y, [&texts[0], &texts[1], &texts[2]]);
        }
        let mut y = y + (self.rows() + 1) as f64 * LINE;
        if self.more > 0 {
            svg.text(
                [x + SWATCH + 6.0, y + LINE / 2.0],
                SIZE,
                Anchor::Start,
                &format!("... and {} more", self.more),
            );
            y += LINE;
        }
        y += 0.6 * LINE;
        for key in &self.keys {
            let swatch = [x, y + (LINE - SWATCH) / 2.0, SWATCH, SWATCH];
            let fill = match key {
                Key::Copies | Key::Halo | Key::Boundary => "#ffffff".to_string(),
                Key::Outside => hex(pale([0xDD; 3])),
            };
            svg.rect(swatch, format_args!("fill=\"{fill}\" stroke=\"#777777\" stroke-width=\"0.6\""));
            match key {
                Key::Copies | Key::Halo => svg.rect(swatch, "fill=\"url(#halo)\""),
                Key::Boundary => svg.rect(swatch, "fill=\"url(#boundary)\""),
                Key::Outside => {}
            }
            svg.text([x + SWATCH + 8.0, y + LINE / 2.0], SIZE, Anchor::Start, key.words());
            y += LINE;
        }
        svg.close();
    }
}

/// Elements that a rank owns; none where it holds no part.
fn owned(layout: &Layout, rank: i64) -> Outcome<i128> {
    if rank >= layout.ranks() {
        return Ok(0);
    }
    Ok(layout.part(rank)?.dims().iter().map(|dim| i128::from(dim.owned_len())).product())
}

/// Grid coordinates of a rank along the axes that are dealt out, where those are several.
pub fn process(layout: &Layout, rank: i64) -> String {
    let extents = layout.decomposition().grid_extents();
    let dealt = extents.iter().filter(|&&extent| extent > 1).count();
    match layout.decomposition().coordinates(rank) {
        Some((at, _)) if dealt > 1 => format!("({})", joined(&at, ", ")),
        _ => String::new(),
    }
}
