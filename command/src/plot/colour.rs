//! Colours of ranks: told apart by colour-blind eyes, with dark text on them.

use distarray::distribution::Decomposition;

/// Red, green, blue.
pub type Colour = [u8; 3];

/// Paul Tol's "light" scheme, made for cells with text in them; neighbours in this order
/// differ in hue and in lightness.
pub const PALETTE: [Colour; 8] = [
    [0x77, 0xAA, 0xDD],
    [0xEE, 0x88, 0x66],
    [0xEE, 0xDD, 0x88],
    [0x44, 0xBB, 0x99],
    [0xFF, 0xAA, 0xBB],
    [0xAA, 0xAA, 0x00],
    [0x99, 0xDD, 0xFF],
    [0xBB, 0xCC, 0x33],
];

/// Text and lines.
pub const INK: Colour = [0x14, 0x14, 0x14];

/// Which colour each rank has: one of its own up to eight ranks, else one that no
/// process beside it on the grid has, around the edges neither where that can be.
pub struct Colours {
    of: Decomposition,
    few: bool,
    /// Colours in use, and how many each axis goes on by.
    used: i64,
    steps: Vec<i64>,
}

impl Colours {
    pub fn new(of: &Decomposition) -> Self {
        let extents = of.grid_extents().to_vec();
        let count = i64::try_from(PALETTE.len()).unwrap_or(1);
        let few = extents.iter().product::<i64>() <= count;
        let candidates = (5..=count).rev().flat_map(|used| (2..5).rev().map(move |step| (used, step)));
        let steps = |step: i64| -> Vec<i64> {
            (0..extents.len()).rev().map(|behind| [1, step, step + 1, 1][behind % 4]).collect()
        };
        let best = candidates.min_by_key(|&(used, step)| clashes(&extents, &steps(step), used));
        let (used, step) = best.unwrap_or((count, 3));
        Self { of: of.clone(), few, used, steps: steps(step) }
    }

    /// The colour of a rank.
    pub fn of(&self, rank: i64) -> Colour {
        let Some((at, _)) = self.of.coordinates(rank) else { return [0xDD; 3] };
        let number = if self.few {
            at.iter().zip(self.of.grid_extents()).fold(0, |place, (at, extent)| place * extent + at)
        } else {
            at.iter().zip(&self.steps).map(|(at, step)| at * step % self.used).sum::<i64>() % self.used
        };
        PALETTE[usize::try_from(number).unwrap_or(0) % PALETTE.len()]
    }
}

/// How often neighbours have one colour, around the edges too; those at a corner count less.
fn clashes(extents: &[i64], steps: &[i64], used: i64) -> i64 {
    // How far the colour goes on to the next process, and from the last to the first.
    let ways = |axis: usize| {
        let around = (extents[axis] > 2).then(|| (1 - extents[axis]) * steps[axis]);
        let on = (extents[axis] > 1).then_some(steps[axis]);
        [on, around].into_iter().flatten().collect::<Vec<_>>()
    };
    let same = |way: i64| i64::from(way % used == 0);
    let mut clashes = 0;
    for axis in 0..extents.len() {
        clashes += ways(axis).into_iter().map(|way| 100 * same(way)).sum::<i64>();
        for other in axis + 1..extents.len() {
            let pairs = ways(axis).into_iter().flat_map(|way| ways(other).into_iter().map(move |b| (way, b)));
            clashes += pairs.map(|(a, b)| same(a + b) + same(a - b)).sum::<i64>();
        }
    }
    clashes
}

/// A colour mixed with white.
pub fn pale(colour: Colour) -> Colour {
    colour.map(|part| 255 - (255 - part) / 5 * 2)
}

/// A colour as SVG writes it.
pub fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use distarray::distribution::{Axis, Grid};

    fn linear(part: u8) -> f64 {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    }

    fn luminance(colour: Colour) -> f64 {
        let [red, green, blue] = colour.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn text_is_readable_on_every_colour() {
        for colour in PALETTE {
            for ground in [colour, pale(colour)] {
                // WCAG 2.2, 1.4.6: enhanced contrast.
                let contrast = (luminance(ground) + 0.05) / (luminance(INK) + 0.05);
                assert!(contrast >= 7.0, "{}: {contrast}", hex(ground));
            }
        }
    }

    /// CIE L*a*b* of linear light.
    fn lab([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505;
        let y = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        let z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089;
        let [x, y, z] = [x, y, z].map(|t| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn colours_differ_to_colour_blind_eyes() {
        // Machado, Oliveira and Fernandes (2009), severity 1: protanopia, deuteranopia, tritanopia.
        let eyes = [
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ];
        let seen = |eye: &[[f64; 3]; 3], colour: Colour| {
            let light = colour.map(linear);
            lab(eye.map(|row| row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0)))
        };
        for (eye, name) in eyes.iter().zip(["trichromat", "protan", "deutan", "tritan"]) {
            for (i, a) in PALETTE.iter().enumerate() {
                for b in &PALETTE[..i] {
                    let (a, b) = (seen(eye, *a), seen(eye, *b));
                    let distance = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    // 2.3 is just noticeable.
                    assert!(distance > 7.0, "{name}: {i} {distance}");
                }
            }
        }
    }

    #[test]
    fn processes_side_by_side_differ() {
        for extents in
            [[1, 9], [1, 64], [8, 8], [4, 4], [4, 16], [3, 3], [9, 9], [2, 32], [17, 5], [1000, 1000]]
        {
            let axes = [Axis::block(1000), Axis::block(1000)];
            let ranks = usize::try_from(extents[0] * extents[1]).unwrap();
            let grid = Decomposition::new(&axes, &Grid::exact(extents), ranks).unwrap();
            let colours = Colours::new(&grid);
            let at = |i: i64, j: i64| colours.of(grid.rank_at(&[i, j], 0));
            for i in (0..extents[0].min(8)).chain([extents[0] - 1]) {
                for j in (0..extents[1].min(8)).chain([extents[1] - 1]) {
                    for (down, along) in [(0, 1), (1, 0), (1, 1), (1, -1)] {
                        let (below, right) = ((i + down) % extents[0], (j + along).rem_euclid(extents[1]));
                        // Nine processes that all touch around the edges are too many for eight colours.
                        if extents == [3, 3] && down * along != 0 {
                            continue;
                        }
                        let same = (i, j) != (below, right) && at(i, j) == at(below, right);
                        assert!(!same, "{extents:?}: ({i}, {j}) and ({below}, {right})");
                    }
                }
            }
        }
    }
}
