//! Files: NumPy's `.npy` (one array) and DistArray's `.dnpy` (one part of a
//! distributed array, with its `dim_data`).
//!
//! An array goes from one file to a file for each rank, and back, by [`redistribute`].
//! The files of all ranks are replaced together, as their [`dnpy::Manifest`] says.
//!
//! Whatever a file holds, reading it runs no code, takes no more memory than
//! the file has bytes, and ends in an array or an error.
//!
//! ```
//! use distarray::array::DistArray;
//! use distarray::io::dnpy;
//! use distarray::protocol::{Dim, DimData, Dist};
//!
//! // The second of two blocks of a global array of five elements.
//! let dim = Dim::new(5, 2, 1, Dist::block(3, 5))?;
//! let u = DistArray::new(DimData::new([dim])?, vec![3.0, 4.0])?;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("u_1.dnpy");
//! dnpy::write(&path, &u)?;
//! let v = dnpy::read(&path)?.downcast::<f64>()?;
//! assert_eq!((v.dim_data(), v.view()), (u.dim_data(), u.view()));
//! # Ok::<(), distarray::Error>(())
//! ```

mod atomic;
mod descr;
pub mod dnpy;
mod file;
mod lock;
pub mod npy;
mod pep3118;
mod piece;
mod redistribute;
mod source;
mod sum;

pub use atomic::write_whole;
pub use piece::Piece;
pub use redistribute::{Progress, Target, redistribute};
