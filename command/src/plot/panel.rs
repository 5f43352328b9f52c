//! One field of coloured regions with its ticks: an array, or the memory of one part.

use std::ops::Range;

use super::colour::{Colour, INK, hex, pale};
use super::strip::{Stretch, Strip};
use super::svg::{Anchor, Svg, number, width};

/// What is drawn where two stretches cross.
pub struct Cell {
    /// The owner, and its replicas behind it.
    pub ranks: Vec<i64>,
    /// Its colour.
    pub colour: Colour,
    /// What is written in the middle, and below where there is room.
    pub label: [String; 2],
    /// What a viewer shows as a tip.
    pub tip: String,
    /// Drawn in the pale colour.
    pub pale: bool,
}

/// What lies where stretches of the rows and the columns cross; nothing outside the array.
pub type Crossing<'a> = Box<dyn Fn(&Stretch, &Stretch) -> Option<Cell> + 'a>;

/// A field, its place not yet known.
pub struct Panel<'a> {
    pub title: String,
    pub note: String,
    pub rows: Strip,
    pub columns: Strip,
    /// A single row that stands for no axis.
    pub flat: bool,
    /// Ticks with global indices at the far sides too.
    pub globals: bool,
    /// What lies where a row and a column cross.
    pub cell: Crossing<'a>,
}

/// Pixels for an axis, for an element of a small one, and for a stretch with a label.
const AXIS: f64 = 400.0;
const ELEMENT: [f64; 2] = [15.0, 34.0];
const STRETCH: f64 = 17.0;
const LONGEST: f64 = 1100.0;
const SHORTEST: f64 = 72.0;
const FLAT: f64 = 54.0;

/// Sizes of text: of labels in regions, and around them.
const LABELS: [f64; 5] = [17.0, 14.0, 12.0, 10.0, 8.5];
const TITLE: f64 = 14.0;
const SMALL: f64 = 11.0;
const TICK: f64 = 10.0;

/// Pixels for an element along both axes.
struct Scale {
    rows: f64,
    columns: f64,
}

