//! Physical memory protection of a hart (privileged specification 3.7, and Smepmp 1.0).
//!
//! ```text
//! entry 0        the guard page under this hart's stack     locked, no access for anybody
//! entry 1        the monitor's text and read-only data      locked, read and execute for M only
//!                                                           (only on boards that can have Smepmp)
//! the others     the partitions of this hart                from the system table
//! ```
//!
//! Without a matching entry supervisor and user mode have no access at all, which protects the
//! monitor's data, the store and every device. With Smepmp (`mseccfg.MML`) machine mode cannot use
//! what a partition's entries cover: the monitor reaches the memory of the *running* partition only
//! with that partition's own rights, see [`crate::arch::guest_memory`], and the registers of the interrupt
//! controller that Linux reaches too only while Linux's entries are not active ([`lift`]).

use crate::arch::csr;
use crate::board::BOARD;
use core::arch::asm;
use partita_abi::table::Protection;
use partita_board::MONITOR_TEXT_BYTES;

/// Entries that a hart has here.
pub const ENTRIES: usize = 16;
/// The first entry that partitions may use on any board; the board says whether the next is the
/// monitor's too.
const FIRST_FREE: usize = 1;

const LOCKED: u8 = 0x80;
const NAPOT: u8 = 3 << 3;
const READ_EXECUTE: u8 = 0b101;

/// The protection of one virtual core, ready to be written.
#[derive(Clone, Copy)]
pub struct Plan {
    /// `pmpcfg0` and `pmpcfg2`.
    config: [u64; 2],
    address: [u64; ENTRIES],
    /// Entries whose addresses must be written at each switch, because other virtual cores of the
    /// hart use them too; empty if this virtual core has its entries to itself.
    rewrite: (usize, usize),
}

impl Plan {
    /// A plan that gives access to nothing.
    pub const NOTHING: Self = Self {
        config: [0; 2],
        address: [0; ENTRIES],
        rewrite: (0, 0),
    };

    /// Puts the table's entries at `slot`. Returns `None` if they do not fit.
    pub fn new(entries: &[Protection], slot: usize, exclusive: bool) -> Option<Self> {
        let end = slot.checked_add(entries.len())?;
        if slot < FIRST_FREE || end > ENTRIES {
            return None;
        }
        let mut plan = Self::NOTHING;
        for (number, entry) in entries.iter().enumerate() {
            let number = slot + number;
            *plan.address.get_mut(number)? = entry.address;
            let byte = u64::from(entry.config & 0x1f) << (8 * (number % 8));
            *plan.config.get_mut(number / 8)? |= byte;
        }
        if !exclusive {
            plan.rewrite = (slot, end);
        }
        Some(plan)
    }

    /// Gives the partition its access. The fence that this needs comes from the caller's switch.
    #[inline(always)]
    pub fn activate(&self) {
        if self.rewrite.0 != self.rewrite.1 {
            // No entry may match with half-written addresses.
            csr::write!("pmpcfg0", 0);
            csr::write!("pmpcfg2", 0);
            self.write_addresses(self.rewrite.0, self.rewrite.1);
        }
        csr::write!("pmpcfg0", self.config[0]);
        csr::write!("pmpcfg2", self.config[1]);
    }

    /// Writes the addresses of a plan whose entries no other virtual core of the hart uses.
    pub fn install(&self, slot: usize, count: usize) {
        self.write_addresses(slot, slot.saturating_add(count));
    }

    #[cold]
    #[inline(never)]
    fn write_addresses(&self, from: usize, to: usize) {
        for (number, address) in self.address.iter().enumerate().take(to).skip(from) {
            write_address(number, *address);
        }
    }
}

/// Takes away all partitions' access; the monitor's own entries are locked and stay. Also needed
/// before machine mode can reach registers that a partition may reach too, see above.
#[inline]
pub fn deactivate() {
    csr::write!("pmpcfg0", 0);
    csr::write!("pmpcfg2", 0);
}

/// While this exists, no partition's entry is active on this hart.
#[cfg_attr(
    feature = "aia",
    allow(dead_code, reason = "no partition reaches what the monitor uses there")
)]
pub struct Lifted {
    config: [u64; 2],
}

/// Lifts the running partition's entries, to reach registers that it may reach too.
#[cfg_attr(
    feature = "aia",
    allow(dead_code, reason = "no partition reaches what the monitor uses there")
)]
pub fn lift() -> Lifted {
    let config = [csr::read!("pmpcfg0"), csr::read!("pmpcfg2")];
    deactivate();
    fence();
    Lifted { config }
}

impl Drop for Lifted {
    fn drop(&mut self) {
        csr::write!("pmpcfg0", self.config[0]);
        csr::write!("pmpcfg2", self.config[1]);
        fence();
    }
}

/// Makes changed protection, and a changed `satp`, effective (3.7.2).
#[inline]
pub fn fence() {
    // SAFETY: fences only order.
    unsafe { asm!("sfence.vma", options(nostack, preserves_flags)) };
}

/// Protects the monitor from itself on this hart: the guard page, and with Smepmp the text.
/// Returns whether text is now read-only.
pub fn protect_monitor(guard: u64, text: u64) -> bool {
    write_address(0, napot(guard, 4096));
    if BOARD.architecture.smepmp {
        write_address(1, napot(text, MONITOR_TEXT_BYTES));
    }
    let guard_config = u64::from(LOCKED | NAPOT);
    let text_config = u64::from(LOCKED | NAPOT | READ_EXECUTE);
    // Without Smepmp there is no `mseccfg` (0x747).
    if BOARD.architecture.smepmp && csr::probe!("0x747").is_some() {
        // 2.1 of Smepmp: an executable machine-mode rule must exist before MML is set.
        csr::write!("pmpcfg0", guard_config | text_config << 8);
        csr::write!("0x747", MACHINE_MODE_LOCKDOWN);
        fence();
        csr::read!("0x747") & MACHINE_MODE_LOCKDOWN != 0
    } else {
        csr::write!("pmpcfg0", guard_config);
        fence();
        false
    }
}

const MACHINE_MODE_LOCKDOWN: u64 = 1;

fn napot(base: u64, size: u64) -> u64 {
    base >> 2 | (size / 8 - 1)
}

fn write_address(number: usize, value: u64) {
    macro_rules! write_by_number {
        ($($number:literal $register:literal),+) => {
            match number {
                $($number => csr::write!($register, value),)+
                _ => {}
            }
        };
    }
    write_by_number!(
        0 "pmpaddr0", 1 "pmpaddr1", 2 "pmpaddr2", 3 "pmpaddr3", 4 "pmpaddr4", 5 "pmpaddr5",
        6 "pmpaddr6", 7 "pmpaddr7", 8 "pmpaddr8", 9 "pmpaddr9", 10 "pmpaddr10", 11 "pmpaddr11",
        12 "pmpaddr12", 13 "pmpaddr13", 14 "pmpaddr14", 15 "pmpaddr15"
    );
}
