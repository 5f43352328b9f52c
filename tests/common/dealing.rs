//! Random ways of dealing arrays out, and who owns what by dealing one index after
//! another: the oracle of the exchange tests, which shares nothing with the library.
#![allow(dead_code)] // each test binary uses its own part
#![allow(clippy::cast_possible_truncation)] // small numbers of the test itself

#[path = "random.rs"]
mod random;

use distarray::distribution::{Axis, Grid};
use distarray::protocol::GridOrder;

pub use random::Random;

/// One axis: what is asked of the library, and the indices that each coordinate owns.
#[derive(Clone, Debug)]
pub struct DealtAxis {
    pub axis: Axis,
    pub owned: Vec<Vec<i64>>,
}

/// One way of dealing an array out.
#[derive(Clone, Debug)]
pub struct Dealt {
    pub axes: Vec<DealtAxis>,
    pub grid: Grid,
    pub column_major: bool,
    pub replicas: usize,
    pub ranks: usize,
}

impl Dealt {
    pub fn axes(&self) -> Vec<Axis> {
        self.axes.iter().map(|dealt| dealt.axis.clone()).collect()
    }

    pub fn extents(&self) -> Vec<usize> {
        self.axes.iter().map(|dealt| dealt.owned.len()).collect()
    }

    /// Coordinates and replica of a rank.
    pub fn place(&self, rank: usize) -> (Vec<usize>, usize) {
        let extents = self.extents();
        let size: usize = extents.iter().product();
        let (replica, mut rest) = (rank / size, rank % size);
        let mut coordinates = vec![0; extents.len()];
        let order: Vec<usize> =
            if self.column_major { (0..extents.len()).collect() } else { (0..extents.len()).rev().collect() };
        for axis in order {
            coordinates[axis] = rest % extents[axis];
            rest /= extents[axis];
        }
        (coordinates, replica)
    }

    /// The indices that a rank owns along each axis.
    pub fn owned(&self, rank: usize) -> Vec<&[i64]> {
        let (coordinates, _) = self.place(rank);
        self.axes.iter().zip(coordinates).map(|(axis, c)| axis.owned[c].as_slice()).collect()
    }
}

/// All tuples of a product of lists, the last axis fastest.
pub fn product<T: Copy>(lists: &[Vec<T>]) -> Vec<Vec<T>> {
    lists.iter().fold(vec![vec![]], |tuples, list| {
        tuples
            .iter()
            .flat_map(|tuple: &Vec<T>| list.iter().map(move |&x| [tuple.as_slice(), &[x]].concat()))
            .collect()
    })
}

/// A random axis of `size` on `procs` processes.
pub fn axis(random: &mut Random, size: i64, procs: i64) -> DealtAxis {
    let parts = usize::try_from(procs).unwrap();
    let mut owned = vec![Vec::new(); parts];
    let axis = match random.within(0, 4) {
        0 => {
            // NumPy's array_split.
            for (i, part) in owned.iter_mut().enumerate() {
                let (i, each, longer) = (i as i64, size / procs, size % procs);
                let start = i * each + i.min(longer);
                part.extend(start..start + each + i64::from(i < longer));
            }
            Axis::block(size).on(procs)
        }
        1 => {
            let block = (size + procs - 1) / procs;
            for index in 0..size {
                owned[usize::try_from(index / block.max(1)).unwrap()].push(index);
            }
            Axis::ceil_block(size).on(procs)
        }
        2 => {
            let mut bounds: Vec<i64> = (1..procs).map(|_| random.within(0, size)).collect();
            bounds.extend([0, size]);
            bounds.sort_unstable();
            for (part, w) in owned.iter_mut().zip(bounds.windows(2)) {
                part.extend(w[0]..w[1]);
            }
            Axis::bounds(bounds)
        }
        _ => {
            let block = random.within(1, 5);
            let first_block = random.within(1, block);
            let first_process = random.within(0, procs - 1);
            // Deal one block after another, the first cut short.
            let (mut index, mut process, mut left) = (0, first_process, first_block);
            while index < size {
                owned[usize::try_from(process).unwrap()].push(index);
                (index, left) = (index + 1, left - 1);
                if left == 0 {
                    (process, left) = ((process + 1) % procs, block);
                }
            }
            Axis::cyclic(size, block).first_block(first_block).first_process(first_process).on(procs)
        }
    };
    DealtAxis { axis, owned }
}

/// A random way of dealing `shape` out over `ranks`.
pub fn deal(random: &mut Random, shape: &[i64], ranks: usize) -> Dealt {
    let mut rest = ranks as i64;
    let replicas = if rest % 2 == 0 && random.chance(6) { 2 } else { 1 };
    rest /= replicas;
    let mut extents = vec![1; shape.len()];
    // Each prime factor to any axis.
    let mut prime = 2;
    while rest > 1 {
        if rest % prime == 0 {
            let at = random.within(0, shape.len() as i64 - 1);
            extents[usize::try_from(at).unwrap()] *= prime;
            rest /= prime;
        } else {
            prime += 1;
        }
    }
    let column_major = random.chance(3);
    let order = if column_major { GridOrder::ColumnMajor } else { GridOrder::RowMajor };
    Dealt {
        axes: shape.iter().zip(&extents).map(|(&size, &procs)| axis(random, size, procs)).collect(),
        grid: Grid::exact(extents).order(order).replicas(replicas),
        column_major,
        replicas: usize::try_from(replicas).unwrap(),
        ranks,
    }
}
