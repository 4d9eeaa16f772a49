//! The state of a virtual core while it does not run, and how it gets onto and off a hart.
//!
//! The registers are all that supervisor mode can write and that outlives a switch: the general
//! registers, `mepc`, `mstatus` (of which `sstatus` is a part), and the supervisor registers of the
//! privileged specification 1.12, chapter 4.1, with `stimecmp` (Sstc 1.0). The performance counters
//! are shared and read-only to partitions. Floating point is apart ([`crate::arch::floating_point`]).

use crate::arch::csr::{self, cause, interrupt, status};
use crate::arch::platform::Features;
use crate::arch::pmp;
use crate::cores::Core;
use crate::machine::PartitionView;
use partita_abi::crash::{Record, flags};
use partita_virtual_riscv64::decode::RememberedAccess;
use partita_virtual_riscv64::remember::RememberedWalk;

/// Delegated to supervisor mode for every partition: misaligned, breakpoint, user call, page faults.
const DELEGATED_EXCEPTIONS: u64 =
    1 << 0 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 12 | 1 << 13 | 1 << 15;
/// `menvcfg.STCE`: supervisor mode has `stimecmp`.
pub const ENVIRONMENT_STIMECMP: u64 = 1 << 63;
/// `menvcfg.ADUE`: hardware sets the accessed and dirty bits of page tables (Svadu).
pub const ENVIRONMENT_UPDATE_TABLES: u64 = 1 << 61;

/// One virtual core's state. The trap vector writes `registers` and reads `stack` and `hart`.
#[repr(C)]
pub struct Context {
    /// `x0` to `x31`; the place of `x0` holds zero.
    pub registers: [u64; 32],
    /// The monitor's stack on this hart.
    pub stack: u64,
    /// The hart that this virtual core belongs to.
    pub core: *mut Core,
    /// Its partition; set before it runs.
    pub view: Option<&'static PartitionView>,
    /// The same while frequent calls and accesses may be answered on the short way, which counts nothing.
    pub quick_view: Option<&'static PartitionView>,
    /// Whether setting the timer may be.
    pub quick_timer: bool,
    /// The last page-table walk for a mediated access of its.
    pub walk: RememberedWalk,
    /// The last store and the last load of its that made one.
    pub decoded: [RememberedAccess; 2],
    /// Everything else, valid while the virtual core is not live on the hart.
    pub supervisor: Supervisor,
    /// Its access to memory.
    pub protection: pmp::Plan,
    /// Exceptions delegated to it.
    pub delegated: u64,
    /// `menvcfg` while it runs.
    pub environment: u64,
}

/// Offsets of what the trap vector uses.
pub mod offsets {
    use super::Context;
    /// Of [`Context::stack`].
    pub const STACK: usize = core::mem::offset_of!(Context, stack);
    /// Of [`Context::hart`].
    pub const HART: usize = core::mem::offset_of!(Context, core);
}

/// The registers that a switch saves and restores.
#[derive(Clone, Copy, Default)]
pub struct Supervisor {
    /// Where it goes on.
    pub program_counter: u64,
    /// `mstatus`.
    pub status: u64,
    vector: u64,
    scratch: u64,
    exception_counter: u64,
    cause: u64,
    value: u64,
    translation: u64,
    enabled: u64,
    counters: u64,
    environment: u64,
    /// `stimecmp`.
    pub timer: u64,
    /// Pending interrupts that nobody else keeps for it: from software, and of its counters.
    pub pending: u64,
}

impl Context {
    /// A virtual core that was never started.
    pub const fn new() -> Self {
        Self {
            registers: [0; 32],
            stack: 0,
            core: core::ptr::null_mut(),
            view: None,
            quick_view: None,
            quick_timer: false,
            walk: RememberedWalk::new(),
            decoded: [const { RememberedAccess::new() }; 2],
            supervisor: Supervisor {
                program_counter: 0,
                status: 0,
                vector: 0,
                scratch: 0,
                exception_counter: 0,
                cause: 0,
                value: 0,
                translation: 0,
                enabled: 0,
                counters: 0,
                environment: 0,
                timer: u64::MAX,
                pending: 0,
            },
            protection: pmp::Plan::NOTHING,
            delegated: 0,
            environment: 0,
        }
    }

    /// Decides what never changes: whether illegal instructions come to the monitor, and what the
    /// environment offers.
    pub fn configure(&mut self, takes_illegal: bool, features: &Features) {
        // Where the hart has no `time` register, reading it is illegal, and the monitor answers.
        let illegal = if takes_illegal || !features.time {
            0
        } else {
            1 << cause::ILLEGAL_INSTRUCTION
        };
        self.delegated = DELEGATED_EXCEPTIONS | illegal;
        self.environment = features.update_tables;
        if features.stimecmp() {
            self.environment |= ENVIRONMENT_STIMECMP;
        }
        self.allow_quick(true);
    }