impl Panel<'_> {
    fn scale(&self) -> Scale {
        let count = |strip: &Strip| (strip.range().end - strip.range().start).max(1) as f64;
        let (rows, columns) = (count(&self.rows), count(&self.columns));
        let longest = if self.flat { columns } else { rows.max(columns) };
        // Square elements where they can be seen, else as nearly as all stretches can be.
        let square =
            if longest <= 40.0 { (AXIS / longest).clamp(ELEMENT[0], ELEMENT[1]) } else { AXIS / longest };
        let along = |strip: &Strip, count: f64| {
            let needed = (STRETCH * strip.stretches.len() as f64).clamp(SHORTEST, LONGEST);
            (square * count).max(if longest <= 40.0 { square } else { needed }) / count
        };
        let rows = if self.flat { FLAT } else { along(&self.rows, rows) };
        Scale { rows, columns: along(&self.columns, columns) }
    }

    /// Where the field begins within the panel: room for the title and the ticks.
    fn origin(&self) -> [f64; 2] {
        let scale = self.scale();
        let labels = ticks(&self.rows, scale.rows, false);
        let left = labels.iter().map(|(_, label)| width(label, TICK)).fold(0.0, f64::max);
        let head = TITLE + 10.0 + if self.note.is_empty() { 0.0 } else { SMALL + 7.0 };
        [if self.flat { 2.0 } else { left + 10.0 }, head + TICK + 10.0]
    }

    fn field(&self) -> [f64; 2] {
        let (scale, rows, columns) = (self.scale(), self.rows.range(), self.columns.range());
        let length = |range: Range<i64>, scale: f64| (range.end - range.start) as f64 * scale;
        [length(columns, scale.columns), length(rows, scale.rows)]
    }

    /// Width and height with title and ticks.
    pub fn size(&self) -> [f64; 2] {
        let ([x, y], [w, h]) = (self.origin(), self.field());
        let head = width(&self.title, TITLE).max(width(&self.note, SMALL));
        let last = ticks(&self.columns, self.scale().columns, false).pop();
        let over = last.map_or(0.0, |(at, label)| at + width(&label, TICK) / 2.0 - w).max(0.0);
        let far = if self.globals { width("00000", TICK) + 12.0 } else { over };
        let cut = |strip: &Strip| if strip.cut.is_some() { 16.0 } else { 0.0 };
        let below = if self.globals { TICK + 14.0 } else { 0.0 };
        [(x + w + far + cut(&self.columns)).max(head), y + h + below + cut(&self.rows)]
    }

    /// Draws the panel with its corner at `x`, `y`.
    pub fn draw(&self, svg: &mut Svg, [x, y]: [f64; 2]) {
        svg.text([x, y + TITLE / 2.0 + 1.0], TITLE, Anchor::Start, &self.title);
        if !self.note.is_empty() {
            svg.open("fill=\"#555555\"", "");
            svg.text([x, y + TITLE + 8.0 + SMALL / 2.0], SMALL, Anchor::Start, &self.note);
            svg.close();
        }
        let [left, top] = self.origin();
        svg.open(
            format_args!("class=\"panel\" transform=\"translate({} {})\"", number(x + left), number(y + top)),
            "",
        );
        let labels = self.regions(svg);
        self.overlays(svg);
        // Each on a rim of its ground, which keeps lines and hatching off.
        svg.open("class=\"labels\" stroke-linejoin=\"round\" paint-order=\"stroke\"", "");
        // All alike: in the largest size that fits wherever some size does, with a second
        // line if most have room for one.
        let sizes = labels.iter().filter_map(|(at, [label, _], _)| size_in(*at, label));
        let size = sizes.fold(LABELS[0], f64::min);
        let two = labels.iter().filter(|(at, label, _)| has_two(*at, size, label)).count() * 2 > labels.len();
        for (at, label, ground) in labels {
            write_in(svg, at, size, two, &label, &ground);
        }
        svg.close();
        self.all_ticks(svg);
        self.cuts(svg);
        svg.close();
    }

    /// Where a stretch of rows and one of columns cross, in pixels.
    fn place(&self, rows: &Range<i64>, columns: &Range<i64>) -> [f64; 4] {
        let scale = self.scale();
        let x = (columns.start - self.columns.range().start) as f64 * scale.columns;
        let y = (rows.start - self.rows.range().start) as f64 * scale.rows;
        let (w, h) = ((columns.end - columns.start) as f64, (rows.end - rows.start) as f64);
        [x, y, w * scale.columns, h * scale.rows]
    }

    /// Draws the regions; their places, labels and colours are for later.
    fn regions(&self, svg: &mut Svg) -> Vec<([f64; 4], [String; 2], String)> {
        let mut labels = Vec::new();
        svg.open("stroke=\"#ffffff\" stroke-width=\"1.5\"", "");
        for row in &self.rows.stretches {
            for column in &self.columns.stretches {
                let at = self.place(&row.at, &column.at);
                let span = |range: &Range<i64>| format!("{}:{}", range.start, range.end);
                let columns = span(&column.at);
                let place = if self.flat {
                    format!("data-at=\"{columns}\"")
                } else {
                    format!("data-at=\"{},{columns}\"", span(&row.at))
                };
                let Some(cell) = (self.cell)(row, column) else {
                    svg.rect(at, format_args!("class=\"outside\" fill=\"#eeeeee\" {place}"));
                    continue;
                };
                let ranks: Vec<String> = cell.ranks.iter().map(i64::to_string).collect();
                let fill = hex(if cell.pale { pale(cell.colour) } else { cell.colour });
                let class = if row.pale || column.pale { "halo" } else { "owned" };
                svg.open(format_args!("class=\"{class}\" fill=\"{fill}\""), &cell.tip);
                svg.rect(at, format_args!("data-rank=\"{}\" {place}", ranks.join(",")));
                svg.close();
                labels.push((at, cell.label, fill));
            }
        }
        svg.close();
        self.elements(svg);
        labels
    }

    /// Thin lines between elements that are large enough.
    fn elements(&self, svg: &mut Svg) {
        let scale = self.scale();
        let ([w, h], least) = (self.field(), 9.0);
        if scale.columns < least || scale.rows < least {
            return;
        }
        let mut path = String::new();
        let between = |strip: &Strip| (1..strip.range().end - strip.range().start).map(|at| at as f64);
        for at in between(&self.columns) {
            path += &format!("M{} 0V{}", number(at * scale.columns), number(h));
        }
        for at in between(&self.rows).filter(|_| !self.flat) {
            path += &format!("M0 {}H{}", number(at * scale.rows), number(w));
        }
        svg.element(
            "path",
            format_args!("d=\"{path}\" stroke=\"#ffffff\" stroke-width=\"0.6\" stroke-opacity=\"0.8\""),
        );
    }

    /// Halos, boundary padding, and the frame of the array.
    fn overlays(&self, svg: &mut Svg) {
        for (fill, rows, columns) in [
            ("halo", &self.rows.halo, &self.columns.halo),
            ("boundary", &self.rows.boundary, &self.columns.boundary),
        ] {
            // One path, so that nothing is drawn twice where bands cross.
            let mut path = String::new();
            let mut add = |rows: &Range<i64>, columns: &Range<i64>| {
                let [x, y, w, h] = self.place(rows, columns).map(number);
                path += &format!("M{x} {y}h{w}v{h}h-{w}z");
            };
            rows.iter().for_each(|rows| self.columns.across.iter().for_each(|columns| add(rows, columns)));
            columns.iter().for_each(|columns| self.rows.across.iter().for_each(|rows| add(rows, columns)));
            if !path.is_empty() {
                svg.element("path", format_args!("class=\"{fill}-band\" d=\"{path}\" fill=\"url(#{fill})\""));
            }
        }
        let frame = self.place(&self.rows.frame, &self.columns.frame);
        svg.rect(frame, format_args!("fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\"", hex(INK)));
    }

    fn all_ticks(&self, svg: &mut Svg) {
        let (scale, [w, h]) = (self.scale(), self.field());
        svg.open("fill=\"#444444\" class=\"ticks\"", "");
        for (at, label) in ticks(&self.columns, scale.columns, false) {
            svg.text([at, -TICK / 2.0 - 4.0], TICK, Anchor::Middle, &label);
        }
        if self.globals {
            for (at, label) in ticks(&self.columns, scale.columns, true) {
                svg.text([at, h + TICK / 2.0 + 5.0], TICK, Anchor::Middle, &label);
            }
        }
        if !self.flat {
            for (at, label) in ticks(&self.rows, scale.rows, false) {
                svg.text([-6.0, at], TICK, Anchor::End, &label);
            }
            if self.globals {
                for (at, label) in ticks(&self.rows, scale.rows, true) {
                    svg.text([w + 6.0, at], TICK, Anchor::Start, &label);
                }
            }
        }
        svg.close();
    }

    /// Dots where an axis goes on.
    fn cuts(&self, svg: &mut Svg) {
        let [w, h] = self.field();
        let dots = |svg: &mut Svg, [x, y]: [f64; 2], [dx, dy]: [f64; 2]| {
            for k in [-1.0, 0.0, 1.0] {
                let (x, y) = (number(x + k * dx), number(y + k * dy));
                svg.element("circle", format_args!("cx=\"{x}\" cy=\"{y}\" r=\"1.6\""));
            }
        };
        if self.columns.cut.is_some() {
            dots(svg, [w + 10.0, h / 2.0], [5.0, 0.0]);
        }
        if self.rows.cut.is_some() {
            dots(svg, [w / 2.0, h + 10.0], [0.0, 5.0]);
        }
    }
}

