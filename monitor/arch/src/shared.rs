//! What all cores know of each partition.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_abi::MAX_PARTITIONS;
use partita_abi::health::State;
use partita_monitor_core::healing::Decision;
use partita_monitor_core::schedule::NEVER;

/// One partition's shared state. Its size is a power of two, so that it is found without a multiplication.
#[repr(align(128))]
pub struct Shared {
    state: AtomicU8,
    /// The state that it is in when all its virtual cores have stopped.
    afterwards: AtomicU8,
    /// If it is to be loaded again then: not before this machine time, in nanoseconds.
    pub reload_ns: AtomicU64,
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
    /// Its watchdog.
    pub watchdog: Watchdog,
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
            afterwards: AtomicU8::new(State::Failed as u8),
            reload_ns: AtomicU64::new(0),
            stopping: AtomicU8::new(0),
            remaining: AtomicU32::new(0),
            boots: AtomicU32::new(0),
            first_entry_ns: AtomicU64::new(0),
            deadlines_met: AtomicU64::new(0),
            deadlines_missed: AtomicU64::new(0),
            worst_wakeup_ns: AtomicU64::new(0),
            watchdog: Watchdog::new(),
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

    /// The partition is to be stopped, as was decided. It is not being stopped yet.
    pub fn begin_stop(&self, decision: Decision, virtual_cores: u32) {
        self.stopping.store(1, SeqCst);
        let afterwards = match decision {
            Decision::Restart { not_before_ns } => {
                self.reload_ns.store(not_before_ns, SeqCst);
                State::Loading
            }
            Decision::Off(state) => state,
            _ => State::Failed,
        };
        self.afterwards.store(afterwards as u8, SeqCst);
        self.remaining.store(virtual_cores, SeqCst);
        self.watchdog.disarm();
    }

    /// Whether the partition is being stopped, so that none of its virtual cores may start.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst) != 0
    }

    /// Whether its devices may interrupt it. The line of one that may not is opened again when it starts.
    pub fn takes_interrupts(&self) -> bool {
        // In this order: the state changes before it counts as stopped.
        !self.is_stopping() && self.state() == State::Running
    }

    /// One virtual core has stopped. Returns the partition's next state if it was the last one; it counts
    /// as stopping until [`Shared::end_stop`].
    pub fn one_stopped(&self) -> Option<State> {
        if self.remaining.fetch_sub(1, SeqCst) != 1 {
            return None;
        }
        Some(State::from_number(self.afterwards.load(SeqCst)).unwrap_or(State::Failed))
    }

    /// All virtual cores have stopped, and the partition is in `state` now.
    pub fn end_stop(&self, state: State) {
        self.set_state(state);
        self.stopping.store(0, SeqCst);
    }
}

/// A partition's watchdog. Times are in ticks.
pub struct Watchdog {
    /// When it expires; [`NEVER`] while it does not run.
    deadline: AtomicU64,
    /// How long it runs from each reset; 0 while it does not run.
    timeout: AtomicU64,
    /// The core that looks at it.
    core: AtomicUsize,
    /// The mode register of the emulated one.
    pub mode: AtomicU32,
}

impl Watchdog {
    const fn new() -> Self {
        Self {
            deadline: AtomicU64::new(NEVER),
            timeout: AtomicU64::new(0),
            core: AtomicUsize::new(0),
            mode: AtomicU32::new(0),
        }
    }

    /// Starts it, and makes `core` look at it.
    pub fn start(&self, core: usize, timeout: u64, now: u64) {
        self.core.store(core, SeqCst);
        self.timeout.store(timeout, SeqCst);
        self.reset(now);
    }

    /// Resets it, if it runs.
    pub fn reset(&self, now: u64) {
        let timeout = self.timeout.load(SeqCst);
        if timeout != 0 {
            self.deadline.store(now.saturating_add(timeout), SeqCst);
        }
    }

    /// How long it has to run; 0 while it does not run.
    #[allow(dead_code, reason = "used where partitions can ask for it")]
    pub fn left(&self, now: u64) -> u64 {
        match self.deadline.load(SeqCst) {
            NEVER => 0,
            deadline => deadline.saturating_sub(now),
        }
    }

    /// Stops it: its partition does not run any more.
    pub fn disarm(&self) {
        self.timeout.store(0, SeqCst);
        self.deadline.store(NEVER, SeqCst);
        self.mode.store(0, SeqCst);
    }

    /// When `core` has to look at it.
    pub fn deadline_on(&self, core: usize) -> u64 {
        if self.core.load(SeqCst) == core {
            self.deadline.load(SeqCst)
        } else {
            NEVER
        }
    }

    /// Whether it has expired for `core` to find: true once.
    pub fn has_expired(&self, core: usize, now: u64) -> bool {
        let deadline = self.deadline_on(core);
        let expired = deadline <= now;
        // It may be reset at this very moment.
        expired
            && self
                .deadline
                .compare_exchange(deadline, NEVER, SeqCst, SeqCst)
                .is_ok()
    }
}
