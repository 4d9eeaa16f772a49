//! What all harts know of each partition.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_abi::MAX_PARTITIONS;
use partita_abi::health::State;

/// What happens once every virtual core of a partition has stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Afterwards {
    /// It is loaded and started again.
    Reload = 0,
    /// It stays off: it asked for that.
    Stopped = 1,
    /// It stays off: it failed.
    Failed = 2,
}

/// One partition's shared state.
pub struct Shared {
    state: AtomicU8,
    afterwards: AtomicU8,
    /// Set while the partition is being stopped, so that it is stopped once.
    stopping: AtomicU8,
    /// Virtual cores that have not stopped yet.
    pub remaining: AtomicU32,
    /// Times it was started.
    pub boots: AtomicU32,
    /// Machine time at which it was first entered in nanoseconds.
    pub first_entry_ns: AtomicU64,
    /// Deadlines met.
    pub deadlines_met: AtomicU64,
    /// Deadlines missed.
    pub deadlines_missed: AtomicU64,
    /// Worst wake-up latency in nanoseconds.
    pub worst_wakeup_ns: AtomicU64,
}

/// All partitions' shared state.
pub static PARTITIONS: [Shared; MAX_PARTITIONS] = [const { Shared::new() }; MAX_PARTITIONS];

/// How many partitions have been started for the first time, or given up: the next one in the order
/// of criticality is this one.
pub static STARTED: AtomicUsize = AtomicUsize::new(0);

/// The shared state of a partition.
#[inline]
pub fn of(partition: usize) -> &'static Shared {
    // The index comes from the checked table; the mask keeps this free of a panic.
    &PARTITIONS[partition % MAX_PARTITIONS]
}

impl Shared {
    const fn new() -> Self {
        Self {
            state: AtomicU8::new(State::Off as u8),
            afterwards: AtomicU8::new(0),
            stopping: AtomicU8::new(0),
            remaining: AtomicU32::new(0),
            boots: AtomicU32::new(0),
            first_entry_ns: AtomicU64::new(0),
            deadlines_met: AtomicU64::new(0),
            deadlines_missed: AtomicU64::new(0),
            worst_wakeup_ns: AtomicU64::new(0),
        }
    }

    /// Where the partition is in its life.
    pub fn state(&self) -> State {
        State::from_number(self.state.load(SeqCst)).unwrap_or(State::Failed)
    }

    /// Moves it on.
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, SeqCst);
    }

    /// Decides to stop the partition. Returns false if that was decided before.
    pub fn begin_stop(&self, afterwards: Afterwards, virtual_cores: u32) -> bool {
        if self.stopping.swap(1, SeqCst) != 0 {
            return false;
        }
        self.afterwards.store(afterwards as u8, SeqCst);
        self.remaining.store(virtual_cores, SeqCst);
        true
    }

    /// Whether the partition is being stopped, so that none of its virtual cores may start.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst) != 0
    }

    /// One virtual core has stopped. Returns what to do if it was the last one; the partition counts as
    /// stopping until [`Shared::end_stop`].
    pub fn one_stopped(&self) -> Option<Afterwards> {
        if self.remaining.fetch_sub(1, SeqCst) != 1 {
            return None;
        }
        Some(match self.afterwards.load(SeqCst) {
            0 => Afterwards::Reload,
            1 => Afterwards::Stopped,
            _ => Afterwards::Failed,
        })
    }

    /// All virtual cores have stopped, and the partition is in `state` now.
    pub fn end_stop(&self, state: State) {
        self.set_state(state);
        self.stopping.store(0, SeqCst);
    }
}
