//! From reset to the first partition.

use crate::arch::csr::{self, interrupt};
use crate::arch::performance;
use crate::arch::platform::Features;
use crate::arch::pmp;
use crate::arch::timer::Aclint;
use crate::arch::vector;
use crate::arch::wait_for_interrupt;
use crate::board::BOARD;
use crate::console;
use crate::cores::Core;
use crate::machine;
use crate::report;
use crate::serial::Port;
use crate::startup;

/// `misa.H`: the hypervisor extension, which gives supervisor mode registers of its own (9.1).
const MISA_HYPERVISOR: u64 = 1 << 7;
/// `mstateen0.ENVCFG`: `senvcfg` may be used; it is switched.
const STATE_ENVIRONMENT: u64 = 1 << 62;

/// Starts the monitor on the hart that calls this: every hart comes here from the vector, with its stack; the
/// boot hart first, the others when it calls.
pub extern "C" fn start_hart(id: usize) -> ! {
    csr::write!("mstatus", 0);
    Aclint.set_deadline(id, u64::MAX);
    Aclint.clear_interrupt(id);
    let layout = vector::layout();
    let read_only_text = pmp::protect_monitor(vector::guard_page(id), layout.text);
    prepare_hart();
    let features = Features::find(read_only_text);
    let boots = id == BOARD.first_core;
    let machine = if boots {
        // SAFETY: nobody else uses the port yet.
        unsafe { console::open(Port::new()) };
        let machine = startup::start_machine(features);
        for other in id + 1..machine.cores {
            Aclint.interrupt(other);
        }
        machine
    } else {
        match machine::get() {
            Some(machine) if id < machine.cores => machine,
            _ => stay_away(),
        }
    };
    keep_off();
    // SAFETY: once on each hart, with its own number.
    let hart = unsafe { Core::create(id, machine) };
    csr::write!("mie", interrupt::MACHINE);
    if boots {
        hart.request_load(machine.start_order[0]);
    }
    vector::run(hart)
}

/// A hart that the system does not use.
fn stay_away() -> ! {
    csr::write!("mie", 0);
    loop {
        wait_for_interrupt();
    }
}

/// Keeps partitions from what they could write and no switch saves. A hart on which they cannot be kept from
/// it is not used: one could tell another something by it, or change how it runs.
fn keep_off() {
    if !BOARD.architecture.privileged_1_12 {
        return;
    }
    csr::clear!("misa", MISA_HYPERVISOR);
    let mut reached = csr::read!("misa") & MISA_HYPERVISOR != 0;
    if csr::probe!("0x30c").is_some() {
        // `mstateen0` to `mstateen3` (Smstateen 1.0).
        csr::write!("0x30c", STATE_ENVIRONMENT);
        csr::write!("0x30d", 0);
        csr::write!("0x30e", 0);
        csr::write!("0x30f", 0);
    } else {
        // `jvt`, `sctrctl`, `siselect`, `srmcfg`, `scontext`.
        reached |= csr::probe!("0x017").is_some()
            || csr::probe!("0x14e").is_some()
            || csr::probe!("0x150").is_some()
            || csr::probe!("0x181").is_some()
            || csr::probe!("0x5a8").is_some();
    }
    if reached {
        report::fatal(
            "partitions could reach registers that a switch does not save (H, or no Smstateen)",
        );
    }
}

/// Sets what is the same for every partition.
fn prepare_hart() {
    csr::write!(
        "mideleg",
        interrupt::SUPERVISOR & !interrupt::COUNTER_OVERFLOW
    );
    csr::write!("mcounteren", performance::READABLE);
    if BOARD.architecture.privileged_1_12 && csr::probe!("mcountinhibit").is_some() {
        performance::hide();
    }
}
