//! Loans of all kinds that a consumer must take or refuse, and some that it must refuse.

use std::ptr;

use distarray::ffi::abi::*;

use super::pages::{Allow, Pages, Shelf};

/// A loan to be made, and what a consumer owes it.
pub struct Case {
    pub name: &'static str,
    /// The rule by which it must be refused; `None` where it is valid.
    pub refused_by: Option<&'static str>,
    /// What the memory allows while it is lent.
    pub allow: Allow,
    /// What the arrays that the struct points to allow.
    pub allow_description: Allow,
    shape: Vec<i64>,
    strides: Vec<i64>,
    /// Bytes of an element: 8, a float, or 1, an unsigned integer.
    itemsize: usize,
    /// Byte of element (0, ..., 0), and all bytes.
    first: i64,
    bytes: usize,
    dims: Vec<distarray_dim>,
    /// The index list of an unstructured axis.
    list: Option<Vec<u8>>,
    /// Rank, and number of ranks.
    process: (i64, i64),
    /// What is said apart from that.
    adjust: fn(&mut distarray_export),
}

/// A loan that is made: the struct, and the memory that it leads to.
pub struct Made {
    pub loan: distarray_export,
    pub memory: Pages,
    pub description: Pages,
}

/// What stands between elements.
const GAP: u8 = 0xee;

/// Every loan that consumers are tried with.
pub fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(read_only().map(|case| Case { allow: Allow::Reading, ..case }));
    cases.extend(foreign().map(|case| Case { allow_description: Allow::Nothing, ..case }));
    // The bit stands in the axis, which must be read to see it.
    let mut unknown = vector("unknown bit of an axis").refused("take-3");
    unknown.dims[0].flags = 1 << 31;
    cases.push(unknown);
    cases
}

/// Loans that a consumer may write to.
fn valid() -> Vec<Case> {
    let last = (1 << 40) - 1;
    vec![
        vector("vector"),
        matrix("matrix in C order"),
        matrix("matrix in Fortran order").strided(&[8, 24], 0, 96),
        matrix("rows with gaps between them").strided(&[48, 8], 0, 128),
        matrix("negative strides").strided(&[-32, -8], 88, 96),
        Case::packed("halo", &[5, 4], vec![halo(block(9, 3, 1, 3, 6), 1), halo(whole(2), 1)]).on(1, 3),
        Case::packed("nothing", &[0, 3], vec![whole(0), whole(3)]).but(|loan| loan.data = ptr::null_mut()),
        Case::packed("scalar", &[], vec![]),
        Case::packed("cyclic", &[4], vec![cyclic(9, 2, 1, 2)]).on(1, 2),
        Case::packed("unstructured", &[3], vec![list(6, 3, 3, DISTARRAY_DIM_ONE_TO_ONE)])
            .listing([5_i64, 0, 3].iter().flat_map(|index| index.to_ne_bytes()))
            .on(0, 2),
        Case::packed("ghosts, 32-bit indices", &[3], vec![list(6, 3, 2, DISTARRAY_DIM_INDICES_I32)])
            .listing([5_i32, 0, 3].iter().flat_map(|index| index.to_ne_bytes()))
            .on(0, 2)
            .but(|loan| loan.flags_read = DISTARRAY_R_GHOSTS),
        Case::packed("column-major process grid", &[3, 2], vec![block(6, 2, 1, 3, 6), block(4, 2, 0, 0, 2)])
            .on(1, 4)
            .but(|loan| loan.flags_read = DISTARRAY_R_GRID_COLMAJOR),
        Case::packed("replicas", &[3, 4], vec![block(6, 2, 1, 3, 6), whole(4)])
            .on(3, 4)
            .but(|loan| loan.flags_write = DISTARRAY_W_REPLICATED),
        Case::packed(
            "2^43 elements on 2^40 ranks",
            &[8],
            vec![block(1 << 43, 1 << 40, last, 8 * last, 1 << 43)],
        )
        .on(last, 1 << 40),
        Case { itemsize: 1, ..vector("bytes").strided(&[1], 0, 5) },
        vector("newer minor version, unknown flags_info").but(|loan| {
            loan.abi_minor = 7;
            loan.flags_info = 1 << 63;
        }),
    ]
}

/// Loans that it may only read.
fn read_only() -> [Case; 3] {
    [
        matrix("read only").but(|loan| loan.flags_write = DISTARRAY_W_READ_ONLY),
        vector("unknown flags_write bit").but(|loan| loan.flags_write = 1 << 31),
        matrix("one row for all")
            .strided(&[0, 8], 0, 32)
            .but(|loan| loan.flags_write = DISTARRAY_W_READ_ONLY | DISTARRAY_W_ALIASED),
    ]
}

/// Loans of which it must not follow any pointer.
fn foreign() -> [Case; 5] {
    [
        vector("major version 2").but(|loan| loan.abi_major = 2).refused("take-3"),
        vector("unknown flags_read bit").but(|loan| loan.flags_read = 1 << 31).refused("take-3"),
        vector("struct_size 128").but(|loan| loan.struct_size = 128).refused("take-3"),
        vector("no magic").but(|loan| loan.magic = 0).refused("take-4"),
        vector("release NULL").but(|loan| loan.release = None).refused("take-4"),
    ]
}

