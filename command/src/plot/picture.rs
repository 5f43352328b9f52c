//! Whole pictures: panels beside each other, and what their colours mean.

use distarray::protocol::DimData;

use super::colour::{Colour, Colours, pale};
use super::legend::{Key, Legend, process};
use super::panel::{Cell, Panel};
use super::strip::{Stretch, Strip};
use super::svg::Svg;
use crate::layout::{Layout, joined};
use crate::outcome::{Failure, Outcome};

/// What is to be drawn.
pub struct Picture<'a> {
    /// One layout, or two side by side.
    pub layouts: &'a [Layout],
    /// The axes that run down and to the right.
    pub axes: &'a [usize],
    /// Where the other axes are cut.
    pub at: &'a [i64],
    /// A title instead of the layout.
    pub title: Option<&'a str>,
}

/// The colour of an owner, replicas behind it.
type Paint<'a> = Box<dyn Fn(&[i64]) -> Colour + 'a>;

/// Space around everything, and between panels.
const MARGIN: f64 = 16.0;
const BETWEEN: f64 = 36.0;

/// How much smaller a picture is to be, for the legend to stand below.
const LESS: f64 = 0.65;

/// A plane through an array.
#[derive(Clone)]
struct Plane<'a> {
    layout: &'a Layout,
    down: Option<usize>,
    right: usize,
    /// Coordinates of the processes that own the plane; those of its axes are replaced.
    through: Vec<i64>,
    note: String,
}

impl Picture<'_> {
    /// Who owns what.
    pub fn arrays(&self) -> Outcome<String> {
        // A rank has one colour in both, that of the layout with more ranks.
        let first = &self.layouts[0];
        let widest = self.layouts.iter().rev().max_by_key(|layout| layout.ranks()).unwrap_or(first);
        let colours = Colours::new(widest.decomposition());
        let mut panels = Vec::new();
        for layout in self.layouts {
            let plane = self.plane(layout)?;
            let title = self.title.map_or_else(|| name(layout), str::to_string);
            let paint = |ranks: &[i64]| colours.of(ranks[0]);
            panels.push(plane.panel(title, plane.strips()?, Box::new(paint)));
        }
        let keys = keys(&panels, Key::Copies);
        let legend = Legend::new(self.layouts, &colours, keys)?;
        let what = format!("Who owns what: {}", self.said());
        Ok(compose(&[panels], &legend, &what))
    }

    /// What lies in the memory of ranks, and where in the array.
    pub fn parts(&self, ranks: &[i64]) -> Outcome<String> {
        let [layout] = self.layouts else {
            return Err(Failure::Usage("--local: the memory of ranks is drawn of one layout".into()));
        };
        let colours = &Colours::new(layout.decomposition());
        let mut rows = Vec::new();
        for &rank in ranks {
            let part = layout.part(rank)?;
            let mut plane = self.plane(layout)?;
            let own = layout.decomposition().coordinates(rank).map(|(at, _)| at).unwrap_or_default();
            plane.through.clone_from(&own);
            let [down, right] = plane.strips()?;
            let dims = part.dims();
            let strips = [
                plane.down.map_or_else(Strip::line, |axis| down.focus(&dims[axis])),
                right.focus(&dims[plane.right]),
            ];
            let paint = move |ranks: &[i64]| {
                let colour = colours.of(ranks[0]);
                if ranks.contains(&rank) { colour } else { pale(pale(colour)) }
            };
            let title =
                format!("rank {rank} {} of {}", process(layout, rank), self.title.unwrap_or(&name(layout)));
            let array = plane.panel(title, strips, Box::new(paint));
            let memory = plane.memory(rank, &part, colours);
            rows.push(vec![array, memory]);
        }
        let keys = keys(rows.iter().flatten(), Key::Halo);
        let legend = Legend::new(self.layouts, colours, keys)?;
        let what = format!("What lies in the memory of ranks {}: {}", joined(ranks, ", "), self.said());
        Ok(compose(&rows, &legend, &what))
    }

    fn said(&self) -> String {
        self.layouts.iter().map(Layout::to_string).collect::<Vec<_>>().join("; ")
    }

    /// The plane that is asked for, or the one through the axes that are dealt out.
    fn plane<'a>(&self, layout: &'a Layout) -> Outcome<Plane<'a>> {
        let shape = layout.shape();
        let extents = layout.decomposition().grid_extents();
        let mut axes = self.axes.to_vec();
        if axes.is_empty() {
            let (dealt, whole): (Vec<usize>, Vec<usize>) =
                (0..shape.len()).partition(|&axis| extents[axis] > 1);
            axes = dealt.into_iter().chain(whole).take(2).collect();
            axes.sort_unstable();
        }
        let wanted = shape.len().min(2);
        if axes.len() != wanted || axes.iter().any(|&axis| axis >= shape.len()) || axes.first() == axes.get(1)
        {
            let why = format!("--axes: expected {wanted} of the axes 0 to {}", shape.len() - 1);
            return Err(Failure::Usage(why));
        }
        let at = if self.at.is_empty() { vec![0; shape.len()] } else { self.at.to_vec() };
        if at.len() != shape.len() {
            let why = format!("--at: expected an index for each of {} axes, found {}", shape.len(), at.len());
            return Err(Failure::Usage(why));
        }
        let mut through = Vec::new();
        let mut cuts = Vec::new();
        for (axis, &index) in at.iter().enumerate() {
            if axes.contains(&axis) {
                through.push(0);
                continue;
            }
            let owner = layout.map(axis).owner(index);
            let owner = owner
                .ok_or_else(|| Failure::Usage(format!("--at: nobody owns index {index} of axis {axis}")))?;
            through.push(owner);
            cuts.push(format!("index {index} of axis {axis}"));
        }
        let note = if cuts.is_empty() {
            String::new()
        } else {
            format!("axes {} and {} at {}", axes[0], axes[1], cuts.join(", "))
        };
        let down = (axes.len() > 1).then(|| axes[0]);
        let right = axes[axes.len() - 1];
        Ok(Plane { layout, down, right, through, note })
    }
}

