//! What cores ask of each other.
//!
//! Each core has a mailbox that any core may write and that the owner empties. A request to a virtual
//! core that does not run, because a more critical one has its core, waits there until that
//! virtual core is entered: nothing that a less critical partition asks for interrupts a more
//! critical one. The order of the accesses, all sequentially consistent, is what makes that safe:
//!
//! - the sender first writes its request, then reads who runs ([`Mailbox::running`]);
//! - the owner first writes who runs, then reads the requests.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_abi::{MAX_CORES, MAX_SHARING};

/// A supervisor software interrupt.
pub const SOFTWARE_INTERRUPT: u32 = 1 << 0;
/// Start at the address in the order.
pub const START: u32 = 1 << 1;
/// Stop, as part of stopping the whole partition.
pub const STOP: u32 = 1 << 2;
/// Load the partition, of which this is the first virtual core.
pub const LOAD: u32 = 1 << 3;
/// Do what the partition asked of the interrupt controller from another core.
pub const CONTROLLER: u32 = 1 << 4;
/// There are health events of others to take.
pub const NOTICE: u32 = 1 << 5;

/// Its devices reached for what they may not.
pub const DEVICE_EVENTS: u32 = 1 << 6;

/// In [`Mailbox::running`]: no virtual core runs.
pub const IDLE: usize = usize::MAX;

/// The states of a virtual core as the SBI counts them (9, table 3).
pub mod state {
    /// It runs or could.
    pub const STARTED: u8 = 0;
    /// It is stopped.
    pub const STOPPED: u8 = 1;
    /// It was asked to start.
    pub const START_PENDING: u8 = 2;
    /// It waits in a suspend call.
    pub const SUSPENDED: u8 = 4;
}

/// Where a virtual core is to start.
pub struct Order {
    /// One of [`state`].
    pub state: AtomicU8,
    /// Its first instruction.
    pub address: AtomicU64,
    /// Its argument.
    pub argument: AtomicU64,
}

/// In [`Mailbox::flags`]: the run ends.
pub const END: u32 = 1 << 30;
/// In [`Mailbox::flags`]: a fence is asked for. The bits below are the slots with requests.
pub const FENCE: u32 = 1 << 31;

/// One core's mailbox. Its size is a power of two, so that it is found without a multiplication.
#[repr(align(256))]
pub struct Mailbox {
    /// What there is to look at; set after the request is written, cleared before it is read.
    pub flags: AtomicU32,
    /// Requests to the virtual core in each slot.
    pub requests: [AtomicU32; MAX_SHARING],
    /// Start orders for the virtual core in each slot.
    pub orders: [Order; MAX_SHARING],
    /// The slot that runs, or [`IDLE`].
    pub running: AtomicUsize,
    /// Number of fences asked for.
    pub fences_asked: AtomicU32,
    /// Number of fences done: all that were asked for before.
    pub fences_done: AtomicU32,
    /// Cores that wait for a fence, one bit each.
    pub waiting: AtomicU32,
}

/// All cores' mailboxes.
pub static MAILBOXES: [Mailbox; MAX_CORES] = [const { Mailbox::new() }; MAX_CORES];

impl Mailbox {
    const fn new() -> Self {
        Self {
            flags: AtomicU32::new(0),
            requests: [const { AtomicU32::new(0) }; MAX_SHARING],
            orders: [const {
                Order {
                    state: AtomicU8::new(state::STOPPED),
                    address: AtomicU64::new(0),
                    argument: AtomicU64::new(0),
                }
            }; MAX_SHARING],
            running: AtomicUsize::new(IDLE),
            fences_asked: AtomicU32::new(0),
            fences_done: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
        }
    }

    /// Adds a request for a slot. Returns whether the core must be interrupted to see it in time: not if
    /// it has been told already, which bounds what a flood of requests costs the others on that core.
    #[inline]
    pub fn request(&self, slot: usize, request: u32) -> bool {
        let Some(requests) = self.requests.get(slot) else {
            return false;
        };
        if requests.fetch_or(request, SeqCst) & request == request {
            return false;
        }
        self.flags.fetch_or(1 << slot, SeqCst);
        slot <= self.running.load(SeqCst)
    }

    /// Drops what a slot was asked for.
    pub fn drop_requests(&self, slot: usize) {
        if let Some(requests) = self.requests.get(slot) {
            requests.store(0, SeqCst);
        }
    }

    /// Whether requests to a slot were left while it could not run; then they are mail again.
    #[inline(always)]
    pub fn has_request(&self, slot: usize) -> bool {
        let waits = self
            .requests
            .get(slot)
            .is_some_and(|requests| requests.load(SeqCst) != 0);
        if waits {
            self.flags.fetch_or(1 << slot, SeqCst);
        }
        waits
    }

    /// Asks for a fence. Returns the number of the fence.
    #[allow(dead_code, reason = "used where cores wait for fences of each other")]
    #[inline]
    pub fn ask_for_fence(&self) -> u32 {
        let number = self.fences_asked.fetch_add(1, SeqCst).wrapping_add(1);
        self.flags.fetch_or(FENCE, SeqCst);
        number
    }

    /// Whether there is anything to look at.
    #[inline(always)]
    pub fn has_mail(&self) -> bool {
        self.flags.load(SeqCst) != 0
    }
}

/// The mailbox of a core.
#[inline]
pub fn of(core: usize) -> &'static Mailbox {
    // The index is a core id from the checked table; the mask keeps this free of a panic.
    &MAILBOXES[core % MAX_CORES]
}
