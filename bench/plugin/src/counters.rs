//! The counts of instructions, of each hart and each range of addresses.
//!
//! Scoreboards with inline operations, which QEMU offers for this, are of no use here: QEMU 10.0
//! multiplies the number of the hart anew for every such operation of a block, so that all but the
//! first count in the wrong place on every hart but the first. Plain calls are nearly as fast.

use crate::arguments::MAX_RANGES;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The most harts that are counted.
pub const MAX_HARTS: usize = 8;

static COUNTS: [[AtomicU64; MAX_RANGES]; MAX_HARTS] =
    [const { [const { AtomicU64::new(0) }; MAX_RANGES] }; MAX_HARTS];
static LAST: [AtomicU64; MAX_HARTS] = [const { AtomicU64::new(0) }; MAX_HARTS];
static PROFILE: OnceLock<Box<[AtomicU64]>> = OnceLock::new();

/// Under instruction counting all harts run on one thread of the host, so nothing is lost.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Relaxed) + more, Relaxed);
}

/// Makes room for the executions of the instructions in `bytes` bytes of firmware.
pub fn profile(bytes: u64) {
    PROFILE.get_or_init(|| (0..bytes / 2).map(|_| AtomicU64::new(0)).collect());
}

/// One instruction of the firmware was executed, at this offset.
pub fn count_firmware(hart: u32, offset: usize) {
    if let Some(counts) = COUNTS.get(hart as usize) {
        add(&counts[0], 1);
    }
    if let Some(counter) = PROFILE.get().and_then(|profile| profile.get(offset / 2)) {
        add(counter, 1);
    }
}

/// `more` instructions of `range` were executed, outside the firmware.
pub fn count(hart: u32, range: usize, more: u64) {
    let hart = hart as usize;
    if let (Some(counts), Some(last)) = (COUNTS.get(hart), LAST.get(hart)) {
        add(&counts[range % MAX_RANGES], more);
        last.store(range as u64, Relaxed);
    }
}

/// The range that ran last on a hart, the firmware apart.
pub fn last(hart: u32) -> usize {
    LAST.get(hart as usize)
        .map_or(0, |last| last.load(Relaxed) as usize)
}

/// All instructions of a hart.
pub fn of_hart(hart: u32) -> u64 {
    let counts = COUNTS.get(hart as usize);
    counts.map_or(0, |counts| {
        counts.iter().map(|count| count.load(Relaxed)).sum()
    })
}

/// The firmware's instructions on a hart.
pub fn of_firmware(hart: u32) -> u64 {
    let counts = COUNTS.get(hart as usize);
    counts.map_or(0, |counts| counts[0].load(Relaxed))
}

/// All instructions.
pub fn total() -> u64 {
    COUNTS
        .iter()
        .flatten()
        .map(|count| count.load(Relaxed))
        .sum()
}

/// The instructions of the first `count` ranges.
pub fn of_ranges(count: usize) -> Vec<u64> {
    let sum = |range: usize| {
        COUNTS
            .iter()
            .map(|counts| counts[range].load(Relaxed))
            .sum()
    };
    (0..count.min(MAX_RANGES)).map(sum).collect()
}

/// The executions of firmware instructions by offset, those that were executed at all.
pub fn executed() -> Vec<(u64, u64)> {
    let all = PROFILE.get().into_iter().flatten().enumerate();
    let counts = all.map(|(index, count)| (index as u64 * 2, count.load(Relaxed)));
    counts.filter(|(_, count)| *count != 0).collect()
}