/// Five elements, held whole.
fn vector(name: &'static str) -> Case {
    Case::packed(name, &[5], vec![whole(5)])
}

/// Three rows of four elements: the first half of six.
fn matrix(name: &'static str) -> Case {
    Case::packed(name, &[3, 4], vec![block(6, 2, 0, 0, 3), whole(4)]).on(0, 2)
}

fn block(size: i64, proc_grid_size: i64, proc_grid_rank: i64, start: i64, stop: i64) -> distarray_dim {
    let dist_type = DISTARRAY_DIST_BLOCK;
    distarray_dim { dist_type, size, proc_grid_size, proc_grid_rank, start, stop, ..distarray_dim::INIT }
}

fn whole(size: i64) -> distarray_dim {
    block(size, 1, 0, 0, size)
}

fn halo(dim: distarray_dim, width: i64) -> distarray_dim {
    let (start, stop, padding) = (dim.start - width, dim.stop + width, [width, width]);
    distarray_dim { flags: DISTARRAY_DIM_EDGE_OUTSIDE, start, stop, padding, ..dim }
}

fn cyclic(size: i64, procs: i64, rank: i64, block_size: i64) -> distarray_dim {
    let dist_type = DISTARRAY_DIST_CYCLIC;
    distarray_dim { dist_type, block_size, ..block(size, procs, rank, rank * block_size, 0) }
}

fn list(size: i64, n_indices: i64, n_owned: i64, flags: u32) -> distarray_dim {
    let dist_type = DISTARRAY_DIST_UNSTRUCTURED;
    distarray_dim { dist_type, flags, n_indices, n_owned, ..block(size, 2, 0, 0, 0) }
}

impl Case {
    /// Packed elements in C order.
    fn packed(name: &'static str, shape: &[i64], dims: Vec<distarray_dim>) -> Self {
        let mut strides = vec![8; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        let bytes = usize::try_from(8 * shape.iter().product::<i64>()).unwrap_or(0);
        Self {
            name,
            refused_by: None,
            allow: Allow::Writing,
            allow_description: Allow::Reading,
            list: None,
            process: (0, 1),
            shape: shape.to_vec(),
            strides,
            itemsize: 8,
            first: 0,
            bytes,
            dims,
            adjust: |_| {},
        }
    }

    /// At other byte strides: where element (0, ..., 0) is, and how many bytes there are.
    fn strided(self, strides: &[i64], first: i64, bytes: usize) -> Self {
        Self { strides: strides.to_vec(), first, bytes, ..self }
    }

    /// With the index list of its axis.
    fn listing(self, list: impl Iterator<Item = u8>) -> Self {
        Self { list: Some(list.collect()), ..self }
    }

    /// The part of a rank of so many.
    fn on(self, rank: i64, count: i64) -> Self {
        Self { process: (rank, count), ..self }
    }

    /// Changed in the end.
    fn but(self, adjust: fn(&mut distarray_export)) -> Self {
        Self { adjust, ..self }
    }

    /// Its elements must not be touched.
    fn refused(self, rule: &'static str) -> Self {
        Self { refused_by: Some(rule), allow: Allow::Nothing, ..self }
    }

    /// Makes the loan; memory and description still allow everything.
    pub fn make(&self, release: unsafe extern "C" fn(*mut distarray_export)) -> Made {
        let memory = Pages::new(self.bytes);
        memory.write(&self.content());
        let mut shelf = Shelf::new();
        let mut dims = self.dims.clone();
        if let Some(list) = &self.list {
            dims[0].indices = shelf.put(list).cast();
        }
        let (dtype_code, dtype_bits, itemsize) = match self.itemsize {
            1 => (DISTARRAY_DTYPE_UINT, 8, 1),
            _ => (DISTARRAY_DTYPE_FLOAT, 64, 8),
        };
        let mut loan = distarray_export {
            release: Some(release),
            data: memory.start.wrapping_offset(isize::try_from(self.first).unwrap_or(0)).cast(),
            dtype_code,
            dtype_bits,
            itemsize,
            ndim: i32::try_from(self.shape.len()).unwrap_or(0),
            process_rank: self.process.0,
            process_count: self.process.1,
            ..distarray_export::INIT
        };
        if !self.shape.is_empty() {
            loan.shape = shelf.put(&self.shape);
            loan.strides = shelf.put(&self.strides);
            loan.dims = shelf.put(&dims);
        }
        (self.adjust)(&mut loan);
        Made { loan, memory, description: shelf.pages() }
    }

    /// 1, 2, ... where elements are, and marks between them.
    fn content(&self) -> Vec<u8> {
        let mut content = vec![GAP; self.bytes];
        let mut index = vec![0; self.shape.len()];
        for number in 1..=u8::try_from(self.shape.iter().product::<i64>()).unwrap_or(u8::MAX) {
            let at = self.first + index.iter().zip(&self.strides).map(|(i, stride)| i * stride).sum::<i64>();
            let at = usize::try_from(at).unwrap_or(0);
            match self.itemsize {
                1 => content[at] = number,
                size => content[at..at + size].copy_from_slice(&f64::from(number).to_ne_bytes()),
            }
            for (i, extent) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < *extent {
                    break;
                }
                *i = 0;
            }
        }
        content
    }
}