/// Whether a text of a size has room in a region, so many times as high.
fn fits([_, _, w, h]: [f64; 4], text: &str, size: f64, high: f64) -> bool {
    width(text, size) <= w - 3.0 && size * high <= h - 1.0
}

/// The largest size of a label that fits into a region.
fn size_in(at: [f64; 4], label: &str) -> Option<f64> {
    LABELS.into_iter().find(|&size| fits(at, label, size, 1.0))
}

/// Whether both lines of a label fit into a region.
fn has_two(at: [f64; 4], size: f64, [label, below]: &[String; 2]) -> bool {
    !below.is_empty() && fits(at, below, second(size), 1.0) && fits(at, label, size, 2.2)
}

/// The size of a label's second line.
fn second(size: f64) -> f64 {
    (size * 0.65).max(LABELS[4])
}

/// Writes a label where it has room, on a rim of this colour.
fn write_in(svg: &mut Svg, at: [f64; 4], size: f64, two: bool, label: &[String; 2], ground: &str) {
    let [first, below] = label;
    if size_in(at, first).is_none() {
        return;
    }
    let [x, y, w, h] = at;
    let (x, y) = (x + w / 2.0, y + h / 2.0);
    // No rim reaches out of the region.
    let rim = (w - width(first, size)).min(h - size).clamp(0.0, 5.0);
    svg.open(format_args!("stroke=\"{ground}\" stroke-width=\"{}\"", number(rim)), "");
    if two && has_two(at, size, label) {
        svg.text([x, y - size * 0.45], size, Anchor::Middle, first);
        svg.text([x, y + size * 0.62], second(size), Anchor::Middle, below);
    } else {
        svg.text([x, y], size, Anchor::Middle, first);
    }
    svg.close();
}

/// Where labels stand along an axis, and what they say: of each element in its middle
/// where it is large enough, else where stretches begin and the axis ends.
fn ticks(strip: &Strip, scale: f64, globals: bool) -> Vec<(f64, String)> {
    let range = strip.range();
    let offset = |at: i64| (at - range.start) as f64 * scale;
    let mut all: Vec<(f64, String)> = Vec::new();
    if scale >= 9.0 {
        for stretch in &strip.stretches {
            for at in stretch.at.clone() {
                let label = if globals { stretch.global + at - stretch.at.start } else { at };
                all.push((offset(at) + scale / 2.0, label.to_string()));
            }
        }
    } else {
        let value = |stretch: &Stretch| if globals { stretch.global } else { stretch.at.start };
        all.extend(
            strip.stretches.iter().map(|stretch| (offset(stretch.at.start), value(stretch).to_string())),
        );
        let end = |last: &Stretch| value(last) + last.at.end - last.at.start;
        all.extend(strip.stretches.last().map(|last| (offset(last.at.end), end(last).to_string())));
    }
    thinned(all)
}

/// Every second, fifth, tenth ... label, so that none touches the next.
fn thinned(all: Vec<(f64, String)>) -> Vec<(f64, String)> {
    let room = |label: &str| width(label, TICK).max(TICK) + 5.0;
    for step in [1, 2, 4, 5, 8, 10, 16, 20, 32, 50] {
        let kept: Vec<&(f64, String)> = all.iter().step_by(step).collect();
        let apart = |pair: &[&(f64, String)]| {
            (pair[1].0 - pair[0].0).abs() >= (room(&pair[0].1) + room(&pair[1].1)) / 2.0
        };
        if kept.windows(2).all(apart) {
            return kept.into_iter().cloned().collect();
        }
    }
    all.into_iter().take(1).collect()
}
