//! What the matrix must find, from the libraries' own documentation: the layout that each
//! library makes, and those that each takes in place. The verdicts follow from both.
//!
//! Nothing here asks the adapters: a rule reads the layouts of all ranks as they were lent,
//! and says what the library's manual says of such memory.

use super::layout::{Layout, Order::*};

const ANY: &[usize] = &[1, 2, 3];

/// A library that lends, and what its arrays are like.
pub struct Lender {
    pub name: &'static str,
    /// Where the adapter is, from the project's root; empty where none is needed.
    pub header: &'static str,
    pub makes: &'static str,
    pub source: &'static str,
    pub is_made: fn(&Layout) -> bool,
}

pub const LENDERS: &[Lender] = &[
    Lender {
        name: "C rows",
        header: "include/distarray_abi.h",
        makes: "rows in blocks of any length, some empty; packed",
        source: "`malloc`",
        is_made: |l| l.rows() && l.bare() && l.packed(C),
    },
    Lender {
        name: "C blocks",
        header: "include/distarray_abi.h",
        makes: "blocks of a grid of processes; packed, the last axis fastest",
        source: "`malloc`",
        is_made: |l| l.blocks() && l.numbered(C) && l.bare() && l.packed(C),
    },
    Lender {
        name: "C blocks with halo",
        header: "include/distarray_abi.h",
        makes: "the same, with a halo of one element on every side",
        source: "`malloc`",
        is_made: |l| l.blocks() && l.numbered(C) && l.halo_around(1) && l.packed(C),
    },
    Lender {
        name: "C slabs",
        header: "include/distarray_abi.h",
        makes: "rows in blocks of one length; packed, with the room that FFTW works in",
        source: "`malloc`",
        is_made: |l| l.rows() && l.equal(0) && l.bare() && l.packed(C) && l.has_room(1),
    },
    Lender {
        name: "C columns",
        header: "include/distarray_abi.h",
        makes: "rows in blocks; the first axis fastest, columns further apart than they are long",
        source: "`malloc`",
        is_made: |l| l.rows() && l.bare() && l.lines(Fortran) && !l.packed(Fortran),
    },
    Lender {
        name: "C panels",
        header: "include/distarray_abi.h",
        makes: "3 x 2 blocks dealt round robin; packed, the first axis fastest",
        source: "`malloc`",
        is_made: |l| l.dealt(0, 3) && l.dealt(1, 2) && l.bare() && l.packed(Fortran),
    },
    Lender {
        name: "Fortran blocks with halo",
        header: "include/distarray.F90",
        makes: "`u(0:nx+1, 0:ny+1, ...)`: a halo of one element, the first axis fastest in memory and \
                among the ranks",
        source: "`allocate`",
        is_made: |l| l.blocks() && l.numbered(Fortran) && l.halo_around(1) && l.packed(Fortran),
    },
    Lender {
        name: "distarray",
        header: "include/distarray.h",
        makes: "rows in blocks; packed",
        source: "`distarray_distribution_zeros`",
        is_made: |l| l.rows() && l.bare() && l.packed(C),
    },
    Lender {
        name: "PETSc Vec",
        header: "include/distarray_petsc.h",
        makes: "one axis in blocks in the order of the ranks; packed",
        source: "`VecGetOwnershipRange`, `VecGetArray`",
        is_made: |l| l.ndim() == 1 && l.rows() && l.bare() && l.packed(C),
    },
    Lender {
        name: "PETSc MatDense",
        header: "include/distarray_petsc.h",
        makes: "blocks of rows; the elements of a column side by side",
        source: "`MatDenseGetArray`, `MatDenseGetLDA`",
        is_made: |l| l.ndim() == 2 && l.rows() && l.bare() && l.lines(Fortran),
    },
    Lender {
        name: "PETSc DMDA global",
        header: "include/distarray_petsc_dmda.h",
        makes: "blocks of a grid, axes (z, y, x): x fastest in memory and among the ranks; packed",
        source: "`DMDAGetCorners`",
        is_made: |l| l.blocks() && l.numbered(C) && l.bare() && l.packed(C),
    },
    Lender {
        name: "PETSc DMDA local",
        header: "include/distarray_petsc_dmda.h",
        makes: "the same with ghosts as a halo, around the edges too (`DM_BOUNDARY_GHOSTED`)",
        source: "`DMDAGetGhostCorners`",
        is_made: |l| l.blocks() && l.numbered(C) && l.halo_around(1) && l.packed(C),
    },
    Lender {
        name: "SLEPc BV",
        header: "include/distarray_slepc.h",
        makes: "blocks of rows, a column for each vector; the elements of a column side by side",
        source: "`BVGetArray`",
        is_made: |l| l.ndim() == 2 && l.rows() && l.bare() && l.lines(Fortran),
    },
    Lender {
        name: "Tpetra MultiVector",
        header: "include/distarray_tpetra.hpp",
        makes: "the elements of a contiguous `Map` in blocks of any length, some empty; the elements of a \
                column side by side",
        source: "`getLocalViewHost`, `getStride`",
        is_made: |l| l.ndim() < 3 && l.rows() && l.bare() && l.lines(Fortran),
    },
    Lender {
        name: "Epetra MultiVector",
        header: "include/distarray_epetra.hpp",
        makes: "the elements of a linear `Epetra_Map` in blocks of any length, some empty; the elements of a \
                column side by side",
        source: "`ExtractView`",
        is_made: |l| l.ndim() < 3 && l.rows() && l.bare() && l.lines(Fortran),
    },
    Lender {
        name: "Epetra list of rows",
        header: "include/distarray_epetra.hpp",
        makes: "the elements of any other `Epetra_Map`, listed; the elements of a column side by side",
        source: "`MyGlobalElements`, `ExtractView`",
        is_made: |l| l.ndim() < 3 && l.lists(0) && l.is_map() && l.bare() && l.lines(Fortran),
    },
    Lender {
        name: "SUNDIALS N_Vector",
        header: "include/distarray_sundials.h",
        makes: "one axis in blocks in the order of the ranks; packed",
        source: "`N_VGetArrayPointer`",
        is_made: |l| l.ndim() == 1 && l.rows() && l.bare() && l.packed(C),
    },
    Lender {
        name: "HYPRE ParVector",
        header: "include/distarray_hypre.h",
        makes: "one axis in blocks in the order of the ranks; packed",
        source: "`hypre_ParVectorCreate`",
        is_made: |l| l.ndim() == 1 && l.rows() && l.bare() && l.packed(C),
    },
    Lender {
        name: "HYPRE StructVector",
        header: "include/distarray_hypre.h",
        makes: "a box for each rank, axes (z, y, x), with HYPRE's layer of ghosts on every side",
        source: "`HYPRE_StructVectorCreate`, `HYPRE_StructVectorSetNumGhost`",
        is_made: |l| l.blocks() && l.halo_around(1) && l.packed(C),
    },
    Lender {
        name: "ScaLAPACK",
        header: "include/distarray_scalapack.h",
        makes: "panels of 3 x 2 blocks dealt round robin; the first axis fastest",
        source: "`DESCINIT`",
        is_made: |l| l.ndim() == 2 && l.dealt(0, 3) && l.dealt(1, 2) && l.bare() && l.lines(Fortran),
    },
    Lender {
        name: "FFTW r2r",
        header: "include/distarray_fftw.h",
        makes: "slabs of one length, the last ones shorter or empty; packed",
        source: "FFTW manual, \"MPI Data Distribution\"",
        is_made: |l| l.ndim() > 1 && l.rows() && l.equal(0) && l.bare() && l.packed(C) && l.has_room(1),
    },
    Lender {
        name: "FFTW r2c",
        header: "include/distarray_fftw.h",
        makes: "the same, with rows of n elements in the room of 2 (n / 2 + 1)",
        source: "FFTW manual, \"Multi-dimensional MPI DFTs of Real Data\"",
        is_made: |l| l.ndim() > 1 && l.rows() && l.equal(0) && l.bare() && l.padded_rows() && l.has_room(2),
    },
    Lender {
        name: "Global Arrays",
        header: "include/distarray_ga.h",
        makes: "blocks of a grid; the last axis fastest",
        source: "`NGA_Distribution`, `NGA_Access`",
        is_made: |l| l.blocks() && l.bare() && l.lines(C),
    },
];