impl<'a> Plane<'a> {
    fn strips(&self) -> Outcome<[Strip; 2]> {
        let strip = |axis| Strip::of_array(self.layout, axis);
        Ok([self.down.map_or_else(|| Ok(Strip::line()), strip)?, strip(self.right)?])
    }

    /// The ranks at the crossing of two stretches, replicas behind each other.
    fn ranks(&self, row: &Stretch, column: &Stretch) -> Option<Vec<i64>> {
        let mut at = self.through.clone();
        at[self.right] = column.owner?;
        let row = row.owner?;
        if let Some(down) = self.down {
            at[down] = row;
        }
        let decomposition = self.layout.decomposition();
        Some((0..decomposition.replicas()).map(|replica| decomposition.rank_at(&at, replica)).collect())
    }

    /// A picture of the array, or of a part that lies in it.
    fn panel(&self, title: String, [rows, columns]: [Strip; 2], paint: Paint<'a>) -> Panel<'a> {
        let plane = self.clone();
        let note = [
            self.note.clone(),
            shown(&rows, "rows"),
            shown(&columns, if self.down.is_some() { "columns" } else { "elements" }),
        ];
        let note = note.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
        let cell = move |row: &Stretch, column: &Stretch| {
            let ranks = plane.ranks(row, column)?;
            let colour = paint(&ranks);
            let place = process(plane.layout, ranks[0]);
            let span = |stretch: &Stretch| format!("{} to {}", stretch.at.start, stretch.at.end - 1);
            let at = match plane.down {
                Some(_) => format!("rows {}, columns {}", span(row), span(column)),
                None => format!("elements {}", span(column)),
            };
            let tip = format!("rank {} {place}: {at}", joined(&ranks, ", ")).replace(" :", ":");
            Some(Cell {
                colour,
                label: [joined(&ranks, ","), place],
                tip,
                pale: row.pale || column.pale,
                ranks,
            })
        };
        Panel { title, note, rows, columns, flat: self.down.is_none(), globals: false, cell: Box::new(cell) }
    }

    /// A picture of the memory of a part.
    fn memory(&self, rank: i64, part: &DimData, colours: &'a Colours) -> Panel<'a> {
        let dims = part.dims();
        let strip = |axis: usize| Strip::of_part(self.layout, axis, &dims[axis]);
        let (rows, columns) = (self.down.map_or_else(Strip::line, strip), strip(self.right));
        let sizes =
            |of: fn(&distarray::protocol::Dim) -> i64| joined(&dims.iter().map(of).collect::<Vec<_>>(), "x");
        let (held, owned) =
            (sizes(distarray::protocol::Dim::len), sizes(distarray::protocol::Dim::owned_len));
        let title = format!("the memory of rank {rank}: {held}");
        let owned = if held == owned { String::new() } else { format!("owned {owned}; ") };
        let sides = if self.down.is_some() {
            "indices: local above and left, global below and right"
        } else {
            "indices: local above, global below"
        };
        let plane = self.clone();
        let cell = move |row: &Stretch, column: &Stretch| {
            let ranks = plane.ranks(row, column)?;
            let span = |stretch: &Stretch| {
                format!("{} to {}", stretch.global, stretch.global + stretch.at.end - stretch.at.start - 1)
            };
            let at = match plane.down {
                Some(_) => format!("rows {}, columns {}", span(row), span(column)),
                None => format!("elements {}", span(column)),
            };
            let owner = if row.pale || column.pale {
                format!("copied from rank {}", joined(&ranks, ", "))
            } else {
                "owned".into()
            };
            let tip = format!("{owner}: global {at}");
            let label = [joined(&ranks, ","), String::new()];
            Some(Cell { colour: colours.of(ranks[0]), label, tip, pale: row.pale || column.pale, ranks })
        };
        let note = format!("{owned}{sides}");
        Panel { title, note, rows, columns, flat: self.down.is_none(), globals: true, cell: Box::new(cell) }
    }
}

/// The layout as a title of bounded length.
fn name(layout: &Layout) -> String {
    const MOST: usize = 60;
    let text = layout.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain("...".chars()).collect()
}

/// How much of an axis is shown where it is cut off.
fn shown(strip: &Strip, what: &str) -> String {
    strip.cut.map_or_else(String::new, |size| format!("the first {} of {size} {what}", strip.range().end))
}

/// The patterns that panels use.
fn keys<'a>(panels: impl IntoIterator<Item = &'a Panel<'a>>, hatch: Key) -> Vec<Key> {
    let mut keys = Vec::new();
    for strip in panels.into_iter().flat_map(|panel| [&panel.rows, &panel.columns]) {
        let outside = strip.stretches.iter().any(|stretch| stretch.owner.is_none());
        let used = [
            (!strip.halo.is_empty(), hatch),
            (outside, Key::Outside),
            (!strip.boundary.is_empty(), Key::Boundary),
        ];
        keys.extend(used.into_iter().filter(|(used, _)| *used).map(|(_, key)| key));
    }
    let all = [hatch, Key::Outside, Key::Boundary];
    all.into_iter().filter(|key| keys.contains(key)).collect()
}

/// Rows of panels, and the legend to the right of them.
fn compose(rows: &[Vec<Panel<'_>>], legend: &Legend, what: &str) -> String {
    let mut svg = Svg::default();
    let (mut y, mut widest) = (MARGIN, 0.0_f64);
    for row in rows {
        let mut x = MARGIN;
        let mut height = 0.0_f64;
        for panel in row {
            let [w, h] = panel.size();
            panel.draw(&mut svg, [x, y]);
            x += w + BETWEEN;
            height = height.max(h);
        }
        widest = widest.max(x);
        y += height + BETWEEN / 2.0;
    }
    let (right, bottom) = (widest - BETWEEN, y - BETWEEN / 2.0);
    // Below a picture that is long and flat many ranks take less room.
    let wide = legend.wide(right - MARGIN);
    let (beside, below) = ([widest, MARGIN + 22.0], [MARGIN, y]);
    let size = |[x, y]: [f64; 2], [w, h]: [f64; 2]| [right.max(x + w) + MARGIN, bottom.max(y + h) + MARGIN];
    let (size, flat) = (size(beside, legend.size()), size(below, wide.size()));
    if flat[0] * flat[1] < LESS * size[0] * size[1] {
        wide.draw(&mut svg, below);
        return svg.finish(flat, what, what);
    }
    legend.draw(&mut svg, beside);
    svg.finish(size, what, what)
}
