//! How an array is dealt out over all ranks, and how its parts lie in memory.

/// Which axis is fastest: the last one, or the first one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    C,
    Fortran,
}

/// One axis of one rank's part, in the protocol's words; bytes for stride.
#[derive(Clone, Debug)]
struct Axis {
    kind: char,
    size: i64,
    procs: i64,
    place: i64,
    start: i64,
    padding: [i64; 2],
    block: i64,
    held: i64,
    stride: i64,
}

#[derive(Clone, Debug)]
struct Part {
    /// Bytes from the first element on that may be overwritten.
    room: i64,
    axes: Vec<Axis>,
}

/// The parts of all ranks, in their order.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    parts: Vec<Part>,
}

const ITEM: i64 = 8;

impl Layout {
    /// Adds the part of the next rank, as matrix.c prints it.
    pub fn push(&mut self, room: &str, axes: &str) {
        let axes = axes.split(' ').map(|axis| {
            let (kind, numbers) = axis.split_once(':').unwrap();
            let numbers: Vec<i64> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
            let [size, procs, place, start, before, after, block, held, stride] = numbers[..] else {
                panic!("{axis}")
            };
            let kind = kind.parse().unwrap();
            Axis { kind, size, procs, place, start, padding: [before, after], block, held, stride }
        });
        self.parts.push(Part { room: room.parse().unwrap(), axes: axes.collect() });
    }

    pub fn ndim(&self) -> usize {
        self.parts[0].axes.len()
    }

    /// Without padding.
    pub fn owned(&self) -> Self {
        let mut layout = self.clone();
        for axis in layout.parts.iter_mut().flat_map(|part| &mut part.axes) {
            axis.start += axis.padding[0];
            axis.held -= axis.padding[0] + axis.padding[1];
            axis.padding = [0, 0];
        }
        layout
    }

    fn axes(&self) -> impl Iterator<Item = &Axis> {
        self.parts.iter().flat_map(|part| &part.axes)
    }

    fn along(&self, axis: usize) -> impl Iterator<Item = &Axis> {
        self.parts.iter().map(move |part| &part.axes[axis])
    }

    // How it is dealt out.

    /// All axes are in blocks, of any length; dealt to one process alone, they are one.
    pub fn blocks(&self) -> bool {
        self.axes().all(|axis| axis.kind == 'b' || axis.kind == 'c' && axis.procs == 1)
    }

    /// The first axis is in blocks in the order of the ranks, the others are whole.
    pub fn rows(&self) -> bool {
        self.blocks() && self.is_map()
    }

    /// The first axis is dealt out in any way in the order of the ranks, the others are whole.
    pub fn is_map(&self) -> bool {
        let ranks = self.parts.len() as i64;
        let in_order = (0..).zip(self.along(0)).all(|(rank, axis)| axis.place == rank && axis.procs == ranks);
        let whole = |axis: usize| self.along(axis).all(|axis| axis.procs == 1 && axis.kind != 'u');
        in_order && (1..self.ndim()).all(whole)
    }

    /// Lists of indices.
    pub fn lists(&self, axis: usize) -> bool {
        self.along(axis).all(|axis| axis.kind == 'u')
    }

    /// Blocks of one length, the last ones shorter or empty.
    pub fn equal(&self, axis: usize) -> bool {
        let block = self.along(axis).map(|axis| axis.held).max().unwrap_or(0);
        self.along(axis).all(|axis| {
            let start = (axis.place * block).min(axis.size);
            let stop = (start + block).min(axis.size);
            axis.kind == 'b' && axis.held == stop - start && (axis.held == 0 || axis.start == start)
        })
    }

    /// Blocks of one length, dealt round robin.
    pub fn round_robin(&self, axis: usize) -> bool {
        self.along(axis).all(|axis| axis.kind == 'c')
    }

    /// Round robin in blocks of this length.
    pub fn dealt(&self, axis: usize, block: i64) -> bool {
        self.round_robin(axis) && self.along(axis).all(|axis| axis.block == block)
    }

    /// Ranks are numbered on the grid along this axis first.
    pub fn numbered(&self, order: Order) -> bool {
        (0..).zip(&self.parts).all(|(rank, part)| {
            let place = |at: i64, axis: &Axis| at * axis.procs + axis.place;
            rank == match order {
                Order::C => part.axes.iter().fold(0, place),
                Order::Fortran => part.axes.iter().rev().fold(0, place),
            }
        })
    }