    /// Decides whether frequent calls and accesses may be answered on the short way.
    pub fn allow_quick(&mut self, allowed: bool) {
        self.quick_view = self.view.filter(|_| allowed);
        self.quick_timer = allowed && self.environment & ENVIRONMENT_STIMECMP != 0;
    }

    /// Makes the virtual core start at `address` as the SBI specification says (9.1): supervisor mode,
    /// no translation, interrupts off, `a0` its number, `a1` = `argument`. `extensions` has the bits of
    /// `mstatus` for floating point and vectors.
    pub fn start(
        &mut self,
        address: u64,
        number: u64,
        argument: u64,
        wfi_traps: bool,
        extensions: u64,
    ) {
        self.registers = [0; 32];
        self.registers[10] = number;
        self.registers[11] = argument;
        self.supervisor = Supervisor {
            program_counter: address,
            status: status::MPP_SUPERVISOR | if wfi_traps { status::TW } else { 0 } | extensions,
            timer: u64::MAX,
            ..Supervisor::default()
        };
    }

    /// Writes the registers into a crash record; those of a virtual core that is live are on the hart.
    #[cold]
    pub fn record(&self, is_live: bool, record: &mut Record) {
        let mut saved = self.supervisor;
        let mut pending = saved.pending;
        if is_live {
            pending = csr::read!("sip");
            saved = Supervisor {
                program_counter: csr::read!("mepc"),
                status: csr::read!("mstatus"),
                vector: csr::read!("stvec"),
                scratch: csr::read!("sscratch"),
                exception_counter: csr::read!("sepc"),
                cause: csr::read!("scause"),
                value: csr::read!("stval"),
                translation: csr::read!("satp"),
                enabled: csr::read!("sie"),
                ..saved
            };
        }
        let registers = self.registers.get(1..).unwrap_or_default();
        record.registers.copy_from_slice(registers);
        record.event.program_counter = saved.program_counter;
        record.status = saved.status;
        if saved.status & status::MPP != 0 {
            record.flags |= flags::SUPERVISOR;
        }
        record.trap_vector = saved.vector;
        record.scratch = saved.scratch;
        record.exception_counter = saved.exception_counter;
        record.trap_cause = saved.cause;
        record.trap_value = saved.value;
        record.translation = saved.translation;
        record.enabled = saved.enabled;
        record.pending = pending;
    }

    /// Takes the virtual core's registers off the hart. With `stimecmp`, the order matters: the
    /// register is silenced here, before `menvcfg` can change.
    #[inline(always)]
    pub fn save(&mut self, features: &Features) {
        let pending = csr::read!("mip");
        self.supervisor = Supervisor {
            program_counter: csr::read!("mepc"),
            status: csr::read!("mstatus"),
            vector: csr::read!("stvec"),
            scratch: csr::read!("sscratch"),
            exception_counter: csr::read!("sepc"),
            cause: csr::read!("scause"),
            value: csr::read!("stval"),
            translation: csr::read!("satp"),
            enabled: csr::read!("sie"),
            counters: csr::read!("scounteren"),
            environment: self.supervisor.environment,
            timer: self.supervisor.timer,
            pending: pending & interrupt::SUPERVISOR_SOFTWARE,
        };
        if features.stimecmp() {
            self.supervisor.environment = csr::read!("senvcfg");
            self.supervisor.timer = csr::read!("0x14d");
            csr::write!("0x14d", u64::MAX);
        } else if features.environment() {
            self.supervisor.environment = csr::read!("senvcfg");
        }
    }

    /// Puts the virtual core's registers onto the hart. `timer_pending` matters without `stimecmp`.
    #[inline(always)]
    pub fn restore(&self, features: &Features, timer_pending: bool, external_pending: bool) {
        self.protection.activate();
        csr::write!("medeleg", self.delegated);
        let supervisor = &self.supervisor;
        csr::write!("mepc", supervisor.program_counter);
        csr::write!("mstatus", supervisor.status);
        csr::write!("stvec", supervisor.vector);
        csr::write!("sscratch", supervisor.scratch);
        csr::write!("sepc", supervisor.exception_counter);
        csr::write!("scause", supervisor.cause);
        csr::write!("stval", supervisor.value);
        csr::write!("satp", supervisor.translation);
        csr::write!("sie", supervisor.enabled);
        csr::write!("scounteren", supervisor.counters);
        let mut pending = supervisor.pending;
        if external_pending {
            pending |= interrupt::SUPERVISOR_EXTERNAL;
        }
        if !features.stimecmp() && timer_pending {
            pending |= interrupt::SUPERVISOR_TIMER;
        }
        // Writes the software bits of `mip` only (3.1.9): the lines of devices are not in it.
        csr::write!("mip", pending);
        // Sstc needs `menvcfg`, so where it is there is no need to ask for that.
        if features.stimecmp() {
            csr::write!("menvcfg", self.environment);
            csr::write!("senvcfg", supervisor.environment);
            csr::write!("0x14d", supervisor.timer);
        } else if features.environment() {
            csr::write!("menvcfg", self.environment);
            csr::write!("senvcfg", supervisor.environment);
        }
    }
}
