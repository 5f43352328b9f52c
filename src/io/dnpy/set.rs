//! Sets of `.dnpy` files: one per rank, `<prefix>_<rank>.dnpy`.

use std::path::{Path, PathBuf};

use super::{read, stage};
use crate::array::AnyArray;
use crate::comm::Comm;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::DimData;

/// Reads this rank's file `<prefix>_<rank>.dnpy` of a set. Collective.
///
/// # Errors
/// As for [`read`](super::read), and `Grid` where a file belongs to another rank or to a
/// set of another size; the same error on every rank.
pub fn read_rank(prefix: impl AsRef<Path>, comm: &Comm) -> Result<AnyArray> {
    let path = rank_path(prefix.as_ref(), comm.rank());
    let array = read(&path).and_then(|array| {
        check_rank(array.dim_data(), comm).map_err(|error| error.in_file(&path))?;
        Ok(array)
    });
    comm.agree(array)
}

/// Writes this rank's file `<prefix>_<rank>.dnpy` of a set. Collective.
///
/// No file is replaced before every rank has written its own: only a failure
/// while the finished files are renamed can leave old ones among new ones.
///
/// # Errors
/// As for [`write`](super::write), and `Grid` where the array belongs to another rank or
/// number of ranks; the same error on every rank.
pub fn write_rank(prefix: impl AsRef<Path>, array: impl AsRef<AnyArray>, comm: &Comm) -> Result<()> {
    let path = rank_path(prefix.as_ref(), comm.rank());
    let array = array.as_ref();
    let staged = check_rank(array.dim_data(), comm).and_then(|()| stage(&path, array));
    let staged = comm.agree(staged)?;
    comm.agree(staged.commit())
}

/// The file of one rank of a set: `<prefix>_<rank>.dnpy`. Local.
#[must_use]
pub fn rank_path(prefix: &Path, rank: usize) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(format!("_{rank}.dnpy"));
    path.into()
}

/// The set that a file belongs to by its name, and its rank there; `None` for any
/// other name. Local.
///
/// ```
/// use distarray::io::dnpy::{rank_of_path, rank_path};
/// use std::path::Path;
///
/// let prefix = Path::new("out/u");
/// assert_eq!(rank_of_path(&rank_path(prefix, 12)), Some((prefix.into(), 12)));
/// assert_eq!(rank_of_path(Path::new("out/u_012.dnpy")), None);
/// ```
#[must_use]
pub fn rank_of_path(path: &Path) -> Option<(PathBuf, usize)> {
    let (prefix, rank) = path.file_name()?.to_str()?.strip_suffix(".dnpy")?.rsplit_once('_')?;
    let (prefix, rank) = (path.with_file_name(prefix), rank.parse().ok()?);
    (rank_path(&prefix, rank).file_name() == path.file_name()).then_some((prefix, rank))
}

/// Checks that the coordinates are those of this rank in a grid of all ranks.
fn check_rank(dim_data: &DimData, comm: &Comm) -> Result<()> {
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let (ranks, rank) = (number(comm.size()), number(comm.rank()));
    if dim_data.process_count() != ranks {
        return Err(Error::new(ErrorKind::Grid, "the process grid needs as many ranks as there are parts")
            .in_field("proc_grid_size")
            .expected_found(dim_data.process_count(), ranks));
    }
    if dim_data.process_rank() != rank {
        return Err(Error::new(ErrorKind::Grid, "the part belongs to another rank")
            .in_field("proc_grid_rank")
            .expected_found(rank, dim_data.process_rank()));
    }
    Ok(())
}