/// A library that borrows, and what it can take as it lies.
pub struct Borrower {
    pub name: &'static str,
    pub header: &'static str,
    pub takes: &'static str,
    pub source: &'static str,
    /// The numbers of axes that its arrays can have.
    pub ndims: &'static [usize],
    pub fits: fn(&Layout) -> bool,
    /// Takes memory that the accommodation describes anew.
    pub takes_views: bool,
}

pub const BORROWERS: &[Borrower] = &[
    Borrower {
        name: "C",
        header: "include/distarray_abi.h",
        takes: "any array: it walks along the strides",
        source: "the loan itself",
        ndims: ANY,
        fits: |_| true,
        takes_views: true,
    },
    Borrower {
        name: "Fortran",
        header: "include/distarray.F90",
        takes: "any array of elements at whole distances: a pointer `u(:,:,:)` with its strides",
        source: "Fortran 2018, pointers that `CFI_setpointer` sets: `distarray_associate`",
        ndims: ANY,
        fits: |_| true,
        takes_views: true,
    },
    Borrower {
        name: "distarray",
        header: "include/distarray.h",
        takes: "any array",
        source: "`distarray_array_import`",
        ndims: ANY,
        fits: |_| true,
        takes_views: true,
    },
    Borrower {
        name: "PETSc Vec",
        header: "include/distarray_petsc.h",
        takes: "blocks of rows in the order of the ranks; packed, the last axis fastest",
        source: "`VecCreateMPIWithArray`: local lengths, no stride",
        ndims: ANY,
        fits: |l| l.rows() && l.bare() && l.packed(C),
        takes_views: true,
    },
    Borrower {
        name: "PETSc MatDense",
        header: "include/distarray_petsc.h",
        takes: "matrices in blocks of rows; the elements of a column side by side, columns at one distance",
        source: "`MatCreateDense`, `MatDenseSetLDA`",
        ndims: &[2],
        fits: |l| l.rows() && l.bare() && l.lines(Fortran),
        takes_views: true,
    },
    Borrower {
        name: "PETSc DMDA global",
        header: "include/distarray_petsc_dmda.h",
        takes: "blocks of a grid, none empty, packed; the axis that is fastest in memory is so among the \
                ranks",
        source: "`DMDACreate3d`, `DMDASetOwnershipRanges`",
        ndims: ANY,
        // Without a stencil PETSc 3.18 takes empty parts along x, and crashes along y: tried.
        fits: |l| l.dmda() && l.bare(),
        takes_views: true,
    },
    Borrower {
        name: "PETSc DMDA local",
        header: "include/distarray_petsc_dmda.h",
        takes: "the same with a halo as wide as the stencil (here 1) towards every neighbour, and around the \
                edges of an axis or not",
        source: "`DMDAGetGhostCorners`, `DMBoundaryType`",
        ndims: ANY,
        fits: |l| l.dmda() && l.ghosts(1),
        takes_views: true,
    },
    Borrower {
        name: "SLEPc BV",
        header: "include/distarray_slepc.h",
        takes: "no memory: `BVCreate` allocates, `BVCreateFromMat` copies",
        source: "SLEPc manual pages `BVSetSizes`, `BVCreateFromMat`",
        ndims: &[2],
        fits: |_| false,
        takes_views: false,
    },
    Borrower {
        name: "Tpetra MultiVector",
        header: "include/distarray_tpetra.hpp",
        takes: "rows in the order of the ranks, cut, dealt out or listed in any way: a `Map`; the elements of \
                a column side by side, columns at one distance",
        source: "`MultiVector(map, dualView)`, `Kokkos::LayoutLeft`",
        ndims: &[1, 2],
        fits: |l| l.is_map() && l.bare() && l.lines(Fortran),
        takes_views: true,
    },
    Borrower {
        name: "Epetra Vector",
        header: "include/distarray_epetra.hpp",
        takes: "rows in the order of the ranks, cut, dealt out or listed in any way: an `Epetra_BlockMap`, a \
                row for an element; packed, the last axis fastest",
        source: "`Epetra_Vector(View, map, V)`",
        ndims: ANY,
        fits: |l| l.is_map() && l.bare() && l.packed(C),
        takes_views: true,
    },
    Borrower {
        name: "Epetra MultiVector",
        header: "include/distarray_epetra.hpp",
        takes: "the same rows; the elements of a column side by side, columns at one distance",
        source: "`Epetra_MultiVector(View, map, A, MyLDA, NumVectors)`",
        ndims: &[1, 2],
        fits: |l| l.is_map() && l.bare() && l.lines(Fortran),
        takes_views: true,
    },
    Borrower {
        name: "SUNDIALS N_Vector",
        header: "include/distarray_sundials.h",
        takes: "any packed elements: it knows no indices",
        source: "`N_VMake_Parallel`",
        ndims: ANY,
        fits: |l| l.bare() && (l.packed(C) || l.packed(Fortran)),
        takes_views: true,
    },
    Borrower {
        name: "HYPRE ParVector",
        header: "include/distarray_hypre.h",
        takes: "blocks of rows in the order of the ranks; packed, the last axis fastest",
        source: "`hypre_ParVectorCreate`, `hypre_SeqVectorSetDataOwner`",
        ndims: ANY,
        fits: |l| l.rows() && l.bare() && l.packed(C),
        takes_views: true,
    },
    Borrower {
        name: "HYPRE StructVector",
        header: "include/distarray_hypre.h",
        takes: "boxes, packed in either order, without a halo or with one that is as wide on all ranks, \
                around the edges too",
        source: "`HYPRE_StructGridSetExtents`, `HYPRE_StructVectorSetNumGhost`, \
                 `hypre_StructVectorInitializeData`",
        ndims: ANY,
        fits: |l| l.blocks() && l.same_halo() && (l.packed(C) || l.packed(Fortran)),
        takes_views: true,
    },
    Borrower {
        name: "ScaLAPACK",
        header: "include/distarray_scalapack.h",
        takes: "matrices in blocks of one length, dealt round robin or once; columns at one distance, or rows \
                as those of the transposed matrix; a halo is stepped over",
        source: "ScaLAPACK Users' Guide, \"Array Descriptor for In-core Dense Matrices\", `NUMROC`",
        ndims: &[2],
        fits: |l| {
            let owned = l.owned();
            (0..2).all(|axis| owned.round_robin(axis) || owned.equal(axis))
                && (owned.lines(Fortran) || owned.lines(C))
        },
        takes_views: true,
    },
    Borrower {
        name: "FFTW r2r",
        header: "include/distarray_fftw.h",
        takes: "slabs: rows in blocks of one length, packed, with the room that `fftw_mpi_local_size` asks for",
        source: "FFTW manual, \"MPI Data Distribution\"",
        ndims: &[2, 3],
        fits: |l| l.rows() && l.equal(0) && l.bare() && l.packed(C) && l.has_room(1),
        takes_views: false,
    },
    Borrower {
        name: "FFTW r2c",
        header: "include/distarray_fftw.h",
        takes: "the same, with rows of n elements in the room of 2 (n / 2 + 1)",
        source: "FFTW manual, \"Multi-dimensional MPI DFTs of Real Data\"",
        ndims: &[2, 3],
        fits: |l| l.rows() && l.equal(0) && l.bare() && l.padded_rows() && l.has_room(2),
        takes_views: false,
    },
    Borrower {
        name: "Global Arrays",
        header: "include/distarray_ga.h",
        takes: "no memory: `NGA_Create` allocates, `NGA_Put` copies",
        source: "Global Arrays manual, chapter 2",
        ndims: ANY,
        fits: |_| false,
        takes_views: false,
    },
    Borrower {
        name: "HDF5",
        header: "include/distarray_hdf5.h",
        takes: "any array of whole elements: it writes them to a file from where they lie, and reads them there",
        source: "HDF5 User's Guide, \"Dataspaces and Data Transfer\"",
        ndims: ANY,
        fits: |_| true,
        takes_views: true,
    },
];

/// What must be found for an array of this layout.
pub fn verdict(borrower: &Borrower, layout: &Layout) -> char {
    if !borrower.ndims.contains(&layout.ndim()) {
        '-'
    } else if (borrower.fits)(layout) {
        'Z'
    } else if borrower.takes_views && (borrower.fits)(&layout.owned()) {
        'V'
    } else {
        'c'
    }
}
