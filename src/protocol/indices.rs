//! The global indices of an unstructured part, and the way back from them.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// The global index of each local element along an unstructured axis.
///
/// Cheap to clone. The table for [`position`](Self::position) is made at its
/// first use, and not at all when the list ascends.
#[derive(Clone)]
pub struct Indices(Arc<List>);

struct List {
    values: Box<[i64]>,
    /// Local positions sorted by global index; empty where `values` ascends already.
    by_value: OnceLock<Box<[usize]>>,
}

impl Indices {
    /// Local position of a global index, the lowest where it stands twice: O(log n).
    #[must_use]
    pub fn position(&self, global: i64) -> Option<usize> {
        let values = &self.0.values;
        let order = self.order();
        if order.is_empty() {
            return values.binary_search(&global).ok();
        }
        let at = order.partition_point(|&i| values[i] < global);
        order.get(at).copied().filter(|&i| values[i] == global)
    }

    /// A global index that stands twice, if any.
    #[must_use]
    pub fn duplicate(&self) -> Option<i64> {
        let values = &self.0.values;
        self.order().windows(2).find(|w| values[w[0]] == values[w[1]]).map(|w| values[w[0]])
    }

    fn order(&self) -> &[usize] {
        self.0.by_value.get_or_init(|| {
            let values = &self.0.values;
            if values.is_sorted_by(|a, b| a < b) {
                return Box::default();
            }
            let mut order: Box<[usize]> = (0..values.len()).collect();
            order.sort_unstable_by_key(|&i| (values[i], i));
            order
        })
    }
}

impl From<Vec<i64>> for Indices {
    fn from(values: Vec<i64>) -> Self {
        Self(Arc::new(List { values: values.into(), by_value: OnceLock::new() }))
    }
}

impl std::ops::Deref for Indices {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        &self.0.values
    }
}

impl PartialEq for Indices {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Indices {}

impl fmt::Debug for Indices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 16;
        if self.len() <= SHOWN {
            return self.0.values.fmt(f);
        }
        write!(f, "{:?} .. {} in all", &self[..SHOWN], self.len())
    }
}
