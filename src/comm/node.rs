//! The ranks of a communicator that share memory: found once, and kept with it.
#![allow(unsafe_code)] // messages in memory of their own

use std::sync::Arc;

use super::transport::OWN_TAG;
use super::{Comm, Op, Peer, Place, to_i64, to_usize};
use crate::Result;

/// The ranks of this rank's node.
pub(crate) struct Node {
    /// Ranks of the communicator, ascending.
    ranks: Vec<usize>,
    own: usize,
}

impl Comm {
    /// The ranks that share memory with this one, itself included; none on every rank
    /// where one cannot tell, or was told not to share by [`SWITCH`]. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails.
    pub(super) fn node(&self) -> Result<Option<&Arc<Node>>> {
        if let Some(found) = self.0.node.get() {
            return Ok(found.as_ref());
        }
        let found = Node::find(self).inspect_err(|error| self.fail(error))?.map(Arc::new);
        Ok(self.0.node.get_or_init(|| found).as_ref())
    }
}

impl Comm {
    /// The ranks that share memory with this one, itself included, ascending; none where
    /// one cannot tell. Collective.
    ///
    /// # Errors
    /// `Comm` when the message layer fails.
    pub(crate) fn near(&self) -> Result<Vec<usize>> {
        Ok(self.node()?.map_or_else(Vec::new, |node| node.ranks.clone()))
    }
}

impl Node {
    fn find(comm: &Comm) -> Result<Option<Self>> {
        // Ranks that see the same memory files are on one node; that a hash collides is
        // found out by who cannot open the file.
        let wanted = std::env::var_os(SWITCH).is_none_or(|value| value != "off");
        let color = node_color().ok().filter(|_| wanted);
        // All ranks share, or none: how they exchange must be agreed.
        let mut failing = [u64::from(color.is_none())];
        comm.all_reduce(&mut failing, Op::Max)?;
        if failing[0] != 0 {
            return Ok(None);
        }
        let Some(local) = comm.split(color, 0)? else { return Ok(None) };
        let mut ranks = vec![0_i64; local.size()];
        local.all_gather_into(&to_i64(comm.rank()).to_ne_bytes(), bytemuck::cast_slice_mut(&mut ranks))?;
        let own = local.rank();
        // It was only needed to meet: communicators are few.
        local.free()?;
        Ok(Some(Self { ranks: ranks.into_iter().map(to_usize).collect(), own }))
    }

    /// The number of ranks.
    pub(crate) fn len(&self) -> usize {
        self.ranks.len()
    }

    /// This rank's place among them.
    pub(crate) fn own(&self) -> usize {
        self.own
    }

    /// The place of a rank of the communicator; none on another node.
    pub(crate) fn place(&self, rank: usize) -> Option<usize> {
        self.ranks.binary_search(&rank).ok()
    }

    /// The rank of the communicator at a place.
    pub(crate) fn rank(&self, place: usize) -> usize {
        self.ranks[place]
    }

    /// Some words of each rank of the node, by their places. Collective.
    pub(super) fn gather<const N: usize>(&self, comm: &Comm, mine: [u64; N]) -> Result<Vec<[u64; N]>> {
        let mut all = vec![[0; N]; self.len()];
        all[self.own] = mine;
        let with = |ranks: &[usize], bytes: usize| {
            let to = |&rank: &usize| Place { peer: Peer { rank, bytes }, memory: None };
            ranks.iter().map(to).collect::<Vec<_>>()
        };
        // The first rank collects them and tells everyone.
        let (leads, (first, others)) = (self.own == 0, self.ranks.split_at(1));
        let (one, whole) = (size_of_val(&mine), size_of_val(all.as_slice()));
        let (sends, receives) = match leads {
            true => (with(others, whole), with(others, one)),
            false => (with(first, one), with(first, whole)),
        };
        // SAFETY: no memory of a caller's.
        let mut messages = unsafe { comm.messages_in(OWN_TAG, &sends, &receives) }?;
        messages.start_receives()?;
        if leads {
            while let Some((which, bytes)) = messages.next_received()? {
                bytemuck::cast_slice_mut(&mut all[which + 1..which + 2]).copy_from_slice(bytes);
            }
        }
        for which in 0..sends.len() {
            let told = if leads { &all[..] } else { &all[self.own..=self.own] };
            messages.send_buffer(which)?.copy_from_slice(bytemuck::cast_slice(told));
            messages.start_send(which)?;
        }
        if let (false, Some((_, bytes))) = (leads, messages.next_received()?) {
            bytemuck::cast_slice_mut(&mut all).copy_from_slice(bytes);
        }
        messages.finish()?;
        messages.free()?;
        Ok(all)
    }
}

/// What the processes that see one /dev/shm have in common.
fn node_color() -> std::io::Result<i32> {
    use std::os::unix::fs::MetadataExt;
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id")?;
    let folder = std::fs::metadata(super::segment::FOLDER)?;
    // Not a random hash: all processes must find the same.
    let bytes = boot.iter().copied().chain(folder.dev().to_ne_bytes()).chain(folder.ino().to_ne_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(i32::try_from(hash >> 33).unwrap_or(0))
}

/// The environment variable that turns shared memory off, by the value `off`.
const SWITCH: &str = "DISTARRAY_SHARED_MEMORY";
