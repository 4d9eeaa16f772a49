//! Boot measurements: what is known of each partition's image, and handing it to a partition that asks.

use crate::arch::guest_memory::Physical;
use crate::machine::{Machine, PartitionView};
use crate::provision::provision;
use core::sync::atomic::{AtomicU8, Ordering::SeqCst};
use partita_abi::MAX_PARTITIONS;
use partita_abi::measurement::Standing;
use partita_abi::signature::Provision;
use partita_monitor_core::measurement::{count, measure};
use zerocopy::FromBytes as _;

/// How the loading of each partition's image ended last: a [`Standing`].
static LOADED: [AtomicU8; MAX_PARTITIONS] = [const { AtomicU8::new(0) }; MAX_PARTITIONS];

/// Notes how loading ended.
pub fn note_loaded(partition: usize, matches: bool) {
    let standing = if matches {
        verified()
    } else {
        Standing::Refused
    };
    if let Some(loaded) = LOADED.get(partition) {
        loaded.store(standing as u8, SeqCst);
    }
}

/// What a system that runs, or a part that matches, is worth on this board.
fn verified() -> Standing {
    if provision().mode == Provision::SIGNED {
        Standing::Signed
    } else {
        Standing::Verified
    }
}

/// Copies a measurement to the caller's memory. Returns how many there are; none if there is none with this
/// index, or the buffer is not the caller's.
#[inline(never)]
pub fn tell(machine: &Machine, view: &PartitionView, index: usize, address: u64) -> Option<u64> {
    let fields = measure(&machine.table, index)?;
    let standing = match LOADED.get(usize::from(fields.partition)) {
        Some(loaded) => loaded.load(SeqCst),
        None => verified() as u8,
    };
    let mut place = address;
    let memory = Physical::of_running(view);
    let mut put = |word: u64| {
        let own = memory.write_u64(place, word);
        place = place.wrapping_add(8);
        own.then_some(())
    };
    for bytes in [fields.digest, fields.name.bytes()] {
        // The table's entries are aligned, and so are these in them.
        for word in <[u64; 4]>::ref_from_bytes(bytes).ok()? {
            put(*word)?;
        }
    }
    put(fields.size)?;
    put(fields.last_word(standing))?;
    Some(count(&machine.table) as u64)
}
