//! A hart that changes what another one is about to use: an entry of a page table, an instruction.

use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::hart::{self, Stack};

static mut STACK: Stack<4096> = Stack::new();
static PLACE: AtomicUsize = AtomicUsize::new(0);
static VALUES: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
static RUNS: AtomicBool = AtomicBool::new(false);
static ENDS: AtomicBool = AtomicBool::new(false);

/// Writes one value, then the other, as long as it may.
extern "C" fn change(_hart: usize) -> ! {
    let place = with_exposed_provenance_mut::<usize>(PLACE.load(SeqCst));
    let [one, other] = [VALUES[0].load(SeqCst), VALUES[1].load(SeqCst)];
    RUNS.store(true, SeqCst);
    // Cores that take turns of one length must not end each of them with the same value.
    let mut chance = 1_u32;
    while !ENDS.load(SeqCst) {
        for value in [one, other] {
            // SAFETY: the place belongs to this race; it is in memory of this partition that Rust does not
            // know of.
            unsafe { place.write_volatile(value) };
            // George Marsaglia, "Xorshift RNGs" (2003).
            chance ^= chance << 13;
            chance ^= chance >> 17;
            chance ^= chance << 5;
            for _ in 0..chance & 255 {
                core::hint::spin_loop();
            }
        }
    }
    RUNS.store(false, SeqCst);
    let _ = partita_guest_rt::sbi::hart_stop();
    crate::idle::rest()
}

/// Makes the other hart write `values` to `place` in turn while `action` runs.
pub fn against<T>(place: usize, values: [usize; 2], action: impl FnOnce() -> T) -> T {
    PLACE.store(place, SeqCst);
    VALUES[0].store(values[0], SeqCst);
    VALUES[1].store(values[1], SeqCst);
    ENDS.store(false, SeqCst);
    let stack = &raw mut STACK;
    // SAFETY: the hart is stopped, or the start fails: nobody uses its stack.
    let started = unsafe { hart::start(1, &mut *stack, change) };
    while started.is_ok() && !RUNS.load(SeqCst) {
        core::hint::spin_loop();
    }
    let result = action();
    ENDS.store(true, SeqCst);
    while started.is_ok() && partita_guest_rt::sbi::hart_status(1) != Ok(STOPPED) {
        core::hint::spin_loop();
    }
    result
}

/// What `hart_status` says of a hart that has stopped (SBI 2.0, 9.3).
const STOPPED: usize = partita_guest_rt::sbi::hart_state::STOPPED;
