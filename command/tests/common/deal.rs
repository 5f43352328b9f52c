//! Layouts beside an owner of each element that is worked out by hand.
#![allow(dead_code)] // each test binary uses its own part

/// The owner's coordinate of each index of an axis.
#[derive(Clone, Debug)]
pub struct AxisDeal {
    pub word: String,
    pub procs: i64,
    pub owners: Vec<i64>,
}

/// A layout in the text form, and who owns what.
#[derive(Clone, Debug)]
pub struct Deal {
    pub axes: Vec<AxisDeal>,
    pub fortran: bool,
}

/// A generator of numbers that look random (Knuth's MMIX).
pub struct Numbers(pub u64);

impl Numbers {
    /// A number below `n`.
    pub fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % u64::try_from(n).unwrap()).unwrap()
    }
}

impl AxisDeal {
    /// One of the kinds, from the definitions of NumPy (array_split), FFTW, DistArray and ScaLAPACK.
    pub fn random(numbers: &mut Numbers, size: i64, procs: i64) -> Self {
        let kind = if procs == 1 { numbers.below(7) } else { numbers.below(6) };
        let index = 0..size;
        let (word, owners): (String, Vec<i64>) = match kind {
            0 => {
                let (short, longer) = (size / procs, size % procs);
                let lengths = (0..procs).map(|at| short + i64::from(at < longer));
                let owners = (0..).zip(lengths).flat_map(|(at, n)| vec![at; usize::try_from(n).unwrap()]);
                ("b".into(), owners.collect())
            }
            1 => {
                let least = (size + procs - 1) / procs;
                let block = least.max(1) + numbers.below(3);
                (format!("b{block}"), index.map(|i| i / block).collect())
            }
            2 => {
                let mut bounds: Vec<i64> = (1..procs).map(|_| numbers.below(size + 1)).collect();
                bounds.extend([0, size]);
                bounds.sort_unstable();
                let text: Vec<String> = bounds.iter().map(i64::to_string).collect();
                let owner =
                    |i: i64| i64::try_from(bounds[1..].iter().filter(|&&end| end <= i).count()).unwrap();
                (format!("b({})", text.join(",")), index.map(owner).collect())
            }
            3 => {
                let block = 1 + numbers.below(4);
                let process = numbers.below(procs);
                let first = 1 + numbers.below(block);
                let owner = |i: i64| (process + (i + block - first) / block) % procs;
                (format!("c{block}@{process}/{first}"), index.map(owner).collect())
            }
            4 => ("c".into(), index.map(|i| i % procs).collect()),
            5 => {
                let owners: Vec<i64> = index.map(|_| numbers.below(procs)).collect();
                let list = |at: i64| {
                    let of = (0..size).zip(&owners).filter(|(_, owner)| **owner == at);
                    let mut indices: Vec<String> = of.map(|(i, _)| i.to_string()).collect();
                    indices.reverse(); // any order is one
                    indices.join(" ")
                };
                (format!("u({})", (0..procs).map(list).collect::<Vec<_>>().join("|")), owners)
            }
            _ => ("n".into(), vec![0; usize::try_from(size).unwrap()]),
        };
        Self { word, procs, owners }
    }
}

impl Deal {
    pub fn random(numbers: &mut Numbers, shape: &[i64], grid: &[i64]) -> Self {
        let axes = shape.iter().zip(grid).map(|(&size, &procs)| AxisDeal::random(numbers, size, procs));
        Self { axes: axes.collect(), fortran: numbers.below(2) == 1 }
    }

    pub fn ranks(&self) -> i64 {
        self.axes.iter().map(|axis| axis.procs).product()
    }

    /// The text form.
    pub fn text(&self) -> String {
        let joined = |of: &dyn Fn(&AxisDeal) -> String, separator: &str| {
            self.axes.iter().map(of).collect::<Vec<_>>().join(separator)
        };
        let order = if self.fortran { " order F" } else { "" };
        format!(
            "{} {} on {}{order}",
            joined(&|axis| axis.owners.len().to_string(), "x"),
            joined(&|axis| axis.word.clone(), ","),
            joined(&|axis| axis.procs.to_string(), "x"),
        )
    }

    /// The rank that owns an element.
    pub fn rank(&self, index: &[i64]) -> i64 {
        let owner = |(axis, &i): (&AxisDeal, &i64)| (axis.procs, axis.owners[usize::try_from(i).unwrap()]);
        let mut at: Vec<(i64, i64)> = self.axes.iter().zip(index).map(owner).collect();
        if self.fortran {
            at.reverse();
        }
        at.into_iter().fold(0, |rank, (procs, coordinate)| rank * procs + coordinate)
    }

    /// Every index of the array.
    pub fn indices(&self) -> Vec<Vec<i64>> {
        self.axes.iter().fold(vec![Vec::new()], |all, axis| {
            let size = i64::try_from(axis.owners.len()).unwrap();
            all.iter().flat_map(|index| (0..size).map(move |i| [index.as_slice(), &[i]].concat())).collect()
        })
    }
}