    // Padding.

    pub fn bare(&self) -> bool {
        self.halo_around(0)
    }

    /// On all sides of all ranks.
    pub fn halo_around(&self, width: i64) -> bool {
        self.axes().all(|axis| axis.padding == [width, width])
    }

    /// The same on all ranks, side by side.
    pub fn same_halo(&self) -> bool {
        let first = |axis: usize| self.parts[0].axes[axis].padding;
        (0..self.ndim()).all(|axis| self.along(axis).all(|other| other.padding == first(axis)))
    }

    /// Of this width towards neighbours; around both edges of an axis, or around none.
    pub fn ghosts(&self, width: i64) -> bool {
        (0..self.ndim()).all(|axis| {
            [0, width].iter().any(|&edge| {
                self.along(axis).all(|axis| {
                    let before = if axis.place == 0 { edge } else { width };
                    let after = if axis.place == axis.procs - 1 { edge } else { width };
                    axis.padding == [before, after]
                })
            })
        })
    }

    // Memory.

    /// Whether every part that has elements lies so. The distances between neighbours along
    /// the axes, fastest first, and the elements held.
    fn every(&self, order: Order, lies: impl Fn(&[(i64, i64)]) -> bool) -> bool {
        self.parts.iter().all(|part| {
            let mut lines: Vec<_> = part.axes.iter().map(|axis| (axis.stride / ITEM, axis.held)).collect();
            if order == Order::C {
                lines.reverse();
            }
            lines.iter().any(|&(_, held)| held == 0) || lies(&lines)
        })
    }

    /// Without gaps.
    pub fn packed(&self, order: Order) -> bool {
        self.every(order, |lines| {
            let mut step = 1;
            lines.iter().all(|&(stride, held)| {
                let fits = held == 1 || stride == step;
                step *= held;
                fits
            })
        })
    }

    /// The elements of a line side by side, lines at one distance, planes at a multiple of it.
    pub fn lines(&self, order: Order) -> bool {
        self.every(order, |lines| {
            let (mut distance, mut length) = (1, 1);
            lines.iter().enumerate().all(|(axis, &(stride, held))| {
                if held == 1 {
                    return true;
                }
                let fits = if axis == 0 { stride == 1 } else { stride % distance == 0 && stride >= length };
                (distance, length) = (stride, stride * held);
                fits
            })
        })
    }

    /// Rows of n elements in the room of 2 (n / 2 + 1), nothing else between them.
    pub fn padded_rows(&self) -> bool {
        self.every(Order::C, |lines| {
            let mut step = 1;
            lines.iter().enumerate().all(|(axis, &(stride, held))| {
                let fits = held == 1 || stride == step;
                step *= if axis == 0 { 2 * (held / 2 + 1) } else { held };
                fits
            })
        })
    }

    /// Room for FFTW: the elements before the transposition that it makes in between, and
    /// those after it; the last axis is n / 2 + 1 pairs where pairs is 2.
    pub fn has_room(&self, pairs: i64) -> bool {
        let ranks = self.parts.len() as i64;
        (0..).zip(&self.parts).all(|(rank, part)| {
            let mut n: Vec<i64> = part.axes.iter().map(|axis| axis.size).collect();
            if let (2, Some(last)) = (pairs, n.last_mut()) {
                *last = *last / 2 + 1;
            }
            let held = |size: i64| {
                let block = (size + ranks - 1) / ranks;
                (size - rank * block).clamp(0, block)
            };
            let Some(second) = n.get(1) else { return true };
            let plane: i64 = n[2..].iter().product();
            let most = i64::max(held(n[0]) * second, n[0] * held(*second));
            part.room >= most * plane * pairs * ITEM
        })
    }

    /// What PETSc's structured grids take: blocks, none empty, packed; the axis that is
    /// fastest in memory is so among the ranks.
    pub fn dmda(&self) -> bool {
        let cells = self.owned().axes().all(|axis| axis.held > 0);
        let ordered = |order| self.packed(order) && self.numbered(order);
        self.blocks() && cells && (ordered(Order::C) || ordered(Order::Fortran))
    }
}
