//! Loans of all kinds that a consumer must take or refuse, and some that it must refuse.

use distarray::ffi::abi::*;

use super::pages::{Allow, Pages};

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
    /// Index lists of unstructured axes.
    lists: Vec<Option<List>>,
    /// What is said apart from that.
    adjust: fn(&mut distarray_export),
}

/// The bytes of an index list.
type List = Vec<u8>;

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
    let block = |size, procs, rank, start, stop| distarray_dim {
        dist_type: DISTARRAY_DIST_BLOCK,
        size,
        proc_grid_size: procs,
        proc_grid_rank: rank,
        start,
        stop,
        ..distarray_dim::INIT
    };
    let whole = |size| block(size, 1, 0, 0, size);
    let halo = |dim: distarray_dim, width: i64| distarray_dim {
        flags: DISTARRAY_DIM_EDGE_OUTSIDE,
        start: dim.start - width,
        stop: dim.stop + width,
        padding: [width, width],
        ..dim
    };
    let cyclic = |size, procs, rank, block_size| distarray_dim {
        dist_type: DISTARRAY_DIST_CYCLIC,
        start: rank * block_size,
        stop: 0,
        block_size,
        ..block(size, procs, rank, 0, 0)
    };
    let list = |size, n_indices, n_owned, flags| distarray_dim {
        dist_type: DISTARRAY_DIST_UNSTRUCTURED,
        flags,
        n_indices,
        n_owned,
        ..block(size, 2, 0, 0, 0)
    };
    let of_two = |loan: &mut distarray_export| loan.process_count = 2;
    let vector = || Case::packed("vector", &[5], vec![whole(5)]);
    let two_rows = || vec![block(6, 2, 0, 0, 3), whole(4)];
    let matrix = || Case { adjust: of_two, ..Case::packed("matrix in C order", &[3, 4], two_rows()) };
    let mut cases = vec![
        vector(),
        matrix(),
        Case { strides: vec![8, 24], ..matrix().named("matrix in Fortran order") },
        Case { strides: vec![48, 8], bytes: 2 * 48 + 4 * 8, ..matrix().named("rows with gaps between them") },
        Case { strides: vec![-32, -8], first: 11 * 8, ..matrix().named("negative strides") },
        Case {
            adjust: |loan| {
                loan.process_rank = 1;
                loan.process_count = 3;
            },
            ..Case::packed("halo", &[5, 4], vec![halo(block(9, 3, 1, 3, 6), 1), halo(whole(2), 1)])
        },
        Case::packed("nothing", &[0, 3], vec![whole(0), whole(3)])
            .adjusted(|loan| loan.data = std::ptr::null_mut()),
        Case::packed("scalar", &[], vec![]),
        Case {
            adjust: |loan| {
                loan.process_rank = 1;
                loan.process_count = 2;
            },
            ..Case::packed("cyclic", &[4], vec![cyclic(9, 2, 1, 2)])
        },
        Case {
            lists: vec![Some([5_i64, 0, 3].iter().flat_map(|i| i.to_ne_bytes()).collect())],
            adjust: of_two,
            ..Case::packed("unstructured", &[3], vec![list(6, 3, 3, DISTARRAY_DIM_ONE_TO_ONE)])
        },
        Case {
            lists: vec![Some([5_i32, 0, 3].iter().flat_map(|i| i.to_ne_bytes()).collect())],
            adjust: |loan| {
                loan.process_count = 2;
                loan.flags_read = DISTARRAY_R_GHOSTS;
            },
            ..Case::packed("ghosts, 32-bit indices", &[3], vec![list(6, 3, 2, DISTARRAY_DIM_INDICES_I32)])
        },
        Case {
            adjust: |loan| {
                loan.process_rank = 1;
                loan.process_count = 4;
                loan.flags_read = DISTARRAY_R_GRID_COLMAJOR;
            },
            ..Case::packed(
                "column-major process grid",
                &[3, 2],
                vec![block(6, 2, 1, 3, 6), block(4, 2, 0, 0, 2)],
            )
        },
        Case {
            adjust: |loan| {
                loan.process_rank = 3;
                loan.process_count = 4;
                loan.flags_write = DISTARRAY_W_REPLICATED;
            },
            ..Case::packed("replicas", &[3, 4], vec![block(6, 2, 1, 3, 6), whole(4)])
        },
        Case {
            adjust: |loan| {
                loan.process_rank = (1 << 40) - 1;
                loan.process_count = 1 << 40;
            },
            ..Case::packed("2^43 elements on 2^40 ranks", &[8], {
                vec![block(1 << 43, 1 << 40, (1 << 40) - 1, (1 << 43) - 8, 1 << 43)]
            })
        },
        Case { itemsize: 1, strides: vec![1], bytes: 5, ..vector().named("bytes") },
        vector().named("newer minor version, unknown flags_info").adjusted(|loan| {
            loan.abi_minor = 7;
            loan.flags_info = 1 << 63;
        }),
    ];
    let read_only = [
        matrix().named("read only").adjusted(|loan| {
            loan.process_count = 2;
            loan.flags_write = DISTARRAY_W_READ_ONLY;
        }),
        vector().named("unknown flags_write bit").adjusted(|loan| loan.flags_write = 1 << 31),
        Case { strides: vec![0, 8], bytes: 32, ..matrix() }.named("one row for all").adjusted(|loan| {
            loan.process_count = 2;
            loan.flags_write = DISTARRAY_W_READ_ONLY | DISTARRAY_W_ALIASED;
        }),
    ];
    cases.extend(read_only.map(|case| Case { allow: Allow::Reading, ..case }));
    let foreign = [
        vector().named("major version 2").adjusted(|loan| loan.abi_major = 2).refused("take-3"),
        vector().named("unknown flags_read bit").adjusted(|loan| loan.flags_read = 1 << 31).refused("take-3"),
        vector().named("struct_size 128").adjusted(|loan| loan.struct_size = 128).refused("take-3"),
        vector().named("no magic").adjusted(|loan| loan.magic = 0).refused("take-4"),
        vector().named("release NULL").adjusted(|loan| loan.release = None).refused("take-4"),
    ];
    cases.extend(foreign.map(|case| Case { allow_description: Allow::Nothing, ..case }));
    // The bit stands in the axis, which must be read to see it.
    let mut unknown = vector().named("unknown bit of an axis").refused("take-3");
    unknown.dims[0].flags = 1 << 31;
    cases.push(unknown);
    cases
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
            lists: dims.iter().map(|_| None).collect(),
            shape: shape.to_vec(),
            strides,
            itemsize: 8,
            first: 0,
            bytes,
            dims,
            adjust: |_| {},
        }
    }

    fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    fn adjusted(self, adjust: fn(&mut distarray_export)) -> Self {
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
        let numbers = |numbers: &[i64]| numbers.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<u8>>();
        let mut description = Description { bytes: Vec::new(), pages: Pages::new(4096) };
        let mut dims = self.dims.clone();
        for (dim, list) in dims.iter_mut().zip(&self.lists) {
            if let Some(list) = list {
                dim.indices = description.add(list).cast();
            }
        }
        let dims: Vec<u8> = dims.iter().flat_map(dim_bytes).collect();
        let mut loan = distarray_export {
            release: Some(release),
            data: memory.start.wrapping_offset(isize::try_from(self.first).unwrap_or(0)).cast(),
            dtype_code: if self.itemsize == 1 { DISTARRAY_DTYPE_UINT } else { DISTARRAY_DTYPE_FLOAT },
            dtype_bits: if self.itemsize == 1 { 8 } else { 64 },
            itemsize: if self.itemsize == 1 { 1 } else { 8 },
            ndim: i32::try_from(self.shape.len()).unwrap_or(0),
            ..distarray_export::INIT
        };
        if !self.shape.is_empty() {
            loan.shape = description.add(&numbers(&self.shape)).cast();
            loan.strides = description.add(&numbers(&self.strides)).cast();
            loan.dims = description.add(&dims).cast();
        }
        (self.adjust)(&mut loan);
        let Description { bytes, pages } = description;
        pages.write(&bytes);
        Made { loan, memory, description: pages }
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

/// What the struct points to, at addresses that are known before it is written.
struct Description {
    bytes: Vec<u8>,
    pages: Pages,
}

impl Description {
    fn add(&mut self, bytes: &[u8]) -> *const u8 {
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let address = self.pages.start.wrapping_add(self.bytes.len());
        self.bytes.extend(bytes);
        address
    }
}

fn dim_bytes(dim: &distarray_dim) -> Vec<u8> {
    let distarray_dim { dist_type, flags, indices, padding, reserved, .. } = *dim;
    let mut bytes = [dist_type, flags].iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<u8>>();
    let numbers =
        [dim.size, dim.proc_grid_size, dim.proc_grid_rank, dim.start, dim.stop, padding[0], padding[1]];
    bytes.extend(numbers.iter().chain([&dim.block_size]).flat_map(|n| n.to_ne_bytes()));
    bytes.extend(indices.addr().to_ne_bytes());
    bytes.extend([dim.n_indices, dim.n_owned, dim.first_block].iter().flat_map(|n| n.to_ne_bytes()));
    bytes.extend(reserved.iter().flat_map(|n| n.to_ne_bytes()));
    bytes
}
